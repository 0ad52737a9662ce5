// Package codec is the one seam between the SDK and its JSON library.
//
// The library is the mirror of encoding/json/v2 and encoding/json/jsontext, which is
// faster than encoding/json of Go 1.26 and names the place of each error. The SDK's
// own types are read by plans over jsontext, see reader.go, and its request bodies
// are written by encoding/json. Types of callers are for the library alone, see
// foreign.go.
//
// What the API sends is read tolerantly. Names match exactly, unknown names are
// skipped, null is the zero value, and invalid UTF-8 is replaced. An optional
// value of an unexpected form is absent. Only four things fail: a document that is
// not JSON, an identifier ("id") that is not a string, an amount of money that
// cannot be read exactly, and a list that is too long.
package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// tolerant are the options of everything that is read.
var tolerant = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

// Unmarshal decodes data into v, which is a non-nil pointer to a type of the SDK. It
// stops when ctx ends. A failure of any other cause is an [*Error].
func Unmarshal(ctx context.Context, data []byte, v any) error {
	return read(ctx, data, v, (*reader).refuseForeign)
}

// Marshal encodes a request body of the SDK. A failure is an [*Error].
func Marshal(v any) ([]byte, error) {
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, &Error{Reason: "cannot be encoded", Cause: err}
	}
	return bytes.TrimSuffix(data.Bytes(), []byte("\n")), nil
}

// Valid reports whether data is one JSON value.
func Valid(data []byte) bool {
	return jsontext.Value(data).IsValid(tolerant...)
}

// IsObject reports whether data begins as a JSON object.
func IsObject(data []byte) bool { return jsontext.Value(data).Kind() == jsontext.KindBeginObject }

// IsArray reports whether data begins as a JSON array.
func IsArray(data []byte) bool { return jsontext.Value(data).Kind() == jsontext.KindBeginArray }

// IsNull reports whether data holds no value: it is empty or a JSON null.
func IsNull(data []byte) bool {
	return len(data) == 0 || jsontext.Value(data).Kind() == jsontext.KindNull
}

// Elements returns the elements of a JSON array, up to the first syntax error.
// They are valid until the next one is read.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		dec := jsontext.NewDecoder(bytes.NewBuffer(array), tolerant...)
		if token, err := dec.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginArray {
			return
		}
		for dec.PeekKind() != jsontext.KindEndArray {
			value, err := dec.ReadValue()
			if err != nil || !yield(value) {
				return
			}
		}
	}
}

// Members returns the members of a JSON object, up to the first syntax error.
// They are valid until the next one is read.
func Members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		dec := jsontext.NewDecoder(bytes.NewBuffer(object), tolerant...)
		if token, err := dec.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
			return
		}
		for dec.PeekKind() != jsontext.KindEndObject {
			quoted, err := dec.ReadValue()
			if err != nil {
				return
			}
			name := Text(quoted, longestName)
			value, err := dec.ReadValue()
			if err != nil || !yield(name, value) {
				return
			}
		}
	}
}

// longestName is longer than any name that the SDK looks for.
const longestName = 256

// Text returns the text of a JSON string, cut off after limit bytes of its
// quoted form.
func Text(quoted []byte, limit int) string {
	// Of a string that is cut off, AppendUnquote returns what is there.
	text, _ := jsontext.AppendUnquote(nil, quoted[:min(len(quoted), limit)])
	return string(text)
}

// Strings returns the beginnings of the first n strings in the JSON value data,
// without the names of members.
func Strings(data []byte, n int) []string {
	var found []string
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), tolerant...)
	for len(found) < n && dec.InputOffset() < longestSearch {
		if dec.PeekKind() != jsontext.KindString {
			if _, err := dec.ReadToken(); err != nil {
				break
			}
			continue
		}
		quoted, err := dec.ReadValue()
		if err != nil {
			break
		}
		if kind, i := dec.StackIndex(dec.StackDepth()); kind != jsontext.KindBeginObject || i%2 == 0 {
			found = append(found, Text(quoted, longestText))
		}
	}
	return found
}

const (
	longestSearch = 64 << 10 // where the last string begins that [Strings] finds
	longestText   = 1 << 10  // how much of a string it returns
)

// A List is a list that must be there. A null is an empty list; no list at all
// leaves Given false.
type List[T any] struct {
	Items []T
	Given bool
	Max   int // more items are refused; 0 means no limit
}

func (l *List[T]) limit() int { return l.Max }
func (l *List[T]) given()     { l.Given = true }

// list is a [List] of any type.
type list interface {
	limit() int
	given()
}

// The forms of a time that the API and its neighbors write. Fractions of a second
// may follow the seconds in each. Without a zone a time is in UTC.
var timeLayouts = [...]string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
}

func parseTime(quoted []byte) (time.Time, bool) {
	var t time.Time
	if n := len(quoted); n > 2 && quoted[n-2] == 'Z' && t.UnmarshalText(quoted[1:n-1]) == nil {
		return t, true
	}
	if len(quoted) > longestNumber {
		return t, false
	}
	text := unquote(quoted)
	for _, layout := range timeLayouts {
		// In UTC, so that the result does not depend on the machine's zone.
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// longestNumber is how many bytes a number or a time may have. Reading a decimal
// takes time that grows with the square of its length: one of two million digits,
// which are 2 KB under gzip, took 5 s.
const longestNumber = 128

// parseMoney reads an amount of money exactly, or returns why it cannot.
func parseMoney(value []byte) (d decimal.Decimal, reason string) {
	if len(value) > longestNumber {
		return d, "want a decimal number of at most " + strconv.Itoa(longestNumber) + " characters"
	}
	d, err := decimal.NewFromString(unquote(value))
	if err != nil || d.Exponent() > longestNumber || d.Exponent() < -longestNumber {
		return decimal.Decimal{}, "not a decimal number"
	}
	return d, ""
}

// unquote returns the text of a JSON string, and a number as it is.
func unquote(value []byte) string {
	if value[0] != '"' {
		return string(value)
	}
	if inner := value[1 : len(value)-1]; isPlain(inner) {
		return string(inner)
	}
	text, _ := jsontext.AppendUnquote(nil, value) // its only error is invalid UTF-8, which it replaces
	return string(text)
}
