package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/wire"
)

// counting returns a server that counts the connections opened to it.
func counting(t *testing.T, handler http.HandlerFunc) (url string, opened *atomic.Int64) {
	t.Helper()
	opened = new(atomic.Int64)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, opened
}

// concurrently makes n calls, at most width at a time.
func concurrently(n, width int, call func()) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range width {
		workers.Go(func() {
			for next.Add(1) <= int64(n) {
				call()
			}
		})
	}
	workers.Wait()
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	target, opened := counting(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ok) })
	s := settings(t, target, pool(t))
	concurrently(10_000, 64, func() {
		result := Do(t.Context(), s, getRun)
		assert.NoError(t, result.Err)
	})
	t.Logf("opened %d connections for 10,000 calls, 64 at a time", opened.Load())
	// On a starved machine net/http drops a connection whose writer has not been
	// heard of for 50 ms, and another takes its place.
	const dropped = 8
	assert.LessOrEqual(t, opened.Load(), int64(64+dropped))
}

func TestFailedAndCancelledCallsLeaveTheConnectionsOfOthersOpen(t *testing.T) {
	t.Parallel()
	target, opened := counting(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("fail") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, ok)
	})
	base := pool(t)
	s := settings(t, target, base)
	require.NoError(t, Do(t.Context(), s, getRun).Err)
	require.Equal(t, int64(1), opened.Load())

	failing := getRun
	failing.Query = "fail"
	hasty := *s
	hasty.BackoffMin, hasty.BackoffMax = time.Nanosecond, time.Nanosecond
	require.Equal(t, 503, Do(t.Context(), &hasty, failing).Answer.StatusCode)

	unreachable := settings(t, wire.Refused(t), base)
	unreachable.MaxRetries = 0
	require.Error(t, Do(t.Context(), unreachable, getRun).Err)

	waiting := *s
	waiting.BackoffMin, waiting.BackoffMax = time.Hour, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	waiting.Limiter = limiter(func(context.Context) error { defer cancel(); return nil })
	require.Error(t, Do(ctx, &waiting, failing).Err)

	require.NoError(t, Do(t.Context(), s, getRun).Err)
	assert.Equal(t, int64(1), opened.Load())
}

// A connection that has gone silent must be given up within an attempt.
func TestAPoolPingsHTTP2ConnectionsWithinAnAttempt(t *testing.T) {
	t.Parallel()
	http2 := pool(t).HTTP2
	require.NotNil(t, http2)
	assert.Positive(t, http2.SendPingTimeout)
	assert.Positive(t, http2.PingTimeout)
	assert.Less(t, http2.SendPingTimeout+http2.PingTimeout, settings(t, "", nil).AttemptTimeout)
}

func TestManyCallsShareAnHTTP2Connection(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, 2, r.ProtoMajor)
		_, _ = io.WriteString(w, ok)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	base := pool(t)
	trusting, isTransport := server.Client().Transport.(*http.Transport)
	require.True(t, isTransport)
	base.TLSClientConfig = trusting.TLSClientConfig
	s := settings(t, server.URL, base)
	require.NoError(t, Do(t.Context(), s, getRun).Err) // calls that find none open dial one each
	concurrently(2000, 200, func() {
		assert.NoError(t, Do(t.Context(), s, getRun).Err)
	})
	assert.Equal(t, int64(1), opened.Load())
}
