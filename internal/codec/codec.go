// Package codec is the one seam between the SDK and its JSON library.
//
// The library is the mirror of encoding/json/v2, chosen for its speed and for
// its strictness, which is set here on purpose: names match exactly, duplicate
// names are refused, and invalid UTF-8 is tolerated in what is read.
package codec

import (
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/shopspring/decimal"
)

// Codec reads and writes a family of types.
type Codec struct {
	own         map[reflect.Type]bool // read by plan
	read, write json.Options
}

// Type is one of a codec's own types, see [Plain].
type Type struct {
	own   reflect.Type
	write *json.Marshalers
}

// Plain lets a type have MarshalJSON and UnmarshalJSON methods that call the
// codec: the codec writes a P, which is a pointer to the type, through view,
// which gives the same value under a type without methods, and so never calls
// back.
func Plain[P any](view func(P) any) Type {
	return Type{
		own: reflect.TypeFor[P]().Elem(),
		write: json.MarshalToFunc(func(enc *jsontext.Encoder, v P) error {
			return json.MarshalEncode(enc, view(v))
		}),
	}
}

// New returns a codec that knows the given types, the API's times and its money.
func New(types ...Type) *Codec {
	own := map[reflect.Type]bool{}
	write := []*json.Marshalers{json.MarshalToFunc(writeMoney)}
	for _, t := range types {
		own[t.own] = true
		write = append(write, t.write)
	}
	return &Codec{
		own: own,
		read: json.JoinOptions(
			jsontext.AllowInvalidUTF8(true),
			json.WithUnmarshalers(json.JoinUnmarshalers(json.UnmarshalFromFunc(readTime), json.UnmarshalFromFunc(readMoney))),
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
	target := reflect.ValueOf(v)
	if t := reflect.TypeOf(v); t != nil && t.Kind() == reflect.Pointer && !target.IsNil() && c.isOwn(t.Elem()) {
		return explain(readPlanned(data, target.Elem(), planOf(t.Elem())))
	}
	return explain(json.Unmarshal(data, v, c.read))
}

// isOwn reports whether t is one of the codec's own types, or holds them as the
// API's answers do.
func (c *Codec) isOwn(t reflect.Type) bool {
	return c.own[t] || t.Kind() == reflect.Slice && c.own[t.Elem()] || t.Implements(answerType)
}

// Answer marks a type of the SDK that only holds what the API answered. It is
// read as the API's own types are.
type Answer struct{}

func (Answer) answer() {}

var answerType = reflect.TypeFor[interface{ answer() }]()

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
	quoted, err := readText(dec, "a time")
	if err != nil {
		return err
	}
	if n := len(quoted); n > 2 && quoted[n-2] == 'Z' && t.UnmarshalText(quoted[1:n-1]) == nil {
		return nil
	}
	*t, err = parseTime(unquote(quoted))
	return err
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		// In UTC, so that what is read does not depend on the machine's zone.
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, reason("not a time in ISO 8601 form")
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
	parsed, err := decimal.NewFromString(unquote(text))
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

// readText returns a JSON string or number, as it stands.
func readText(dec *jsontext.Decoder, want string) (jsontext.Value, error) {
	kind := dec.PeekKind()
	value, err := dec.ReadValue()
	switch {
	case err != nil:
		return nil, err
	case kind != jsontext.KindString && kind != jsontext.KindNumber:
		return nil, reason("want " + want + ", got " + kindName(kind))
	}
	return value, nil
}

// unquote returns the text of a JSON string, and a number as it stands.
func unquote(value []byte) string {
	if value[0] != '"' {
		return string(value)
	}
	if inner := value[1 : len(value)-1]; isPlain(inner) {
		return string(inner)
	}
	text, _ := jsontext.AppendUnquote(nil, value) // its only error is invalid UTF-8, which it mends
	return string(text)
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

func (*List[T]) list() {}
