// Package codec is the one seam between the SDK and its JSON library.
//
// The library is the mirror of encoding/json/v2, chosen for its speed and for
// its strictness, which is set here on purpose: names match exactly, duplicate
// names are refused, and invalid UTF-8 is tolerated in what is read.
package codec

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/shopspring/decimal"
)

// Codec reads and writes a family of types.
type Codec struct {
	read, write json.Options
}

// Type tells a codec how to see a type without its methods, see [Plain].
type Type struct {
	read  *json.Unmarshalers
	write *json.Marshalers
}

// Plain lets a type have MarshalJSON and UnmarshalJSON methods that call the
// codec: the codec reads and writes a P, which is a pointer to the type, through
// view, which gives the same value under a type without methods, and so never
// calls back.
func Plain[P any](view func(P) any) Type {
	return Type{
		read: json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v P) error {
			return json.UnmarshalDecode(dec, view(v))
		}),
		write: json.MarshalToFunc(func(enc *jsontext.Encoder, v P) error {
			return json.MarshalEncode(enc, view(v))
		}),
	}
}

// New returns a codec that knows the given types, the API's times and its money.
func New(types ...Type) *Codec {
	read := []*json.Unmarshalers{json.UnmarshalFromFunc(readTime), json.UnmarshalFromFunc(readMoney)}
	write := []*json.Marshalers{json.MarshalToFunc(writeMoney)}
	for _, t := range types {
		read = append(read, t.read)
		write = append(write, t.write)
	}
	return &Codec{
		read: json.JoinOptions(
			jsontext.AllowInvalidUTF8(true),
			json.WithUnmarshalers(json.JoinUnmarshalers(read...)),
		),
		write: json.JoinOptions(
			// What was read with invalid UTF-8 must be writable again.
			jsontext.AllowInvalidUTF8(true),
			json.Deterministic(true),
			json.WithMarshalers(json.JoinMarshalers(write...)),
		),
	}
}

// Unmarshal reads data into v. A failure is an [*Error].
func (c *Codec) Unmarshal(data []byte, v any) error {
	return explain(json.Unmarshal(data, v, c.read))
}

// Marshal writes v. A failure is an [*Error].
func (c *Codec) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v, c.write)
	return data, explain(err)
}

// MarshalForeign writes a value of the caller's own as encoding/json would, whose
// tags and conventions it was made for, but refuses what that would mend in
// silence: invalid UTF-8, and names that stand twice in their object.
func MarshalForeign(v any) ([]byte, error) {
	data, err := json.Marshal(v, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false),
		jsontext.AllowInvalidUTF8(false), jsontext.AllowDuplicateNames(false), jsontext.EscapeForHTML(false))
	return data, explain(err)
}

// IsObject reports whether data is a JSON object.
func IsObject(data []byte) bool { return jsontext.Value(data).Kind() == jsontext.KindBeginObject }

// Loose reads data without any schema, as maps, slices, strings, float64s and
// bools; duplicate names of one type are tolerated. It is for what may be malformed.
func Loose(data []byte) (any, error) {
	var v any
	err := json.Unmarshal(data, &v, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	return v, explain(err)
}

// IsNull reports whether data holds no value: nothing at all, or a JSON null.
func IsNull(data []byte) bool {
	return len(data) == 0 || jsontext.Value(data).Kind() == jsontext.KindNull
}

var timeLayouts = [...]string{
	time.RFC3339,
	"2006-01-02T15:04:05", // no zone: UTC
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
}

func readTime(dec *jsontext.Decoder, t *time.Time) error {
	text, err := readText(dec, "a time")
	if err != nil {
		return err
	}
	for _, layout := range timeLayouts {
		// In UTC, so that what is read does not depend on the machine's zone.
		if parsed, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			*t = parsed
			return nil
		}
	}
	return reason("not a time in ISO 8601 form")
}

func readMoney(dec *jsontext.Decoder, d *decimal.NullDecimal) error {
	if dec.PeekKind() == jsontext.KindNull {
		*d = decimal.NullDecimal{}
		return dec.SkipValue()
	}
	text, err := readText(dec, "a decimal number")
	if err != nil {
		return err
	}
	parsed, err := decimal.NewFromString(text)
	if err != nil {
		return reason("not a decimal number")
	}
	*d = decimal.NewNullDecimal(parsed)
	return nil
}

// writeMoney keeps every digit, trailing zeros too, and does not depend on the
// package-wide switches of the decimal library.
func writeMoney(enc *jsontext.Encoder, d *decimal.NullDecimal) error {
	if !d.Valid {
		return enc.WriteToken(jsontext.Null)
	}
	places := max(0, -d.Decimal.Exponent())
	return enc.WriteToken(jsontext.String(d.Decimal.StringFixed(places)))
}

// readText returns the text of a JSON string or number, both as they stand.
func readText(dec *jsontext.Decoder, want string) (string, error) {
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindString, jsontext.KindNumber:
		token, err := dec.ReadToken()
		if err != nil {
			return "", err
		}
		return token.String(), nil
	case jsontext.KindInvalid:
		_, err := dec.ReadToken()
		return "", err
	default:
		return "", reason("want " + want + ", got " + kindName(kind))
	}
}

// List is a list that knows whether it was there: a null is an empty list,
// nothing at all is none.
type List[T any] struct {
	Items []T
	Given bool
}

// UnmarshalJSONFrom reads the list.
func (l *List[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	l.Given = true
	return json.UnmarshalDecode(dec, &l.Items)
}
