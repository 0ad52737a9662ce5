package runflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestRun_OutputFiles(t *testing.T) {
	t.Parallel()
	type want = []string // "type url raw" of each file
	for output, want := range map[string]want{
		`{"image_urls":["https://a/1","https://a/2"]}`:                                                      {`image https://a/1 "https://a/1"`, `image https://a/2 "https://a/2"`},
		`{"outputs":[{"url":"https://a/1"}]}`:                                                               {` https://a/1 {"url":"https://a/1"}`},
		`{"outputs":[{"url":"https://a/1","type":"image"}],"seed":null,"timing":null,"nsfw_detected":null}`: {`image https://a/1 {"url":"https://a/1","type":"image"}`},
		`{"outputs":["https://a/1"]}`:                                                                       {` https://a/1 "https://a/1"`},
		`{"image":{"url":"https://a/1"}}`:                                                                   {`image https://a/1 {"url":"https://a/1"}`},
		`{"image":["https://a/1"]}`:                                                                         {`image https://a/1 "https://a/1"`},
		`{"my output":["https://a/1"]}`:                                                                     {` https://a/1 "https://a/1"`},
		`{"video":{"url":"https://a/1"},"audio":["https://a/2"]}`:                                           {`audio https://a/2 "https://a/2"`, `video https://a/1 {"url":"https://a/1"}`},
		`{"video":"https://a/1"}`:                                                                           {`video https://a/1 {"video":"https://a/1"}`},
		`{"video_url":"https://a/1"}`:                                                                       {`video https://a/1 {"video_url":"https://a/1"}`},
		`{"audio_url":"https://a/1","audio_urls":["https://a/2"]}`:                                          {`audio https://a/1 {"audio_url":"https://a/1","audio_urls":["https://a/2"]}`, `audio https://a/2 "https://a/2"`},
		`{"mask_url":"https://a/m","image_url":"https://a/i"}`:                                              {`image https://a/i {"mask_url":"https://a/m","image_url":"https://a/i"}`, ` https://a/m {"mask_url":"https://a/m","image_url":"https://a/i"}`},
		`{"file":"https://a/1","mask":"https://a/2"}`:                                                       {` https://a/1 {"file":"https://a/1","mask":"https://a/2"}`, ` https://a/2 {"file":"https://a/1","mask":"https://a/2"}`},
		`{"url":"https://a/1"}`:                                                                             {` https://a/1 {"url":"https://a/1"}`},
		`{"output_url":"https://a/1"}`:                                                                      {` https://a/1 {"output_url":"https://a/1"}`},
		`{"image_url":"https://a/1"}`:                                                                       {`image https://a/1 {"image_url":"https://a/1"}`},
		`{"image":"https://a/1"}`:                                                                           {`image https://a/1 {"image":"https://a/1"}`},
		`{"images":[{"src":"https://a/1"},{"href":"https://a/2"}]}`:                                         {`image https://a/1 {"src":"https://a/1"}`, `image https://a/2 {"href":"https://a/2"}`},
		`{"result":{"files":[{"signed_url":"https://a/1","public_url":"https://a/2"}]}}`:                    {` https://a/1 {"signed_url":"https://a/1","public_url":"https://a/2"}`},
		`{"outputs":[],"image_urls":["https://a/1"]}`:                                                       {`image https://a/1 "https://a/1"`},
		`{"outputs":[{"url":"https://a/1?s=1"}],"image_urls":["https://a/1?s=2","https://a/2"]}`:            {` https://a/1?s=1 {"url":"https://a/1?s=1"}`, `image https://a/2 "https://a/2"`},
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
		`{"documentation":"https://docs"}`: nil, // a string whose name does not indicate a file
		`{"code":"FAILED","message":"see https://a","errors":[{"loc":["body"],"msg":"x"}]}`: nil,
		`{"outputs":[]}`:      nil,
		`{"image_urls":null}`: nil,
		`{"url":42}`:          nil,
		`{"a":` + strings.Repeat(`[`, 50) + `"https://a/1"` + strings.Repeat(`]`, 50) + `}`: nil,
	} {
		t.Run(output, func(t *testing.T) {
			t.Parallel()
			run := runflow.Run{ID: "run-1", Output: runflow.JSON(output)}
			var got []string
			for i, file := range run.OutputFiles() {
				got = append(got, file.Type+" "+file.URL+" "+file.Raw.String())
				assert.Equal(t, "run-1", file.RunID)
				assert.Equal(t, i, file.Index)
			}
			assert.Equal(t, want, got)
		})
	}
	assert.Empty(t, (*runflow.Run)(nil).OutputFiles())
}

func FuzzRun_OutputFiles(f *testing.F) {
	f.Add([]byte(`{"outputs":[{"url":"https://a/1"}]}`))
	f.Add([]byte(`[[[{"image":"data:,"}]]]`))
	f.Fuzz(func(t *testing.T, output []byte) {
		run := runflow.Run{Output: runflow.JSON(output)}
		first := run.OutputFiles()
		assert.Equal(t, first, run.OutputFiles(), "the order does not change")
		for _, file := range first {
			_ = file.String()
		}
	})
}

func TestOutputFile_PrintsWithoutQuery(t *testing.T) {
	t.Parallel()
	file := runflow.OutputFile{URL: "https://a/1?signature=canary", Type: "image", Raw: runflow.JSON(`{"url":"https://a/1?signature=canary"}`), RunID: "1"}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&printed, verb+"\n", file)
		fmt.Fprintf(&printed, verb+"\n", &file)
		fmt.Fprintf(&printed, verb+"\n", []runflow.OutputFile{file})
	}
	slog.New(slog.NewTextHandler(&printed, nil)).Info("file", "file", file)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("file", "file", file)
	assert.NotContains(t, printed.String(), "canary")
	assert.Contains(t, printed.String(), "runflow.OutputFile(https://a/1?[redacted], image)")
	assert.Equal(t, "runflow.OutputFile(data:…)", runflow.OutputFile{URL: "data:text/plain,canary"}.String())
}

// A storage is an API with one run, and the storage host of the run's second
// output.
type storage struct {
	*httptest.Server

	signature atomic.Int32 // the valid signature
	gets      atomic.Int32 // number of requests for the run
	transfers atomic.Int32 // number of requests for the file
	leaks     atomic.Int32 // number of headers that the storage host must not receive
	cut       atomic.Bool  // whether the next transfer breaks off
	outputs   func() string
}

const picture = "a picture, or so"

func newStorage(t *testing.T) (*storage, *runflow.Client) {
	t.Helper()
	s := &storage{}
	s.outputs = func() string { return fmt.Sprintf(`["https://other",%q]`, s.link("/files/a.webp")) }
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: "canary"}})
	client, err := runflow.NewClient(token, runflow.WithBaseURL(s.URL), runflow.WithRetryBackoff(1, 1), runflow.WithHTTPClient(&http.Client{Jar: jar}),
		runflow.WithOrganization("canary-org"), runflow.WithHeader("X-Canary", "canary"), runflow.WithUserAgent("myapp/1"))
	require.NoError(t, err)
	return s, client
}

func (s *storage) link(path string) string {
	return fmt.Sprintf("%s%s?signature=%d", s.URL, path, s.signature.Load())
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/redirect":
		http.Redirect(w, r, "/v1/runs/1", http.StatusTemporaryRedirect)
		return
	case "/v1/runs/1":
		s.gets.Add(1)
		_, _ = io.WriteString(w, `{"id":"1","output":{"outputs":`+s.outputs()+`}}`)
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
	w.Header().Set("Content-Type", "image/webp")
	if s.cut.CompareAndSwap(true, false) {
		w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
		_, _ = io.WriteString(w, picture[:5])
		return
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(picture))
}

func (s *storage) file() runflow.OutputFile {
	run := runflow.Run{ID: "1", Output: runflow.JSON(`{"outputs":["https://other","` + s.link("/files/a.webp") + `"]}`)}
	return run.OutputFiles()[1]
}

func TestRunsService_Download(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	var got bytes.Buffer
	var started []runflow.FileInfo
	var progress []int64
	info, err := client.Runs.Download(t.Context(), s.file(), &got, runflow.DownloadParams{
		MaxBytes:   int64(len(picture)),
		OnStart:    func(info runflow.FileInfo) error { started = append(started, info); return nil },
		OnProgress: func(written, total int64) { progress = append(progress, written, total) },
	})
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	want := runflow.FileInfo{Name: "a.webp", ContentType: "image/webp", Size: int64(len(picture))}
	assert.Equal(t, want, info)
	assert.Equal(t, []runflow.FileInfo{want}, started)
	assert.Equal(t, []int64{16, 16}, progress)
	assert.Zero(t, s.leaks.Load(), "neither token, header, organization nor cookie")
	assert.Zero(t, s.gets.Load())
	data, err := json.Marshal(info)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"a.webp","content_type":"image/webp","size":16}`, string(data))
}

func TestRunsService_Download_ResumesAfterBreakAndExpiry(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	file := s.file()
	s.cut.Store(true)
	var got bytes.Buffer
	_, err := client.Runs.Download(t.Context(), file, &got, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, 2, s.transfers.Load())

	data, err := json.Marshal(file)
	require.NoError(t, err)
	var stored runflow.OutputFile
	require.NoError(t, json.Unmarshal(data, &stored))
	assert.Equal(t, file, stored)
	s.signature.Add(1)
	s.cut.Store(true)
	got.Reset()
	info, err := client.Runs.Download(t.Context(), stored, &got, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, len(picture), info.Size)
	assert.EqualValues(t, 1, s.gets.Load(), "the run is fetched once")
	assert.Zero(t, s.leaks.Load())
}

// After the link has expired, Download must not download a different file.
func TestRunsService_Download_SameFileOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outputs string // LINK is the valid link to another path
		isFound bool
	}{
		"moved":               {`["https://other","LINK"]`, true},
		"moved, as an object": {`["https://other",{"url":"LINK"}]`, true},
		"of another type":     {`["https://other",{"url":"LINK","type":"video"}]`, false},
		"described otherwise": {`["https://other",{"url":"LINK","width":1}]`, false},
		"fewer outputs":       {`["LINK"]`, false},
		"no output":           {`[]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newStorage(t)
			file := s.file()
			s.outputs = func() string { return strings.ReplaceAll(tc.outputs, "LINK", s.link("/files/b.webp")) }
			s.signature.Add(1)
			_, err := client.Runs.Download(t.Context(), file, io.Discard, runflow.DownloadParams{})
			if tc.isFound {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "runflow: Runs.Download: file: must still be an output of its run")
		})
	}
}

// The file at the same index may be a different one, although its ETag is the same.
func TestRunsService_Download_MovedAfterFirstBytes(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	file := s.file()
	s.outputs = func() string { return fmt.Sprintf(`["https://other",%q]`, s.link("/files/b.webp")) }
	s.cut.Store(true)
	var got bytes.Buffer
	info, err := client.Runs.Download(t.Context(), file, &got, runflow.DownloadParams{
		OnProgress: func(int64, int64) { s.signature.Add(1) }, // the link expires during the download
	})
	require.EqualError(t, err, "runflow: Runs.Download: file: must still be an output of its run")
	assert.Equal(t, picture[:5], got.String())
	assert.EqualValues(t, 5, info.Size)
}

func TestRunsService_Download_ExpiredLink(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	file := s.file()
	file.RunID = ""
	s.signature.Add(1)
	_, err := client.Runs.Download(t.Context(), file, io.Discard, runflow.DownloadParams{})
	require.ErrorIs(t, err, runflow.ErrPermissionDenied)
	require.EqualError(t, err, "runflow: Runs.Download: GET {output_url}: 403 Forbidden, attempts 1")
	assert.Zero(t, s.gets.Load(), "without an ID the run cannot be fetched")
}

func TestRunsService_Download_Reference(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	run := runflow.Run{ID: "1", Output: runflow.JSON(`["https://other","runflow://assets/x"]`)}
	var got bytes.Buffer
	_, err := client.Runs.Download(t.Context(), run.OutputFiles()[1], &got, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, picture, got.String())
	assert.EqualValues(t, 1, s.gets.Load())
	assert.EqualValues(t, 1, s.transfers.Load())
}

func TestRunsService_Download_DataURL(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "")
	client := server.client(t)
	for url, want := range map[string][2]string{
		"data:image/png;base64,aGVsbG8=":    {"hello", "image/png"},
		"data:,a%20b?c#d":                   {"a b?c#d", "text/plain;charset=US-ASCII"},
		"data:text/plain;base64,aGVsbG8%3D": {"hello", "text/plain"},
	} {
		var got bytes.Buffer
		info, err := client.Runs.Download(t.Context(), runflow.OutputFile{URL: url}, &got, runflow.DownloadParams{})
		require.NoError(t, err)
		assert.Equal(t, want[0], got.String())
		assert.Equal(t, runflow.FileInfo{ContentType: want[1], Size: int64(len(want[0]))}, info)
	}
	for _, url := range []string{"data:image/png;base64", "data:;base64,canary!", "data:,%zz"} {
		_, err := client.Runs.Download(t.Context(), runflow.OutputFile{URL: url}, io.Discard, runflow.DownloadParams{})
		var decodeErr *runflow.DecodeError
		require.ErrorAs(t, err, &decodeErr)
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := client.Runs.Download(t.Context(), runflow.OutputFile{URL: "data:,12345"}, io.Discard, runflow.DownloadParams{MaxBytes: 4})
	require.ErrorIs(t, err, runflow.ErrResponseTooLarge)
	assert.Empty(t, server.seen())
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestRunsService_Download_BadArguments(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	for want, tc := range map[string]struct {
		url    string
		w      io.Writer
		params runflow.DownloadParams
	}{
		"file.URL: must be the URL of a file in Run.OutputFiles": {"", io.Discard, runflow.DownloadParams{}},
		"file.URL: must be the URL of a file":                    {"file:///etc/passwd", io.Discard, runflow.DownloadParams{}},
		"file.URL: must be an absolute http or https URL":        {"https://", io.Discard, runflow.DownloadParams{}},
		"file.URL: must be a valid URL":                          {"https://a b/", io.Discard, runflow.DownloadParams{}},
		"file.URL: must not be plain http":                       {"http://example.com/canary", io.Discard, runflow.DownloadParams{}},
		"file.URL: must not be a link-local address":             {"https://169.254.169.254/canary", io.Discard, runflow.DownloadParams{}},
		"file.URL: must not be a link-local":                     {"http://[fe80::1]/canary", io.Discard, runflow.DownloadParams{}},
		"file.URL: must not be a reference to an asset":          {"runflow://assets/x", io.Discard, runflow.DownloadParams{}},
		"w: must not be nil":                                     {"https://a/", nil, runflow.DownloadParams{}},
		"params.MaxBytes: must not be negative":                  {"https://a/", io.Discard, runflow.DownloadParams{MaxBytes: -1}},
	} {
		_, err := client.Runs.Download(t.Context(), runflow.OutputFile{URL: tc.url}, tc.w, tc.params)
		require.ErrorIs(t, err, runflow.ErrInvalidArgument, want)
		require.ErrorContains(t, err, "runflow: Runs.Download: "+want)
		assert.NotContains(t, err.Error(), "canary")
	}
	for _, opt := range []runflow.CallOption{runflow.WithIdempotencyKey("k"), runflow.WithQuery("a", "b")} {
		_, err := client.Runs.Download(t.Context(), s.file(), io.Discard, runflow.DownloadParams{}, opt)
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	}
	_, err := client.Runs.Download(nil, s.file(), io.Discard, runflow.DownloadParams{}) //nolint:staticcheck // a nil context must not panic
	require.ErrorContains(t, err, "ctx: must not be nil")
	assert.Zero(t, s.transfers.Load())
}

func TestRunsService_Download_PlainHTTP(t *testing.T) {
	t.Parallel()
	s, _ := newStorage(t)
	client, err := runflow.NewClient(token)
	require.NoError(t, err)
	_, err = client.Runs.Download(t.Context(), s.file(), io.Discard, runflow.DownloadParams{})
	require.ErrorContains(t, err, "file.URL: must not be plain http to a loopback or private address")
	assert.Zero(t, s.transfers.Load())
	client, err = client.With(runflow.WithInsecureHTTP())
	require.NoError(t, err)
	_, err = client.Runs.Download(t.Context(), s.file(), io.Discard, runflow.DownloadParams{})
	require.NoError(t, err)
}

func TestRunsService_Download_Fails(t *testing.T) {
	t.Parallel()
	s, client := newStorage(t)
	var got bytes.Buffer
	info, err := client.Runs.Download(t.Context(), s.file(), &got, runflow.DownloadParams{MaxBytes: 4})
	require.ErrorIs(t, err, runflow.ErrResponseTooLarge)
	assert.EqualValues(t, got.Len(), info.Size)
	full := errors.New("disk full")
	info, err = client.Runs.Download(t.Context(), s.file(), brokenWriter{full}, runflow.DownloadParams{})
	require.ErrorIs(t, err, full)
	assert.Zero(t, info.Size)
	_, err = client.Runs.Download(t.Context(), s.file(), &got, runflow.DownloadParams{OnStart: func(runflow.FileInfo) error { return full }})
	require.ErrorIs(t, err, full)
	assert.Zero(t, got.Len())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Runs.Download(ctx, s.file(), io.Discard, runflow.DownloadParams{})
	require.ErrorIs(t, err, context.Canceled)
}
