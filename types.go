package runflow

import (
	"bytes"
	"context"

	"github.com/runflow-io/runflow-go/internal/codec"
)

// A JSON is a free-form JSON value of the API. It holds the exact bytes that the
// API sent. If the value is absent, it is nil; if the value is null, it holds the
// four bytes "null".
//
// All types of the API are plain structs. encoding/json encodes them with the names
// of the API, and can decode its own output. To decode bytes that the API sent, use
// [JSON.Decode]: it also accepts values of unexpected forms.
type JSON []byte

// Decode decodes the value into v, a non-nil pointer, as the SDK decodes responses.
// Names match exactly, unknown names are skipped, and an absent value is decoded as
// null. In types of the SDK, and in structs that embed them, a value of an
// unexpected form is decoded like an absent one if it is optional. Decode returns a
// [*DecodeError] that names the field.
func (j JSON) Decode(v any) error {
	if len(j) == 0 {
		j = JSON("null")
	}
	if err := codec.UnmarshalForeign(context.Background(), j, v); err != nil {
		return decodeError(err)
	}
	return nil
}

// IsNull reports whether the value is absent or null.
func (j JSON) IsNull() bool { return codec.IsNull(j) }

// String returns the JSON text, or "null" if the value is absent.
func (j JSON) String() string {
	if len(j) == 0 {
		return "null"
	}
	return string(j)
}

// MarshalJSON returns the value unchanged, or null if it is absent.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j) == 0 {
		return []byte("null"), nil
	}
	return j, nil
}

// UnmarshalJSON keeps a copy of data.
func (j *JSON) UnmarshalJSON(data []byte) error {
	*j = bytes.Clone(data)
	return nil
}
