package transport

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// watch sees to it that it is known of a guarded request whether it was sent.
func (c *call) watch(req *http.Request) {
	if c.Request.Endpoint.Retry != endpoint.Guarded || c.Request.Body == nil {
		return
	}
	c.body = &watchedBody{req.Body, new(atomic.Int32)}
	req.Body = c.body
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := c.newBody()
		return &watchedBody{body, c.body.state}, err
	}
	if !c.Request.Vouched {
		req.GetBody = nil
	}
}

// sentOnce returns a request that the connections below send once. They would
// send it again by themselves where its connection had been used before and it
// has an Idempotency-Key, or where an HTTP/2 server says that it did not take it:
// unseen, at once, and without an end. Without a body nothing keeps them from it.
func sentOnce(req *http.Request) *http.Request {
	if req.GetBody == nil {
		return req
	}
	once := *req
	once.GetBody = nil
	return &once
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

	state *atomic.Int32 // of all that are the same body: a redirect wants it again
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
