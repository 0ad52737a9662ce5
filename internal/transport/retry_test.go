package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestDo_IdempotentRetriedOnTemporaryError(t *testing.T) {
	t.Parallel()
	faults := map[string]wire.Step{
		"408":                       wire.Respond(408, "{}"),
		"429":                       wire.Respond(429, "{}"),
		"500":                       wire.Respond(500, "{}"),
		"502 with a page":           wire.Respond(502, "<html>bad gateway</html>"),
		"503":                       wire.Respond(503, "{}"),
		"closed before headers":     wire.Close(""),
		"reset before headers":      wire.Reset(""),
		"reset during headers":      wire.Reset("HTTP/1.1 200 OK\r\nContent-Le"),
		"reset after headers":       wire.Reset("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
		"truncated body":            wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"id\""),
		"truncated chunks":          wire.Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n"),
		"truncated gzip":            wire.Close("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b\x08\x00"),
		"not HTTP":                  wire.Close("hello\r\n\r\n"),
		"500 whose body breaks off": wire.Close("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n{"),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, fault, fault, wire.Respond(200, ok))
			outside := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				result := Do(t.Context(), newSettings(outside), setFeedback(t, server.URL))
				require.NoError(t, result.Err)
				assert.Equal(t, 200, result.Response.StatusCode)
				assert.Equal(t, ok, string(result.Response.Body))
				assert.Equal(t, 3, result.Attempts)
				assert.False(t, result.OutcomeUnknown)
			})
			requests := server.Requests()
			require.Len(t, requests, 3)
			for _, r := range requests {
				assert.Equal(t, "PATCH", r.Method)
				assert.Equal(t, "/v1/runs/a%20b?secret=canary-query", r.URI)
				assert.Equal(t, `{"reason":"canary-body"}`, r.Body)
				assert.Equal(t, "Bearer "+testToken, r.Header.Get("Authorization"))
			}
		})
	}
}

func TestDo_FinalStatusNotRetried(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 204, 304, 400, 401, 402, 403, 404, 405, 409, 422, 425, 501} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			body := "{}"
			if status == 204 || status == 304 {
				body = ""
			}
			server := wire.Serve(t, wire.Respond(status, body), wire.Respond(200, ok))
			result := Do(t.Context(), newSettings(newPool(t)), setFeedback(t, server.URL))
			require.NoError(t, result.Err)
			assert.Equal(t, status, result.Response.StatusCode)
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestDo_MaxRetries(t *testing.T) {
	t.Parallel()
	target, outside := wire.Refused(t), newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		for _, retries := range []int{0, 1, 7} {
			s := newSettings(outside)
			s.MaxRetries = retries
			result := Do(t.Context(), s, setFeedback(t, target))
			require.ErrorContains(t, result.Err, "refused")
			assert.Equal(t, retries+1, result.Attempts)
			assert.Nil(t, result.Response)
		}
	})
}

func TestDo_LastResponseIsTheResult(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, `{"code":"FIRST"}`), wire.Respond(500, `{"code":"LAST"}`))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), newSettings(outside), setFeedback(t, server.URL))
		require.NoError(t, result.Err)
		assert.Equal(t, 5, result.Attempts)
		assert.Equal(t, 500, result.Response.StatusCode)
		assert.Equal(t, `{"code":"LAST"}`, string(result.Response.Body))
	})
}

func TestDo_ResponseOfEarlierAttemptIsKept(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, `{"code":"DOWN"}`), wire.Reset(""))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), newSettings(outside), setFeedback(t, server.URL))
		require.Error(t, result.Err)
		require.NotNil(t, result.Response)
		assert.Equal(t, `{"code":"DOWN"}`, string(result.Response.Body))
	})
}

func TestDo_DelaysStayWithinBackoff(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "{}"))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.MaxRetries = 9
		start := time.Now()
		Do(t.Context(), s, setFeedback(t, server.URL))
		waited := time.Since(start)
		// The maximum is 1+2+4+8+16 and 4 times 32 seconds. A sum near 0 is very
		// unlikely.
		assert.LessOrEqual(t, waited, 159*time.Second)
		assert.Greater(t, waited, time.Second)
	})
}

func TestDo_RetryAfterIsMinimumDelay(t *testing.T) {
	t.Parallel()
	for _, status := range []int{408, 429, 500, 503} {
		for value, want := range map[string]time.Duration{
			"20":                            20 * time.Second,
			"20.5":                          20500 * time.Millisecond,
			"Sat, 01 Jan 2000 00:00:25 GMT": 25 * time.Second, // the clock of a bubble starts with the year 2000
		} {
			t.Run(http.StatusText(status)+" "+value, func(t *testing.T) {
				t.Parallel()
				server := wire.Serve(t, wire.Respond(status, "{}", "Retry-After: "+value), wire.Respond(200, ok))
				outside := newOutside(t)
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					result := Do(t.Context(), newSettings(outside), setFeedback(t, server.URL))
					require.NoError(t, result.Err)
					assert.Equal(t, want, time.Since(start))
					assert.Equal(t, 2, result.Attempts)
				})
			})
		}
	}
}

func TestDo_RetryAfterTooLong(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"above the maximum delay": "33",
		"above a Duration":        "9223372037",
		"in the far future":       "Fri, 31 Dec 9999 23:59:59 GMT",
		"after the deadline":      "11",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(429, `{"code":"RATE_LIMITED"}`, "Retry-After: "+value))
			outside := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if value == "11" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
				}
				start := time.Now()
				result := Do(ctx, newSettings(outside), setFeedback(t, server.URL))
				require.NoError(t, result.Err)
				assert.Zero(t, time.Since(start))
				assert.Equal(t, 429, result.Response.StatusCode)
				assert.Equal(t, 1, result.Attempts)
			})
		})
	}
}

func TestDo_DelayWouldOutliveDeadline(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, `{"code":"DOWN"}`))
	refused := wire.Refused(t)
	for name, target := range map[string]string{"response": server.URL, "no response": refused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				s := newSettings(outside)
				s.BackoffMin, s.BackoffMax, s.MaxRetries = time.Hour, time.Hour, 1000
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				result := Do(ctx, s, setFeedback(t, target))
				require.NoError(t, ctx.Err(), "it ends before the deadline")
				require.ErrorIs(t, result.Err, context.DeadlineExceeded)
				require.ErrorContains(t, result.Err, "no time for another attempt")
				if target == refused {
					require.ErrorContains(t, result.Err, "refused")
					return
				}
				require.NotNil(t, result.Response)
				assert.Equal(t, 503, result.Response.StatusCode)
			})
		})
	}
}

func TestDo_PermanentConnectionErrorNotRetried(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ok) })
	secure, plain := httptest.NewUnstartedServer(handler), httptest.NewServer(handler)
	secure.Config.ErrorLog = discardLog()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	for name, target := range map[string]string{
		"unknown authority": secure.URL,
		"no TLS":            strings.Replace(plain.URL, "http://", "https://", 1),
		"no such host":      "http://no-such-host.invalid",
		"link-local":        "http://169.254.169.254",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := Do(t.Context(), newSettings(newPool(t)), setFeedback(t, target))
			require.Error(t, result.Err)
			assert.Equal(t, 1, result.Attempts)
		})
	}
}

func TestIsTransient(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"no such host":        {&net.DNSError{IsNotFound: true}, false},
		"name server is down": {fmt.Errorf("dial: %w", &net.DNSError{IsTemporary: true}), true},
		"wrong scheme":        {fmt.Errorf("x: %w", http.ErrSchemeMismatch), false},
		"link-local":          {&net.OpError{Op: "dial", Err: errLinkLocal}, false},
		"reset":               {&net.OpError{Op: "read", Err: errors.New("reset")}, true},
		"end of connection":   {io.ErrUnexpectedEOF, true},
	} {
		assert.Equal(t, tc.want, IsTransient(tc.err), name)
	}
}

func TestSleep_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTest)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, Sleep(ctx, time.Minute), errTest)
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, Sleep(t.Context(), time.Minute))
		assert.Equal(t, 61*time.Second, time.Since(start))
	})
}
