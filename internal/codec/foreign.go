package codec

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// Types of callers are encoded and decoded by the library's own encoder and
// decoder. Only the functions in this file use that encoder and decoder. A program
// that gives no types of its own to the SDK does not link them, and so is 0.4 MB
// smaller, out of 7 MB for a small program.

// MarshalForeign encodes a value of a caller as encoding/json does, because the
// caller's types were made for it. It refuses invalid UTF-8 and duplicate names,
// which encoding/json changes silently. Its errors are of the type [*Error].
func MarshalForeign(v any) ([]byte, error) {
	data, err := json.Marshal(v, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false),
		jsontext.AllowInvalidUTF8(false), jsontext.AllowDuplicateNames(false), jsontext.EscapeForHTML(false))
	return data, explainForeign(err)
}

// UnmarshalForeign is like [Unmarshal] for a type of the caller, which may contain
// and embed types of the SDK.
func UnmarshalForeign(ctx context.Context, data []byte, v any) error {
	return read(ctx, data, v, (*reader).readForeign)
}

// readForeign decodes a value whose type has no plan.
func (r *reader) readForeign(v reflect.Value) error {
	if r.options == nil {
		// The library calls the plans for the SDK's own types, times and amounts.
		r.options = json.JoinOptions(append(slices.Clip(tolerant), json.WithUnmarshalers(json.UnmarshalFromFunc(r.readOwn)))...)
	}
	return explainForeign(json.UnmarshalDecode(&r.dec, v.Addr().Interface(), r.options))
}

// readOwn decodes a value whose type has a plan, as a part of a value whose type
// has none. It uses the decoder of the reader.
func (r *reader) readOwn(_ *jsontext.Decoder, target any) error {
	v := reflect.ValueOf(target).Elem()
	t := v.Type()
	if t != timeType && t != moneyType && t != amountType && !isPlanned(t) {
		if t.Kind() == reflect.Interface && v.Elem().Kind() != reflect.Pointer {
			v.SetZero() // otherwise the library would only accept a value of the type that v already has
		}
		return errors.ErrUnsupported
	}
	if err := r.element(true); err != nil { // it may be an element of a list
		return err
	}
	return r.final((*planOf(t))(r, v))
}

// explainForeign converts an error of the library, which may quote values, to an
// [*Error].
func explainForeign(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		if _, isOwn := errors.AsType[*Error](err); !isOwn {
			return semanticError(semantic)
		}
	}
	return explain(err)
}

func semanticError(err *json.SemanticError) *Error {
	e := &Error{Field: fieldPath(err.JSONPointer), Cause: err.Err}
	if err.GoType == nil || err.JSONKind == jsontext.KindInvalid {
		e.Reason = doesNotFit
		return e
	}
	want, got := typeName(err.GoType), kindName(err.JSONKind)
	if e.Reason = mismatch(want, got); got == want {
		e.Reason = misfit(want, err.GoType)
	}
	return e
}
