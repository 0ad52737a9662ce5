package transport

import (
	"bytes"
	"compress/gzip"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/wire"
)

func TestBodiesAreCappedWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size     int
		limit    int64
		tooLarge bool
	}{
		"below":     {99, 100, false},
		"exactly":   {100, 100, false},
		"above":     {101, 100, true},
		"no bound":  {100, math.MaxInt64, false},
		"empty":     {0, 1, false},
		"large":     {3 << 20, 4 << 20, false},
		"too large": {3 << 20, 2 << 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := strings.Repeat("x", tc.size)
			server := wire.Serve(t, wire.Answer(200, body))
			s := settings(t, server.URL, pool(t))
			s.MaxResponseBytes = tc.limit
			result := Do(t.Context(), s, getRun)
			require.NoError(t, result.Err)
			assert.Equal(t, tc.tooLarge, result.Answer.TooLarge)
			assert.Equal(t, body[:min(len(body), int(min(tc.limit, math.MaxInt32)))], string(result.Answer.Body))
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestErrorBodiesAreCutOff(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(404, strings.Repeat("x", 2<<20)))
	s := settings(t, server.URL, pool(t))
	s.MaxResponseBytes = 4 << 20
	result := Do(t.Context(), s, getRun)
	require.NoError(t, result.Err)
	assert.Equal(t, 404, result.Answer.StatusCode)
	assert.Len(t, result.Answer.Body, 1<<20)
}

func TestGzipIsReadAndTheCapCountsWhatItHolds(t *testing.T) {
	t.Parallel()
	zip := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}
	server := wire.Serve(t,
		wire.Answer(200, zip(ok), "Content-Encoding: gzip"),
		wire.Answer(200, zip(strings.Repeat(" ", 10<<20)), "Content-Encoding: gzip"),
	)
	s := settings(t, server.URL, pool(t))

	result := Do(t.Context(), s, getRun)
	require.NoError(t, result.Err)
	assert.Equal(t, ok, string(result.Answer.Body))
	assert.Equal(t, "gzip", server.Requests()[0].Header.Get("Accept-Encoding"))

	result = Do(t.Context(), s, getRun)
	require.NoError(t, result.Err)
	assert.True(t, result.Answer.TooLarge)
}

func TestAPromisedSizeIsNotAllocatedAtOnce(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n"))
	s := settings(t, server.URL, pool(t))
	s.MaxRetries, s.MaxResponseBytes = 0, math.MaxInt64
	require.ErrorContains(t, Do(t.Context(), s, getRun).Err, "unexpected EOF")
}
