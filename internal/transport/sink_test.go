package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/bubble"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

func download(t *testing.T, target string, sink *Sink) Request {
	t.Helper()
	u, err := url.Parse(target + "/file?signature=canary-signature")
	require.NoError(t, err)
	return Request{
		Endpoint: endpoint.Endpoint{Operation: "Runs.Download", Method: "GET", Route: "{output_url}", Retry: endpoint.Idempotent},
		Target:   u,
		Sink:     sink,
	}
}

const file = "0123456789"

// cutOff sends the beginning of a body and drops the connection.
func cutOff(status int, body string, header ...string) wire.Step {
	return wire.Close(fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n\r\n%s", status, strings.Join(header, "\r\n"), body))
}

func TestABrokenDownloadIsResumedWhereItWas(t *testing.T) {
	t.Parallel()
	const whole, etag = "Content-Length: 10", `ETag: "v1"`
	for name, tc := range map[string]struct {
		steps  []wire.Step
		ranges []string
		err    error
		got    string
	}{
		"in one go":                {[]wire.Step{wire.Answer(200, file, etag)}, []string{""}, nil, file},
		"resumed":                  {[]wire.Step{cutOff(200, "0123", whole, etag), wire.Answer(206, "456789", "Content-Range: bytes 4-9/10", etag)}, []string{"", "bytes=4-"}, nil, file},
		"resumed, size unknown":    {[]wire.Step{cutOff(200, "0123", whole), wire.Answer(206, "456789", "Content-Range: bytes 4-9/*")}, []string{"", "bytes=4-"}, nil, file},
		"resumed further back":     {[]wire.Step{cutOff(200, "0123", whole), wire.Answer(206, "23456789", "Content-Range: bytes 2-9/10")}, []string{"", "bytes=4-"}, nil, file},
		"resumed twice":            {[]wire.Step{cutOff(200, "0123", whole), cutOff(206, "45", "Content-Length: 6", "Content-Range: bytes 4-9/10"), wire.Answer(206, "6789", "Content-Range: bytes 6-9/10")}, []string{"", "bytes=4-", "bytes=6-"}, nil, file},
		"restarted":                {[]wire.Step{cutOff(200, "0123", whole, etag), wire.Answer(200, file, etag)}, []string{"", "bytes=4-"}, nil, file},
		"restarted, and cut again": {[]wire.Step{cutOff(200, "0123", whole), cutOff(200, "01", whole), wire.Answer(200, file)}, []string{"", "bytes=4-", "bytes=4-"}, nil, file},
		"cut at the very end":      {[]wire.Step{cutOff(200, "a\r\n0123456789\r\n", "Transfer-Encoding: chunked"), wire.Answer(416, "", "Content-Range: bytes */10")}, []string{"", "bytes=10-"}, nil, file},
		"after a 503":              {[]wire.Step{wire.Answer(503, ""), wire.Answer(200, file)}, []string{"", ""}, nil, file},
		"chunked":                  {[]wire.Step{cutOff(200, "4\r\n0123\r\n", "Transfer-Encoding: chunked"), wire.Answer(206, "456789", "Content-Range: bytes 4-9/10")}, []string{"", "bytes=4-"}, nil, file},
		"another date":             {[]wire.Step{cutOff(200, "0123", whole, "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"), wire.Answer(200, file, "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT")}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"another version":          {[]wire.Step{cutOff(200, "0123", whole, etag), wire.Answer(200, file, `ETag: "v2"`)}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"another size":             {[]wire.Step{cutOff(200, "0123", whole), wire.Answer(200, file+"more")}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"a part that leaves a gap": {[]wire.Step{cutOff(200, "0123", whole), wire.Answer(206, "789", "Content-Range: bytes 7-9/10")}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"a part of something":      {[]wire.Step{wire.Answer(206, file)}, []string{""}, errChanged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.steps...)
			base := newOutside(t)
			var got bytes.Buffer
			sink := &Sink{Writer: &got}
			synctest.Test(t, func(t *testing.T) {
				result := Do(t.Context(), settings(t, server.URL, base), download(t, server.URL, sink))
				require.ErrorIs(t, result.Err, tc.err)
			})
			assert.Equal(t, tc.got, got.String())
			assert.EqualValues(t, len(tc.got), sink.Written)
			requests := server.Requests()
			ranges := make([]string, len(requests))
			for i, r := range requests {
				ranges[i] = r.Header.Get("Range")
				assert.Equal(t, "/file?signature=canary-signature", r.URI)
				assert.Empty(t, r.Header.Get("Authorization"))
				assert.Empty(t, r.Header.Get("Referer"), "it would hold the signature")
				assert.Equal(t, "test", r.Header.Get("User-Agent"))
				assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
			}
			assert.Equal(t, tc.ranges, ranges)
			if len(requests) > 1 && name == "resumed" {
				assert.Equal(t, `"v1"`, requests[1].Header.Get("If-Range"))
			}
		})
	}
}

func TestADownloadThatMakesProgressMayGoOn(t *testing.T) {
	t.Parallel()
	const size = 20
	steps := []wire.Step{cutOff(200, "x", fmt.Sprintf("Content-Length: %d", size))}
	for i := 1; i < size; i++ {
		steps = append(steps, cutOff(206, "x", fmt.Sprintf("Content-Length: %d", size-i), fmt.Sprintf("Content-Range: bytes %d-%d/%d", i, size-1, size)))
	}
	server := wire.Serve(t, steps...)
	base := newOutside(t)
	var got bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		s.Budget = NewBudget(1)
		require.NoError(t, Do(t.Context(), s, download(t, server.URL, &Sink{Writer: &got})).Err)
		assert.True(t, s.Budget.spend(), "progress costs no retry")
	})
	assert.Equal(t, strings.Repeat("x", size), got.String())
}

func TestADownloadThatMakesNoProgressEnds(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, cutOff(200, "0123", "Content-Length: 10"), cutOff(200, "01", "Content-Length: 10"))
	base := newOutside(t)
	var got bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), settings(t, server.URL, base), download(t, server.URL, &Sink{Writer: &got}))
		require.Error(t, result.Err)
		assert.Equal(t, 5, result.Attempts)
	})
	assert.Equal(t, "0123", got.String())
}

func TestADownloadIsCapped(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step     wire.Step
		tooLarge bool
		got      string
	}{
		"exactly as long":         {wire.Answer(200, file), false, file},
		"announced as too long":   {wire.Answer(200, file+"0"), true, ""},
		"too long without a word": {wire.Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" + file + "0\r\n0\r\n\r\n"), true, file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.step)
			s := settings(t, server.URL, pool(t))
			s.MaxResponseBytes = int64(len(file))
			var got bytes.Buffer
			result := Do(t.Context(), s, download(t, server.URL, &Sink{Writer: &got}))
			require.NoError(t, result.Err)
			assert.Equal(t, tc.tooLarge, result.Answer.TooLarge)
			assert.Equal(t, tc.got, got.String())
			assert.Len(t, server.Requests(), 1)
		})
	}
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

func TestAWriterThatFailsEndsTheDownload(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	server := wire.Serve(t, wire.Answer(200, file))
	result := Do(t.Context(), settings(t, server.URL, pool(t)), download(t, server.URL, &Sink{Writer: failing{full}}))
	require.ErrorIs(t, result.Err, full)
	assert.Len(t, server.Requests(), 1)
}

// slowly sends the file in twenty seconds.
func slowly(w http.ResponseWriter, r *http.Request) {
	for _, b := range file {
		time.Sleep(2 * time.Second)
		if r.Context().Err() != nil {
			return
		}
		_, _ = io.WriteString(w, string(b))
		_ = http.NewResponseController(w).Flush()
	}
}

func TestOnlyAStandstillEndsAnAttemptAtADownload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := bubble.Serve(t, http.HandlerFunc(slowly))
		s := settings(t, "http://runflow.test", base)
		s.AttemptTimeout, s.MaxRetries = 3*time.Second, 0
		var got bytes.Buffer
		start := time.Now()
		require.NoError(t, Do(t.Context(), s, download(t, "http://storage.test", &Sink{Writer: &got})).Err)
		assert.Equal(t, file, got.String())
		assert.Equal(t, 20*time.Second, time.Since(start))

		s.AttemptTimeout = time.Second
		result := Do(t.Context(), s, download(t, "http://storage.test", &Sink{Writer: &got}))
		require.ErrorIs(t, result.Err, timeoutError(time.Second))
		time.Sleep(20 * time.Second) // until the server has noticed
	})
}

func TestStorageMayRedirectButNotInTheOpen(t *testing.T) {
	t.Parallel()
	for location, followed := range map[string]bool{
		"/elsewhere":            true,
		"https://127.0.0.1:1/x": true, // and refused there
		"http://127.0.0.1:1/x":  false,
		"ftp://127.0.0.1/x":     false,
	} {
		server := wire.Serve(t, wire.Answer(302, "", "Location: "+location), wire.Answer(200, file))
		s := settings(t, server.URL, pool(t))
		s.MaxRetries = 0
		var got bytes.Buffer
		result := Do(t.Context(), s, download(t, server.URL, &Sink{Writer: &got}))
		if followed {
			assert.True(t, result.Err != nil || result.Answer.StatusCode == 200, location)
		} else {
			require.NoError(t, result.Err)
			assert.Equal(t, 302, result.Answer.StatusCode, location)
		}
		for _, r := range server.Requests() {
			assert.Empty(t, r.Header.Get("Authorization"))
		}
	}
}

func TestADownloadsFailureDoesNotTellItsSignature(t *testing.T) {
	t.Parallel()
	target := wire.Refused(t)
	s := settings(t, target, pool(t))
	s.MaxRetries = 0
	result := Do(t.Context(), s, download(t, target, &Sink{}))
	require.Error(t, result.Err)
	assert.NotContains(t, result.Err.Error(), "canary")
	assert.NotContains(t, result.Redact("signature=canary-signature"), "canary")
}
