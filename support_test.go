package runflow_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/bubble"
)

const token = "canary-token-0123456789"

// A request is a request that the server received.
type request struct {
	Method, URI, Body string
	Header            http.Header
}

// An api is a server that sends the same response to every request, and records the
// requests.
type api struct {
	*httptest.Server

	mu       sync.Mutex
	requests []request
}

func newAPI(t *testing.T, status int, body string, header ...string) *api {
	t.Helper()
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.requests = append(a.requests, request{r.Method, r.URL.RequestURI(), string(sent), r.Header})
		a.mu.Unlock()
		for pair := range slices.Chunk(header, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) seen() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// only returns the request that the server received, which must be the only one.
func (a *api) only(t *testing.T) request {
	t.Helper()
	seen := a.seen()
	require.Len(t, seen, 1)
	return seen[0]
}

// client returns a client of the server, without retries.
func (a *api) client(t *testing.T, opts ...runflow.ClientOption) *runflow.Client {
	t.Helper()
	opts = append([]runflow.ClientOption{runflow.WithBaseURL(a.URL), runflow.WithMaxRetries(0)}, opts...)
	client, err := runflow.NewClient(token, opts...)
	require.NoError(t, err)
	return client
}

// sampleRun returns the sample response of the reference page. It also has the
// fields that only the text of the page mentions, and a different value in place of
// each placeholder. No value is zero, so that a test notices if a value is lost.
func sampleRun(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/feedback-run-sample.json")
	require.NoError(tb, err)
	var run map[string]any
	require.NoError(tb, json.Unmarshal(data, &run))
	run["target_type"], run["status_code"] = "model", "succeeded"
	run["source_code"], run["failure_stage_code"] = "api", "execution"
	n := 0
	data, err = json.Marshal(filled("run", run, &n))
	require.NoError(tb, err)
	return data
}

var money = []string{"cost", "price", "min_value", "max_value"}

func filled(name string, value any, n *int) any {
	*n++
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			return map[string]any{"free form": *n}
		}
		for key, field := range v {
			v[key] = filled(key, field, n)
		}
	case []any:
		for i, item := range v {
			v[i] = filled(name, item, n)
		}
	case string:
		switch {
		case v == "<string>" && slices.Contains(money, name):
			return fmt.Sprintf("%d.00000000000000000000000000000000000150", *n)
		case v == "<string>" || v == "<unknown>":
			return fmt.Sprintf("%s %d", name, *n)
		case len(v) == 36:
			return fmt.Sprintf("3c90c3cc-0d44-4b50-8888-%012d", *n)
		case name == "timestamp" || len(v) == 20:
			return fmt.Sprintf("2023-11-07T05:31:56.%09dZ", *n*10+1)
		}
	case float64:
		if v == 0.5 {
			return 0.5
		}
		return *n
	case nil:
		if name == "run" {
			return map[string]any{"id": "the log's run"}
		}
		return "match"
	}
	return value
}

// inBubble returns a client of a handler that is served inside the synctest bubble.
func inBubble(t *testing.T, handler http.HandlerFunc) *runflow.Client {
	t.Helper()
	client, err := runflow.NewClient(token,
		runflow.WithBaseURL("http://localhost"), runflow.WithHTTPClient(&http.Client{Transport: bubble.Serve(t, handler)}))
	require.NoError(t, err)
	return client
}
