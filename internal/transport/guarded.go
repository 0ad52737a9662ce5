package transport

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// watch sees to it that nobody below repeats a guarded request, and that it is
// known whether it was sent. net/http takes an Idempotency-Key as a licence to
// send a request again by itself, unless it cannot get at the body again.
func (c *call) watch(req *http.Request) {
	if c.Request.Endpoint.Retry != endpoint.Guarded || c.Request.Body == nil {
		return
	}
	c.body = &watchedBody{ReadCloser: req.Body}
	req.Body = c.body
	if !c.Request.Vouched {
		req.GetBody = nil
	}
}

// mayHaveBeenTaken reports whether the last attempt of a guarded request may
// have had its effect although no answer says so.
func (c *call) mayHaveBeenTaken(answer *Answer) bool {
	if c.Request.Endpoint.Retry != endpoint.Guarded {
		return false
	}
	if answer != nil {
		return answer.StatusCode >= http.StatusInternalServerError
	}
	if c.final {
		return false // all it got were redirects
	}
	return !c.body.unsent()
}

// watchedBody is a request body that knows whether it has been asked for.
// Whatever sends a request must read its body: what was not read was not sent,
// at least not whole.
type watchedBody struct {
	io.ReadCloser

	state atomic.Int32
}

const (
	untouched int32 = iota
	read
	sealed
)

var errSealed = errors.New("the attempt is over")

func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(untouched, read) && b.state.Load() == sealed {
		return 0, errSealed
	}
	return b.ReadCloser.Read(p)
}

// unsent reports whether the body was never read, and sees to it that it never
// will be: a connection may outlive the attempt that gave up on it.
func (b *watchedBody) unsent() bool {
	if b == nil {
		return false // no proof
	}
	return b.state.CompareAndSwap(untouched, sealed) || b.state.Load() == sealed
}
