package codec

import (
	"errors"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runflow-io/runflow-go/internal/redact"
)

// An Error says which field cannot be decoded or encoded and why, without
// quoting any value.
type Error struct {
	Field  string // "model.pricing[0].price"; empty for the whole document
	Reason string
	Cause  error // io.ErrUnexpectedEOF if the document is truncated, or the error of a type's own method

	// skippable reports that the value was read to its end. If it is optional, the
	// reader can continue after it.
	skippable bool
}

// Error returns the reason, after the field if there is one.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + ": " + e.Reason
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// explain converts an error of the library, which may quote values, to an [*Error].
func explain(err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := errors.AsType[*Error](err); ok {
		return inner
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return syntaxError(syntactic)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &Error{Reason: "the JSON ends too early", Cause: io.ErrUnexpectedEOF}
	}
	return &Error{Reason: "not valid JSON"}
}

func syntaxError(err *jsontext.SyntacticError) *Error {
	e := &Error{Field: fieldPath(err.JSONPointer), Reason: "not valid JSON"}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Reason, e.Cause = "the JSON ends too early", io.ErrUnexpectedEOF
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Reason = "duplicate name"
	}
	return e
}

const doesNotFit = "the value does not fit its type"

func mismatch(want, got string) string { return "want " + want + ", got " + got }

func misfit(want string, t reflect.Type) string { return "want " + want + " that fits " + t.String() }

func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "true or false"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray, jsontext.KindEndArray:
		return "a list"
	default:
		return "an object"
	}
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "a " + t.Kind().String()
	}
}

// fieldPath converts a JSON pointer to Go notation: /model/pricing/0 becomes
// model.pricing[0].
func fieldPath(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			path.WriteString("[" + token + "]")
		case path.Len() > 0:
			path.WriteString("." + token)
		default:
			path.WriteString(token)
		}
	}
	return redact.Line(path.String()) // unknown names are untrusted text
}
