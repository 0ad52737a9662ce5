package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// mayHaveBeenProcessed reports whether the server may have processed the last
// attempt of a request that is not idempotent, although no response says so.
func (c *call) mayHaveBeenProcessed(response *Response, err error, received, redirected bool) bool {
	switch {
	case c.Request.Endpoint.Retry == endpoint.Idempotent:
		return false
	case response != nil:
		return isUnclear(response.StatusCode)
	case redirected:
		return false // it got redirects only, none of which asked for another method
	case received:
		return true // the headers of a success, but not its body
	default:
		return !c.isUnsent(err)
	}
}

// isUnclear reports whether a response with this status leaves open whether the
// server processed the request. A 301, a 302 and a 303 tell the client to fetch
// the result of a request elsewhere; a 307 and a 308 to send it elsewhere.
func isUnclear(status int) bool {
	switch status {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return false
	case http.StatusRequestTimeout:
		return true
	}
	return status/100 == 1 || status/100 == 3 || status >= http.StatusInternalServerError
}

// isUnsent reports whether the attempt that failed with err is known not to have
// reached the server's application.
func (c *call) isUnsent(err error) bool {
	if isRefusedStream(err) {
		return true
	}
	if c.body != nil {
		return c.body.isUnread()
	}
	// Without a body nothing shows what was sent, except that there was no
	// connection to send it over.
	op, ok := errors.AsType[*net.OpError](err)
	return errors.Is(err, errProxy) || is[*tls.CertificateVerificationError](err) || ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

// isRefusedStream reports whether an HTTP/2 server said that it did not process
// the request: by REFUSED_STREAM, or by a graceful GOAWAY that excludes it. The
// errors of net/http have no type that says so. Nothing that a server sends can
// begin an error's text like this.
func isRefusedStream(err error) bool {
	text := strings.TrimPrefix(err.Error(), "http2: Transport: cannot retry err [")
	return strings.HasPrefix(text, "stream error: stream ID ") && strings.Contains(text, "; REFUSED_STREAM") ||
		strings.HasPrefix(text, "http2: Transport received Server's graceful shutdown GOAWAY")
}

var errStopped = errors.New("the attempt is over")

// A watchedBody is a request body that knows whether it has been read. Whatever
// sends a request must read its body: one that was not read was not sent, at
// least not whole.
type watchedBody struct {
	io.ReadCloser

	state *bodyState
}

// Read reads the body, unless the attempt is over.
func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.state.markRead() {
		return 0, errStopped
	}
	return b.ReadCloser.Read(p)
}

// A bodyState is shared by all readers of an attempt's body: a redirect wants it
// again.
type bodyState struct{ atomic.Int32 }

const (
	unread int32 = iota
	wasRead
	sealed
)

// markRead reports whether the body may be read.
func (s *bodyState) markRead() bool {
	return s.CompareAndSwap(unread, wasRead) || s.Load() == wasRead
}

// isUnread reports whether the body has not been read, and ensures that it never
// will be: a connection may outlive the attempt that gave up on it.
func (s *bodyState) isUnread() bool {
	return s.CompareAndSwap(unread, sealed) || s.Load() == sealed
}
