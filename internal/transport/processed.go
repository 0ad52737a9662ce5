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
		return false // all responses were redirects that keep the method
	case received:
		return true // the headers of a success, but not its body
	default:
		return !c.isUnsent(err)
	}
}

// isUnclear reports whether, after a response with this status, it is unknown if
// the server processed the request. A 301, a 302 or a 303 may refer to the result
// of a request that was processed. A 307 or a 308 asks the client to send the
// request to another URL.
func isUnclear(status int) bool {
	switch status {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return false
	case http.StatusRequestTimeout:
		return true
	}
	return status < http.StatusOK || status/100 == 3 || status >= http.StatusInternalServerError
}

// isUnsent reports whether it is certain that the attempt that failed with err did
// not reach the application of the server.
func (c *call) isUnsent(err error) bool {
	if isRefusedStream(err) {
		return true
	}
	if c.body != nil {
		return c.body.isUnread()
	}
	// Without a body, the only proof that nothing was sent is that there was no
	// connection.
	op, ok := errors.AsType[*net.OpError](err)
	return errors.Is(err, errProxy) || is[*tls.CertificateVerificationError](err) || ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

// isRefusedStream reports whether an HTTP/2 server did not process the request: it
// sent REFUSED_STREAM, or a graceful GOAWAY that excludes the request. net/http has
// no error type for this, so isRefusedStream compares the text. A server cannot
// forge it, because no error text begins with text that the server sent.
func isRefusedStream(err error) bool {
	text := strings.TrimPrefix(err.Error(), "http2: Transport: cannot retry err [")
	return strings.HasPrefix(text, "stream error: stream ID ") && strings.Contains(text, "; REFUSED_STREAM") ||
		strings.HasPrefix(text, "http2: Transport received Server's graceful shutdown GOAWAY")
}

var errStopped = errors.New("the attempt is over")

// A watchedBody is a request body that records whether it has been read. A
// transport must read the body to send it. If the body was not read, the request
// was not sent, or not completely.
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

// A bodyState is shared by all readers of an attempt's body. There are several if
// the attempt follows redirects.
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

// isUnread reports whether the body has not been read, and prevents any later read:
// a connection may still be in use after the end of the attempt.
func (s *bodyState) isUnread() bool {
	return s.CompareAndSwap(unread, sealed) || s.Load() == sealed
}
