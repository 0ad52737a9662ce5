package upload

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/runflow-io/runflow-go/internal/transport"
)

var errStopped = errors.New("the attempt is over")

// A body is one reading of a file, for one attempt. The time of the attempt does not
// run while the file is read, and starts anew after each part: it is the time
// without progress.
type body struct {
	file     *File
	deadline *transport.Deadline

	ended atomic.Bool

	mu   sync.Mutex // held while the file is read and OnProgress runs
	sent int64
	err  error // of the file, or the reason why the context ended
}

func newBody(f *File, deadline *transport.Deadline) *body {
	b := &body{file: f, deadline: deadline}
	if f.OnProgress != nil {
		f.OnProgress(0, f.Size)
	}
	return b
}

// Read reads the next part of the file. It reads the last one only if nothing
// follows it, so that a file that has grown is not stored.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended.Load():
		return 0, errStopped
	case b.err != nil:
		return 0, b.err
	case b.sent == b.file.Size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	b.deadline.Pause()
	defer b.deadline.Restart()
	n, err := b.file.read(p[:min(int64(len(p)), b.file.Size-b.sent)])
	b.sent += int64(n)
	if err == nil && b.sent == b.file.Size {
		err = b.file.checkEnd()
	}
	if err != nil {
		b.err = err
		return 0, err
	}
	if b.file.OnProgress != nil {
		b.file.OnProgress(b.sent, b.file.Size)
	}
	return n, nil
}

// Close does nothing: the file belongs to the caller.
func (b *body) Close() error { return nil }

// end waits until the file is no longer read, and prevents further reads: some parts
// of net/http outlive the request that they read a body for. It returns the error of
// the file, or the reason why the context ended while the file was read.
func (b *body) end() error {
	b.ended.Store(true) // first, because a further read may get the lock before
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
