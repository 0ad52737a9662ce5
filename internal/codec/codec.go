// Package codec encodes and decodes JSON. No other package of the SDK uses the JSON
// library.
//
// The library is github.com/go-json-experiment/json, a copy of encoding/json/v2 and
// encoding/json/jsontext. It is faster than encoding/json of Go 1.26 and reports
// the position of each error. The SDK's own types are decoded by plans, which use
// jsontext, see reader.go. Request bodies are encoded by encoding/json. Only the
// library encodes and decodes types of callers, see foreign.go.
//
// Decoding is tolerant. Names match exactly, unknown names are skipped, null is
// decoded as the zero value, and invalid UTF-8 is replaced. An optional value of an
// unexpected form is decoded like an absent one. Only four things fail: a document
// that is not JSON, an identifier ("id") that is not a string, an amount of money
// that cannot be read exactly, and a list that is too long.
package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// tolerant are the options for all decoding.
var tolerant = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

// Unmarshal decodes data into v, which is a non-nil pointer to a type of the SDK. It
// stops when ctx ends. A failure of any other cause, of which an empty document and a
// null are some, is an [*Error].
func Unmarshal(ctx context.Context, data []byte, v any) error {
	if text := bytes.TrimSpace(data); len(text) == 0 || string(text) == "null" {
		return &Error{Reason: "empty, want a JSON value"}
	}
	return read(ctx, data, v, (*reader).refuseForeign)
}

// Marshal encodes a request body of the SDK. Its errors are of the type [*Error].
func Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err == nil && bytes.Contains(data, []byte(`\u00`)) {
		data, err = marshalUnescaped(v) // so that "<" in a prompt does not become "\u003c"
	}
	if err != nil {
		return nil, &Error{Reason: "cannot be encoded", Cause: err}
	}
	return data, nil
}

func marshalUnescaped(v any) ([]byte, error) {
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(data.Bytes(), []byte("\n")), err
}

// Valid reports whether data is one JSON value.
func Valid(data []byte) bool {
	return jsontext.Value(data).IsValid(tolerant...)
}

// IsObject reports whether data begins as a JSON object.
func IsObject(data []byte) bool { return jsontext.Value(data).Kind() == jsontext.KindBeginObject }

// IsArray reports whether data begins as a JSON array.
func IsArray(data []byte) bool { return jsontext.Value(data).Kind() == jsontext.KindBeginArray }

// IsNull reports whether data has no value: it is empty or a JSON null.
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

// Text returns the text of a JSON string. It uses at most limit bytes of the quoted
// form.
func Text(quoted []byte, limit int) string {
	// If the string is truncated, AppendUnquote returns its beginning.
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
	longestSearch = 64 << 10 // maximum position at which a string begins that [Strings] returns
	longestText   = 1 << 10  // maximum length of a string that it returns
)

// A List is a required list. A null is decoded as an empty list. If the list is
// absent, Given is false.
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

// The forms of a time that the API and related services send. Each form may have
// fractions of a second. A time without a zone is in UTC.
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
	text := string(content(quoted))
	for _, layout := range timeLayouts {
		// In UTC, so that the result does not depend on the local time zone.
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// longestNumber is the maximum length of a number or a time, in bytes. The time to
// decode a decimal grows with the square of its length: a decimal of two million
// digits, which gzip compresses to 2 KB, took 5 s.
const longestNumber = 128

// parseMoney parses an amount of money exactly, or returns the reason why it
// cannot.
func parseMoney(value []byte) (d decimal.Decimal, reason string) {
	if len(value) > longestNumber {
		return d, "want a decimal number of at most " + strconv.Itoa(longestNumber) + " characters"
	}
	d, err := decimal.NewFromString(string(content(value)))
	if err != nil || d.Exponent() > longestNumber || d.Exponent() < -longestNumber {
		return decimal.Decimal{}, "not a decimal number"
	}
	return d, ""
}

// content returns the text of a JSON string, or a number unchanged. It is valid until
// the next value is read.
func content(value []byte) []byte {
	if value[0] != '"' {
		return value
	}
	if inner := value[1 : len(value)-1]; isPlain(inner) {
		return inner
	}
	text, _ := jsontext.AppendUnquote(nil, value) // its only error is invalid UTF-8, which it replaces
	return text
}

// isPlain reports whether a quoted text is the same as its content.
func isPlain(text []byte) bool {
	for _, b := range text {
		if b == '\\' || b >= utf8.RuneSelf {
			return bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
		}
	}
	return true
}
