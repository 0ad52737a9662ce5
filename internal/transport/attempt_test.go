package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestDo_ContextEndsDuringAttempt(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user left")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start := time.Now()
		result := Do(ctx, inBubble(t, hang), getRun(t, "http://runflow.test"))
		require.ErrorIs(t, result.Err, context.Canceled)
		require.ErrorIs(t, result.Err, cause)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 1, result.Attempts)
	})
}

func TestDo_EachAttemptAsksForToken(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "{}"), wire.Respond(200, ok))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		tokens := []string{"first-token", "second-token"}
		s.TokenSource = func(context.Context) (string, error) {
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}
		require.NoError(t, Do(t.Context(), s, setFeedback(t, server.URL)).Err)
	})
	requests := server.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, "Bearer first-token", requests[0].Header.Get("Authorization"))
	assert.Equal(t, "Bearer second-token", requests[1].Header.Get("Authorization"))
}

func TestDo_FailureBeforeAttempt(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Settings){
		"rate limiter": func(s *Settings) { s.Limiter = limiter(func(context.Context) error { return errTest }) },
		"token source": func(s *Settings) { s.TokenSource = func(context.Context) (string, error) { return "", errTest } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(200, ok))
			s := newSettings(newPool(t))
			spoil(s)
			result := Do(t.Context(), s, createRun(t, server.URL))
			require.ErrorIs(t, result.Err, errTest)
			require.EqualError(t, result.Err, name+": out of order")
			assert.Zero(t, result.Attempts)
			assert.False(t, result.OutcomeUnknown)
			assert.Empty(t, server.Requests())
		})
		t.Run(name+" of a retry", func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(503, "{}"))
			outside := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				s := newSettings(outside)
				s.HTTPClient.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
					defer spoil(s)
					return outside.RoundTrip(req)
				})
				result := Do(t.Context(), s, createRunWithOwnKey(t, server.URL))
				require.ErrorIs(t, result.Err, errTest)
				assert.Equal(t, 1, result.Attempts)
				assert.True(t, result.OutcomeUnknown, "after the 503 the outcome is unknown")
				require.NotNil(t, result.Response)
				assert.Equal(t, 503, result.Response.StatusCode)
			})
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestDo_TokenSourceHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, hang)
		s.TokenSource = func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		start := time.Now()
		result := Do(t.Context(), s, getRun(t, "http://runflow.test"))
		require.EqualError(t, result.Err, "token source: no complete response within 30s")
		require.NotErrorIs(t, result.Err, context.Canceled)
		require.NotErrorIs(t, result.Err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}

func TestDo_TokenSourceCountsAsTimeOfAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, hang)
		s.MaxRetries = 0
		s.TokenSource = func(context.Context) (string, error) {
			time.Sleep(20 * time.Second)
			return testToken, nil
		}
		start := time.Now()
		require.ErrorIs(t, Do(t.Context(), s, getRun(t, "http://runflow.test")).Err, timeoutError(30*time.Second))
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}

func TestDo_ContextEndsDuringTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, hang)
		s.TokenSource = func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", errTest
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Equal(t, context.DeadlineExceeded, Do(ctx, s, getRun(t, "http://runflow.test")).Err)
	})
}

func TestDo_EachAttemptWaitsForLimiter(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "{}"), wire.Respond(503, "{}"), wire.Respond(200, ok))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		waits := 0
		s.Limiter = limiter(func(context.Context) error {
			assert.Len(t, server.Requests(), waits, "it waits before the attempt")
			waits++
			return nil
		})
		require.NoError(t, Do(t.Context(), s, setFeedback(t, server.URL)).Err)
		assert.Equal(t, 3, waits)
	})
}

func TestDo_LimiterIsNotPartOfTheAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, func(http.ResponseWriter, *http.Request) {})
		s.Limiter = limiter(func(context.Context) error { time.Sleep(time.Hour); return nil })
		require.NoError(t, Do(t.Context(), s, getRun(t, "http://runflow.test")).Err)
	})
}

func TestDo_ContextEndsDuringLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, hang)
		s.Limiter = limiter(func(ctx context.Context) error { <-ctx.Done(); return errTest })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		result := Do(ctx, s, getRun(t, "http://runflow.test"))
		require.ErrorIs(t, result.Err, context.DeadlineExceeded)
		assert.Zero(t, result.Attempts)
	})
}

func TestFromContext(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "{}"), wire.Respond(200, ok))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var attempts []Attempt
		s := newSettings(roundTripper(func(req *http.Request) (*http.Response, error) {
			attempt, found := FromContext(req.Context())
			assert.True(t, found)
			assert.Equal(t, "kept", req.Context().Value(key{}))
			attempts = append(attempts, attempt)
			return outside.RoundTrip(req)
		}))
		require.NoError(t, Do(context.WithValue(t.Context(), key{}, "kept"), s, setFeedback(t, server.URL)).Err)
		assert.Equal(t, []Attempt{
			{"Runs.SetFeedback", "PATCH", "/v1/runs/{run_id}", 1},
			{"Runs.SetFeedback", "PATCH", "/v1/runs/{run_id}", 2},
		}, attempts)
	})
	_, found := FromContext(t.Context())
	assert.False(t, found)
}

func TestDo_ContextOfAttemptEnds(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(429, "{}", "Retry-After: 1"), wire.Respond(200, ok))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		var ended []<-chan struct{}
		s := newSettings(roundTripper(func(req *http.Request) (*http.Response, error) {
			for _, earlier := range ended {
				<-earlier
			}
			ended = append(ended, req.Context().Done())
			return outside.RoundTrip(req)
		}))
		s.BackoffMin = 1
		start := time.Now()
		require.NoError(t, Do(t.Context(), s, createRun(t, server.URL)).Err)
		require.Len(t, ended, 2)
		<-ended[1]
		assert.Equal(t, time.Second, time.Since(start), "it does not wait for the end of the attempt's time")
	})
}

func TestExplain_WithoutURL(t *testing.T) {
	t.Parallel()
	s := newSettings(newPool(t))
	s.MaxRetries = 0
	result := Do(t.Context(), s, setFeedback(t, wire.Refused(t)))
	require.Error(t, result.Err)
	assert.NotContains(t, result.Err.Error(), "canary")
	var opErr *net.OpError
	assert.ErrorAs(t, result.Err, &opErr, "the cause can be reached")
}

func TestEnded_Cause(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	require.ErrorIs(t, Ended(ctx), context.Canceled)
	require.ErrorIs(t, Ended(ctx), errTest)

	ctx, cancelAll := context.WithCancel(t.Context())
	cancelAll()
	require.Equal(t, context.Canceled, Ended(ctx))
}
