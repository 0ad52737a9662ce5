package transport

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Sink is where the body of a download goes, and how much of it is there. It
// outlives an attempt, and the URL.
type Sink struct {
	Writer  io.Writer
	Written int64

	size      int64  // of the whole file; 0 while unknown
	validator string // ETag of the file, where it is a strong one
	progress  func() // is told of every part
}

func (s *Sink) written() int64 {
	if s == nil {
		return 0
	}
	return s.Written
}

// Write writes the next part of the file.
func (s *Sink) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	s.Written += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}

// writeError marks an error as the writer's own.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

var (
	errChanged  = errors.New("the file changed while it was downloaded")
	errTooLarge = errors.New("the file is larger than allowed")
)

// ask sets the headers of an attempt to get what is missing. Without an encoding
// of its own, the file's bytes can be counted.
func (s *Sink) ask(header http.Header) {
	header["Accept"] = []string{"*/*"}
	header["Accept-Encoding"] = []string{"identity"}
	if s.Written > 0 {
		header["Range"] = []string{fmt.Sprintf("bytes=%d-", s.Written)}
		if s.validator != "" {
			header["If-Range"] = []string{s.validator}
		}
	}
}

// pour writes what is missing from resp. Where the server sends the whole file
// again, it passes over what is there.
func (s *Sink) pour(resp *http.Response, limit int64) error {
	start, size := int64(0), resp.ContentLength
	if resp.StatusCode == http.StatusPartialContent {
		var ok bool
		if start, size, ok = contentRange(resp.Header.Get("Content-Range")); !ok || start > s.Written {
			return errChanged
		}
	}
	if err := s.identify(validator(resp.Header), size); err != nil {
		return err
	}
	if s.size > limit {
		return errTooLarge
	}
	body := moving{resp.Body, s.progress}
	if _, err := io.CopyN(io.Discard, body, s.Written-start); err != nil {
		return io.ErrUnexpectedEOF
	}
	if _, err := io.Copy(s, io.LimitReader(body, limit-s.Written)); err != nil {
		return err
	}
	more, err := io.CopyN(io.Discard, body, 1)
	switch {
	case more > 0:
		return errTooLarge
	case !errors.Is(err, io.EOF):
		return err
	case s.size > s.Written:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// identify refuses what is not the file that the first attempt began with.
func (s *Sink) identify(etag string, size int64) error {
	size = max(0, size)
	switch {
	case s.Written == 0:
		s.validator, s.size = etag, size
	case differ(s.validator, etag), differ(s.size, size):
		return errChanged
	default:
		s.validator, s.size = cmp.Or(s.validator, etag), cmp.Or(s.size, size)
	}
	return nil
}

// validator returns what tells a version of a file from others, or "".
func validator(header http.Header) string {
	if etag := header.Get("ETag"); etag != "" && !strings.HasPrefix(etag, "W/") {
		return etag
	}
	return header.Get("Last-Modified")
}

// isWhole reports whether resp says that nothing is missing: what broke off was
// only the end of the transfer.
func (s *Sink) isWhole(resp *http.Response) bool {
	return s != nil && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && s.Written > 0 &&
		resp.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", s.Written)
}

// moving is a body that tells of every part that comes.
type moving struct {
	io.Reader

	progress func()
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if n > 0 && m.progress != nil {
		m.progress()
	}
	return n, err
}

// differ reports whether a and b are both known, which is not zero, and not the
// same.
func differ[T comparable](a, b T) bool {
	var unknown T
	return a != unknown && b != unknown && a != b
}

// contentRange returns where a part starts, and how large the whole file is, or
// 0 where that is not known.
func contentRange(header string) (start, size int64, ok bool) {
	span, whole, found := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !found || err != nil || start < 0 {
		return 0, 0, false
	}
	size, err = strconv.ParseInt(whole, 10, 64)
	if err != nil {
		size = 0 // "*"
	}
	return start, size, true
}

// pour fills the call's sink from resp, which answer stands for.
func (c *call) pour(resp *http.Response, answer *Answer) error {
	err := c.Request.Sink.pour(resp, c.MaxResponseBytes)
	if errors.Is(err, errTooLarge) {
		answer.TooLarge = true
		return nil
	}
	c.final = is[*writeError](err) || errors.Is(err, errChanged)
	return err
}
