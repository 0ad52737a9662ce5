package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

func TestWhatIsNoHTTPIsNotQuoted(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no HTTP":           "canary\r\n\r\n",
		"status":            "HTTP/1.1 canary\r\n\r\n",
		"header":            "HTTP/1.1 200 OK\r\ncanary\r\n\r\n",
		"length":            "HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n",
		"lengths":           "HTTP/1.1 200 OK\r\nContent-Length: 1canary\r\nContent-Length: 2\r\n\r\n",
		"transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: canary\r\n\r\n",
		"trailer":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ncanary\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Close(text))
			result := Do(t.Context(), settings(t, server.URL, pool(t)), rating(endpoint.Never))
			assert.Equal(t, errNotHTTP, result.Err)
		})
	}
	assert.Equal(t, errGoAway, withoutAnswer(errors.New(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug="canary"`)))
}

func TestHowAConnectionBrokeIsKept(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"))
	result := Do(t.Context(), settings(t, server.URL, pool(t)), rating(endpoint.Never))
	require.ErrorIs(t, result.Err, io.ErrUnexpectedEOF)

	own := fmt.Errorf("round trip: %w", assert.AnError)
	base := roundTripper(func(*http.Request) (*http.Response, error) { return nil, own })
	result = Do(t.Context(), settings(t, server.URL, base), rating(endpoint.Never))
	assert.Equal(t, own, result.Err)
}

func TestABrokenConnectionIsToldFromWhatIsNoHTTP(t *testing.T) {
	t.Parallel()
	for _, broke := range []error{io.EOF, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: assert.AnError}} {
		err := fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", broke)
		assert.Equal(t, err, withoutAnswer(err))
	}
	assert.Equal(t, errNotHTTP, withoutAnswer(fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", assert.AnError)))
}
