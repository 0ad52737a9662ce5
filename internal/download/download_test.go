package download

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/bubble"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

func TestFetch_RequestOnTheWire(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, content, "Set-Cookie: session=canary"))
	s := newSettings(newPool(t))
	for range 2 {
		var got bytes.Buffer
		result := Fetch(t.Context(), s, fileAt(t, server.URL), &File{Writer: &got})
		require.NoError(t, result.Err)
		assert.Equal(t, content, got.String())
		assert.Equal(t, 1, result.Attempts)
		assert.Equal(t, 200, result.Response.StatusCode)
		assert.Empty(t, result.Response.Body)
		assert.False(t, result.OutcomeUnknown)
	}
	for _, sent := range server.Requests() {
		assert.Equal(t, "GET", sent.Method)
		assert.Equal(t, "/file?signature=canary-signature", sent.URI)
		assert.Equal(t, http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {"test"}}, sent.Header,
			"neither a token nor headers nor cookies of the API")
	}
}

func TestFetch_CarriesAttempt(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, ""), wire.Respond(200, content))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		var attempts []transport.Attempt
		s := newSettings(roundTripper(func(req *http.Request) (*http.Response, error) {
			attempt, _ := transport.FromContext(req.Context())
			attempts = append(attempts, attempt)
			return outside.RoundTrip(req)
		}))
		require.NoError(t, Fetch(t.Context(), s, fileAt(t, server.URL), &File{Writer: io.Discard}).Err)
		assert.Equal(t, []transport.Attempt{
			{Operation: "Runs.Download", Method: "GET", Route: "{output_url}", Number: 1},
			{Operation: "Runs.Download", Method: "GET", Route: "{output_url}", Number: 2},
		}, attempts)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestFetch_ErrorResponse(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{400: 1, 403: 1, 404: 1, 416: 1, 501: 1, 304: 1, 408: 5, 429: 5, 500: 5, 503: 5} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			body := "<Error><Code>Denied</Code></Error>"
			if status == 304 {
				body = ""
			}
			server := wire.Serve(t, wire.Respond(status, body))
			outside := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				var got bytes.Buffer
				f := &File{Writer: &got, OnStart: func(Info) error { assert.Fail(t, "it has not started"); return nil }}
				result := Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), f)
				require.NoError(t, result.Err)
				assert.Equal(t, status, result.Response.StatusCode)
				assert.Equal(t, body, string(result.Response.Body))
				assert.Equal(t, attempts, result.Attempts)
				assert.Empty(t, got.String())
			})
		})
	}
}

func TestFetch_OtherSuccess(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(203, content), wire.Respond(204, ""))
	s := newSettings(newPool(t))
	for _, want := range []string{content, ""} {
		var got bytes.Buffer
		starts := 0
		f := &File{Writer: &got, OnStart: func(Info) error { starts++; return nil }}
		require.NoError(t, Fetch(t.Context(), s, fileAt(t, server.URL), f).Err)
		assert.Equal(t, want, got.String())
		assert.Equal(t, 1, starts)
	}
}

// Each attempt gets one byte.
func TestFetch_ProgressCostsNoRetry(t *testing.T) {
	t.Parallel()
	const size = 20
	steps := []wire.Step{cutOff(200, "x", fmt.Sprintf("Content-Length: %d", size), `ETag: "v1"`)}
	for i := 1; i < size; i++ {
		steps = append(steps, cutOff(206, "x", fmt.Sprintf("Content-Length: %d", size-i), fmt.Sprintf("Content-Range: bytes %d-%d/%d", i, size-1, size)))
	}
	server := wire.Serve(t, steps...)
	outside := newOutside(t)
	var got bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.Budget = transport.NewBudget(1)
		require.NoError(t, Fetch(t.Context(), s, fileAt(t, server.URL), &File{Writer: &got}).Err)
		assert.True(t, s.Budget.Spend(), "the retry budget is untouched")
	})
	assert.Equal(t, strings.Repeat("x", size), got.String())
}

func TestFetch_NoProgress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		canTruncate bool
		steps       []wire.Step
	}{
		"resumed": {false, []wire.Step{
			cutOff(200, "0123", "Content-Length: 10", `ETag: "v1"`), cutOff(206, "", "Content-Length: 6", "Content-Range: bytes 4-9/10"),
		}},
		"skipped forward": {false, []wire.Step{cutOff(200, "0123", "Content-Length: 10", `ETag: "v1"`)}},
		"restarted":       {true, []wire.Step{cutOff(200, "0123", "Content-Length: 10")}},
		"shorter":         {true, []wire.Step{cutOff(200, "0123", "Content-Length: 10"), cutOff(200, "01", "Content-Length: 10")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.steps...)
			outside := newOutside(t)
			got := newDestination(t, tc.canTruncate)
			synctest.Test(t, func(t *testing.T) {
				s := newSettings(outside)
				s.Budget = transport.NewBudget(3)
				result := Fetch(t.Context(), s, fileAt(t, server.URL), &File{Writer: got})
				require.ErrorIs(t, result.Err, io.ErrUnexpectedEOF)
				assert.Equal(t, 5, result.Attempts, "the first one made progress")
				assert.False(t, s.Budget.Spend())
			})
			assert.True(t, strings.HasPrefix(content, got.String()))
		})
	}
}

func TestFetch_Budget(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, ""))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.Budget = transport.NewBudget(1)
		var records []transport.Record
		s.Log = func(_ context.Context, r transport.Record) { records = append(records, r) }
		assert.Equal(t, 2, Fetch(t.Context(), s, fileAt(t, server.URL), &File{Writer: io.Discard}).Attempts)
		require.Len(t, records, 2)
		assert.NotZero(t, records[0].Delay)
		assert.Zero(t, records[1].Delay, "no attempt follows")
	})
}

func TestFetch_RetryAfter(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "", "Retry-After: 20"), wire.Respond(200, content))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), &File{Writer: io.Discard}).Err)
		assert.Equal(t, 20*time.Second, time.Since(start))
	})
}

func TestFetch_ContextEnds(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "", "Retry-After: 20"))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errTest) })
		start := time.Now()
		result := Fetch(ctx, newSettings(outside), fileAt(t, server.URL), &File{Writer: io.Discard})
		require.ErrorIs(t, result.Err, context.Canceled)
		require.ErrorIs(t, result.Err, errTest)
		assert.Equal(t, time.Second, time.Since(start))

		result = Fetch(ctx, newSettings(outside), fileAt(t, server.URL), &File{Writer: io.Discard})
		require.ErrorIs(t, result.Err, errTest)
		assert.Zero(t, result.Attempts)
	})
}

// slowly sends the file in twenty seconds.
func slowly(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "10")
	for _, b := range content {
		if transport.Sleep(r.Context(), 2*time.Second) != nil {
			return
		}
		_, _ = io.WriteString(w, string(b))
		_ = http.NewResponseController(w).Flush()
	}
}

func TestFetch_Stall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(slowly)))
		s.AttemptTimeout, s.MaxRetries = 3*time.Second, 0
		var got bytes.Buffer
		start := time.Now()
		require.NoError(t, Fetch(t.Context(), s, fileAt(t, "http://storage.test"), &File{Writer: &got}).Err)
		assert.Equal(t, content, got.String())
		assert.Equal(t, 20*time.Second, time.Since(start))

		s.AttemptTimeout = time.Second
		start = time.Now()
		result := Fetch(t.Context(), s, fileAt(t, "http://storage.test"), &File{Writer: &got})
		require.ErrorIs(t, result.Err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// Inside of a chunk, net/http reads until the buffer is full.
func TestFetch_SlowChunk(t *testing.T) {
	t.Parallel()
	const size, seconds = 80_000, 80
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			defer conn.Close()
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", size)
			for range seconds {
				time.Sleep(time.Second)
				if _, err := io.WriteString(conn, strings.Repeat("x", size/seconds)); err != nil {
					return
				}
			}
			_, _ = io.WriteString(conn, "\r\n0\r\n\r\n")
		})))
		s.MaxRetries = 0
		var got bytes.Buffer
		require.NoError(t, Fetch(t.Context(), s, fileAt(t, "http://storage.test"), &File{Writer: &got}).Err)
		assert.Equal(t, size, got.Len())
	})
}

func TestFetch_StallDuringBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "0")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})))
		var got bytes.Buffer
		start := time.Now()
		result := Fetch(t.Context(), s, fileAt(t, "http://storage.test"), &File{Writer: &got})
		require.ErrorIs(t, result.Err, errOtherFile)
		require.ErrorIs(t, result.Err, os.ErrDeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(start))
		assert.Equal(t, "0", got.String())
	})
}

// The time of an attempt does not count while functions of the caller run.
func TestFetch_CallerIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(slowly)))
		s.MaxRetries = 0
		var got bytes.Buffer
		f := &File{
			Writer:     writerFunc(func(p []byte) (int, error) { time.Sleep(time.Minute); return got.Write(p) }),
			OnStart:    func(Info) error { time.Sleep(time.Minute); return nil },
			OnProgress: func(int64, int64) { time.Sleep(time.Minute) },
		}
		require.NoError(t, Fetch(t.Context(), s, fileAt(t, "http://storage.test"), f).Err)
		assert.Equal(t, content, got.String())
	})
}

func TestNewHTTPClient_Redirects(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Referer(), "it would contain the signature")
		if r.URL.Path == "/back" {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, content)
	}))
	t.Cleanup(secure.Close)
	elsewhere := wire.Serve(t, wire.Respond(200, content))
	for name, tc := range map[string]struct {
		location string
		followed bool
	}{
		"same origin":                      {"/elsewhere", true},
		"https elsewhere":                  {secure.URL + "/x", true},
		"http elsewhere":                   {elsewhere.URL, false},
		"http elsewhere after https":       {secure.URL + "/back?to=" + elsewhere.URL, false},
		"link-local":                       {"https://169.254.169.254/latest", false},
		"link-local, mapped":               {"https://[::ffff:169.254.169.254]/latest", false},
		"link-local after https elsewhere": {secure.URL + "/back?to=https://169.254.169.254", false},
		"another scheme":                   {"ftp://127.0.0.1/x", false},
		"not a URL":                        {"http://[canary-location", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(302, "", "Location: "+tc.location), wire.Respond(200, content))
			pool := newPool(t)
			trusting, isTransport := secure.Client().Transport.(*http.Transport)
			require.True(t, isTransport)
			pool.TLSClientConfig = trusting.TLSClientConfig.Clone()
			s := newSettings(pool)
			s.MaxRetries = 0
			var got bytes.Buffer
			result := Fetch(t.Context(), s, fileAt(t, server.URL), &File{Writer: &got})
			require.NoError(t, result.Err)
			if tc.followed {
				assert.Equal(t, 200, result.Response.StatusCode)
				assert.Equal(t, content, got.String())
			} else {
				assert.Equal(t, 302, result.Response.StatusCode)
				assert.NotEmpty(t, result.Response.Refused)
				assert.Empty(t, got.String())
			}
			for _, r := range server.Requests() {
				assert.Empty(t, r.Header.Get("Referer"), "it would contain the signature")
			}
		})
	}
	t.Cleanup(func() { assert.Empty(t, elsewhere.Requests()) })
}

func TestNewHTTPClient_EndlessRedirects(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(302, "", "Location: /round"))
	result := Fetch(t.Context(), newSettings(newPool(t)), fileAt(t, server.URL), &File{Writer: io.Discard})
	require.ErrorContains(t, result.Err, "stopped after 10 redirects")
	assert.Equal(t, 1, result.Attempts)
	assert.Len(t, server.Requests(), 10)
}

func TestNewHTTPClient_NoCookies(t *testing.T) {
	t.Parallel()
	assert.Nil(t, NewHTTPClient(nil, Policy{}).Jar)
}

func TestFetch_ErrorWithoutSignature(t *testing.T) {
	t.Parallel()
	target := wire.Refused(t)
	s := newSettings(newPool(t))
	s.MaxRetries = 0
	result := Fetch(t.Context(), s, fileAt(t, target), &File{Writer: io.Discard})
	require.Error(t, result.Err)
	assert.NotContains(t, result.Err.Error(), "canary")
	assert.NotContains(t, result.Redactor().Line("canary-signature"), "canary")
}
