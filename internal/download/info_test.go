package download

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInfoOf_Name(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ disposition, path, want string }{
		"path":                {"", "/a/b.png", "b.png"},
		"escaped path":        {"", "/a/b%20c%2F..%2Fd.png", "d.png"},
		"no path":             {"", "/", ""},
		"parent":              {"", "/a/..", ""},
		"disposition":         {`attachment; filename="x y.png"`, "/a", "x y.png"},
		"extended form":       {`attachment; filename*=UTF-8''%e2%82%ac.png`, "/a", "€.png"},
		"broken disposition":  {`attachment; filename="`, "/a", "a"},
		"empty disposition":   {`attachment; filename=""`, "/a", "a"},
		"outside disposition": {`attachment; filename="../../x"`, "/a", "x"},
		"unusable name":       {`attachment; filename=".."`, "/a", "a"},
	} {
		u, err := url.Parse("https://storage.test" + tc.path)
		require.NoError(t, err)
		resp := &http.Response{Header: http.Header{"Content-Disposition": {tc.disposition}}, Request: &http.Request{URL: u}}
		assert.Equal(t, Info{Name: tc.want, Size: 5}, infoOf(resp, 5), name)
	}
	assert.Equal(t, Info{ContentType: "image/png", Size: -1}, infoOf(&http.Response{Header: http.Header{"Content-Type": {"image/png"}}}, -1))
}

func TestBaseName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"x":              "x",
		"../x":           "x",
		`a\b`:            "b",
		`..\..\x`:        "x",
		`C:\x`:           "x",
		"C:x":            "",
		"x:stream":       "",
		"":               "",
		".":              "",
		"..":             "",
		"/":              "",
		`\`:              "",
		"a/":             "a",
		"a/..":           "",
		"a\nb":           "",
		"a\x00":          "",
		"a\u202egnp.exe": "",
		".hidden":        ".hidden",
		"größe 世界.png":   "größe 世界.png",
	} {
		assert.Equal(t, want, baseName(name), "%q", name)
	}
}

func FuzzBaseName(f *testing.F) {
	f.Add("../x")
	f.Add(`a\..\b`)
	f.Add("C:x")
	f.Fuzz(func(t *testing.T, name string) {
		base := baseName(name)
		assert.False(t, strings.ContainsAny(base, "/\\:\x00\n"), "%q", base)
		assert.NotContains(t, []string{".", ".."}, base)
		assert.Equal(t, base, baseName(base))
	})
}

func TestInline(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]struct{ contentType, text string }{
		"image/png;base64,aGVsbG8=":      {"image/png", "hello"},
		"image/png;base64,aGVsbG8%3D":    {"image/png", "hello"},
		"text/plain;charset=utf-8,a%20b": {"text/plain;charset=utf-8", "a b"},
		",a,b":                           {"text/plain;charset=US-ASCII", "a,b"},
		";base64,aGk=":                   {"text/plain;charset=US-ASCII", "hi"},
		"text/plain,":                    {"text/plain", ""},
	} {
		var got bytes.Buffer
		var started, progress []any
		f := &File{
			Writer:     &got,
			OnStart:    func(info Info) error { started = append(started, info); return nil },
			OnProgress: func(written, total int64) { progress = append(progress, written, total) },
		}
		require.NoError(t, Inline(data, f), data)
		size := int64(len(want.text))
		info := Info{ContentType: want.contentType, Size: size}
		assert.Equal(t, want.text, got.String())
		assert.Equal(t, info, f.Info)
		assert.Equal(t, size, f.Written)
		assert.Equal(t, []any{info}, started)
		assert.Equal(t, []any{size, size}, progress)
	}
}

func TestInline_NotDataURL(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "image/png;base64", "image/png;base64,a", "image/png;base64,canary!", "text/plain,%zz"} {
		var got bytes.Buffer
		require.Equal(t, ErrNotDataURL, Inline(data, &File{Writer: &got}), data)
		assert.Empty(t, got.String())
	}
}

func TestInline_MaxBytes(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	require.NoError(t, Inline(",hello", &File{Writer: &got, MaxBytes: 5}))
	require.ErrorIs(t, Inline(",hello", &File{Writer: &got, MaxBytes: 4}), ErrTooLarge)
	assert.Equal(t, "hello", got.String())
}

func TestInline_ErrorsOfCaller(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	require.Equal(t, errTest, Inline(",hello", &File{Writer: &got, OnStart: func(Info) error { return errTest }}))
	assert.Empty(t, got.String())
	require.Equal(t, errTest, Inline(",hello", &File{Writer: writerFunc(func([]byte) (int, error) { return 0, errTest })}))
}

func FuzzInline(f *testing.F) {
	f.Add("image/png;base64,aGVsbG8=")
	f.Add(",a%20b")
	f.Fuzz(func(t *testing.T, data string) {
		var got bytes.Buffer
		file := &File{Writer: &got}
		if err := Inline(data, file); err != nil {
			assert.Equal(t, ErrNotDataURL, err)
			assert.Empty(t, got.String())
			return
		}
		assert.EqualValues(t, got.Len(), file.Info.Size)
		assert.LessOrEqual(t, got.Len(), len(data))
	})
}
