package runflow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/download"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/redact"
)

// An OutputFile is a file that a run created. See [Run.OutputFiles]. It can be
// stored as JSON and downloaded later. When it is printed, its URL is shown without
// the query, which contains a signature.
type OutputFile struct {
	URL   string `json:"url"`    // a signed URL, which expires; or a data URL that contains the file
	Type  string `json:"type"`   // "image", for example; "" if unknown
	Raw   JSON   `json:"raw"`    // the part of the output that describes the file: a string or an object
	RunID string `json:"run_id"` // ID of the run; Download needs it to replace an expired URL
	Index int    `json:"index"`  // position among the files of the run, from 0
}

// String returns the file without the query of its URL.
func (f OutputFile) String() string {
	text := "runflow.OutputFile(" + f.shownURL()
	if f.Type != "" {
		text += ", " + redact.Line(f.Type)
	}
	return text + ")"
}

// GoString returns the same as String.
func (f OutputFile) GoString() string { return f.String() }

// LogValue returns the file without the query of its URL.
func (f OutputFile) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("url", f.shownURL()), slog.String("type", f.Type), slog.String("run_id", f.RunID), slog.Int("index", f.Index))
}

func (f OutputFile) shownURL() string {
	if strings.HasPrefix(f.URL, "data:") {
		return "data:…"
	}
	return redact.Line(f.URL)
}

// OutputFiles returns the files in the run's Output, always in the same order. It
// finds the files in all known forms of an output and skips everything else. To
// decode other values, use [JSON.Decode]. If the output contains no files, the
// slice is empty.
func (r *Run) OutputFiles() []OutputFile {
	if r == nil {
		return nil
	}
	f := finder{runID: r.ID, known: map[string]bool{}}
	f.visit("", "", r.Output, 0)
	return f.found
}

const (
	maxOutputDepth = 8 // more than any known output has
	maxOutputFiles = 10_000
)

// sameFile are the names of members that hold the URL of an object's only file. The
// first name that an object has is used.
var sameFile = []string{"url", "output_url", "signed_url", "public_url", "download_url", "asset_url", "cdn_url", "src", "href"}

// mediaNames are further names of members that hold files.
var mediaNames = []string{
	"urls", "image", "images", "video", "videos", "audio", "audios", "file", "files", "mask", "masks", "output", "outputs",
	"result", "results", "media", "picture", "pictures", "thumbnail", "thumbnails", "frame", "frames", "gif", "mesh", "asset", "assets",
}

func isMediaName(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(mediaNames, name) || strings.HasSuffix(name, "_url") || strings.HasSuffix(name, "_urls")
}

// A finder collects the files in an output.
type finder struct {
	runID string
	found []OutputFile
	known map[string]bool // URLs without their queries
}

// visit adds the files in value. The name is that of the member of an object that
// has the value, and kind is the type that the object names.
func (f *finder) visit(name, kind string, value JSON, depth int) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || depth > maxOutputDepth {
		return
	}
	switch value[0] {
	case '"':
		f.add(textOf(value), name, kind, value)
	case '[':
		for item := range codec.Elements(value) {
			f.visit(name, kind, bytes.Clone(item), depth+1)
		}
	case '{':
		object := map[string]JSON{}
		for name, member := range codec.Members(value) {
			object[name] = bytes.Clone(member)
		}
		f.visitObject(name, object, value, depth)
	}
}

func (f *finder) visitObject(name string, object map[string]JSON, raw JSON, depth int) {
	kind := textOf(object["type"])
	f.visit("outputs", kind, object["outputs"], depth+1)
	for _, locator := range sameFile {
		if location := textOf(object[locator]); isFile(location) {
			f.add(location, name, kind, raw)
			break
		}
	}
	for _, member := range slices.Sorted(maps.Keys(object)) {
		value := object[member]
		isText := len(value) > 0 && value[0] == '"'
		switch {
		case member == "outputs", isText && slices.Contains(sameFile, member):
		case isText && isMediaName(member):
			f.add(textOf(value), member, "", raw)
		case !isText: // a string with another name may be anything
			f.visit(member, kind, value, depth+1)
		}
	}
}

// add adds the file at location, unless it has been added before or is not a file.
func (f *finder) add(location, name, kind string, raw JSON) {
	place, _, _ := strings.Cut(location, "?")
	if !isFile(location) || f.known[place] || len(f.found) == maxOutputFiles {
		return
	}
	f.known[place] = true
	for _, known := range []string{"image", "video", "audio"} {
		if kind == "" && strings.HasPrefix(name, known) {
			kind = known
		}
	}
	f.found = append(f.found, OutputFile{URL: location, Type: kind, Raw: raw, RunID: f.runID, Index: len(f.found)})
}

// textOf returns the text of a JSON string, or "".
func textOf(value JSON) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return codec.Text(value, len(value))
}

const assetScheme = "runflow" // of references to assets; the API replaces them by URLs in a run

func isFile(location string) bool {
	scheme, _, ok := strings.Cut(location, ":")
	return ok && slices.Contains([]string{"https", "http", "data", assetScheme}, scheme)
}

func isReference(location string) bool { return strings.HasPrefix(location, assetScheme+":") }

// DownloadParams are the params of [RunsService.Download].
type DownloadParams struct {
	MaxBytes int64 // maximum size of the file; 0 means no limit
	// OnStart is optional. It is called once, before the first byte is written.
	// Its error ends the download.
	OnStart func(FileInfo) error
	// OnProgress is optional. It is called after each part with the number of bytes
	// written so far and the size of the file, or -1 if the size is unknown. The
	// number of bytes written decreases if the download starts again from the
	// beginning.
	OnProgress func(written, total int64)
}

func (p DownloadParams) validate() error {
	if p.MaxBytes < 0 {
		return badArgument("params.MaxBytes", "must not be negative")
	}
	return nil
}

// A FileInfo describes a file.
type FileInfo struct {
	Name        string `json:"name"`         // a base name without separators; "" if there is none
	ContentType string `json:"content_type"` // the Content-Type that the storage host sent
	Size        int64  `json:"size"`         // in bytes; -1 if unknown
}

// Download writes an output file to w, and returns a description of the file. Its
// Size is the number of bytes that were written, also if an error is returned.
//
// The request goes through the client's transport and middleware, but without the
// token, the headers, the cookies and the rate limiter of the API. Download is
// idempotent. If the transfer breaks off, Download resumes it; an attempt that
// makes progress does not count as a retry. Download resumes a file only if a
// strong validator, an ETag or a Last-Modified date, shows that the file has not
// changed. Otherwise it starts again from the beginning if w can be truncated, like
// an *os.File, and fails if w cannot. If the URL has expired (403), Download gets
// the run once to replace the URL.
//
// Download refuses plain http, unless [WithInsecureHTTP] is given. If the API is on
// a loopback address, it allows plain http to loopback and private addresses. It
// always refuses link-local addresses.
//
// Download returns an [*APIError] if the storage host refuses the request,
// [ErrResponseTooLarge] if the file is larger than MaxBytes, a [*TransportError]
// that unwraps to the error of w or OnStart if one of them fails, and the errors of
// [RunsService.Get]. After an error a prefix of the file may have been written to
// w.
func (s *RunsService) Download(ctx context.Context, file OutputFile, w io.Writer, params DownloadParams, opts ...CallOption) (FileInfo, error) {
	operation := endpoint.RunsDownload.Operation
	if s == nil || s.settings == nil {
		return FileInfo{}, errNoClient(operation)
	}
	own, badOption := s.settings().forCall(opts)
	errs := []error{checkContext(ctx), badOption, params.validate(), own.call.checkTransfer("a download")}
	if w == nil {
		errs = append(errs, badArgument("w", "must not be nil"))
	}
	if !isFile(file.URL) {
		errs = append(errs, badArgument("file.URL", "must be the URL of a file in Run.OutputFiles"))
	}
	if err := refused(operation, errs...); err != nil {
		return FileInfo{}, err
	}
	d := &download.File{Writer: w, MaxBytes: params.MaxBytes, OnProgress: params.OnProgress}
	if params.OnStart != nil {
		d.OnStart = func(info download.Info) error { return params.OnStart(FileInfo(info)) }
	}
	runs := (*RunsService)(newService(own))
	err := own.download(ctx, file.URL, d)
	if file.RunID != "" && (errors.Is(err, ErrPermissionDenied) || isReference(file.URL)) {
		var location string
		if location, err = runs.locate(ctx, file, d.Written > 0); err == nil {
			err = own.download(ctx, location, d)
		}
	}
	info := FileInfo(d.Info)
	info.Size = d.Written
	return info, err
}

// download writes the rest of the file at location to f, after the bytes that f
// already has.
func (s *settings) download(ctx context.Context, location string, f *download.File) error {
	operation := endpoint.RunsDownload.Operation
	if data, ok := strings.CutPrefix(location, "data:"); ok {
		return inline(data, f)
	}
	target, err := url.Parse(location)
	var reason string
	switch {
	case err != nil:
		reason = "must be a valid URL"
	case isReference(location):
		reason = "must not be a reference to an asset, unless the API replaces it by a URL in the run with the ID file.RunID"
	default:
		reason = s.storagePolicy().Check(target)
	}
	if reason != "" {
		return &ArgumentError{Operation: operation, Argument: "file.URL", Reason: reason}
	}
	storage := s.Settings
	storage.HTTPClient = s.storage
	result := download.Fetch(ctx, &storage, target, f)
	if response := s.call.response; response != nil {
		response.record(result)
		response.Body = nil // that of an error, from the storage host
	}
	return failure(result)
}

// inline writes the file that a data URL contains.
func inline(data string, f *download.File) error {
	e := endpoint.RunsDownload
	call := newCallInfo(e)
	switch err := download.Inline(data, f); {
	case err == nil:
		return nil
	case errors.Is(err, download.ErrNotDataURL):
		return &DecodeError{CallInfo: call, Field: "file.URL", Err: err}
	case errors.Is(err, download.ErrTooLarge):
		return &DecodeError{CallInfo: call, Err: ErrResponseTooLarge}
	default:
		return &TransportError{CallInfo: call, Err: err}
	}
}

// locate gets the run of a file and returns the new URL of the file: the URL with
// the same path. If nothing has been written yet, it can also be the URL of the
// file at the same index, if the API describes that file in the same way.
func (s *RunsService) locate(ctx context.Context, file OutputFile, isWritten bool) (string, error) {
	run, err := s.Get(ctx, file.RunID, GetRunParams{AddSignature: true})
	if err != nil {
		return "", err
	}
	files := run.OutputFiles()
	path, _, _ := strings.Cut(file.URL, "?")
	for _, candidate := range files {
		if candidatePath, _, _ := strings.Cut(candidate.URL, "?"); candidatePath == path {
			return candidate.URL, nil
		}
	}
	if !isWritten && file.Index >= 0 && file.Index < len(files) && isAlike(files[file.Index], file) {
		return files[file.Index].URL, nil
	}
	return "", &ArgumentError{Operation: endpoint.RunsDownload.Operation, Argument: "file", Reason: "must still be an output of its run"}
}

// isAlike reports whether the API describes two files in the same way, apart from
// their URLs.
func isAlike(a, b OutputFile) bool {
	return a.Type == b.Type && (isReference(b.URL) || bytes.Equal(withoutURLs(a.Raw), withoutURLs(b.Raw)))
}

// withoutURLs returns the members of an object that are not URLs. A file that is
// only a URL has none.
func withoutURLs(raw JSON) []byte {
	members := map[string]JSON{}
	for name, value := range codec.Members(raw) {
		if !isFile(textOf(value)) {
			members[name] = bytes.Clone(value)
		}
	}
	data, _ := codec.Marshal(members) // cannot fail: the values have been decoded from JSON
	return data
}
