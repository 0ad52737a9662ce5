package transport

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/bubble"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

// onPipe returns settings for a server inside the bubble.
func onPipe(t *testing.T, handler http.HandlerFunc) *Settings {
	t.Helper()
	return settings(t, "http://pipe", bubble.Serve(t, handler))
}

func TestAttemptsThatTakeTooLongAreRetried(t *testing.T) {
	t.Parallel()
	slow := map[string]http.HandlerFunc{
		"headers": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	}
	for name, stall := range slow {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var requests atomic.Int64
				s := onPipe(t, func(w http.ResponseWriter, r *http.Request) {
					if requests.Add(1) == 1 {
						stall(w, r)
						return
					}
					_, _ = io.WriteString(w, ok)
				})
				start := time.Now()
				result := Do(t.Context(), s, getRun)
				require.NoError(t, result.Err)
				assert.Equal(t, ok, string(result.Answer.Body))
				assert.Equal(t, 2, result.Attempts)
				assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
				assert.LessOrEqual(t, time.Since(start), 31*time.Second)
			})
		})
	}
}

// getRun has no body: a server that does not read one sees the end of the
// connection, and ends too.
var getRun = Request{
	Endpoint: endpoint.Endpoint{Operation: "Runs.Get", Method: http.MethodGet, Route: "/v1/runs/{run_id}", Retry: endpoint.Idempotent},
	Path:     "/v1/runs/1",
}

func TestAttemptTimeoutIsNotTheCallersDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := onPipe(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		s.MaxRetries = 0
		result := Do(t.Context(), s, getRun)
		require.ErrorIs(t, result.Err, os.ErrDeadlineExceeded)
		require.NotErrorIs(t, result.Err, context.DeadlineExceeded)
		var netErr interface{ Timeout() bool }
		require.ErrorAs(t, result.Err, &netErr)
		assert.True(t, netErr.Timeout())
		assert.EqualError(t, result.Err, "no whole answer within 30s")
	})
}

func TestWithoutAnAttemptTimeoutOnlyTheContextEndsAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := onPipe(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		s.AttemptTimeout = 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		result := Do(ctx, s, getRun)
		require.ErrorIs(t, result.Err, context.DeadlineExceeded)
		assert.Equal(t, time.Hour, time.Since(start))
		assert.Equal(t, 1, result.Attempts)
	})
}

func TestCancellationEndsAnAttemptAtOnce(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user left")
	synctest.Test(t, func(t *testing.T) {
		s := onPipe(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start := time.Now()
		result := Do(ctx, s, getRun)
		require.ErrorIs(t, result.Err, context.Canceled)
		require.ErrorIs(t, result.Err, cause)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 1, result.Attempts)
	})
}

func TestEachAttemptAsksForItsToken(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, "{}"), wire.Answer(200, ok))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		tokens := []string{"first-token", "second-token"}
		s.Token = func(context.Context) (string, error) {
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}
		require.NoError(t, Do(t.Context(), s, rating(endpoint.Idempotent)).Err)
	})
	requests := server.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, "Bearer first-token", requests[0].Header.Get("Authorization"))
	assert.Equal(t, "Bearer second-token", requests[1].Header.Get("Authorization"))
}

func TestNeitherTokenOfACallIsShown(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, "{}"), wire.Reset(""))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		s.MaxRetries = 1
		tokens := []string{"first-token", "second-token"}
		s.Token = func(context.Context) (string, error) {
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}
		result := Do(t.Context(), s, getRun)
		require.Error(t, result.Err)
		assert.Equal(t, "[redacted] [redacted]", result.Redact("first-token second-token"))
	})
}

func TestATimeLimitBelowIsNotTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	dialing := &net.Dialer{Timeout: 1}
	for name, base := range map[string]http.RoundTripper{
		"dialing":              &http.Transport{DialContext: dialing.DialContext},
		"a context of its own": roundTripper(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }),
	} {
		s := settings(t, "http://127.0.0.1:9", base)
		s.MaxRetries = 0
		err := Do(t.Context(), s, getRun).Err
		require.Error(t, err, name)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, name)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
}

type limiter func(context.Context) error

func (l limiter) Wait(ctx context.Context) error { return l(ctx) }

func TestWhatFailsBeforeAnAttemptEndsTheCall(t *testing.T) {
	t.Parallel()
	broken := errors.New("out of order")
	for name, spoil := range map[string]func(*Settings){
		"rate limiter": func(s *Settings) { s.Limiter = limiter(func(context.Context) error { return broken }) },
		"token source": func(s *Settings) { s.Token = func(context.Context) (string, error) { return "", broken } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Answer(200, ok))
			s := settings(t, server.URL, pool(t))
			spoil(s)
			result := Do(t.Context(), s, rating(endpoint.Idempotent))
			require.ErrorIs(t, result.Err, broken)
			require.EqualError(t, result.Err, name+": out of order")
			assert.Zero(t, result.Attempts)
			assert.Empty(t, server.Requests())
		})
	}
}

func TestEachAttemptWaitsForTheLimiter(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, "{}"), wire.Answer(503, "{}"), wire.Answer(200, ok))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		waits := 0
		s.Limiter = limiter(func(context.Context) error {
			assert.Len(t, server.Requests(), waits, "it waits before the attempt")
			waits++
			return nil
		})
		require.NoError(t, Do(t.Context(), s, rating(endpoint.Idempotent)).Err)
		assert.Equal(t, 3, waits)
	})
}

func TestContextEndsWhileTheLimiterWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := onPipe(t, func(http.ResponseWriter, *http.Request) {})
		s.Limiter = limiter(func(ctx context.Context) error { <-ctx.Done(); return errors.New("limiter's own") })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		result := Do(ctx, s, getRun)
		require.ErrorIs(t, result.Err, context.DeadlineExceeded)
		assert.Zero(t, result.Attempts)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestRequestsCarryTheirCall(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, "{}"), wire.Answer(200, ok))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		var calls []Call
		s := settings(t, server.URL, roundTripper(func(req *http.Request) (*http.Response, error) {
			call, found := CallFromContext(req.Context())
			assert.True(t, found)
			calls = append(calls, call)
			return base.RoundTrip(req)
		}))
		require.NoError(t, Do(t.Context(), s, rating(endpoint.Idempotent)).Err)
		assert.Equal(t, []Call{{"PATCH", "/v1/runs/{run_id}", 1}, {"PATCH", "/v1/runs/{run_id}", 2}}, calls)
	})
	_, found := CallFromContext(t.Context())
	assert.False(t, found)
}

func TestWhatIsEscapedArrivesSo(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{"": "/runs/a%3Bb", "/a%2Fb": "/a%2Fb/runs/a%3Bb"} {
		server := wire.Serve(t, wire.Answer(200, ok))
		request := getRun
		request.Path = "/runs/a%3Bb"
		require.NoError(t, Do(t.Context(), settings(t, server.URL+base, pool(t)), request).Err)
		request.Path = "/runs/plain"
		require.NoError(t, Do(t.Context(), settings(t, server.URL+base, pool(t)), request).Err)
		seen := server.Requests()
		require.Len(t, seen, 2)
		assert.Equal(t, want, seen[0].URI)
		assert.Equal(t, base+"/runs/plain", seen[1].URI)
	}
}

func TestErrorTextsDoNotHoldTheURL(t *testing.T) {
	t.Parallel()
	s := settings(t, wire.Refused(t), pool(t))
	s.MaxRetries = 0
	result := Do(t.Context(), s, rating(endpoint.Idempotent))
	require.Error(t, result.Err)
	assert.NotContains(t, result.Err.Error(), "canary")
	var opErr *net.OpError
	assert.ErrorAs(t, result.Err, &opErr, "the cause can be reached")
}

func TestForeignTextIsRedacted(t *testing.T) {
	t.Parallel()
	s := settings(t, "http://127.0.0.1:1", roundTripper(func(req *http.Request) (*http.Response, error) {
		return nil, errors.New("cannot send " + req.URL.String() + "\nwith " + req.Header.Get("Authorization"))
	}))
	s.MaxRetries = 0
	result := Do(t.Context(), s, rating(endpoint.Idempotent))
	text := result.Redact(result.Err.Error())
	assert.NotContains(t, text, "canary")
	assert.NotContains(t, text, "\n")
	assert.Contains(t, text, "cannot send http://127.0.0.1:1/v1/runs/a%20b?[redacted] with Bearer [redacted]")
}
