package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// serve starts a server and returns the number of connections opened to it.
func serve(t *testing.T, server *httptest.Server, start func()) (opened *atomic.Int64) {
	t.Helper()
	opened = new(atomic.Int64)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	start()
	t.Cleanup(server.Close)
	return opened
}

// serverTLS returns the settings of a client that trusts the server.
func serverTLS(t *testing.T, server *httptest.Server) *tls.Config {
	t.Helper()
	trusting, isTransport := server.Client().Transport.(*http.Transport)
	require.True(t, isTransport)
	return trusting.TLSClientConfig.Clone()
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

func TestNewPool_ReusesConnections(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ok) }))
	opened := serve(t, server, server.Start)
	s := newSettings(newPool(t))
	const calls, width = 2000, 128
	concurrently(calls, width, func() { assert.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err) })
	// On a busy machine, net/http closes a connection if its write loop does not
	// respond within 50 ms, and opens another one.
	const dropped = 16
	assert.LessOrEqual(t, opened.Load(), int64(connections+dropped))
}

func TestNewPool_KeptByFailedCalls(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("fail") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, ok)
	}))
	opened := serve(t, server, server.Start)
	pool := newPool(t)
	s := newSettings(pool)
	require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err)
	require.Equal(t, int64(1), opened.Load())

	failing := getRun(t, server.URL)
	failing.URL.RawQuery = "fail"
	hasty := *s
	hasty.BackoffMin, hasty.BackoffMax = time.Nanosecond, time.Nanosecond
	require.Equal(t, 503, Do(t.Context(), &hasty, failing).Response.StatusCode)

	unreachable := newSettings(pool)
	unreachable.MaxRetries = 0
	require.Error(t, Do(t.Context(), unreachable, getRun(t, wire.Refused(t))).Err)

	waiting := *s
	waiting.BackoffMin, waiting.BackoffMax = time.Hour, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	waiting.Limiter = limiter(func(context.Context) error { defer cancel(); return nil })
	require.Error(t, Do(ctx, &waiting, failing).Err)

	require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err)
	assert.Equal(t, int64(1), opened.Load())
}

// A dead connection must be closed before the attempt times out.
func TestNewPool_PingsHTTP2(t *testing.T) {
	t.Parallel()
	http2 := newPool(t).HTTP2
	require.NotNil(t, http2)
	assert.Positive(t, http2.SendPingTimeout)
	assert.Positive(t, http2.PingTimeout)
	assert.Less(t, http2.SendPingTimeout+http2.PingTimeout, newSettings(nil).AttemptTimeout)
}

func TestNewPool_SharesHTTP2Connection(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, 2, r.ProtoMajor)
		_, _ = io.WriteString(w, ok)
	}))
	server.EnableHTTP2, server.Config.ErrorLog = true, discardLog()
	opened := serve(t, server, server.StartTLS)
	pool := newPool(t)
	pool.TLSClientConfig = serverTLS(t, server)
	s := newSettings(pool)
	require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err) // each call that finds no open connection dials one
	concurrently(1000, 100, func() { assert.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err) })
	assert.Equal(t, int64(1), opened.Load())
}

// All goroutines of a bubble must end before the bubble does. If the pool left one
// running, the test would fail, or wait until the idle connection times out.
func TestNewPool_CloseIdleConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var serving sync.WaitGroup
		for range 200 {
			pool := NewPool()
			pool.DialContext = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				serving.Go(func() { respond(server) })
				return client, nil
			}
			quiet := Quiet(pool)
			require.NoError(t, Do(t.Context(), newSettings(quiet), getRun(t, "http://runflow.test")).Err)
			closer, canClose := quiet.(interface{ CloseIdleConnections() })
			require.True(t, canClose)
			closer.CloseIdleConnections()
		}
		serving.Wait()
		assert.Zero(t, time.Since(start))
	})
}

// respond serves one request of a connection and reads on until it is closed.
func respond(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 4096)
	_, _ = conn.Read(buffer)
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"+ok)
	_, _ = io.Copy(io.Discard, conn)
}

func TestNewPool_RefusesLinkLocal(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{
		"169.254.169.254:80":          true,
		"[::ffff:169.254.169.254]:80": true,
		"[fe80::1%lo]:80":             true,
		"[febf::1]:443":               true,
		"127.0.0.1:80":                false,
		"10.0.0.1:80":                 false,
		"169.253.0.1:80":              false,
		"[::1]:443":                   false,
		"[fec0::1]:443":               false,
	} {
		err := refuseLinkLocal(t.Context(), "tcp", address, nil)
		assert.Equal(t, refused, err != nil, address)
	}
	s := newSettings(newPool(t))
	for _, target := range []string{"http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/latest", "http://[fe80::1%25lo]/latest"} {
		result := Do(t.Context(), s, getRun(t, target))
		require.ErrorIs(t, result.Err, errLinkLocal, target)
		assert.Equal(t, 1, result.Attempts)
	}
}

func TestMayQueue(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		transport http.RoundTripper
		want      bool
	}{
		"pool of the SDK":        {newPool(t), true},
		"limited":                {&http.Transport{MaxConnsPerHost: 1}, true},
		"not limited":            {&http.Transport{}, false},
		"another implementation": {roundTripper(nil), false},
	} {
		assert.Equal(t, tc.want, MayQueue(tc.transport), name)
	}
}
