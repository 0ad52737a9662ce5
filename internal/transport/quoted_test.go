package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestDo_ResponseIsNotHTTP(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not HTTP":          "canary\r\n\r\n",
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
			assert.Equal(t, errNotHTTP, Do(t.Context(), newSettings(newPool(t)), createRun(t, server.URL)).Err)
		})
	}
}

func TestWithoutQuote(t *testing.T) {
	t.Parallel()
	const broken = "net/http: HTTP/1.x transport connection broken: %w"
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: errTest}} {
		err := fmt.Errorf(broken, cause)
		assert.Equal(t, err, withoutQuote(err), "only the connection broke")
	}
	assert.Equal(t, errNotHTTP, withoutQuote(fmt.Errorf(broken, errors.New("canary"))))
	assert.Equal(t, errGoAway, withoutQuote(errors.New(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug="canary"`)))
	assert.Equal(t, errTest, withoutQuote(errTest))
}

func TestDo_CauseIsKept(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"))
	result := Do(t.Context(), newSettings(newPool(t)), createRun(t, server.URL))
	require.ErrorIs(t, result.Err, io.ErrUnexpectedEOF)

	own := fmt.Errorf("round trip: %w", errTest)
	s := newSettings(roundTripper(func(*http.Request) (*http.Response, error) { return nil, own }))
	s.MaxRetries = 0
	assert.Equal(t, own, Do(t.Context(), s, createRun(t, "http://127.0.0.1:1")).Err)
}

// A proxy can refuse a connection with any reason phrase.
func TestQuiet_ReasonPhraseOfProxy(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"407": "HTTP/1.1 407 canary user canary-password\r\n\r\n",
		"503": "HTTP/1.1 503 canary\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callers := &http.Transport{}
			for _, result := range []*Result{
				throughProxy(t, newPool(t), nil, wire.Close(response)),
				throughProxy(t, callers, Quiet, wire.Close(response)),
			} {
				assert.Equal(t, errProxy, result.Err)
				assert.False(t, result.OutcomeUnknown)
			}
		})
	}
	t.Run("broken connection", func(t *testing.T) {
		t.Parallel()
		result := throughProxy(t, &http.Transport{}, Quiet, wire.Close(""))
		require.Error(t, result.Err)
		assert.NotErrorIs(t, result.Err, errProxy)
	})
}

// throughProxy makes a call over pool through a proxy that does step. If wrap is not
// nil, it wraps the pool.
func throughProxy(t *testing.T, pool *http.Transport, wrap func(http.RoundTripper) http.RoundTripper, step wire.Step) *Result {
	t.Helper()
	proxy, err := url.Parse(wire.Serve(t, step).URL)
	require.NoError(t, err)
	pool.Proxy = http.ProxyURL(proxy)
	connections := http.RoundTripper(pool)
	if wrap != nil {
		connections = wrap(pool)
	}
	s := newSettings(connections)
	s.MaxRetries = 0
	return Do(t.Context(), s, createRun(t, "https://runflow.test"))
}

func TestQuiet_OnlyRefusals(t *testing.T) {
	t.Parallel()
	proxy, err := url.Parse("http://proxy.test")
	require.NoError(t, err)
	q := quiet{&http.Transport{Proxy: http.ProxyURL(proxy)}}
	secure, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://runflow.test", http.NoBody)
	require.NoError(t, err)
	plain, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://runflow.test", http.NoBody)
	require.NoError(t, err)
	assert.True(t, q.isRefusal(secure, errors.New("Forbidden")))
	assert.False(t, q.isRefusal(plain, errors.New("Forbidden")), "plain http has no CONNECT")
	assert.False(t, q.isRefusal(secure, errors.New("net/http: request canceled")))
	assert.False(t, q.isRefusal(secure, errors.New("http: server closed idle connection")))
	assert.False(t, q.isRefusal(secure, io.EOF))
	assert.False(t, quiet{&http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}}.isRefusal(secure, errors.New("Forbidden"))) //nolint:nilnil // there is no proxy
}

func TestQuiet_OtherTransports(t *testing.T) {
	t.Parallel()
	noProxy := &http.Transport{}
	assert.Same(t, noProxy, Quiet(noProxy))
	assert.Nil(t, Quiet(nil))
}
