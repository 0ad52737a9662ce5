package transport

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

const (
	// maxErrorBytes is the maximum number of bytes of an error response that are
	// read.
	maxErrorBytes = 1 << 20
	// keptBytes is the maximum size of a buffer that is kept for further responses.
	// It is also the maximum that is allocated at once because of a Content-Length.
	// A page of 500 runs is smaller.
	keptBytes = 8 << 20
)

// A Response is an HTTP response whose body has been read.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte // valid until Release
	TooLarge   bool   // whether the body was larger than allowed, and is truncated

	Refused string // the reason why a redirect was not followed

	buffer *bytes.Buffer
}

// RequestID returns the request ID that the API sent, or "". The ID is not
// redacted.
func (r *Response) RequestID() string {
	for _, name := range []string{"Runflow-Request-Id", "X-Request-Id"} {
		if id := r.Header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Read reads at most limit bytes of the body of resp, and closes it. It returns no
// error if the body of an error response cannot be read, because the status is
// sufficient.
func Read(resp *http.Response, limit int64) (*Response, error) {
	defer resp.Body.Close()
	r := &Response{StatusCode: resp.StatusCode, Header: resp.Header}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return r, nil // what follows is not a body, and a read might never end
	case resp.StatusCode == http.StatusResetContent:
		return r, nil // it has no content, see RFC 9110
	case resp.StatusCode/100 == 3:
		r.Refused = refusal(resp)
	}
	isSuccess := resp.StatusCode/100 == 2
	if !isSuccess {
		limit = min(limit, maxErrorBytes)
	}
	r.buffer, _ = buffers.Get().(*bytes.Buffer)
	r.buffer.Reset()
	if n := min(resp.ContentLength, limit, keptBytes); n > 0 {
		r.buffer.Grow(int(n) + bytes.MinRead) // the size is known, so the buffer need not grow step by step
	}
	// The byte above the limit is also needed to reach the end of a body of exactly
	// that length. Without that, its connection would not be reused.
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

// Release makes the memory of the body available for further responses. The body
// must not be used afterwards.
func (r *Response) Release() {
	if r == nil || r.buffer == nil {
		return
	}
	if r.buffer.Cap() <= keptBytes {
		buffers.Put(r.buffer)
	}
	r.buffer, r.Body = nil, nil
}
