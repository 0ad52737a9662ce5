package runflow

import (
	"bytes"

	"github.com/runflow-io/runflow-go/internal/codec"
)

// JSON is a free-form value of the API, exactly as it was sent: any JSON value,
// not only an object. A nil JSON is an absent value; a null keeps its four bytes.
//
// To send one, any value that encoding/json can write will do; see [NewJSON].
type JSON []byte

// NewJSON returns v as JSON. It returns an [*ArgumentError] where v cannot be
// written as JSON.
func NewJSON(v any) (JSON, error) {
	data, err := codec.MarshalForeign(v)
	if err != nil {
		return nil, &ArgumentError{Argument: "v", Reason: err.Error()}
	}
	return data, nil
}

// Decode reads the value into v, which is a pointer as for json.Unmarshal.
// Names match exactly, unknown ones are passed over, and an absent value reads
// as null. It returns a [*DecodeError] that names the field which does not fit.
func (j JSON) Decode(v any) error {
	if j == nil {
		j = JSON("null")
	}
	return decode(j, v)
}

// IsNull reports whether there is no value: it is absent, or null.
func (j JSON) IsNull() bool { return codec.IsNull(j) }

// String returns the JSON text, "null" where it is absent.
func (j JSON) String() string {
	if j == nil {
		return "null"
	}
	return string(j)
}

// MarshalJSON returns the value itself.
func (j JSON) MarshalJSON() ([]byte, error) {
	if j == nil {
		return []byte("null"), nil
	}
	return j, nil
}

// UnmarshalJSON keeps a copy of data.
func (j *JSON) UnmarshalJSON(data []byte) error {
	*j = bytes.Clone(data)
	return nil
}

// Extra holds the fields of an object that this version of the SDK has no name
// for, by their names in the API. It is nil where there are none.
type Extra map[string]JSON

// jsonCodec reads and writes every type of the API. It is listed here so that
// each type behaves the same in the SDK and under encoding/json, whose methods
// follow below.
var jsonCodec = codec.New(
	codec.Plain(func(v *Run) any { type plain Run; return (*plain)(v) }),
	codec.Plain(func(v *NodeRun) any { type plain NodeRun; return (*plain)(v) }),
	codec.Plain(func(v *RunLog) any { type plain RunLog; return (*plain)(v) }),
	codec.Plain(func(v *EvaluationSummary) any { type plain EvaluationSummary; return (*plain)(v) }),
	codec.Plain(func(v *CallbackDelivery) any { type plain CallbackDelivery; return (*plain)(v) }),
	codec.Plain(func(v *CallbackDeliveryAttempt) any { type plain CallbackDeliveryAttempt; return (*plain)(v) }),
	codec.Plain(func(v *Model) any { type plain Model; return (*plain)(v) }),
	codec.Plain(func(v *ModelInput) any { type plain ModelInput; return (*plain)(v) }),
	codec.Plain(func(v *ModelOutput) any { type plain ModelOutput; return (*plain)(v) }),
	codec.Plain(func(v *ModelExample) any { type plain ModelExample; return (*plain)(v) }),
	codec.Plain(func(v *ModelFAQEntry) any { type plain ModelFAQEntry; return (*plain)(v) }),
	codec.Plain(func(v *ModelPricing) any { type plain ModelPricing; return (*plain)(v) }),
	codec.Plain(func(v *ModelRelatedLink) any { type plain ModelRelatedLink; return (*plain)(v) }),
	codec.Plain(func(v *ComfyuiWorkflow) any { type plain ComfyuiWorkflow; return (*plain)(v) }),
	codec.Plain(func(v *ComfyuiWorkflowInput) any { type plain ComfyuiWorkflowInput; return (*plain)(v) }),
	codec.Plain(func(v *ComfyuiWorkflowOutput) any { type plain ComfyuiWorkflowOutput; return (*plain)(v) }),
	codec.Plain(func(v *ComfyuiGPUModel) any { type plain ComfyuiGPUModel; return (*plain)(v) }),
)

// MarshalJSON writes v with the API's names, without what is absent.
func (v Run) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *Run) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v NodeRun) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *NodeRun) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v RunLog) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *RunLog) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v EvaluationSummary) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *EvaluationSummary) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v CallbackDelivery) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *CallbackDelivery) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v CallbackDeliveryAttempt) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *CallbackDeliveryAttempt) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v Model) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *Model) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ModelInput) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ModelInput) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ModelOutput) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ModelOutput) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ModelExample) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ModelExample) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ModelFAQEntry) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ModelFAQEntry) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ModelPricing) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ModelPricing) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ModelRelatedLink) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ModelRelatedLink) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ComfyuiWorkflow) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ComfyuiWorkflow) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ComfyuiWorkflowInput) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ComfyuiWorkflowInput) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ComfyuiWorkflowOutput) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ComfyuiWorkflowOutput) UnmarshalJSON(data []byte) error { return decode(data, v) }

// MarshalJSON writes v with the API's names, without what is absent.
func (v ComfyuiGPUModel) MarshalJSON() ([]byte, error) { return jsonCodec.Marshal(&v) }

// UnmarshalJSON reads v as the SDK reads it. It returns a [*DecodeError].
func (v *ComfyuiGPUModel) UnmarshalJSON(data []byte) error { return decode(data, v) }
