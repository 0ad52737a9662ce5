package transport

import (
	"bytes"
	"compress/gzip"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestDo_MaxResponseBytes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size     int
		limit    int64
		tooLarge bool
	}{
		"below":     {99, 100, false},
		"exactly":   {100, 100, false},
		"above":     {101, 100, true},
		"no limit":  {100, math.MaxInt64, false},
		"empty":     {0, 1, false},
		"large":     {3 << 20, 4 << 20, false},
		"too large": {3 << 20, 2 << 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := strings.Repeat("x", tc.size)
			server := wire.Serve(t, wire.Respond(200, body))
			s := newSettings(newPool(t))
			s.MaxResponseBytes = tc.limit
			result := Do(t.Context(), s, getRun(t, server.URL))
			require.NoError(t, result.Err)
			assert.Equal(t, tc.tooLarge, result.Response.TooLarge)
			assert.Equal(t, body[:min(len(body), int(min(tc.limit, math.MaxInt32)))], string(result.Response.Body))
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestDo_ErrorBodyIsCutOff(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(404, strings.Repeat("x", 2<<20)))
	s := newSettings(newPool(t))
	s.MaxResponseBytes = 4 << 20
	result := Do(t.Context(), s, getRun(t, server.URL))
	require.NoError(t, result.Err)
	assert.Equal(t, 404, result.Response.StatusCode)
	assert.Len(t, result.Response.Body, 1<<20)
}

// After a 101 the connection belongs to another protocol, and neither the context
// nor the time limit of the attempt ends a read from it.
func TestDo_SwitchingProtocols_BodyIsNotRead(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"))
	result := Do(t.Context(), newSettings(newPool(t)), createRun(t, server.URL))
	require.NoError(t, result.Err)
	assert.Equal(t, 101, result.Response.StatusCode)
	assert.Empty(t, result.Response.Body)
	assert.True(t, result.OutcomeUnknown)
}

func TestDo_ErrorBodyBreaksOff(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Close("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n{\"code\":\"X\""))
	result := Do(t.Context(), newSettings(newPool(t)), getRun(t, server.URL))
	require.NoError(t, result.Err, "the status counts")
	assert.Equal(t, 404, result.Response.StatusCode)
	assert.Equal(t, `{"code":"X"`, string(result.Response.Body))
}

func TestDo_Gzip(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t,
		wire.Respond(200, zipped(t, ok), "Content-Encoding: gzip"),
		wire.Respond(200, zipped(t, strings.Repeat(" ", 2<<20)), "Content-Encoding: gzip"),
	)
	s := newSettings(newPool(t))

	result := Do(t.Context(), s, getRun(t, server.URL))
	require.NoError(t, result.Err)
	assert.Equal(t, ok, string(result.Response.Body))
	assert.Equal(t, "gzip", server.Requests()[0].Header.Get("Accept-Encoding"))

	result = Do(t.Context(), s, getRun(t, server.URL))
	require.NoError(t, result.Err)
	assert.True(t, result.Response.TooLarge, "the limit is that of the decompressed body")
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

//nolint:paralleltest // it measures memory
func TestDo_AnnouncedLengthIsNotAllocatedAtOnce(t *testing.T) {
	server := wire.Serve(t, wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n"))
	s := newSettings(newPool(t))
	s.MaxRetries, s.MaxResponseBytes = 0, math.MaxInt64
	assert.Less(t, allocatedBy(func() {
		assert.ErrorContains(t, Do(t.Context(), s, getRun(t, server.URL)).Err, "unexpected EOF")
	}), uint64(4*keptBytes))
}

func TestResponse_RequestID(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header http.Header
		want   string
	}{
		"the API's": {http.Header{"Runflow-Request-Id": {"a"}, "X-Request-Id": {"b"}}, "a"},
		"common":    {http.Header{"X-Request-Id": {"b"}}, "b"},
		"none":      {nil, ""},
	} {
		assert.Equal(t, tc.want, (&Response{Header: tc.header}).RequestID(), name)
	}
}

// A second call of Release must not put the buffer into the pool again. Otherwise
// two responses would share the buffer.
func TestResponse_Release_Twice(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, ok))
	result := Do(t.Context(), newSettings(newPool(t)), getRun(t, server.URL))
	require.NoError(t, result.Err)
	buffer := result.Response.buffer
	require.NotNil(t, buffer)
	result.Response.Release()
	assert.Nil(t, result.Response.buffer)
	assert.Nil(t, result.Response.Body)
	result.Response.Release()
	(*Response)(nil).Release()
}
