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
func cutOff(status int, body string, header ...string) step {
	return raw(fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n\r\n%s", status, strings.Join(header, "\r\n"), body))
}

func TestABrokenDownloadIsResumedWhereItWas(t *testing.T) {
	t.Parallel()
	const whole, etag = "Content-Length: 10", `ETag: "v1"`
	for name, tc := range map[string]struct {
		steps  []step
		ranges []string
		err    error
		got    string
	}{
		"in one go":                {[]step{answer(200, file, etag)}, []string{""}, nil, file},
		"resumed":                  {[]step{cutOff(200, "0123", whole, etag), answer(206, "456789", "Content-Range: bytes 4-9/10", etag)}, []string{"", "bytes=4-"}, nil, file},
		"resumed, size unknown":    {[]step{cutOff(200, "0123", whole), answer(206, "456789", "Content-Range: bytes 4-9/*")}, []string{"", "bytes=4-"}, nil, file},
		"resumed further back":     {[]step{cutOff(200, "0123", whole), answer(206, "23456789", "Content-Range: bytes 2-9/10")}, []string{"", "bytes=4-"}, nil, file},
		"resumed twice":            {[]step{cutOff(200, "0123", whole), cutOff(206, "45", "Content-Length: 6", "Content-Range: bytes 4-9/10"), answer(206, "6789", "Content-Range: bytes 6-9/10")}, []string{"", "bytes=4-", "bytes=6-"}, nil, file},
		"restarted":                {[]step{cutOff(200, "0123", whole, etag), answer(200, file, etag)}, []string{"", "bytes=4-"}, nil, file},
		"restarted, and cut again": {[]step{cutOff(200, "0123", whole), cutOff(200, "01", whole), answer(200, file)}, []string{"", "bytes=4-", "bytes=4-"}, nil, file},
		"cut at the very end":      {[]step{cutOff(200, "a\r\n0123456789\r\n", "Transfer-Encoding: chunked"), answer(416, "", "Content-Range: bytes */10")}, []string{"", "bytes=10-"}, nil, file},
		"after a 503":              {[]step{answer(503, ""), answer(200, file)}, []string{"", ""}, nil, file},
		"chunked":                  {[]step{cutOff(200, "4\r\n0123\r\n", "Transfer-Encoding: chunked"), answer(206, "456789", "Content-Range: bytes 4-9/10")}, []string{"", "bytes=4-"}, nil, file},
		"another version":          {[]step{cutOff(200, "0123", whole, etag), answer(200, file, `ETag: "v2"`)}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"another size":             {[]step{cutOff(200, "0123", whole), answer(200, file+"more")}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"a part that leaves a gap": {[]step{cutOff(200, "0123", whole), answer(206, "789", "Content-Range: bytes 7-9/10")}, []string{"", "bytes=4-"}, errChanged, "0123"},
		"a part of something":      {[]step{answer(206, file)}, []string{""}, errChanged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, tc.steps...)
			base := newOutside(t)
			var got bytes.Buffer
			sink := &Sink{Writer: &got}
			synctest.Test(t, func(t *testing.T) {
				result := Do(t.Context(), settings(t, server.url, base), download(t, server.url, sink))
				require.ErrorIs(t, result.Err, tc.err)
			})
			assert.Equal(t, tc.got, got.String())
			assert.EqualValues(t, len(tc.got), sink.Written)
			requests := server.requests()
			ranges := make([]string, len(requests))
			for i, r := range requests {
				ranges[i] = r.header.Get("Range")
				assert.Equal(t, "/file?signature=canary-signature", r.path)
				assert.Empty(t, r.header.Get("Authorization"))
				assert.Equal(t, "test", r.header.Get("User-Agent"))
				assert.Equal(t, "identity", r.header.Get("Accept-Encoding"))
			}
			assert.Equal(t, tc.ranges, ranges)
			if len(requests) > 1 && name == "resumed" {
				assert.Equal(t, `"v1"`, requests[1].header.Get("If-Range"))
			}
		})
	}
}

func TestADownloadThatMakesProgressMayGoOn(t *testing.T) {
	t.Parallel()
	const size = 20
	steps := []step{cutOff(200, "x", fmt.Sprintf("Content-Length: %d", size))}
	for i := 1; i < size; i++ {
		steps = append(steps, cutOff(206, "x", fmt.Sprintf("Content-Length: %d", size-i), fmt.Sprintf("Content-Range: bytes %d-%d/%d", i, size-1, size)))
	}
	server := serve(t, steps...)
	base := newOutside(t)
	var got bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, Do(t.Context(), settings(t, server.url, base), download(t, server.url, &Sink{Writer: &got})).Err)
	})
	assert.Equal(t, strings.Repeat("x", size), got.String())
}

func TestADownloadThatMakesNoProgressEnds(t *testing.T) {
	t.Parallel()
	server := serve(t, cutOff(200, "0123", "Content-Length: 10"), cutOff(200, "01", "Content-Length: 10"))
	base := newOutside(t)
	var got bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), settings(t, server.url, base), download(t, server.url, &Sink{Writer: &got}))
		require.Error(t, result.Err)
		assert.Equal(t, 5, result.Attempts)
	})
	assert.Equal(t, "0123", got.String())
}

func TestADownloadIsCapped(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step     step
		tooLarge bool
		got      string
	}{
		"exactly as long":         {answer(200, file), false, file},
		"announced as too long":   {answer(200, file+"0"), true, ""},
		"too long without a word": {raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" + file + "0\r\n0\r\n\r\n"), true, file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, tc.step)
			s := settings(t, server.url, pool(t))
			s.MaxResponseBytes = int64(len(file))
			var got bytes.Buffer
			result := Do(t.Context(), s, download(t, server.url, &Sink{Writer: &got}))
			require.NoError(t, result.Err)
			assert.Equal(t, tc.tooLarge, result.Answer.TooLarge)
			assert.Equal(t, tc.got, got.String())
			assert.Len(t, server.requests(), 1)
		})
	}
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

func TestAWriterThatFailsEndsTheDownload(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	server := serve(t, answer(200, file))
	result := Do(t.Context(), settings(t, server.url, pool(t)), download(t, server.url, &Sink{Writer: failing{full}}))
	require.ErrorIs(t, result.Err, full)
	assert.Len(t, server.requests(), 1)
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
		server := serve(t, answer(302, "", "Location: "+location), answer(200, file))
		s := settings(t, server.url, pool(t))
		s.MaxRetries = 0
		var got bytes.Buffer
		result := Do(t.Context(), s, download(t, server.url, &Sink{Writer: &got}))
		if followed {
			assert.True(t, result.Err != nil || result.Answer.StatusCode == 200, location)
		} else {
			require.NoError(t, result.Err)
			assert.Equal(t, 302, result.Answer.StatusCode, location)
		}
		for _, r := range server.requests() {
			assert.Empty(t, r.header.Get("Authorization"))
		}
	}
}

func TestADownloadsFailureDoesNotTellItsSignature(t *testing.T) {
	t.Parallel()
	target := refused(t)
	s := settings(t, target, pool(t))
	s.MaxRetries = 0
	result := Do(t.Context(), s, download(t, target, &Sink{}))
	require.Error(t, result.Err)
	assert.NotContains(t, result.Err.Error(), "canary")
	assert.NotContains(t, result.Redact("signature=canary-signature"), "canary")
}
