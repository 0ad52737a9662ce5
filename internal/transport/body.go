package transport

import (
	"bytes"
	"io"
	"net/http"
)

// mebibyte is enough for any error body, and what a mere promise of a larger
// body may claim at once.
const mebibyte = 1 << 20

// read reads the body of resp, never more than allowed. An error's status
// counts even where its body breaks off.
func (c *call) read(resp *http.Response) (*Answer, error) {
	answer := &Answer{StatusCode: resp.StatusCode, Header: resp.Header, Refused: c.refused}
	ok := resp.StatusCode/100 == 2
	limit := c.MaxResponseBytes
	if !ok {
		limit = min(limit, mebibyte)
	}
	if c.request.Sink != nil && ok {
		return answer, c.pour(resp, answer)
	}
	body, err := readAll(resp, limit)
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

// readAll reads at most one byte more than limit. The byte is also what makes
// the reader see the end of a body of exactly that length, without which its
// connection would not be kept.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	var body bytes.Buffer
	if n := min(resp.ContentLength, limit, mebibyte); n > 0 {
		body.Grow(int(n) + bytes.MinRead) // else it doubles its way up to a size that is known
	}
	_, err := body.ReadFrom(io.LimitReader(resp.Body, addOne(limit)))
	return body.Bytes(), err
}

func addOne(n int64) int64 { return max(n, n+1) }
