package upload

import (
	"context"
	"errors"
	"io"

	"github.com/runflow-io/runflow-go/internal/transport"
)

// A source reads from the reader of the caller until ctx ends, even if the reader
// blocks: net/http waits for the end of a read before it ends a request. A source
// returns either bytes or an error, and repeats the error. Errors of the reader are
// FileErrors.
type source struct {
	ctx    context.Context
	reader io.Reader
	buffer []byte // the reader may still write into it after ctx has ended
	err    error
}

const (
	// partSize is the maximum size of one read. It is that of net/http.
	partSize = 32 << 10
	// maxEmptyReads is the number of reads without a result after which a reader is
	// considered broken. It is that of the package bufio.
	maxEmptyReads = 100
)

var errBadCount = errors.New("its reader returned an invalid number of bytes")

// Read reads the next part.
func (s *source) Read(p []byte) (int, error) {
	for range maxEmptyReads {
		if s.err != nil {
			return 0, s.err
		}
		var n int
		if n, s.err = s.read(p); n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	s.err = &FileError{io.ErrNoProgress}
	return 0, s.err
}

// read makes one read in another goroutine, because a read that blocks cannot be
// stopped.
func (s *source) read(p []byte) (n int, err error) {
	if s.ctx.Err() != nil {
		return 0, transport.Ended(s.ctx)
	}
	if s.buffer == nil {
		s.buffer = make([]byte, partSize)
	}
	part := s.buffer[:min(len(p), partSize)]
	results := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panicked = recover()
			results <- r
		}()
		r.n, r.err = s.reader.Read(part)
	}()
	select {
	case <-s.ctx.Done():
		return 0, transport.Ended(s.ctx)
	case r := <-results:
		switch {
		case r.panicked != nil:
			panic(r.panicked) //nolint:forbidigo // the reader of the caller panicked in the other goroutine
		case r.n < 0 || r.n > len(part):
			return 0, &FileError{errBadCount}
		case r.err != nil && r.err != io.EOF: //nolint:errorlint // an error that wraps io.EOF is not the end of a reader
			r.err = &FileError{r.err}
		}
		return copy(p, part[:r.n]), r.err
	}
}

// A result is the result of one read.
type result struct {
	n        int
	err      error
	panicked any
}
