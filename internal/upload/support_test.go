package upload

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/download"
	"github.com/runflow-io/runflow-go/internal/transport"
)

const (
	content = "GIF89a, and the rest"
	limit   = 1 << 20
)

var errTest = errors.New("out of order")

// newSettings returns the settings of a client whose API is on a loopback address, and
// which does not wait before a retry.
func newSettings(connections http.RoundTripper) *transport.Settings {
	return &transport.Settings{
		HTTPClient:       download.NewHTTPClient(connections, download.Policy{IsLoopback: true}),
		Token:            "canary-token",
		Header:           http.Header{"User-Agent": {"test"}, "X-Organization-Id": {"canary-organization"}},
		MaxRetries:       4,
		AttemptTimeout:   30 * time.Second,
		MaxResponseBytes: 1 << 20,
	}
}

func newPool(t *testing.T) *http.Transport {
	t.Helper()
	pool := transport.NewPool()
	t.Cleanup(pool.CloseIdleConnections)
	return pool
}

// targetAt returns the presigned URL of a server.
func targetAt(t *testing.T, server string) *url.URL {
	t.Helper()
	u, err := url.Parse(server + "/put?signature=canary-signature")
	require.NoError(t, err)
	return u
}

// opened returns a file that is removed when the test ends.
func opened(t *testing.T, ctx context.Context, r io.Reader, size int64) *File { //nolint:revive // t comes first
	t.Helper()
	f, err := Open(ctx, r, size, 50<<20)
	require.NoError(t, err)
	t.Cleanup(f.Close)
	f.MIMEType = "image/gif"
	return f
}

// plain hides all methods of a reader but Read.
type plain struct{ io.Reader }

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// withLen is a reader with a Len method.
type withLen struct {
	io.Reader

	length int
}

func (r withLen) Len() int { return r.length }
