package upload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"time"
)

// A File is what is sent. Its size is known.
type File struct {
	Size       int64
	MIMEType   string
	OnProgress func(sent, total int64) // may be nil

	reader io.Reader
	stat   func() (fs.FileInfo, error) // nil if the reader is not a file on disk
	mtime  time.Time                   // of that file
	seeker io.Seeker                   // nil if the reader cannot be rewound
	start  int64                       // in the seeker
	began  bool                        // bytes were read
	spool  *os.File                    // that Close removes
}

// A FileError is an error of the file itself.
type FileError struct{ Err error }

// Error returns the reason.
func (e *FileError) Error() string { return "file: " + e.Err.Error() }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

var (
	// ErrTooLarge is returned if a file has more bytes than allowed.
	ErrTooLarge = errors.New("too large")
	errShorter  = fmt.Errorf("it has fewer bytes than its size: %w", io.ErrUnexpectedEOF)
	errLonger   = errors.New("it has more bytes than its size")
	errChanged  = errors.New("it was changed while it was sent")
	errNoRewind = errors.New("it cannot be rewound for another attempt")
)

// Open returns the file that r has from its current position on. A size of 0 is
// unknown: if r is neither an io.Seeker nor has a Len method, r is copied into a
// temporary file of at most limit bytes. Close removes it.
func Open(r io.Reader, size, limit int64) (*File, error) {
	f := &File{Size: size, reader: r}
	if disk, ok := r.(fs.File); ok {
		if info, err := disk.Stat(); err == nil {
			f.stat, f.mtime = disk.Stat, info.ModTime()
		}
	}
	if seeker, ok := r.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil { // a pipe has a Seek that fails
			f.seeker, f.start = seeker, start
		}
	}
	sized, hasLen := r.(interface{ Len() int })
	switch {
	case size != 0:
		return f, nil
	case f.seeker != nil:
		end, err := f.seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, &FileError{err}
		}
		f.Size = end - f.start
		return f, f.Rewind()
	case hasLen:
		f.Size = int64(sized.Len())
		return f, nil
	}
	return spooled(r, limit)
}

// spooled returns a copy of r on disk.
func spooled(r io.Reader, limit int64) (*File, error) {
	spool, err := os.CreateTemp("", "runflow-upload-*")
	if err != nil {
		return nil, &FileError{err}
	}
	f := &File{reader: spool, seeker: spool, spool: spool}
	f.Size, err = io.Copy(spool, io.LimitReader(r, limit+1))
	if err == nil && f.Size > limit {
		err = ErrTooLarge
	}
	if err == nil {
		err = f.Rewind()
	}
	if err != nil {
		f.Close()
		return nil, &FileError{err}
	}
	return f, nil
}

// Close removes the copy of the file, if there is one.
func (f *File) Close() {
	if f.spool != nil {
		_ = f.spool.Close()
		_ = os.Remove(f.spool.Name())
	}
}

// CanRewind reports whether the file can be sent again.
func (f *File) CanRewind() bool { return f.seeker != nil || !f.began }

// Rewind goes back to the beginning.
func (f *File) Rewind() error {
	if !f.CanRewind() {
		return &FileError{errNoRewind}
	}
	if f.seeker != nil {
		if _, err := f.seeker.Seek(f.start, io.SeekStart); err != nil {
			return &FileError{err}
		}
	}
	f.began = false
	return nil
}

// checkUnchanged refuses a file on disk that was changed since [Open].
func (f *File) checkUnchanged() error {
	if f.stat == nil {
		return nil
	}
	info, err := f.stat()
	switch {
	case err != nil:
		return &FileError{err}
	case !info.ModTime().Equal(f.mtime):
		return &FileError{errChanged}
	}
	return nil
}

// sniffed is how many bytes http.DetectContentType looks at.
const sniffed = 512

// Detect sets the MIME type by the content of the file, and if that says little by
// the extension of its name.
func (f *File) Detect(name string) error {
	head := make([]byte, min(sniffed, f.Size))
	n, err := io.ReadFull(f.reader, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return &FileError{err}
	}
	head = head[:n]
	if f.seeker != nil {
		if err := f.Rewind(); err != nil {
			return err
		}
	} else {
		f.reader = io.MultiReader(bytes.NewReader(head), f.reader)
	}
	f.MIMEType = http.DetectContentType(head)
	if general, _, _ := mime.ParseMediaType(f.MIMEType); general == "application/octet-stream" || general == "text/plain" || general == "text/xml" {
		if byName := mime.TypeByExtension(path.Ext(name)); byName != "" {
			f.MIMEType = byName
		}
	}
	return nil
}

// read reads the next part, at least one byte of it.
func (f *File) read(p []byte) (int, error) {
	f.began = true
	n, err := io.ReadAtLeast(f.reader, p, 1)
	switch {
	case n > 0:
		return n, nil // an error comes with the next part
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, &FileError{errShorter}
	default:
		return 0, &FileError{err}
	}
}

// checkEnd refuses a file that goes on after its size.
func (f *File) checkEnd() error {
	var next [1]byte
	n, err := io.ReadFull(f.reader, next[:])
	switch {
	case n > 0:
		return &FileError{errLonger}
	case errors.Is(err, io.EOF):
		return nil
	default:
		return &FileError{err}
	}
}
