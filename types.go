package runflow

import (
	"bytes"
	"context"

	"github.com/runflow-io/runflow-go/internal/codec"
)

// A JSON is a free-form JSON value of the API, as the exact bytes. A nil JSON is an
// absent value; a null has its four bytes.
//
// All types of the API are plain structs. encoding/json encodes them with the names
// of the API, and decodes what it encoded. Use [JSON.Decode] for bytes that are from
// the API: it accepts everything that the API sends.
type JSON []byte

// Decode decodes the value into v, a non-nil pointer, as the SDK decodes responses.
// Names match exactly, unknown names are skipped, and an absent value is decoded as
// null. In types of the SDK, and in structs that embed them, an optional value of an
// unexpected form is absent. Decode returns a [*DecodeError] that names the field.
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

// MarshalJSON returns the value itself.
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
