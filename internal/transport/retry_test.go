package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

const ok = `{"id":"1"}`

func TestIdempotentRequestsOutliveWhatMayPass(t *testing.T) {
	t.Parallel()
	faults := map[string]wire.Step{
		"429":                       wire.Answer(429, "{}"),
		"500":                       wire.Answer(500, "{}"),
		"502 with a page":           wire.Answer(502, "<html>bad gateway</html>"),
		"503":                       wire.Answer(503, "{}"),
		"closed before headers":     wire.Close(""),
		"reset before headers":      wire.Reset(""),
		"reset amid headers":        wire.Reset("HTTP/1.1 200 OK\r\nContent-Le"),
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
			server := wire.Serve(t, fault, fault, wire.Answer(200, ok))
			base := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				result := Do(t.Context(), settings(t, server.URL, base), rating(endpoint.Idempotent))
				require.NoError(t, result.Err)
				assert.Equal(t, 200, result.Answer.StatusCode)
				assert.Equal(t, ok, string(result.Answer.Body))
				assert.Equal(t, 3, result.Attempts)
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
		t.Run(name+", without a retry class", func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, fault, wire.Answer(200, ok))
			result := Do(t.Context(), settings(t, server.URL, pool(t)), rating(endpoint.Never))
			assert.True(t, result.Err != nil || result.Answer.StatusCode >= 429)
			assert.Equal(t, 1, result.Attempts)
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestFinalAnswersAreNotAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 204, 304, 400, 401, 402, 403, 404, 405, 408, 409, 422, 425, 501} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			body := "{}"
			if status == 204 || status == 304 {
				body = ""
			}
			server := wire.Serve(t, wire.Answer(status, body), wire.Answer(200, ok))
			result := Do(t.Context(), settings(t, server.URL, pool(t)), rating(endpoint.Idempotent))
			require.NoError(t, result.Err)
			assert.Equal(t, status, result.Answer.StatusCode)
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestRefusedConnectionsAreRetriedUntilTheLimit(t *testing.T) {
	t.Parallel()
	target, base := wire.Refused(t), newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, target, base)
		s.MaxRetries = 7
		result := Do(t.Context(), s, rating(endpoint.Idempotent))
		require.ErrorContains(t, result.Err, "refused")
		assert.Equal(t, 8, result.Attempts)
		assert.Nil(t, result.Answer)
	})
}

func TestNoRetriesMeansOneAttempt(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, `{"code":"DOWN"}`))
	s := settings(t, server.URL, pool(t))
	s.MaxRetries = 0
	result := Do(t.Context(), s, rating(endpoint.Idempotent))
	require.NoError(t, result.Err)
	assert.Equal(t, 503, result.Answer.StatusCode)
	assert.JSONEq(t, `{"code":"DOWN"}`, string(result.Answer.Body))
	assert.Len(t, server.Requests(), 1)
}

func TestTheLastAnswerIsKeptWhenRetriesRunOut(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, `{"code":"FIRST"}`), wire.Answer(500, `{"code":"LAST"}`))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), settings(t, server.URL, base), rating(endpoint.Idempotent))
		require.NoError(t, result.Err)
		assert.Equal(t, 5, result.Attempts)
		assert.Equal(t, 500, result.Answer.StatusCode)
		assert.JSONEq(t, `{"code":"LAST"}`, string(result.Answer.Body))
	})
}

func TestWaitsStayWithinTheBackoff(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, "{}"))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		s.MaxRetries = 9
		start := time.Now()
		Do(t.Context(), s, rating(endpoint.Idempotent))
		waited := time.Since(start)
		// 1+2+4+8+16 and 4 times 32 seconds at most, hardly ever near 0.
		assert.LessOrEqual(t, waited, 159*time.Second)
		assert.Greater(t, waited, time.Second)
	})
}

func TestRetryAfterIsAMinimum(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 500, 503} {
		for value, want := range map[string]time.Duration{
			"20":                            20 * time.Second,
			"20.5":                          20500 * time.Millisecond,
			"Sat, 01 Jan 2000 00:00:25 GMT": 25 * time.Second, // a bubble's clock starts with the year 2000
		} {
			t.Run(http.StatusText(status)+" "+value, func(t *testing.T) {
				t.Parallel()
				server := wire.Serve(t, wire.Answer(status, "{}", "Retry-After: "+value), wire.Answer(200, ok))
				base := newOutside(t)
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					result := Do(t.Context(), settings(t, server.URL, base), rating(endpoint.Idempotent))
					require.NoError(t, result.Err)
					assert.Equal(t, want, time.Since(start))
					assert.Equal(t, 2, result.Attempts)
				})
			})
		}
	}
}

func TestRetryAfterThatIsTooLongEndsTheCallAtOnce(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"above the cap":     "33",
		"beyond a Duration": "9223372037",
		"in the far future": "Fri, 31 Dec 9999 23:59:59 GMT",
		"past the deadline": "11",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Answer(429, `{"code":"RATE_LIMITED"}`, "Retry-After: "+value))
			base := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if value == "11" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
				}
				start := time.Now()
				result := Do(ctx, settings(t, server.URL, base), rating(endpoint.Idempotent))
				require.NoError(t, result.Err)
				assert.Zero(t, time.Since(start))
				assert.Equal(t, 429, result.Answer.StatusCode)
				assert.Equal(t, 1, result.Attempts)
			})
		})
	}
}

func TestNoWaitOutlivesTheDeadline(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, `{"code":"DOWN"}`))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		s.BackoffMin, s.BackoffMax, s.MaxRetries = time.Hour, time.Hour, 1000
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result := Do(ctx, s, rating(endpoint.Idempotent))
		require.NoError(t, ctx.Err(), "it ends before the deadline")
		require.ErrorIs(t, result.Err, context.DeadlineExceeded)
		require.NotNil(t, result.Answer)
		assert.Equal(t, 503, result.Answer.StatusCode)
	})
}

func TestNoWaitOutlivesTheDeadlineAfterAFailedConnection(t *testing.T) {
	t.Parallel()
	target, base := wire.Refused(t), newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, target, base)
		s.BackoffMin, s.BackoffMax, s.MaxRetries = time.Hour, time.Hour, 1000
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result := Do(ctx, s, rating(endpoint.Idempotent))
		require.ErrorIs(t, result.Err, context.DeadlineExceeded)
		require.ErrorContains(t, result.Err, "refused")
	})
}

func TestCancellationEndsAWaitAtOnce(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, `{"code":"DOWN"}`, "Retry-After: 30"))
	base := newOutside(t)
	cause := errors.New("the user left")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(7*time.Second, func() { cancel(cause) })
		start := time.Now()
		result := Do(ctx, settings(t, server.URL, base), rating(endpoint.Idempotent))
		assert.Equal(t, 7*time.Second, time.Since(start))
		require.ErrorIs(t, result.Err, context.Canceled)
		require.ErrorIs(t, result.Err, cause)
		require.NotNil(t, result.Answer)
		assert.Equal(t, 503, result.Answer.StatusCode)
		assert.Equal(t, 1, result.Attempts)
	})
}

func TestContextThatEndedBeforehandSendsNothing(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(200, ok))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result := Do(ctx, settings(t, server.URL, pool(t)), rating(endpoint.Idempotent))
	require.ErrorIs(t, result.Err, context.Canceled)
	assert.Zero(t, result.Attempts)
	assert.Empty(t, server.Requests())
}

func TestPeersThatCannotProveWhoTheyAreAreNotAskedAgain(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ok) })
	secure, plain := httptest.NewUnstartedServer(handler), httptest.NewServer(handler)
	secure.Config.ErrorLog = discardLog()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	for name, target := range map[string]string{
		"unknown authority": secure.URL,
		"no TLS at all":     strings.Replace(plain.URL, "http://", "https://", 1),
		"no such host":      "http://no-such-host.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := Do(t.Context(), settings(t, target, pool(t)), rating(endpoint.Idempotent))
			require.Error(t, result.Err)
			assert.Equal(t, 1, result.Attempts)
		})
	}
}
