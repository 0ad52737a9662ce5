package transport

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// net/http would retry a request without a body by itself: on Go 1.26 after both
// faults, on Go 1.27 after REFUSED_STREAM only.
func TestDo_HTTP2_WithoutBody(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]wire.StreamStep{
		"REFUSED_STREAM": wire.RefuseStream,
		"PROTOCOL_ERROR": wire.BreakProtocol,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, pool := serveHTTP2(t, fault, wire.RespondHTTP2(ok))
			result := Do(t.Context(), newSettings(pool), redeliver(t, server.URL))
			require.Error(t, result.Err)
			assert.True(t, result.OutcomeUnknown)
			assert.Equal(t, 1, server.Requests())
		})
	}
}

// A connection that the server has closed in the meantime is replaced.
func TestDo_WithoutBody_IdleConnectionClosed(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"+ok), wire.Respond(200, ok))
	pool := newPool(t)
	dial, closed := pool.DialContext, make(chan struct{}, 1)
	pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &closing{conn, closed}, err
	}
	s := newSettings(pool)

	result := Do(t.Context(), s, redeliver(t, server.URL))
	require.NoError(t, result.Err)
	<-closed // net/http has read the end of the connection
	result = Do(t.Context(), s, redeliver(t, server.URL))
	require.NoError(t, result.Err)
	assert.False(t, result.OutcomeUnknown)
	assert.Len(t, server.Requests(), 2)
}

// A closing is a connection that reports that it is closed.
type closing struct {
	net.Conn

	closed chan<- struct{}
}

func (c *closing) Close() error {
	select {
	case c.closed <- struct{}{}:
	default:
	}
	return c.Conn.Close()
}

// If a write fails before its first byte, net/http sends the request on another
// connection. That is safe, because the server has received nothing.
func TestDo_WithoutBody_NothingWritten(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, ok), wire.Respond(200, ok))
	pool := newPool(t)
	dial, first := pool.DialContext, new(breaking)
	pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if first.Conn == nil {
			first.Conn = conn
			return first, err
		}
		return conn, err
	}
	s := newSettings(pool)

	require.NoError(t, Do(t.Context(), s, redeliver(t, server.URL)).Err)
	first.broken.Store(true)
	result := Do(t.Context(), s, redeliver(t, server.URL))
	require.NoError(t, result.Err)
	assert.Equal(t, 1, result.Attempts)
	assert.False(t, result.OutcomeUnknown)
	assert.Len(t, server.Requests(), 2)
}

// A breaking is a connection whose writes fail once it is broken.
type breaking struct {
	net.Conn

	broken atomic.Bool
}

func (c *breaking) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(p)
}
