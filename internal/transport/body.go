package transport

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

const (
	// enough is what is read of an error.
	enough = 1 << 20
	// ready is what the mere promise of a body may claim at once, and what is
	// kept for the next one: more than a page of 500 runs has.
	ready = 8 << 20
)

// read reads the body of resp, never more than allowed. An error's status
// counts even where its body breaks off.
func (c *call) read(resp *http.Response) (*Answer, error) {
	answer := &Answer{StatusCode: resp.StatusCode, Header: resp.Header, Refused: c.refused}
	ok := resp.StatusCode/100 == 2
	if c.Request.Sink.isWhole(resp) {
		answer.StatusCode = http.StatusOK
		return answer, nil
	}
	limit := c.MaxResponseBytes
	if !ok {
		limit = min(limit, enough)
	}
	if c.Request.Sink != nil && ok {
		return answer, c.pour(resp, answer)
	}
	body, err := answer.readAll(resp, limit)
	if err != nil && ok {
		return nil, err
	}
	if int64(len(body)) > limit {
		answer.TooLarge = true
		body = body[:limit]
	}
	answer.Body = body
	return answer, nil
}

// buffers hold bodies for as long as an answer is looked at.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Release gives the body's memory back. Nothing may refer to it any more.
func (r *Result) Release() {
	if r.Answer == nil || r.Answer.buffer == nil {
		return
	}
	if r.Answer.buffer.Cap() <= ready {
		buffers.Put(r.Answer.buffer)
	}
	r.Answer.buffer, r.Answer.Body = nil, nil
}

// readAll reads at most one byte more than limit. The byte is also what makes
// the reader see the end of a body of exactly that length, without which its
// connection would not be kept.
func (a *Answer) readAll(resp *http.Response, limit int64) ([]byte, error) {
	a.buffer, _ = buffers.Get().(*bytes.Buffer)
	a.buffer.Reset()
	if n := min(resp.ContentLength, limit, ready); n > 0 {
		a.buffer.Grow(int(n) + bytes.MinRead) // else it doubles its way up to a size that is known
	}
	a.source = io.LimitedReader{R: resp.Body, N: addOne(limit)}
	_, err := a.buffer.ReadFrom(&a.source)
	return a.buffer.Bytes(), err
}

func addOne(n int64) int64 { return max(n, n+1) }
