package transport

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

const testToken = "canary-token-0123456789"

// newOutside sends requests from outside of a bubble, over a pool of its own.
func newOutside(t *testing.T) *wire.Outside {
	t.Helper()
	return wire.NewOutside(t, NewPool())
}

// settings returns the settings of a client of baseURL, on the connections of
// base.
func settings(t *testing.T, baseURL string, base http.RoundTripper) *Settings {
	t.Helper()
	u, err := url.Parse(baseURL)
	require.NoError(t, err)
	return &Settings{
		BaseURL:          u,
		HTTPClient:       Guarded(&http.Client{}, base),
		Token:            func(context.Context) (string, error) { return testToken, nil },
		Header:           http.Header{"User-Agent": {"test"}},
		MaxRetries:       4,
		BackoffMin:       time.Second,
		BackoffMax:       32 * time.Second,
		AttemptTimeout:   30 * time.Second,
		MaxResponseBytes: 1 << 20,
	}
}

// pool returns connections that end with the test.
func pool(t *testing.T) *http.Transport {
	t.Helper()
	p := NewPool()
	t.Cleanup(p.CloseIdleConnections)
	return p
}

// rating is the request of most tests: a write with a query, so that both its
// body and its query can be looked for where they must not be.
func rating(retry endpoint.Retry) Request {
	return Request{
		Endpoint: endpoint.Endpoint{Operation: "Runs.Rate", Method: http.MethodPatch, Route: "/v1/runs/{run_id}", Retry: retry},
		Path:     "/v1/runs/a%20b",
		Query:    "secret=canary-query",
		Body:     []byte(`{"reason":"canary-body"}`),
	}
}
