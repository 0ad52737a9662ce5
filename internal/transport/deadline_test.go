package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/testing/bubble"
)

func TestDo_AttemptTimeout(t *testing.T) {
	t.Parallel()
	for name, stall := range map[string]http.HandlerFunc{
		"headers": hang,
		"body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var requests atomic.Int64
				s := inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					if requests.Add(1) == 1 {
						stall(w, r)
						return
					}
					_, _ = io.WriteString(w, ok)
				})
				start := time.Now()
				result := Do(t.Context(), s, getRun(t, "http://runflow.test"))
				require.NoError(t, result.Err)
				assert.Equal(t, ok, string(result.Response.Body))
				assert.Equal(t, 2, result.Attempts)
				assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
				assert.LessOrEqual(t, time.Since(start), 31*time.Second)
			})
		})
	}
}

func TestDo_AttemptTimeout_CauseOfContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cause error
		s := newSettings(roundTripper(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			cause = context.Cause(req.Context())
			return nil, req.Context().Err()
		}))
		s.MaxRetries = 0
		require.ErrorIs(t, Do(t.Context(), s, getRun(t, "http://runflow.test")).Err, os.ErrDeadlineExceeded)
		require.ErrorIs(t, cause, os.ErrDeadlineExceeded)
	})
}

func TestDo_AttemptTimeout_Error(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, hang)
		s.MaxRetries = 0
		result := Do(t.Context(), s, getRun(t, "http://runflow.test"))
		require.ErrorIs(t, result.Err, os.ErrDeadlineExceeded)
		require.NotErrorIs(t, result.Err, context.DeadlineExceeded, "it is not the caller's deadline")
		var netErr interface{ Timeout() bool }
		require.ErrorAs(t, result.Err, &netErr)
		assert.True(t, netErr.Timeout())
		assert.EqualError(t, result.Err, "no complete response within 30s")
	})
}

func TestDo_NoAttemptTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, hang)
		s.AttemptTimeout = 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		result := Do(ctx, s, getRun(t, "http://runflow.test"))
		require.ErrorIs(t, result.Err, context.DeadlineExceeded)
		assert.Equal(t, time.Hour, time.Since(start))
		assert.Equal(t, 1, result.Attempts)
	})
}

// The timeout of the caller's client applies to each attempt.
func TestDo_ClientTimeout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ attempt, client, want time.Duration }{
		"shorter":      {30 * time.Second, 10 * time.Second, 10 * time.Second},
		"longer":       {30 * time.Second, time.Minute, 30 * time.Second},
		"the only one": {0, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := inBubble(t, hang)
				s.MaxRetries, s.AttemptTimeout, s.HTTPClient.Timeout = 0, tc.attempt, tc.client
				start := time.Now()
				require.Equal(t, timeoutError(tc.want), Do(t.Context(), s, getRun(t, "http://runflow.test")).Err)
				assert.Equal(t, tc.want, time.Since(start))
			})
		})
	}
}

// A timeout below the SDK is not the end of the caller's context.
func TestDo_TimeoutOfTransport(t *testing.T) {
	t.Parallel()
	dialer := &net.Dialer{Timeout: 1}
	for name, connections := range map[string]http.RoundTripper{
		"dialer":         &http.Transport{DialContext: dialer.DialContext},
		"own of context": roundTripper(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }),
	} {
		s := newSettings(connections)
		s.MaxRetries = 0
		err := Do(t.Context(), s, getRun(t, "http://127.0.0.1:9")).Err
		require.Error(t, err, name)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, name)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
}

// With one connection and responses that take 20 seconds, the fifth call waits for
// 80 seconds. That is longer than the attempt timeout, but it is not an error of
// the server.
func TestDo_AttemptTimeout_PausesForPool(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*Settings){
		"attempt timeout":   func(s *Settings) { s.AttemptTimeout = 30 * time.Second },
		"timeout of client": func(s *Settings) { s.AttemptTimeout, s.HTTPClient.Timeout = 0, 30*time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSettings(oneConnection(t, 20*time.Second))
				limit(s)
				start := time.Now()
				var calls sync.WaitGroup
				for range 5 {
					calls.Go(func() {
						result := Do(t.Context(), s, getRun(t, "http://runflow.test"))
						assert.NoError(t, result.Err)
						assert.Equal(t, 1, result.Attempts)
					})
				}
				calls.Wait()
				assert.Equal(t, 100*time.Second, time.Since(start))
			})
		})
	}
}

func TestDo_AttemptTimeout_RunsAfterWaitForPool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(oneConnection(t, 20*time.Second))
		s.AttemptTimeout, s.MaxRetries = 15*time.Second, 0
		first, request := make(chan error), getRun(t, "http://runflow.test")
		go func() {
			patient := *s
			patient.AttemptTimeout = time.Minute
			first <- Do(t.Context(), &patient, request).Err
		}()
		synctest.Wait()
		start := time.Now()
		require.Equal(t, timeoutError(15*time.Second), Do(t.Context(), s, request).Err)
		assert.Equal(t, 35*time.Second, time.Since(start))
		require.NoError(t, <-first)
	})
}

func TestDo_ContextEndsDuringWaitForPool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(oneConnection(t, 20*time.Second))
		first, request := make(chan error), getRun(t, "http://runflow.test")
		go func() { first <- Do(t.Context(), s, request).Err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		result := Do(ctx, s, createRun(t, "http://runflow.test"))
		require.Equal(t, context.DeadlineExceeded, result.Err)
		assert.False(t, result.OutcomeUnknown, "it was never sent")
		require.NoError(t, <-first)
	})
}

// oneConnection returns a pool of one connection to a server inside the bubble. The
// server takes the time slow to respond.
func oneConnection(t *testing.T, slow time.Duration) *http.Transport {
	t.Helper()
	pool := bubble.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = Sleep(r.Context(), slow)
		_, _ = io.WriteString(w, ok)
	}))
	pool.MaxConnsPerHost = 1
	return pool
}

// The time counts while a connection is being opened.
func TestDo_AttemptTimeout_OpeningConnection(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	s := newSettings(newPool(t))
	require.True(t, s.MayQueue)
	s.AttemptTimeout, s.MaxRetries, s.BackoffMin, s.BackoffMax = 5*time.Millisecond, 1, 1, 1
	result := Do(t.Context(), s, createRun(t, "https://"+silent.Addr().String()))
	require.Equal(t, timeoutError(5*time.Millisecond), result.Err)
	assert.Equal(t, 2, result.Attempts)
	assert.False(t, result.OutcomeUnknown)
}

func TestDeadline_Pause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(nil)
		ctx, d := s.NewAttempt(t.Context(), endpoint.RunsGet, 1)
		start := time.Now()
		time.Sleep(10 * time.Second)
		d.Pause()
		d.Pause()
		time.Sleep(time.Hour)
		d.setPaused(false)
		d.setPaused(false)
		<-ctx.Done()
		assert.Equal(t, time.Hour+30*time.Second, time.Since(start))
		require.Equal(t, timeoutError(30*time.Second), d.ErrorOr(errTest))
		d.Stop()
	})
}

func TestDeadline_Restart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(nil)
		ctx, d := s.NewAttempt(t.Context(), endpoint.RunsGet, 1)
		start := time.Now()
		time.Sleep(10 * time.Second)
		d.Restart()
		time.Sleep(10 * time.Second)
		d.Pause()
		time.Sleep(time.Hour)
		d.Restart()
		<-ctx.Done()
		assert.Equal(t, time.Hour+50*time.Second, time.Since(start))
		d.Restart()
		require.Equal(t, timeoutError(30*time.Second), d.ErrorOr(errTest), "the time was up")
	})
}

func TestDeadline_Stop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, before := range map[string]func(*Deadline){
			"running": func(*Deadline) {},
			"paused":  (*Deadline).Pause,
		} {
			s := newSettings(nil)
			ctx, d := s.NewAttempt(t.Context(), endpoint.RunsGet, 1)
			before(d)
			d.Stop()
			d.Restart()
			d.setPaused(false)
			require.ErrorIs(t, ctx.Err(), context.Canceled, name)
			time.Sleep(time.Hour)
			assert.Equal(t, errTest, d.ErrorOr(errTest), name)
		}
	})
}

func TestDeadline_NoLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(nil)
		s.AttemptTimeout = 0
		ctx, d := s.NewAttempt(t.Context(), endpoint.RunsGet, 1)
		d.Pause()
		d.Restart()
		time.Sleep(time.Hour)
		require.NoError(t, ctx.Err())
		d.Stop()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}
