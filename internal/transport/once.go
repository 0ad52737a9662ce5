package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"sync/atomic"
)

var errRepeated = errors.New("the server reset the stream")

// sentOnce returns a context that ends with errRepeated before net/http sends a
// request a second time by itself over HTTP/2. Without a body, net/http does so
// after REFUSED_STREAM and, on Go 1.26, after PROTOCOL_ERROR, which leaves it unknown
// whether the server has processed the request.
func sentOnce(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	var isHTTP2, sent atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if sent.Load() {
				cancel(errRepeated)
			}
			conn, ok := info.Conn.(*tls.Conn)
			isHTTP2.Store(ok && conn.ConnectionState().NegotiatedProtocol == "h2")
		},
		WroteHeaders: func() { sent.Store(isHTTP2.Load()) },
	})
}
