package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
)

// A File is the file to send. Its size is known.
type File struct {
	Size       int64
	MIMEType   string
	OnProgress func(sent, total int64) // may be nil

	source *source
	reader io.Reader // the source, and before it the bytes that Detect has read
	disk   fs.File   // nil if the source is not a file on disk
	info   fs.FileInfo
	seeker io.Seeker // nil if the source cannot be rewound
	start  int64     // in the seeker
	began  bool      // bytes were read
	spool  *os.File  // that Close removes
}

// A FileError is an error of the file itself.
type FileError struct{ Err error }

// Error returns the reason.
func (e *FileError) Error() string { return "file: " + e.Err.Error() }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

var (
	// ErrSize is returned if a file is empty, or has more bytes than allowed.
	ErrSize      = errors.New("the size is not allowed")
	errDirectory = errors.New("it is a directory")
	errShorter   = fmt.Errorf("it has fewer bytes than its size: %w", io.ErrUnexpectedEOF)
	errLonger    = errors.New("it has more bytes than its size")
	errChanged   = errors.New("it was changed while it was sent")
	errNoRewind  = errors.New("it cannot be rewound for another attempt")
)

// Open returns the file that r has from its current position on, which is read only
// until ctx ends. A size of 0 is unknown: if r is neither an io.Seeker nor has a Len
// method, Open copies it into a temporary file, which Close removes. Open returns
// [ErrSize] if the size is not 1 to limit.
func Open(ctx context.Context, r io.Reader, size, limit int64) (*File, error) {
	f := &File{Size: size}
	f.readFrom(ctx, r)
	if err := f.inspect(r); err != nil {
		return nil, &FileError{err}
	}
	sized, hasLen := r.(interface{ Len() int })
	switch {
	case size != 0:
	case f.seeker != nil:
		end, err := f.seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, &FileError{err}
		}
		f.Size = end - f.start
		if err := f.Rewind(); err != nil {
			return nil, err
		}
	case hasLen:
		f.Size = int64(sized.Len())
	default:
		return spooled(ctx, f.reader, limit)
	}
	if f.Size < 1 || f.Size > limit {
		return nil, ErrSize
	}
	return f, nil
}

func (f *File) readFrom(ctx context.Context, r io.Reader) {
	f.source = &source{ctx: ctx, reader: r}
	f.reader = f.source
}

// inspect finds out whether r is a file on disk, and whether it can be rewound.
func (f *File) inspect(r io.Reader) error {
	if disk, ok := r.(fs.File); ok {
		if info, err := disk.Stat(); err == nil {
			f.disk, f.info = disk, info
		}
	}
	if f.info != nil && f.info.IsDir() {
		return errDirectory
	}
	if seeker, ok := r.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil { // the Seek of a pipe fails
			f.seeker, f.start = seeker, start
		}
	}
	return nil
}

// spooled returns a copy of r on disk.
func spooled(ctx context.Context, r io.Reader, limit int64) (*File, error) {
	spool, err := os.CreateTemp("", "runflow-upload-*")
	if err != nil {
		return nil, &FileError{err}
	}
	f := &File{seeker: spool, spool: spool}
	f.readFrom(ctx, spool)
	isComplete := false
	defer func() {
		if !isComplete { // also if r panics
			f.Close()
		}
	}()
	if f.Size, err = io.Copy(spool, io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if f.Size < 1 || f.Size > limit {
		return nil, ErrSize
	}
	isComplete = true
	return f, f.Rewind()
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
		f.source.err = nil
	}
	f.began = false
	return nil
}

// checkUnchanged refuses a file on disk that was changed since [Open].
func (f *File) checkUnchanged() error {
	if f.disk == nil {
		return nil
	}
	info, err := f.disk.Stat()
	switch {
	case err != nil:
		return &FileError{err}
	case !info.ModTime().Equal(f.info.ModTime()) || info.Size() != f.info.Size():
		return &FileError{errChanged}
	}
	return nil
}

// sniffed is how many bytes http.DetectContentType looks at.
const sniffed = 512

// Detect sets the MIME type by the content of the file, and if that says little by
// the extension of its name.
func (f *File) Detect(name string) error {
	head, err := io.ReadAll(io.LimitReader(f.reader, sniffed))
	if err != nil {
		return err
	}
	if f.seeker != nil {
		err = f.Rewind()
	} else {
		f.reader = io.MultiReader(bytes.NewReader(head), f.source)
	}
	f.MIMEType = http.DetectContentType(head)
	if general, _, _ := mime.ParseMediaType(f.MIMEType); general == "application/octet-stream" || general == "text/plain" || general == "text/xml" {
		if byName := mime.TypeByExtension(path.Ext(name)); byName != "" {
			f.MIMEType = byName
		}
	}
	return err
}

// read reads the next part, at least one byte of it.
func (f *File) read(p []byte) (int, error) {
	f.began = true
	n, err := f.reader.Read(p)
	if err == io.EOF {
		err = &FileError{errShorter}
	}
	return n, err
}

// checkEnd refuses a file that goes on after its size.
func (f *File) checkEnd() error {
	next, err := io.ReadAll(io.LimitReader(f.reader, 1))
	if len(next) > 0 {
		return &FileError{errLonger}
	}
	return err
}
