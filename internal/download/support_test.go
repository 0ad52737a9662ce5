package download

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

const content = "0123456789"

var errTest = errors.New("out of order")

// newSettings returns the settings of a client whose API is on a loopback address.
func newSettings(connections http.RoundTripper) *transport.Settings {
	return &transport.Settings{
		HTTPClient:       NewHTTPClient(connections, Policy{IsLoopback: true}),
		Token:            "canary-token",
		Header:           http.Header{"User-Agent": {"test"}, "X-Organization-Id": {"canary-organization"}},
		MaxRetries:       4,
		BackoffMin:       time.Second,
		BackoffMax:       32 * time.Second,
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

// newOutside returns a transport that sends requests from outside of a synctest
// bubble, over its own pool.
func newOutside(t *testing.T) *wire.Outside {
	t.Helper()
	return wire.NewOutside(t, transport.NewPool())
}

// fileAt returns the URL of a file on a server.
func fileAt(t *testing.T, server string) *url.URL {
	t.Helper()
	u, err := url.Parse(server + "/file?signature=canary-signature")
	require.NoError(t, err)
	return u
}

// cutOff returns a step that sends the beginning of a body and closes the
// connection.
func cutOff(status int, body string, header ...string) wire.Step {
	return wire.Close(fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n\r\n%s", status, strings.Join(header, "\r\n"), body))
}

// A destination is a writer whose content can be read.
type destination interface {
	Write(p []byte) (int, error)
	String() string
}

// onDisk is a file, which can be truncated. It already holds "head:".
type onDisk struct {
	*os.File

	t *testing.T
}

func newOnDisk(t *testing.T, flags int) onDisk {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("head:"), 0o600))
	f, err := os.OpenFile(path, os.O_WRONLY|flags, 0)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return onDisk{f, t}
}

// String returns what was written after "head:".
func (d onDisk) String() string {
	data, err := os.ReadFile(d.Name())
	require.NoError(d.t, err)
	text, found := strings.CutPrefix(string(data), "head:")
	assert.True(d.t, found, "what was in the file is kept: %q", data)
	return text
}

func newDestination(t *testing.T, canTruncate bool) destination {
	t.Helper()
	if !canTruncate {
		return new(bytes.Buffer)
	}
	d := newOnDisk(t, 0)
	_, err := d.Seek(int64(len("head:")), 0)
	require.NoError(t, err)
	return d
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
