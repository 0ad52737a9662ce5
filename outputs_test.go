package runflow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestOutputsAreFoundInEveryKnownForm(t *testing.T) {
	t.Parallel()
	type want = []string // "type url raw" of each
	for body, want := range map[string]want{
		`{"image_urls":["https://a/1","https://a/2"]}`:                                                      {`image https://a/1 "https://a/1"`, `image https://a/2 "https://a/2"`},
		`{"outputs":[{"url":"https://a/1"}]}`:                                                               {` https://a/1 {"url":"https://a/1"}`},
		`{"outputs":[{"url":"https://a/1","type":"image"}],"seed":null,"timing":null,"nsfw_detected":null}`: {`image https://a/1 {"url":"https://a/1","type":"image"}`},
		`{"outputs":["https://a/1"]}`:                                                                       {` https://a/1 "https://a/1"`},
		`{"image":{"url":"https://a/1"}}`:                                                                   {`image https://a/1 {"url":"https://a/1"}`},
		`{"image":["https://a/1"]}`:                                                                         {`image https://a/1 "https://a/1"`},
		`{"my output":["https://a/1"]}`:                                                                     {` https://a/1 "https://a/1"`},
		`{"video":{"url":"https://a/1"},"audio":["https://a/2"]}`:                                           {`audio https://a/2 "https://a/2"`, `video https://a/1 {"url":"https://a/1"}`},
		`{"url":"https://a/1"}`:                                                                             {` https://a/1 {"url":"https://a/1"}`},
		`{"output_url":"https://a/1"}`:                                                                      {` https://a/1 {"output_url":"https://a/1"}`},
		`{"image_url":"https://a/1"}`:                                                                       {`image https://a/1 {"image_url":"https://a/1"}`},
		`{"image":"https://a/1"}`:                                                                           {`image https://a/1 {"image":"https://a/1"}`},
		`{"images":[{"src":"https://a/1"},{"href":"https://a/2"}]}`:                                         {`image https://a/1 {"src":"https://a/1"}`, `image https://a/2 {"href":"https://a/2"}`},
		`{"result":{"files":[{"signed_url":"https://a/1","public_url":"https://a/2"}]}}`:                    {` https://a/1 {"signed_url":"https://a/1","public_url":"https://a/2"}`},
		`"https://a/1"`:                             {` https://a/1 "https://a/1"`},
		`["https://a/1",["https://a/2"]]`:           {` https://a/1 "https://a/1"`, ` https://a/2 "https://a/2"`},
		`"data:image/png;base64,AAAA"`:              {` data:image/png;base64,AAAA "data:image/png;base64,AAAA"`},
		`{"images":["runflow://assets/x"]}`:         {`image runflow://assets/x "runflow://assets/x"`},
		`{"z":["https://a/2"],"a":["https://a/1"]}`: {` https://a/1 "https://a/1"`, ` https://a/2 "https://a/2"`},

		``:                                 nil,
		`null`:                             nil,
		`{}`:                               nil,
		`"done"`:                           nil,
		`{"seed":42,"text":"a poem"}`:      nil,
		`{"documentation":"https://docs"}`: nil, // may be anything
		`{"code":"FAILED","message":"see https://a","errors":[{"loc":["body"],"msg":"x"}]}`: nil,
		`{"outputs":[]}`:      nil,
		`{"image_urls":null}`: nil,
		`{"url":42}`:          nil,
		`{"a":` + strings.Repeat(`[`, 50) + `"https://a/1"` + strings.Repeat(`]`, 50) + `}`: nil,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			run := runflow.Run{ID: "1", Output: runflow.JSON(body)}
			var got []string
			for _, output := range run.Outputs() {
				got = append(got, output.Type+" "+output.URL+" "+output.Raw.String())
			}
			assert.Equal(t, want, got)
		})
	}
	assert.Empty(t, (*runflow.Run)(nil).Outputs())
}

func FuzzOutputs(f *testing.F) {
	f.Add([]byte(`{"outputs":[{"url":"https://a/1"}]}`))
	f.Add([]byte(`[[[{"image":"data:,"}]]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		run := runflow.Run{Output: runflow.JSON(body)}
		first := run.Outputs()
		assert.Equal(t, first, run.Outputs(), "the order does not change")
	})
}

// storage is an API with one run and the host that keeps its output, in one.
type storage struct {
	*httptest.Server

	signature atomic.Int32 // that is good
	reads     atomic.Int32
	transfers atomic.Int32
	leaks     atomic.Int32 // requests for the file that say too much
	cut       atomic.Bool  // the next transfer breaks off
	path      string
}

const picture = "a picture, or so"

func newStorage(t *testing.T) (*storage, *runflow.Client) {
	t.Helper()
	s := &storage{path: "/files/a.webp"}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(s.URL), runflow.WithRetryBackoff(1, 1),
		runflow.WithOrganization("canary-org"), runflow.WithHeader("X-Canary", "canary"), runflow.WithUserAgent("myapp/1"))
	require.NoError(t, err)
	return s, client
}

func (s *storage) link() string {
	return fmt.Sprintf("%s%s?signature=%d", s.URL, s.path, s.signature.Load())
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		s.reads.Add(1)
		_, _ = fmt.Fprintf(w, `{"id":"1","output":{"outputs":[{"url":"https://other"},{"url":%q}]}}`, s.link())
		return
	}
	s.transfers.Add(1)
	for name := range r.Header {
		switch name {
		case "Accept", "Accept-Encoding", "User-Agent", "Range", "If-Range":
		default:
			s.leaks.Add(1)
		}
	}
	if r.URL.Query().Get("signature") != strconv.Itoa(int(s.signature.Load())) {
		http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		return
	}
	w.Header().Set("ETag", `"v1"`)
	if s.cut.CompareAndSwap(true, false) {
		w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
		_, _ = io.WriteString(w, picture[:5])
		return
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(picture))
}

func (s *storage) output() runflow.Output {
	run := runflow.Run{ID: "1", Output: runflow.JSON(`{"outputs":["https://other","` + s.link() + `"]}`)}
	return run.Outputs()[1]
}

func TestDownloadWritesTheFile(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	var got bytes.Buffer
	n, err := client.Runs.Download(t.Context(), s.output(), &got)
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, len(picture), n)
	assert.Zero(t, s.leaks.Load())
	assert.Zero(t, s.reads.Load())
}

func TestDownloadResumesAcrossABreakAndAnExpiredLink(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	output := s.output()
	s.cut.Store(true)
	var got bytes.Buffer
	_, err := client.Runs.Download(t.Context(), output, &got)
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, 2, s.transfers.Load())

	s.signature.Add(1)
	s.cut.Store(true)
	got.Reset()
	n, err := client.Runs.Download(t.Context(), output, &got)
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, len(picture), n)
	assert.EqualValues(t, 1, s.reads.Load(), "the run is read again once")
	assert.Zero(t, s.leaks.Load())
}

func TestDownloadGivesUpOnALinkThatStaysExpired(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	output := s.output()
	s.path = "/files/another.webp" // which the second output is now
	var got bytes.Buffer
	s.signature.Add(1)
	_, err := client.Runs.Download(t.Context(), output, &got)
	require.NoError(t, err, "found by its place")

	stale := runflow.Run{Output: runflow.JSON(`"` + s.URL + `/files/a.webp?signature=canary"`)}
	before := s.reads.Load()
	_, err = client.Runs.Download(t.Context(), stale.Outputs()[0], &got)
	require.ErrorIs(t, err, runflow.ErrPermissionDenied)
	require.EqualError(t, err, "runflow: Runs.Download: GET {output_url}: 403 Forbidden, attempts 1")
	assert.Equal(t, before, s.reads.Load(), "a run without an id cannot be read again")
}

func TestDownloadReadsTheRunOfAReferenceFirst(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	run := runflow.Run{ID: "1", Output: runflow.JSON(`["https://other","runflow://assets/x"]`)}
	var got bytes.Buffer
	_, err := client.Runs.Download(t.Context(), run.Outputs()[1], &got)
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, 1, s.reads.Load())
}

func TestDownloadDecodesADataURL(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "")
	client := server.client(t)
	for url, want := range map[string]string{
		"data:image/png;base64,aGVsbG8=":    "hello",
		"data:,a%20b?c#d":                   "a b?c#d",
		"data:text/plain;base64,aGVsbG8%3D": "hello",
	} {
		var got bytes.Buffer
		n, err := client.Runs.Download(t.Context(), runflow.Output{URL: url}, &got)
		require.NoError(t, err)
		assert.Equal(t, want, got.String())
		assert.EqualValues(t, len(want), n)
	}
	for _, url := range []string{"data:image/png;base64", "data:;base64,canary!", "data:,%zz"} {
		_, err := client.Runs.Download(t.Context(), runflow.Output{URL: url}, io.Discard)
		var decodeErr *runflow.DecodeError
		require.ErrorAs(t, err, &decodeErr)
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := client.Runs.Download(t.Context(), runflow.Output{URL: "data:,12345"}, io.Discard, runflow.WithMaxResponseBytes(4))
	require.ErrorIs(t, err, runflow.ErrResponseTooLarge)
	assert.Empty(t, server.seen())
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDownloadFailsClearly(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	for want, tc := range map[string]struct {
		url string
		w   io.Writer
	}{
		"output.URL: must be one of Run.Outputs": {"", io.Discard},
		"output.URL: must be one of Run":         {"file:///etc/passwd", io.Discard},
		"output.URL: is not a URL":               {"https://", io.Discard},
		"output.URL: is not":                     {"https://a b/", io.Discard},
		"output.URL: must not be plain http":     {"http://example.com/canary", io.Discard},
		"output.URL: is a reference to an asset": {"runflow://assets/x", io.Discard},
		"w: must not be nil":                     {"https://a/", nil},
	} {
		_, err := client.Runs.Download(t.Context(), runflow.Output{URL: tc.url}, tc.w)
		require.ErrorIs(t, err, runflow.ErrInvalidArgument, want)
		require.ErrorContains(t, err, "runflow: Runs.Download: "+want)
	}
	_, err := client.Runs.Download(t.Context(), s.output(), io.Discard, runflow.WithMaxResponseBytes(4))
	require.ErrorIs(t, err, runflow.ErrResponseTooLarge)
	full := errors.New("disk full")
	n, err := client.Runs.Download(t.Context(), s.output(), brokenWriter{full})
	require.ErrorIs(t, err, full)
	assert.Zero(t, n)
	_, err = client.Runs.Download(t.Context(), s.output(), io.Discard, runflow.WithResponse(&runflow.Response{}))
	require.ErrorContains(t, err, "WithResponse: is for one call only")
	_, err = client.Runs.Download(nil, s.output(), io.Discard) //nolint:staticcheck // what a nil context gets
	require.ErrorContains(t, err, "ctx: must not be nil")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Runs.Download(ctx, s.output(), io.Discard)
	require.ErrorIs(t, err, context.Canceled)

	gone := runflow.Run{ID: "1", Output: runflow.JSON(`["https://a/1","https://a/2","runflow://assets/x"]`)}
	_, err = client.Runs.Download(t.Context(), gone.Outputs()[2], io.Discard)
	require.ErrorContains(t, err, "output: is no longer an output of its run")
}
