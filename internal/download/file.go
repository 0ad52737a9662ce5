package download

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A File is the destination and the state of a download. It is used for all
// attempts, also if the URL changes.
type File struct {
	Writer     io.Writer
	MaxBytes   int64                      // 0 means no limit
	OnStart    func(Info) error           // may be nil
	OnProgress func(written, total int64) // may be nil

	Info    Info  // description of the file, after the start
	Written int64 // number of bytes that have been written

	best    int64 // maximum of Written so far
	started bool
	version version
}

// A version identifies the bytes of a file at a URL.
type version struct {
	etag         string // "" if it is weak
	lastModified string // "" if it is weak
	size         int64  // -1 if unknown
}

// ErrTooLarge is the error of a file that is larger than MaxBytes.
var ErrTooLarge = errors.New("the file is larger than allowed")

var (
	errOtherFile = errors.New("the download cannot be resumed: the file changed or has no strong validator, and the writer cannot be truncated")
	errNoRange   = errors.New("the storage host sent a part of the file without a valid Content-Range")
	errOtherPart = errors.New("the storage host sent a different part of the file than requested")
)

// header returns the headers that request the rest of the file. The identity
// encoding is needed to count the bytes of the file.
func (f *File) header(userAgent []string) http.Header {
	header := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": userAgent}
	if validator := f.version.validator(); f.Written > 0 && validator != "" {
		header["Range"] = []string{fmt.Sprintf("bytes=%d-", f.Written)}
		header["If-Range"] = []string{validator}
	}
	return header
}

// isComplete reports whether resp shows that f already has all bytes: only the end
// of the transfer was lost.
func (f *File) isComplete(resp *http.Response) bool {
	return resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && f.Written > 0 &&
		(f.version.size < 0 || f.version.size == f.Written) &&
		resp.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", f.Written)
}

// receive writes the rest of the file from body, which is the body of resp.
func (f *File) receive(resp *http.Response, body io.Reader) error {
	start, found, err := describe(resp)
	if err != nil {
		return &finalError{err}
	}
	body, err = decoded(resp, body, &found)
	if err != nil {
		return brokenOff(err)
	}
	if f.Written > 0 && !f.version.continuesWith(found, resp.StatusCode == http.StatusPartialContent) {
		if err := f.restart(); err != nil {
			return err
		}
	}
	if start > f.Written {
		return errOtherPart // after a restart, the next attempt asks for the whole file
	}
	if err := f.start(resp, found); err != nil {
		return err
	}
	if f.MaxBytes > 0 && f.version.size > f.MaxBytes {
		return &finalError{ErrTooLarge}
	}
	if _, err := io.CopyN(io.Discard, body, f.Written-start); err != nil {
		return brokenOff(err)
	}
	if err := f.copy(body); err != nil {
		return err
	}
	switch {
	case f.version.size > f.Written:
		return io.ErrUnexpectedEOF
	case f.version.size >= 0 && f.version.size < f.Written:
		return &finalError{errOtherPart}
	}
	return nil
}

// decoded returns the decoded body. If the host has encoded the file although the
// request did not allow that, the offsets of the decoded bytes are not those of the
// stored file, so decoded clears v: the file cannot be resumed.
func decoded(resp *http.Response, body io.Reader, v *version) (io.Reader, error) {
	switch resp.Header.Get("Content-Encoding") {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		*v = version{size: -1}
		return gzip.NewReader(body)
	default:
		return nil, &finalError{errors.New("the storage host sent the file in an unknown encoding")}
	}
}

// start records the description of the file before its first byte, and calls
// OnStart.
func (f *File) start(resp *http.Response, found version) error {
	if f.Written == 0 {
		f.version = found
	}
	if f.started {
		return nil
	}
	f.started = true
	f.Info = infoOf(resp, found.size)
	if f.OnStart != nil {
		if err := f.OnStart(f.Info); err != nil {
			return &finalError{err}
		}
	}
	return nil
}

// copy writes body until it ends.
func (f *File) copy(body io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		allowed := int64(n)
		if f.MaxBytes > 0 {
			allowed = min(allowed, f.MaxBytes-f.Written)
		}
		if allowed > 0 {
			if _, err := f.Write(buffer[:allowed]); err != nil {
				return err
			}
		}
		switch {
		case allowed < int64(n):
			return &finalError{ErrTooLarge}
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// Write writes the next part of the file. Its errors are those of the writer.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	f.Written += int64(n)
	f.best = max(f.best, f.Written)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, &finalError{err}
	}
	if f.OnProgress != nil {
		f.OnProgress(f.Written, f.version.size)
	}
	return n, nil
}

// truncater is a writer that can be truncated.
type truncater interface {
	io.Seeker
	Truncate(size int64) error
}

// origin returns the position at which the file begins in its writer, or -1 if the
// writer cannot be truncated. It does not use the position before the first write,
// because that is 0 for an *os.File that was opened with O_APPEND.
func (f *File) origin() int64 {
	if t, ok := f.Writer.(truncater); ok {
		if at, err := t.Seek(0, io.SeekCurrent); err == nil {
			return max(-1, at-f.Written)
		}
	}
	return -1
}

// restart removes all bytes of the file from the writer.
func (f *File) restart() error {
	origin := f.origin()
	t, ok := f.Writer.(truncater)
	if !ok || origin < 0 {
		return &finalError{errOtherFile}
	}
	if err := t.Truncate(origin); err != nil {
		return &finalError{fmt.Errorf("%w: %w", errOtherFile, err)}
	}
	if _, err := t.Seek(origin, io.SeekStart); err != nil {
		return &finalError{err}
	}
	f.Written, f.version = 0, version{size: -1}
	return nil
}

// canContinue reports whether another attempt could write the rest of the file, or
// write it again from the beginning.
func (f *File) canContinue() bool {
	return f.Written == 0 || f.version.validator() != "" || f.origin() >= 0
}

// describe returns the start of the part in resp, and the version of its file.
func describe(resp *http.Response) (start int64, v version, err error) {
	v = version{size: resp.ContentLength}
	if etag := resp.Header.Get("ETag"); etag != "" && !strings.HasPrefix(etag, "W/") {
		v.etag = etag
	}
	if isStrong(resp.Header) {
		v.lastModified = resp.Header.Get("Last-Modified")
	}
	if resp.StatusCode != http.StatusPartialContent {
		return 0, v, nil
	}
	span, whole, found := strings.Cut(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	start, err = strconv.ParseInt(first, 10, 64)
	if !found || err != nil || start < 0 {
		return 0, v, errNoRange
	}
	if v.size, err = strconv.ParseInt(whole, 10, 64); err != nil || v.size < 0 {
		v.size = -1 // "*", or not valid
	}
	return start, v, nil
}

// isStrong reports whether Last-Modified is a strong validator. Its precision is
// one second, so it must be clearly older than the response.
func isStrong(header http.Header) bool {
	modified, err := http.ParseTime(header.Get("Last-Modified"))
	if err != nil {
		return false
	}
	date, err := http.ParseTime(header.Get("Date"))
	return err == nil && date.Sub(modified) >= time.Minute
}

// validator returns a strong validator for If-Range, or "".
func (v version) validator() string {
	if v.etag != "" {
		return v.etag
	}
	return v.lastModified
}

// continuesWith reports whether other is the same version. For a whole file, equal
// strong validators must prove it. For a part, it is enough that nothing
// contradicts it: the part was requested with a validator, and if that did not
// match, the host would have sent the whole file.
func (v version) continuesWith(other version, isPart bool) bool {
	if v.size >= 0 && other.size >= 0 && v.size != other.size {
		return false
	}
	switch {
	case v.etag != "" && other.etag != "":
		return v.etag == other.etag
	case v.lastModified != "" && other.lastModified != "":
		return v.lastModified == other.lastModified
	}
	return isPart && v.validator() != ""
}

// brokenOff returns the error for a body that ended too early.
func brokenOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
