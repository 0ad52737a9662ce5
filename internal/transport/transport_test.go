package transport

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestDo_RequestOnTheWire(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, ok))
	s := newSettings(newPool(t))
	s.Header.Set("X-Organization-Id", "org-1")
	result := Do(t.Context(), s, createRun(t, server.URL))
	require.NoError(t, result.Err)
	assert.Equal(t, ok, string(result.Response.Body))
	require.Len(t, server.Requests(), 1)
	sent := server.Requests()[0]
	assert.Equal(t, "POST", sent.Method)
	assert.Equal(t, "/v1/runs", sent.URI)
	assert.Equal(t, `{"input":{}}`, sent.Body)
	for name, want := range map[string]string{
		"Authorization":     "Bearer " + testToken,
		"Content-Length":    "12",
		"Content-Type":      "application/json",
		"Idempotency-Key":   "key-1",
		"User-Agent":        "test",
		"X-Organization-Id": "org-1",
	} {
		assert.Equal(t, []string{want}, sent.Header.Values(name), name)
	}
	assert.Equal(t, http.Header{"User-Agent": {"test"}, "X-Organization-Id": {"org-1"}}, s.Header, "the settings are shared")
}

func TestDo_RequestWithoutBody(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, ok))
	require.NoError(t, Do(t.Context(), newSettings(newPool(t)), redeliver(t, server.URL)).Err)
	require.Len(t, server.Requests(), 1)
	sent := server.Requests()[0]
	assert.Empty(t, sent.Body)
	assert.Equal(t, []string{"0"}, sent.Header.Values("Content-Length"), "a chunked body would be refused by servers that need a Content-Length")
	assert.NotContains(t, sent.Header, "Content-Type")
	assert.NotContains(t, sent.Header, "Idempotency-Key", "with a key, net/http would send the request again by itself")
}

func TestDo_EscapedPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/runs/a%3Bb", "/runs/plain", "/a%2Fb/runs/1", "/runs/1?a=%3B&b"} {
		server := wire.Serve(t, wire.Respond(200, ok))
		request := getRun(t, server.URL)
		u, err := request.URL.Parse(path)
		require.NoError(t, err)
		request.URL = *u
		require.NoError(t, Do(t.Context(), newSettings(newPool(t)), request).Err)
		require.Len(t, server.Requests(), 1)
		assert.Equal(t, path, server.Requests()[0].URI)
	}
}

func TestDo_NoToken(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, ok))
	s := newSettings(newPool(t))
	s.Token = ""
	require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err)
	require.Len(t, server.Requests(), 1)
	assert.NotContains(t, server.Requests()[0].Header, "Authorization")
}

func TestDo_TransportReturnsNeitherResponseNorError(t *testing.T) {
	t.Parallel()
	s := newSettings(roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })) //nolint:nilnil // what a careless transport does
	s.MaxRetries = 0
	require.ErrorContains(t, Do(t.Context(), s, getRun(t, "http://127.0.0.1:1")).Err, "nil *Response")
}

func TestDo_TransportPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended <-chan struct{}
		s := newSettings(roundTripper(func(req *http.Request) (*http.Response, error) {
			ended = req.Context().Done()
			panic("transport")
		}))
		request := getRun(t, "http://127.0.0.1:1")
		start := time.Now()
		require.PanicsWithValue(t, "transport", func() { Do(t.Context(), s, request) })
		<-ended
		assert.Zero(t, time.Since(start), "it does not wait for the end of the attempt's time")
	})
}

func TestDo_ContextEndedBefore(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, ok))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result := Do(ctx, newSettings(newPool(t)), setFeedback(t, server.URL))
	require.ErrorIs(t, result.Err, context.Canceled)
	assert.Zero(t, result.Attempts)
	assert.Empty(t, server.Requests())
}

func TestDo_ContextEndsDuringDelay(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, `{"code":"DOWN"}`, "Retry-After: 30"))
	outside := newOutside(t)
	cause := errors.New("the user left")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(7*time.Second, func() { cancel(cause) })
		start := time.Now()
		result := Do(ctx, newSettings(outside), setFeedback(t, server.URL))
		assert.Equal(t, 7*time.Second, time.Since(start))
		require.ErrorIs(t, result.Err, context.Canceled)
		require.ErrorIs(t, result.Err, cause)
		require.NotNil(t, result.Response)
		assert.Equal(t, 503, result.Response.StatusCode)
		assert.Equal(t, 1, result.Attempts)
	})
}

func TestResult_Redactor(t *testing.T) {
	t.Parallel()
	s := newSettings(roundTripper(func(*http.Request) (*http.Response, error) { return nil, errTest }))
	s.MaxRetries = 0
	s.Header = http.Header{"X-Tenant": {"canary-tenant"}, "Accept": {"application/json"}, "User-Agent": {"myapp/1.2.3"}}
	request := setFeedback(t, "http://127.0.0.1:1")
	request.URL.RawQuery = "filter=canary+a%2Fb%27&cursor=canary-cursor"
	request.Body = []byte(`{"reason":"canary \"body\"","deep":[{"prompt":"canary\nprompt"}]}`)
	redactor := Do(t.Context(), s, request).Redactor()
	for name, text := range map[string]string{
		"token":               testToken,
		"custom header":       "canary-tenant",
		"raw query":           "filter=canary+a%2Fb%27&cursor=canary-cursor",
		"decoded query value": "canary a/b'",
		"escaped for a query": "canary+a%2Fb%27",
		"escaped for a path":  "canary%20a%2Fb%27",
		"body":                string(request.Body),
		"body, re-spaced":     `{ "deep": [ { "prompt": "canary\nprompt" } ], "reason": "canary" }`,
		"text of the body":    `canary "body"`,
		"nested text":         "canary\nprompt",
		"cut-off token":       testToken[:12],
	} {
		assert.NotContains(t, redactor.Line("refused: "+text), "canary", name)
	}
	assert.Equal(t, "application/json myapp/1.2.3", redactor.Line("application/json myapp/1.2.3"), "these are not secrets")
}

func TestResult_Redactor_EachTokenOfACall(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "{}"), wire.Reset(""))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.MaxRetries = 1
		tokens := []string{"first-token", "second-token"}
		s.TokenSource = func(context.Context) (string, error) {
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}
		result := Do(t.Context(), s, getRun(t, server.URL))
		require.Error(t, result.Err)
		assert.Equal(t, "[redacted] [redacted]", result.Redactor().Line("first-token second-token"))
	})
}

// The error of a large request must not cost many times its size.
//
//nolint:paralleltest // it measures memory
func TestResult_Redactor_LargeBody(t *testing.T) {
	request := createRun(t, "http://127.0.0.1:1")
	request.Body = []byte(`{"prompt":"` + strings.Repeat("canary-0 ", 10<<20/9) + `"}`)
	result := NewResult(newSettings(nil), request)
	allocated := allocatedBy(func() {
		redactor := result.Redactor()
		for range 100 {
			assert.NotContains(t, redactor.Line("not allowed: "+strings.Repeat("canary-0 ", 20)), "canary")
		}
	})
	assert.Less(t, allocated, uint64(len(request.Body)/5))
}

// allocatedBy returns how many bytes f allocates.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
