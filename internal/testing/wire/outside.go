package wire

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
)

// Outside sends requests over real sockets from outside of a synctest bubble.
// Inside the bubble, the clock stands still until the response arrives, and waits
// between attempts take no real time.
type Outside struct {
	requests chan *http.Request
	replies  chan reply
}

type reply struct {
	resp *http.Response
	err  error
}

// most is the maximum number of bytes of a body that are read. It is more than any
// test allows its client to read.
const most = 8 << 20

// NewOutside sends requests over the connections of pool until the test ends.
func NewOutside(t *testing.T, pool *http.Transport) *Outside {
	t.Helper()
	o := &Outside{requests: make(chan *http.Request), replies: make(chan reply)}
	var worker sync.WaitGroup
	worker.Go(func() {
		for req := range o.requests {
			resp, err := pool.RoundTrip(req)
			if err == nil {
				body, readErr := io.ReadAll(io.LimitReader(resp.Body, most))
				_ = resp.Body.Close()
				resp.Body = &replay{body: body, err: readErr}
			}
			o.replies <- reply{resp, err}
		}
	})
	t.Cleanup(func() {
		close(o.requests)
		worker.Wait()
		pool.CloseIdleConnections()
	})
	return o
}

// RoundTrip sends a request. The context of the request does not end it.
func (o *Outside) RoundTrip(req *http.Request) (*http.Response, error) {
	detached := req.Clone(context.WithoutCancel(context.Background()))
	detached.Body = req.Body
	o.requests <- detached
	r := <-o.replies
	if r.resp != nil {
		r.resp.Request = req
	}
	return r.resp, r.err
}

// A replay is a body that has been read before, with the error of reading it.
type replay struct {
	body []byte
	err  error
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.body) > 0 {
		n := copy(p, r.body)
		r.body = r.body[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

func (*replay) Close() error { return nil }
