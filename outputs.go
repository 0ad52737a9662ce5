package runflow

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// An Output is a file that a run made, see [Run.Outputs].
type Output struct {
	URL  string // signed, and good for a while; or a data: URL, which holds the file
	Type string // "image", for example; "" where it is not known
	Raw  JSON   // all that the API says of the file: a string, or an object

	runID string // to find it again under a fresh URL
	index int
}

// Outputs returns the files in the run's Output, in an order that does not
// change. It understands every form that outputs are known to have and passes
// over what it does not know, which [JSON.Decode] reads.
func (r *Run) Outputs() []Output {
	if r == nil {
		return nil
	}
	return outputsOf(r.ID, r.Output)
}

func outputsOf(runID string, output JSON) []Output {
	f := finder{runID: runID}
	f.visit("", "", output, 0)
	return f.found
}

// maxDepth is more than any known output has.
const maxDepth = 8

// locators are the names that objects give to the URL of their file, by
// preference.
var locators = []string{
	"url", "output_url", "image_url", "signed_url", "public_url", "download_url", "asset_url", "cdn_url", "src", "href", "image",
}

// finder collects the files in an output.
type finder struct {
	runID string
	found []Output
}

// visit looks for files in value, which an object calls name, and which is of
// the kind that the object says.
func (f *finder) visit(name, kind string, value JSON, depth int) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || depth > maxDepth {
		return
	}
	switch value[0] {
	case '"':
		if location := textOf(value); isFile(location) {
			f.add(location, name, kind, value)
		}
	case '[':
		var list []JSON
		if value.Decode(&list) == nil {
			for _, item := range list {
				f.visit(name, kind, item, depth+1)
			}
		}
	case '{':
		var object map[string]JSON
		if value.Decode(&object) == nil {
			f.visitObject(name, object, value, depth)
		}
	}
}

func (f *finder) visitObject(name string, object map[string]JSON, raw JSON, depth int) {
	kind := textOf(object["type"])
	if outputs := object["outputs"]; !outputs.IsNull() {
		f.visit("outputs", kind, outputs, depth+1)
		return
	}
	for _, locator := range locators {
		if location := textOf(object[locator]); isFile(location) {
			if name == "" {
				name = locator
			}
			f.add(location, name, kind, raw)
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if textOf(object[name]) == "" { // a text under a name that says nothing may be anything
			f.visit(name, kind, object[name], depth+1)
		}
	}
}

func (f *finder) add(location, name, kind string, raw JSON) {
	for _, known := range []string{"image", "video", "audio"} {
		if kind == "" && strings.HasPrefix(name, known) {
			kind = known
		}
	}
	f.found = append(f.found, Output{URL: location, Type: kind, Raw: raw, runID: f.runID, index: len(f.found)})
}

// textOf returns the text that value is, or "".
func textOf(value JSON) string {
	var text string
	if len(value) > 0 && value[0] == '"' && value.Decode(&text) == nil {
		return text
	}
	return ""
}

const assetScheme = "runflow" // of references, which the API replaces by URLs when a run is read

func isFile(location string) bool {
	scheme, _, ok := strings.Cut(location, ":")
	return ok && slices.Contains([]string{"https", "http", "data", assetScheme}, scheme)
}

// Download writes the file of an output to w and returns how many bytes it
// wrote, at most as many as [WithMaxResponseBytes] allows: a larger file is
// [ErrResponseTooLarge].
//
// It goes through the transport of [WithHTTPClient], but the storage host gets
// neither the token nor any header of yours but the User-Agent. A transfer that
// breaks off is resumed where it was; as long as it makes progress, it does not
// count as a retry, and [WithAttemptTimeout] is how long it may go without any.
// Where the URL has expired (403), the run is read again, once, for a fresh one.
//
// It returns the errors of [RunsService.Get], an [*APIError] where the storage
// host refuses, and w's own error where w fails. After an error w holds the
// beginning of the file.
//
// It reads with [RunsService.Get].
func (s *RunsService) Download(ctx context.Context, output Output, w io.Writer, opts ...Option) (int64, error) {
	operation := endpoint.Download.Operation
	fixed, err := (*service)(s).with(ctx, operation, opts)
	if err != nil {
		return 0, err
	}
	var errs []error
	if w == nil {
		errs = append(errs, badArgument("w", "must not be nil"))
	}
	if !isFile(output.URL) {
		errs = append(errs, badArgument("output.URL", "must be one of Run.Outputs"))
	}
	if err := joined(operation, errs); err != nil {
		return 0, err
	}
	sink := &transport.Sink{Writer: w}
	err = fixed.download(ctx, output.URL, sink)
	if output.runID != "" && (errors.Is(err, ErrPermissionDenied) || isReference(output.URL)) {
		var location string
		if location, err = (*RunsService)(fixed).locate(ctx, output); err == nil {
			err = fixed.download(ctx, location, sink)
		}
	}
	return sink.Written, err
}

// download writes what is at location to sink, behind what sink already has.
func (s *service) download(ctx context.Context, location string, sink *transport.Sink) error {
	ep, own := endpoint.Download, s.settings()
	if data, ok := strings.CutPrefix(location, "data:"); ok {
		return inline(data, own.MaxResponseBytes, sink)
	}
	reason := ""
	target, err := url.Parse(location)
	switch {
	case err != nil || target.Host == "":
		reason = "is not a URL"
	case isReference(location):
		reason = "is a reference to an asset, which the API did not replace by a URL"
	case own.exposes(target):
		reason = isExposed
	}
	if reason != "" {
		return &ArgumentError{Operation: ep.Operation, Argument: "output.URL", Reason: reason}
	}
	return failure(transport.Do(ctx, &own.Settings, transport.Request{Endpoint: ep, Target: target, Sink: sink}))
}

// inline writes the file that a data: URL holds.
func inline(data string, limit int64, sink *transport.Sink) error {
	head, body, found := strings.Cut(data, ",")
	content, err := url.PathUnescape(body)
	if err == nil && strings.HasSuffix(head, ";base64") {
		var decoded []byte
		decoded, err = base64.StdEncoding.DecodeString(content)
		content = string(decoded)
	}
	ep := endpoint.Download
	bad := &DecodeError{Operation: ep.Operation, Method: ep.Method, Route: ep.Route}
	switch {
	case !found || err != nil:
		bad.Field, bad.Err = "output.URL", errors.New("not a data: URL")
	case int64(len(content)) > limit:
		bad.Err = ErrResponseTooLarge
	default:
		_, err = sink.Write([]byte(content))
		return err
	}
	return bad
}

func isReference(location string) bool { return strings.HasPrefix(location, assetScheme+":") }

// locate reads the run of an output again and returns where the output is now:
// at the same path, or at the same place in the order of the outputs.
func (s *RunsService) locate(ctx context.Context, output Output) (string, error) {
	run, err := s.Get(ctx, output.runID, &RunGetParams{AddSignature: true})
	if err != nil {
		return "", err
	}
	outputs := run.Outputs()
	path, _, _ := strings.Cut(output.URL, "?")
	for _, candidate := range outputs {
		if candidatePath, _, _ := strings.Cut(candidate.URL, "?"); candidatePath == path {
			return candidate.URL, nil
		}
	}
	if output.index < len(outputs) {
		return outputs[output.index].URL, nil
	}
	return "", &ArgumentError{Operation: endpoint.Download.Operation, Argument: "output", Reason: "is no longer an output of its run"}
}
