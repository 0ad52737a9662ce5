package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reader    func(t *testing.T) io.Reader
		size      int64
		isSpooled bool
		canRewind bool
	}{
		"file":                       {onDisk, 0, false, true},
		"file and size":              {onDisk, 20, false, true},
		"seeker":                     {func(*testing.T) io.Reader { return strings.NewReader(content) }, 0, false, true},
		"seeker at a position":       {seekerAtPosition, 0, false, true},
		"Len":                        {func(*testing.T) io.Reader { return bytes.NewBufferString(content) }, 0, false, false},
		"size":                       {func(*testing.T) io.Reader { return plain{strings.NewReader(content)} }, 20, false, false},
		"stream":                     {func(*testing.T) io.Reader { return plain{strings.NewReader(content)} }, 0, true, true},
		"pipe":                       {pipe, 0, true, true},
		"pipe and size":              {pipe, 20, false, false},
		"stream, one byte at a time": {func(*testing.T) io.Reader { return iotest.OneByteReader(strings.NewReader(content)) }, 0, true, true},
		"stream, data with EOF":      {func(*testing.T) io.Reader { return iotest.DataErrReader(strings.NewReader(content)) }, 0, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Open(t.Context(), tc.reader(t), tc.size, limit)
			require.NoError(t, err)
			assert.Equal(t, int64(20), f.Size)
			assert.True(t, f.CanRewind(), "nothing has been read")
			require.NoError(t, f.Detect("a"))
			assert.True(t, f.CanRewind(), "Detect has read nothing that is lost")
			assert.Equal(t, "image/gif", f.MIMEType)
			assert.Equal(t, content, readAll(t, f))
			require.NoError(t, f.checkEnd())
			assert.Equal(t, tc.canRewind, f.CanRewind())
			if tc.canRewind {
				require.NoError(t, f.Rewind())
				assert.Equal(t, content, readAll(t, f))
			} else {
				require.ErrorIs(t, f.Rewind(), errNoRewind)
			}
			if assert.Equal(t, tc.isSpooled, f.spool != nil); tc.isSpooled {
				assert.FileExists(t, f.spool.Name())
				f.Close()
				assert.NoFileExists(t, f.spool.Name())
			}
			f.Close() // harmless
		})
	}
}

// readAll reads as much as the size of the file.
func readAll(t *testing.T, f *File) string {
	t.Helper()
	var read []byte
	for int64(len(read)) < f.Size {
		p := make([]byte, f.Size-int64(len(read)))
		n, err := f.read(p)
		require.NoError(t, err)
		require.Positive(t, n)
		read = append(read, p[:n]...)
	}
	return string(read)
}

func onDisk(t *testing.T) io.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close(), "the upload does not close it") })
	return f
}

func seekerAtPosition(t *testing.T) io.Reader {
	t.Helper()
	r := strings.NewReader("head:" + content)
	_, err := io.CopyN(io.Discard, r, 5)
	require.NoError(t, err)
	return r
}

func pipe(t *testing.T) io.Reader {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	_, err = w.WriteString(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return r
}

func TestOpen_Refusals(t *testing.T) { // not parallel: the directory of temporary files is global
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	directory, err := os.Open(dir)
	require.NoError(t, err)
	defer directory.Close()
	for name, tc := range map[string]struct { //nolint:paralleltest // as above
		reader io.Reader
		size   int64
		want   error
	}{
		"empty seeker":             {strings.NewReader(""), 0, ErrSize},
		"empty Len":                {new(bytes.Buffer), 0, ErrSize},
		"empty stream":             {plain{strings.NewReader("")}, 0, ErrSize},
		"negative Len":             {withLen{strings.NewReader(content), -1}, 0, ErrSize},
		"seeker behind its end":    {behindEnd(t), 0, ErrSize},
		"large seeker":             {bytes.NewReader(make([]byte, limit+1)), 0, ErrSize},
		"large Len":                {bytes.NewBuffer(make([]byte, limit+1)), 0, ErrSize},
		"large stream":             {plain{bytes.NewReader(make([]byte, limit+1))}, 0, ErrSize},
		"endless stream":           {readerFunc(func(p []byte) (int, error) { return len(p), nil }), 0, ErrSize},
		"large size":               {strings.NewReader(content), limit + 1, ErrSize},
		"directory":                {directory, 0, errDirectory},
		"directory with a size":    {directory, 20, errDirectory},
		"stream that fails":        {io.MultiReader(strings.NewReader(content), iotest.ErrReader(errTest)), 0, errTest},
		"stream that is cut off":   {io.MultiReader(strings.NewReader(content), iotest.ErrReader(io.ErrUnexpectedEOF)), 0, io.ErrUnexpectedEOF},
		"stream that returns 0":    {readerFunc(func([]byte) (int, error) { return 0, nil }), 0, io.ErrNoProgress},
		"negative number of bytes": {readerFunc(func([]byte) (int, error) { return -1, nil }), 0, errBadCount},
		"too many bytes":           {readerFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), 0, errBadCount},
		"seeker without an end":    {brokenSeeker{io.SeekEnd}, 0, errTest},
		"seeker without a start":   {brokenSeeker{io.SeekStart}, 0, errTest},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Open(t.Context(), tc.reader, tc.size, limit)
			require.ErrorIs(t, err, tc.want)
			assert.Nil(t, f)
			_, isOfFile := errors.AsType[*FileError](err)
			assert.Equal(t, !errors.Is(tc.want, ErrSize), isOfFile)
			assertEmpty(t, dir)
		})
	}
	t.Run("stream that panics", func(t *testing.T) { //nolint:paralleltest // as above
		assert.PanicsWithValue(t, "boom", func() {
			_, _ = Open(t.Context(), readerFunc(func([]byte) (int, error) { panic("boom") }), 0, limit)
		})
		assertEmpty(t, dir)
	})
	t.Run("context ends", func(t *testing.T) { //nolint:paralleltest // as above
		ctx, cancel := context.WithCancelCause(t.Context())
		reads := 0
		_, err := Open(ctx, readerFunc(func(p []byte) (int, error) {
			if reads++; reads == 3 {
				cancel(errTest)
			}
			return copy(p, "x"), nil
		}), 0, limit)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errTest)
		assert.Equal(t, 3, reads)
		_, isOfFile := errors.AsType[*FileError](err)
		assert.False(t, isOfFile)
		assertEmpty(t, dir)
	})
	t.Run("no directory for temporary files", func(t *testing.T) {
		t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
		_, err := Open(t.Context(), plain{strings.NewReader(content)}, 0, limit)
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func assertEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func behindEnd(t *testing.T) io.Reader {
	t.Helper()
	r := strings.NewReader(content)
	_, err := r.Seek(100, io.SeekStart)
	require.NoError(t, err)
	return r
}

// brokenSeeker fails if it should go to a certain place.
type brokenSeeker struct{ whence int }

func (brokenSeeker) Read([]byte) (int, error) { return 0, io.EOF }

func (s brokenSeeker) Seek(_ int64, whence int) (int64, error) {
	if whence == s.whence {
		return 0, errTest
	}
	return 0, nil
}

func TestFile_Detect(t *testing.T) {
	t.Parallel()
	const png = "\x89PNG\r\n\x1a\n"
	for name, tc := range map[string]struct{ content, filename, want string }{
		"content":                       {png, "cat", "image/png"},
		"content before name":           {png, "cat.jpg", "image/png"},
		"text, name":                    {"{}", "cat.json", "application/json"},
		"text, upper-case name":         {"{}", "CAT.JSON", "application/json"},
		"XML, name":                     {`<?xml version="1.0"?><svg/>`, "cat.svg", "image/svg+xml"},
		"unknown content, name":         {"\x00\x01", "cat.wasm", "application/wasm"},
		"text, unknown name":            {"cat", "cat.unknown-extension", "text/plain; charset=utf-8"},
		"unknown content, unknown name": {"\x00\x01", "cat", "application/octet-stream"},
		"more than the head":            {png + strings.Repeat("x", 2000), "cat", "image/png"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tc.content), bytes.NewBufferString(tc.content), iotest.OneByteReader(strings.NewReader(tc.content))} {
				f := opened(t, t.Context(), r, int64(len(tc.content)))
				require.NoError(t, f.Detect(tc.filename))
				assert.Equal(t, tc.want, f.MIMEType)
				assert.Equal(t, tc.content, readAll(t, f))
			}
		})
	}
}

func TestFile_Detect_Fails(t *testing.T) {
	t.Parallel()
	for _, want := range []error{errTest, io.ErrUnexpectedEOF} {
		f := opened(t, t.Context(), io.MultiReader(strings.NewReader("GIF"), iotest.ErrReader(want)), 20)
		require.ErrorIs(t, f.Detect("a"), want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := opened(t, ctx, iotest.OneByteReader(strings.NewReader(content)), 20)
	cancel()
	require.ErrorIs(t, f.Detect("a"), context.Canceled)
}
