package faults

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

const (
	head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	kept = head + "Content-Length: 2\r\n\r\n{}" // a response after which the connection stays open
)

// connections returns faults of the connection.
func connections() []Fault {
	lost := func(when, text string) []Fault {
		return []Fault{
			{Name: "connection reset " + when, Outcome: Unknown, start: scripted(wire.Reset(text))},
			{Name: "connection closed " + when, Outcome: Unknown, start: scripted(wire.Close(text))},
		}
	}
	return slices.Concat(
		[]Fault{
			{Name: "connection refused", Outcome: NotProcessed, start: refused},
			{Name: "idle connection closed by the server", Outcome: Success, start: idle(wire.Close(kept))},
			{Name: "idle connection closed by the server with a 408", Outcome: Success,
				start: idle(wire.Close(kept + "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"))},
			{Name: "idle connection reset when it is reused", Outcome: Unknown, start: idle(wire.Send(kept), wire.Reset(""))},
		},
		lost("before the headers", ""),
		lost("during the headers", head+"Content-Le"),
		lost("before the body", head+"Content-Length: 99\r\n\r\n"),
		lost("during the body", head+"Content-Length: 99\r\n\r\n{\"id\":\""+secretResponse),
		lost("during a chunk", head+"Transfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":\""+secretResponse),
		lost("between chunks", head+"Transfer-Encoding: chunked\r\n\r\nA\r\n"+success+"\r\n"),
		lost("during gzip data", head+"Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b\x08\x00\x00\x00"),
		lost("after a 100 Continue", "HTTP/1.1 100 Continue\r\n\r\n"),
		[]Fault{{Name: "connection closed during the body of a 404", Outcome: Rejected,
			start: scripted(wire.Close("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n{\"code\":\"" + secretResponse))}},
	)
}

func refused(t *testing.T, _ bool) *server {
	t.Helper()
	return outside(t, wire.Refused(t), transport.NewPool(), noRequests)
}

// idle opens a connection before the call. The first step is for the request that
// opens the connection; the other steps are for the call.
func idle(first wire.Step, wrong ...wire.Step) func(*testing.T, bool) *server {
	return func(t *testing.T, lasting bool) *server {
		t.Helper()
		script := wire.Serve(t, append([]wire.Step{first}, steps(lasting && len(wrong) > 0, wrong...)...)...)
		pool := transport.NewPool()
		closed := make(chan struct{})
		notify := sync.OnceFunc(func() { close(closed) })
		dial := pool.DialContext
		pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &watchedConn{conn, notify}, err
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, script.URL, http.NoBody)
		require.NoError(t, err)
		resp, err := pool.RoundTrip(req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		if len(wrong) == 0 {
			<-closed // so that the call does not reuse it
		}
		return outside(t, script.URL, pool, func() []wire.Request { return script.Requests()[1:] })
	}
}

// A watchedConn reports when the client closes it.
type watchedConn struct {
	net.Conn

	notify func()
}

// Close closes the connection.
func (w *watchedConn) Close() error {
	w.notify()
	return w.Conn.Close()
}
