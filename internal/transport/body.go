package transport

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

const (
	// maxErrorBytes is how much of an error response is read.
	maxErrorBytes = 1 << 20
	// keptBytes is the largest buffer that is kept for further responses, and
	// how much memory the length that a response announces may claim at once. A
	// page of 500 runs has less.
	keptBytes = 8 << 20
)

// A Response is an HTTP response whose body has been read.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte // valid until Release
	TooLarge   bool   // the body was larger than allowed, and is cut off

	Refused string // why a redirect was not followed

	buffer *bytes.Buffer
}

// RequestID returns the ID that the API gave the request, as it was sent, or "".
func (r *Response) RequestID() string {
	for _, name := range []string{"Runflow-Request-Id", "X-Request-Id"} {
		if id := r.Header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Read reads the body of resp, at most limit bytes, and closes it. If that
// fails, the status of an error response still counts.
func Read(resp *http.Response, limit int64) (*Response, error) {
	defer resp.Body.Close()
	r := &Response{StatusCode: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode/100 == 3 {
		r.Refused = refusal(resp)
	}
	isSuccess := resp.StatusCode/100 == 2
	if !isSuccess {
		limit = min(limit, maxErrorBytes)
	}
	r.buffer, _ = buffers.Get().(*bytes.Buffer)
	r.buffer.Reset()
	if n := min(resp.ContentLength, limit, keptBytes); n > 0 {
		r.buffer.Grow(int(n) + bytes.MinRead) // else it would double up to a size that is known
	}
	// The byte above the limit also makes the reader see the end of a body of
	// exactly that length, without which its connection would not be reused.
	_, err := r.buffer.ReadFrom(io.LimitReader(resp.Body, max(limit, limit+1)))
	if err != nil && isSuccess {
		r.Release()
		return nil, err
	}
	r.Body = r.buffer.Bytes()
	if int64(len(r.Body)) > limit {
		r.TooLarge = true
		r.Body = r.Body[:limit]
	}
	return r, nil
}

// Release returns the body's memory for further responses. Nothing may refer to
// it afterwards.
func (r *Response) Release() {
	if r == nil || r.buffer == nil {
		return
	}
	if r.buffer.Cap() <= keptBytes {
		buffers.Put(r.buffer)
	}
	r.buffer, r.Body = nil, nil
}
