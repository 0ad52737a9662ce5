package transport

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/testing/bubble"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

const (
	testToken = "canary-token-0123456789"
	ok        = `{"id":"1"}`
)

var errTest = errors.New("out of order")

// newSettings returns the settings of a client that uses the given connections.
func newSettings(connections http.RoundTripper) *Settings {
	return &Settings{
		HTTPClient:       NewHTTPClient(&http.Client{}, connections),
		MayQueue:         MayQueue(connections),
		Token:            testToken,
		Header:           http.Header{"User-Agent": {"test"}},
		MaxRetries:       4,
		BackoffMin:       time.Second,
		BackoffMax:       32 * time.Second,
		AttemptTimeout:   30 * time.Second,
		MaxResponseBytes: 1 << 20,
	}
}

// newPool returns a pool whose connections end with the test.
func newPool(t *testing.T) *http.Transport {
	t.Helper()
	pool := NewPool()
	t.Cleanup(pool.CloseIdleConnections)
	return pool
}

// newOutside returns a transport that sends requests from outside of a synctest
// bubble, over its own pool.
func newOutside(t *testing.T) *wire.Outside {
	t.Helper()
	return wire.NewOutside(t, NewPool())
}

// inBubble returns settings for a server inside the bubble.
func inBubble(t *testing.T, handler http.HandlerFunc) *Settings {
	t.Helper()
	return newSettings(bubble.Serve(t, handler))
}

func newRequest(t *testing.T, target string, e endpoint.Endpoint) *Request {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	return &Request{Endpoint: &e, URL: *u}
}

// getRun returns a request without a body.
func getRun(t *testing.T, server string) *Request {
	t.Helper()
	return newRequest(t, server+"/v1/runs/1",
		endpoint.Endpoint{Operation: "Runs.Get", Method: http.MethodGet, Route: "/v1/runs/{run_id}", Retry: endpoint.Idempotent})
}

// setFeedback returns an idempotent request. Its query and body contain secrets
// that must not be in errors or logs.
func setFeedback(t *testing.T, server string) *Request {
	t.Helper()
	r := newRequest(t, server+"/v1/runs/a%20b?secret=canary-query",
		endpoint.Endpoint{Operation: "Runs.SetFeedback", Method: http.MethodPatch, Route: "/v1/runs/{run_id}", Retry: endpoint.Idempotent})
	r.Body = []byte(`{"reason":"canary-body"}`)
	return r
}

// createRun returns a request that costs money each time it is processed.
func createRun(t *testing.T, server string) *Request {
	t.Helper()
	r := newRequest(t, server+"/v1/runs",
		endpoint.Endpoint{Operation: "Models.CreateRun", Method: http.MethodPost, Route: "/v1/runs"})
	r.Body, r.Key = []byte(`{"input":{}}`), "key-1"
	return r
}

// createRunWithOwnKey returns the same with an idempotency key of the caller.
func createRunWithOwnKey(t *testing.T, server string) *Request {
	t.Helper()
	r := createRun(t, server)
	r.Replayable = true
	return r
}

// redeliver returns an at-most-once request without a body.
func redeliver(t *testing.T, server string) *Request {
	t.Helper()
	return newRequest(t, server+"/v1/runs/1/callback-redeliveries",
		endpoint.Endpoint{Operation: "Runs.RedeliverCallback", Method: http.MethodPost, Route: "/v1/runs/{run_id}/callback-redeliveries"})
}

// hang never responds. It reads the body, because otherwise it would not notice the
// end of the connection.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type limiter func(context.Context) error

func (l limiter) Wait(ctx context.Context) error { return l(ctx) }

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
