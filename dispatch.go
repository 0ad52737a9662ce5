package runflow

import (
	"net/url"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/codec"
)

// A RunRequest says what to run a model or a workflow with, see
// [ModelsService.Run].
type RunRequest struct {
	// Input is any value that encoding/json writes as an object: a struct, a
	// map, a JSON. Its names are sent as they are. Media are https URLs, data:
	// URLs, or runflow://assets/{uuid}.
	Input any
	// Metadata is optional: such a value, too, which comes back with the run and
	// in its callback.
	Metadata any
	// CallbackURL is optional: where Runflow reports the end of the run, see
	// [CallbackVerifier].
	CallbackURL string
	// ClientRef is optional: a label of yours to find the run by, as in
	// Where("client_ref").Eq(ref).
	ClientRef string
}

// runBody is a RunRequest as it is sent.
type runBody struct {
	Input       JSON   `json:"input"`
	Metadata    JSON   `json:"metadata,omitzero"`
	CallbackURL string `json:"callback_url,omitzero"`
	ClientRef   string `json:"client_ref,omitzero"`

	errs []error
}

// body writes what is the caller's at once, so that no attempt sees it change.
func (r *RunRequest) body() *runBody {
	if r == nil {
		return &runBody{errs: []error{badArgument("req", "must not be nil")}}
	}
	body := &runBody{CallbackURL: r.CallbackURL, ClientRef: r.ClientRef}
	object := func(argument string, v any) JSON {
		data, err := codec.MarshalForeign(v)
		if err != nil {
			body.errs = append(body.errs, badArgument(argument, err.Error()))
		} else if !codec.IsObject(data) {
			body.errs = append(body.errs, badArgument(argument, "must be written as a JSON object"))
		}
		return data
	}
	body.Input = object("req.Input", r.Input)
	if r.Metadata != nil {
		body.Metadata = object("req.Metadata", r.Metadata)
	}
	if r.CallbackURL != "" && !isWebURL(r.CallbackURL) {
		body.errs = append(body.errs, badArgument("req.CallbackURL", "must be an absolute http or https URL"))
	}
	if !utf8.ValidString(r.ClientRef) {
		body.errs = append(body.errs, badArgument("req.ClientRef", "must be valid UTF-8"))
	}
	return body
}

func (b *runBody) check() []error { return b.errs }

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && utf8.ValidString(text)
}
