package download

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// Headers that a storage host may send.
const (
	whole    = "Content-Length: 10"
	rest     = "Content-Range: bytes 4-9/10"
	chunked  = "Transfer-Encoding: chunked"
	etag     = `ETag: "v1"`
	otherTag = `ETag: "v2"`
	weakTag  = `ETag: W/"v1"`
	date     = "Date: Wed, 01 Jan 2025 00:00:00 GMT"
	old      = "Last-Modified: Tue, 31 Dec 2024 23:59:00 GMT"
	older    = "Last-Modified: Mon, 30 Dec 2024 00:00:00 GMT"
	young    = "Last-Modified: Tue, 31 Dec 2024 23:59:01 GMT"
	other    = "abcdefghij"
)

func TestFetch_Resume(t *testing.T) {
	t.Parallel()
	cut := cutOff(200, "0123", whole, etag)
	for name, tc := range map[string]struct {
		steps  []wire.Step
		ranges []string // of the requests
		err    error
		got    string
	}{
		"in one go":                {[]wire.Step{wire.Respond(200, content, etag)}, []string{""}, nil, content},
		"resumed":                  {[]wire.Step{cut, wire.Respond(206, "456789", rest, etag)}, []string{"", "bytes=4-"}, nil, content},
		"size unknown":             {[]wire.Step{cut, wire.Respond(206, "456789", "Content-Range: bytes 4-9/*")}, []string{"", "bytes=4-"}, nil, content},
		"resumed further back":     {[]wire.Step{cut, wire.Respond(206, "23456789", "Content-Range: bytes 2-9/10")}, []string{"", "bytes=4-"}, nil, content},
		"resumed twice":            {[]wire.Step{cut, cutOff(206, "45", "Content-Length: 6", rest), wire.Respond(206, "6789", "Content-Range: bytes 6-9/10")}, []string{"", "bytes=4-", "bytes=6-"}, nil, content},
		"less than asked for":      {[]wire.Step{cut, wire.Respond(206, "45", "Content-Range: bytes 4-5/10"), wire.Respond(206, "6789", "Content-Range: bytes 6-9/10")}, []string{"", "bytes=4-", "bytes=6-"}, nil, content},
		"chunked":                  {[]wire.Step{cutOff(200, "4\r\n0123\r\n", chunked, etag), wire.Respond(206, "456789", rest)}, []string{"", "bytes=4-"}, nil, content},
		"after a 503":              {[]wire.Step{wire.Respond(503, ""), wire.Respond(200, content)}, []string{"", ""}, nil, content},
		"503 in between":           {[]wire.Step{cut, wire.Respond(503, ""), wire.Respond(206, "456789", rest)}, []string{"", "bytes=4-", "bytes=4-"}, nil, content},
		"whole file, same ETag":    {[]wire.Step{cut, wire.Respond(200, content, etag)}, []string{"", "bytes=4-"}, nil, content},
		"whole file, cut again":    {[]wire.Step{cut, cutOff(200, "01", whole, etag), wire.Respond(200, content, etag)}, []string{"", "bytes=4-", "bytes=4-"}, nil, content},
		"only the end was lost":    {[]wire.Step{cutOff(200, "a\r\n0123456789\r\n", chunked, etag), wire.Respond(416, "", "Content-Range: bytes */10")}, []string{"", "bytes=10-"}, nil, content},
		"first response is a part": {[]wire.Step{wire.Respond(206, content, "Content-Range: bytes 0-9/10")}, []string{""}, nil, content},

		"date":                  {[]wire.Step{cutOff(200, "0123", whole, date, old), wire.Respond(206, "456789", rest)}, []string{"", "bytes=4-"}, nil, content},
		"whole file, same date": {[]wire.Step{cutOff(200, "0123", whole, date, old), wire.Respond(200, content, date, old)}, []string{"", "bytes=4-"}, nil, content},
		"date is too young":     {[]wire.Step{cutOff(200, "0123", whole, date, young)}, []string{""}, errOtherFile, "0123"},
		"date of no response":   {[]wire.Step{cutOff(200, "0123", whole, old)}, []string{""}, errOtherFile, "0123"},
		"date of the part":      {[]wire.Step{cutOff(200, "0123", whole, etag), wire.Respond(206, "456789", rest, date, old)}, []string{"", "bytes=4-"}, nil, content},
		"another date":          {[]wire.Step{cutOff(200, "0123", whole, date, old), wire.Respond(206, "efghij", rest, date, older)}, []string{"", "bytes=4-"}, errOtherFile, "0123"},

		"no validator":                {[]wire.Step{cutOff(200, "0123", whole)}, []string{""}, errOtherFile, "0123"},
		"weak ETag":                   {[]wire.Step{cutOff(200, "0123", whole, weakTag)}, []string{""}, errOtherFile, "0123"},
		"whole file, other ETag":      {[]wire.Step{cut, wire.Respond(200, other, otherTag)}, []string{"", "bytes=4-"}, errOtherFile, "0123"},
		"whole file, no ETag":         {[]wire.Step{cut, wire.Respond(200, content)}, []string{"", "bytes=4-"}, errOtherFile, "0123"},
		"whole file, other size":      {[]wire.Step{cut, wire.Respond(200, content+"x", etag)}, []string{"", "bytes=4-"}, errOtherFile, "0123"},
		"part with another ETag":      {[]wire.Step{cut, wire.Respond(206, "efghij", rest, otherTag)}, []string{"", "bytes=4-"}, errOtherFile, "0123"},
		"part of another size":        {[]wire.Step{cut, wire.Respond(206, "456789x", "Content-Range: bytes 4-10/11")}, []string{"", "bytes=4-"}, errOtherFile, "0123"},
		"part without Content-Range":  {[]wire.Step{wire.Respond(206, content)}, []string{""}, errNoRange, ""},
		"part of another unit":        {[]wire.Step{wire.Respond(206, content, "Content-Range: pages 0-9/10")}, []string{""}, errNoRange, ""},
		"part longer than announced":  {[]wire.Step{cut, wire.Respond(206, "456789xyz", rest)}, []string{"", "bytes=4-"}, errOtherPart, content + "xyz"},
		"part that leaves a gap":      {[]wire.Step{cut, wire.Respond(206, "789", "Content-Range: bytes 7-9/10")}, []string{"", "bytes=4-", "bytes=4-", "bytes=4-", "bytes=4-"}, errOtherPart, "0123"},
		"first part is not the first": {[]wire.Step{wire.Respond(206, "456789", rest), wire.Respond(200, content)}, []string{"", ""}, nil, content},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.steps...)
			outside := newOutside(t)
			var got bytes.Buffer
			f := &File{Writer: &got}
			synctest.Test(t, func(t *testing.T) {
				result := Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), f)
				require.ErrorIs(t, result.Err, tc.err)
				if result.Err != nil {
					assert.NotContains(t, result.Err.Error(), "%!")
				}
			})
			assert.Equal(t, tc.got, got.String())
			assert.EqualValues(t, len(tc.got), f.Written)
			assert.Equal(t, tc.ranges, rangesOf(server))
		})
	}
}

func rangesOf(server *wire.Script) []string {
	var ranges []string
	for _, r := range server.Requests() {
		ranges = append(ranges, r.Header.Get("Range"))
	}
	return ranges
}

func TestFetch_Resume_IfRange(t *testing.T) {
	t.Parallel()
	for want, header := range map[string][]string{
		`"v1"`:                          {etag, date, old},
		"Tue, 31 Dec 2024 23:59:00 GMT": {weakTag, date, old},
	} {
		server := wire.Serve(t, cutOff(200, "0123", append(header, whole)...), wire.Respond(206, "456789", rest))
		outside := newOutside(t)
		synctest.Test(t, func(t *testing.T) {
			require.NoError(t, Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), &File{Writer: io.Discard}).Err)
		})
		require.Len(t, server.Requests(), 2)
		assert.Empty(t, server.Requests()[0].Header.Get("If-Range"))
		assert.Equal(t, want, server.Requests()[1].Header.Get("If-Range"))
	}
}

// The file has become shorter, so the bytes that were written are not its
// beginning.
func TestFetch_Resume_RangeNotSatisfiable(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, cutOff(200, "0123", whole, etag), wire.Respond(416, "", "Content-Range: bytes */4"))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		result := Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), &File{Writer: io.Discard})
		require.NoError(t, result.Err)
		assert.Equal(t, 416, result.Response.StatusCode)
	})
}

func TestFetch_Restart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steps  []wire.Step
		ranges []string
	}{
		"no validator":           {[]wire.Step{cutOff(200, "0123", whole), wire.Respond(200, other)}, []string{"", ""}},
		"another ETag":           {[]wire.Step{cutOff(200, "0123", whole, etag), wire.Respond(200, other, otherTag)}, []string{"", "bytes=4-"}},
		"part with another ETag": {[]wire.Step{cutOff(200, "0123", whole, etag), wire.Respond(206, "efghij", rest, otherTag), wire.Respond(200, other, otherTag)}, []string{"", "bytes=4-", ""}},
		"shorter file":           {[]wire.Step{cutOff(200, "0123456789abc", "Content-Length: 20"), wire.Respond(200, other)}, []string{"", ""}},
		"part not asked for":     {[]wire.Step{cutOff(200, "0123", whole), wire.Respond(206, other, "Content-Range: bytes 0-9/10")}, []string{"", ""}},
		"twice":                  {[]wire.Step{cutOff(200, "0123", whole), cutOff(200, "01234567", whole), wire.Respond(200, other)}, []string{"", "", ""}},
		"then resumed":           {[]wire.Step{cutOff(200, "0123", whole), cutOff(200, "abcd", whole, etag), wire.Respond(206, "efghij", rest)}, []string{"", "", "bytes=4-"}},
	} {
		for mode, flags := range map[string]int{"": 0, " of a file that is appended to": os.O_APPEND} {
			t.Run(name+mode, func(t *testing.T) {
				t.Parallel()
				server := wire.Serve(t, tc.steps...)
				outside := newOutside(t)
				got := newOnDisk(t, flags)
				if flags == 0 {
					_, err := got.Seek(0, io.SeekEnd)
					require.NoError(t, err)
				}
				f := &File{Writer: got.File}
				synctest.Test(t, func(t *testing.T) {
					require.NoError(t, Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), f).Err)
				})
				assert.Equal(t, other, got.String())
				assert.EqualValues(t, len(other), f.Written)
				assert.Equal(t, tc.ranges, rangesOf(server))
			})
		}
	}
}

// stubborn is a file that refuses to be truncated.
type stubborn struct {
	bytes.Buffer

	errSeek, errTruncate error
}

func (s *stubborn) Seek(int64, int) (int64, error) { return int64(s.Len()), s.errSeek }
func (s *stubborn) Truncate(int64) error           { return s.errTruncate }

func TestFetch_Restart_CannotTruncate(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*stubborn{"seek fails": {errSeek: errTest}, "truncate fails": {errTruncate: errTest}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, cutOff(200, "0123", whole), wire.Respond(200, other))
			outside := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				result := Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), &File{Writer: w})
				require.ErrorIs(t, result.Err, errOtherFile)
				require.ErrorContains(t, result.Err, "cannot be truncated")
			})
			assert.Equal(t, "0123", w.String())
		})
	}
}

// A download from one URL is continued from another URL.
func TestFetch_SecondURL(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step wire.Step
		err  error
		got  string
	}{
		"same file":     {wire.Respond(206, "456789", rest, etag), nil, content},
		"another file":  {wire.Respond(200, other, otherTag), errOtherFile, "0123"},
		"not available": {wire.Respond(503, ""), nil, "0123"},
	} {
		first := wire.Serve(t, cutOff(200, "0123", whole, etag), wire.Respond(403, ""))
		second := wire.Serve(t, tc.step)
		outside := newOutside(t)
		var got bytes.Buffer
		f := &File{Writer: &got}
		synctest.Test(t, func(t *testing.T) {
			s := newSettings(outside)
			assert.Equal(t, 403, Fetch(t.Context(), s, fileAt(t, first.URL), f).Response.StatusCode, name)
			require.ErrorIs(t, Fetch(t.Context(), s, fileAt(t, second.URL), f).Err, tc.err, name)
		})
		assert.Equal(t, tc.got, got.String(), name)
	}
}

// Without a validator, the file cannot be continued from another URL either.
func TestFetch_SecondURL_NoValidator(t *testing.T) {
	t.Parallel()
	first := wire.Serve(t, cutOff(200, "0123", whole))
	second := wire.Serve(t, wire.Respond(503, ""), wire.Respond(200, content))
	outside := newOutside(t)
	var got bytes.Buffer
	f := &File{Writer: &got}
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		require.ErrorIs(t, Fetch(t.Context(), s, fileAt(t, first.URL), f).Err, errOtherFile)
		result := Fetch(t.Context(), s, fileAt(t, second.URL), f)
		require.ErrorIs(t, result.Err, errOtherFile)
		assert.NotContains(t, result.Err.Error(), "%!")
	})
	assert.Equal(t, "0123", got.String())
}

func TestFetch_OnStart(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, ""), cutOff(200, "0123", whole, "Content-Type: image/png"), wire.Respond(200, other, "Content-Type: text/html"))
	outside := newOutside(t)
	got := newDestination(t, true)
	var infos []Info
	f := &File{Writer: got, OnStart: func(info Info) error {
		assert.Empty(t, got.String(), "it is called before the first byte")
		infos = append(infos, info)
		return nil
	}}
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), f).Err)
	})
	assert.Equal(t, []Info{{Name: "file", ContentType: "image/png", Size: 10}}, infos)
	assert.Equal(t, infos[0], f.Info)
	assert.Equal(t, other, got.String())
}

func TestFetch_OnStart_InvalidSize(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"*", "-10", "many", "99999999999999999999"} {
		server := wire.Serve(t, wire.Respond(206, content, "Content-Range: bytes 0-9/"+size))
		var got bytes.Buffer
		var started Info
		f := &File{Writer: &got, OnStart: func(info Info) error { started = info; return nil }}
		require.NoError(t, Fetch(t.Context(), newSettings(newPool(t)), fileAt(t, server.URL), f).Err)
		assert.EqualValues(t, -1, started.Size, size)
		assert.Equal(t, content, got.String())
	}
}

func TestFetch_OnStart_Error(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, content))
	var got bytes.Buffer
	f := &File{Writer: &got, OnStart: func(Info) error { return errTest }}
	result := Fetch(t.Context(), newSettings(newPool(t)), fileAt(t, server.URL), f)
	require.ErrorIs(t, result.Err, errTest)
	require.EqualError(t, result.Err, errTest.Error())
	assert.Empty(t, got.String())
	assert.Len(t, server.Requests(), 1)
}

func TestFetch_OnProgress(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, cutOff(200, "0123", whole), wire.Respond(200, other))
	outside := newOutside(t)
	var progress [][2]int64
	f := &File{Writer: newDestination(t, true), OnProgress: func(written, total int64) { progress = append(progress, [2]int64{written, total}) }}
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), f).Err)
	})
	assert.Equal(t, [][2]int64{{4, 10}, {10, 10}}, progress)

	server = wire.Serve(t, wire.Close("HTTP/1.1 200 OK\r\n"+chunked+"\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"))
	progress, f.Written, f.started = nil, 0, false
	require.NoError(t, Fetch(t.Context(), newSettings(newPool(t)), fileAt(t, server.URL), f).Err)
	require.NotEmpty(t, progress)
	assert.Equal(t, [2]int64{10, -1}, progress[len(progress)-1], "the total is unknown")
}

func TestFetch_MaxBytes(t *testing.T) {
	t.Parallel()
	stream := func(body string) wire.Step {
		return wire.Close("HTTP/1.1 200 OK\r\n" + chunked + "\r\n\r\n" + body + "0\r\n\r\n")
	}
	for name, tc := range map[string]struct {
		step     wire.Step
		tooLarge bool
		got      string
	}{
		"exactly":             {wire.Respond(200, content), false, content},
		"exactly, chunked":    {stream("a\r\n" + content + "\r\n"), false, content},
		"announced":           {wire.Respond(200, content+"x"), true, ""},
		"chunked":             {stream("b\r\n" + content + "x\r\n"), true, content},
		"chunked after limit": {stream("a\r\n" + content + "\r\n1\r\nx\r\n"), true, content},
		"gzip":                {wire.Respond(200, zipped(t, content), "Content-Encoding: gzip"), false, content},
		"gzip that is a bomb": {wire.Respond(200, zipped(t, strings.Repeat("0", 1<<20)), "Content-Encoding: gzip"), true, "0000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.step)
			var got bytes.Buffer
			f := &File{MaxBytes: int64(len(content)), Writer: writerFunc(func(p []byte) (int, error) {
				assert.NotEmpty(t, p)
				return got.Write(p)
			})}
			result := Fetch(t.Context(), newSettings(newPool(t)), fileAt(t, server.URL), f)
			if tc.tooLarge {
				require.ErrorIs(t, result.Err, ErrTooLarge)
			} else {
				require.NoError(t, result.Err)
			}
			assert.Equal(t, tc.got, got.String())
			assert.EqualValues(t, len(tc.got), f.Written)
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestFetch_Encodings(t *testing.T) {
	t.Parallel()
	whole := zipped(t, content)
	gzipped := wire.Respond(200, whole, "Content-Encoding: gzip", etag)
	cut := cutOff(200, whole[:len(whole)-8], "Content-Length: "+strconv.Itoa(len(whole)), "Content-Encoding: gzip", etag)
	for name, tc := range map[string]struct {
		steps       []wire.Step
		canTruncate bool
		want        string // of the error
		got         string
		ranges      []string
	}{
		"identity":             {[]wire.Step{wire.Respond(200, content, "Content-Encoding: identity")}, false, "", content, []string{""}},
		"gzip":                 {[]wire.Step{gzipped}, false, "", content, []string{""}},
		"x-gzip":               {[]wire.Step{wire.Respond(200, whole, "Content-Encoding: x-gzip")}, false, "", content, []string{""}},
		"gzip that breaks off": {[]wire.Step{cut, gzipped}, false, errOtherFile.Error(), content, []string{""}},
		"gzip, restarted":      {[]wire.Step{cut, gzipped}, true, "", content, []string{"", ""}},
		"empty gzip":           {[]wire.Step{wire.Respond(200, "", "Content-Encoding: gzip"), gzipped}, false, "", content, []string{"", ""}},
		"not gzip":             {[]wire.Step{wire.Respond(200, "not gzip at all", "Content-Encoding: gzip"), gzipped}, false, "", content, []string{"", ""}},
		"br":                   {[]wire.Step{wire.Respond(200, "canary", "Content-Encoding: br")}, false, "the storage host sent the file in an unknown encoding", "", []string{""}},
		"two":                  {[]wire.Step{wire.Respond(200, "canary", "Content-Encoding: gzip, gzip")}, false, "the storage host sent the file in an unknown encoding", "", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.steps...)
			outside := newOutside(t)
			got := newDestination(t, tc.canTruncate)
			f := &File{Writer: got}
			synctest.Test(t, func(t *testing.T) {
				result := Fetch(t.Context(), newSettings(outside), fileAt(t, server.URL), f)
				if tc.want == "" {
					require.NoError(t, result.Err)
				} else {
					require.ErrorContains(t, result.Err, tc.want)
				}
			})
			assert.Equal(t, tc.got, got.String())
			assert.Equal(t, tc.ranges, rangesOf(server))
			if strings.Contains(name, "gzip") {
				assert.EqualValues(t, -1, f.Info.Size, "the length is that of the encoded file")
			}
		})
	}
}

func TestFile_Write_Errors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		write   writerFunc
		want    error
		written int64
	}{
		"error": {func([]byte) (int, error) { return 0, errTest }, errTest, 0},
		"short": {func(p []byte) (int, error) { return len(p) / 2, nil }, io.ErrShortWrite, 5},
		"EOF":   {func([]byte) (int, error) { return 0, io.EOF }, io.EOF, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(200, content))
			f := &File{Writer: tc.write, OnProgress: func(int64, int64) { assert.Fail(t, "it was not written") }}
			result := Fetch(t.Context(), newSettings(newPool(t)), fileAt(t, server.URL), f)
			require.ErrorIs(t, result.Err, tc.want)
			assert.Len(t, server.Requests(), 1, "another attempt would fail too")
			assert.Equal(t, tc.written, f.Written)
		})
	}
}
