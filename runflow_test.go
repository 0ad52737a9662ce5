package runflow_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestNewClient_Tokens(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"rf_live_0123", "rf_svc_0123", "rfk_0123", "x",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "with+/=~",
	} {
		server := newAPI(t, 200, `{"id":"1"}`)
		client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
		require.NoError(t, err)
		_, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		require.NoError(t, err)
		assert.Equal(t, "Bearer "+token, server.only(t).Header.Get("Authorization"))
	}
	_, err := runflow.NewClient("two words")
	require.EqualError(t, err, `runflow: token: must contain only visible ASCII characters: no space, no line break, no "Bearer" before it`)
}

func TestNewClient_ReportsAllArguments(t *testing.T) {
	t.Parallel()
	_, err := runflow.NewClient("", runflow.WithMaxRetries(-1), nil, runflow.WithBaseURL("http://example.com"))
	require.EqualError(t, err, `runflow: WithMaxRetries: must not be negative
runflow: opts[1]: must not be nil
runflow: token: must not be empty, unless WithTokenSource is given
runflow: WithBaseURL: must not be plain http to a host that is not loopback, unless WithInsecureHTTP is given`)
}

func TestClient_NotCreatedByNewClient(t *testing.T) {
	t.Parallel()
	var zero runflow.Client
	var none *runflow.Client
	_, err := zero.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.EqualError(t, err, "runflow: Runs.Get: client: must be created by NewClient")
	_, err = new(runflow.RunsService).Get(t.Context(), "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	for _, client := range []*runflow.Client{&zero, none} {
		_, err = client.With()
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		require.ErrorIs(t, client.Do(t.Context(), "GET", "/v1/runs", nil, nil), runflow.ErrInvalidArgument)
		client.CloseIdleConnections()
	}
	for _, err := range zero.Runs.All(t.Context(), runflow.ListRunsParams{}) {
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	}
	for _, err := range zero.Runs.Watch(t.Context(), "1", runflow.WaitRunParams{}) {
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	}
	_, err = zero.Models.RunAndWait(t.Context(), "a/b", runflow.CreateRunParams{}, runflow.WaitRunParams{})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	_, err = zero.Runs.Download(t.Context(), runflow.OutputFile{}, nil, runflow.DownloadParams{})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.Equal(t, "runflow.Client()", zero.String())
}

func TestClient_NilContext(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	_, err := server.client(t).Runs.Get(nil, "1", runflow.GetRunParams{}) //nolint:staticcheck // a nil context must not panic
	require.EqualError(t, err, "runflow: Runs.Get: ctx: must not be nil")
	assert.Empty(t, server.seen())
}

func TestClient_With_LeavesParentUnchanged(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t, runflow.WithOrganization("org-1"), runflow.WithUserAgent("app/1"), runflow.WithHeader("X-Team", "a"))
	derived, err := client.With(runflow.WithToken("derived-token"), runflow.WithOrganization("org-2"), runflow.WithHeader("X-Other", "b"), runflow.WithUserAgent("job/2"))
	require.NoError(t, err)
	get := func(c *runflow.Client, opts ...runflow.CallOption) http.Header {
		_, err := c.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, opts...)
		require.NoError(t, err)
		seen := server.seen()
		return seen[len(seen)-1].Header
	}

	header := get(client)
	assert.Equal(t, "Bearer "+token, header.Get("Authorization"))
	assert.Equal(t, "org-1", header.Get("X-Organization-Id"))
	assert.Equal(t, "app/1 runflow-go/"+runflow.Version, header.Get("User-Agent"))
	assert.Equal(t, "a", header.Get("X-Team"))

	header = get(client, runflow.WithToken("user-token"), runflow.WithOrganization("org-3"), runflow.WithHeader("x-team", "c"))
	assert.Equal(t, "Bearer user-token", header.Get("Authorization"))
	assert.Equal(t, "org-3", header.Get("X-Organization-Id"))
	assert.Equal(t, "c", header.Get("X-Team"))

	header = get(derived)
	assert.Equal(t, "Bearer derived-token", header.Get("Authorization"))
	assert.Equal(t, "org-2", header.Get("X-Organization-Id"))
	assert.Equal(t, "job/2 runflow-go/"+runflow.Version, header.Get("User-Agent"))
	assert.Equal(t, "a", header.Get("X-Team"))
	assert.Equal(t, "b", header.Get("X-Other"))

	header = get(client)
	assert.Equal(t, "Bearer "+token, header.Get("Authorization"), "neither a call nor a derived client changes the client")
	assert.Equal(t, "org-1", header.Get("X-Organization-Id"))
	assert.Empty(t, header.Get("X-Other"))
}

func TestClient_With_SharesRetryBudget(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 503, "{}")
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1), runflow.WithRetryBudget(6))
	require.NoError(t, err)
	derived, err := client.With(runflow.WithOrganization("org"))
	require.NoError(t, err)
	own, err := client.With(runflow.WithRetryBudget(0))
	require.NoError(t, err)
	for _, tc := range []struct {
		client   *runflow.Client
		attempts int
	}{{client, 5}, {derived, 3}, {client, 1}, {own, 5}} {
		var resp runflow.Response
		_, err = tc.client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, runflow.WithResponse(&resp))
		require.ErrorIs(t, err, runflow.ErrServer)
		assert.Equal(t, tc.attempts, resp.Attempts)
	}
}

func TestClient_PrintsWithoutToken(t *testing.T) {
	t.Parallel()
	client, err := runflow.NewClient(token, runflow.WithHeader("X-Secret", "canary-header"))
	require.NoError(t, err)
	var printed strings.Builder
	for _, v := range []any{client, *client, client.Runs, *client.Runs, struct{ C *runflow.Client }{client}, []any{client}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T", "%p"} {
			fmt.Fprintf(&printed, verb+"\n", v)
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		printed.Write(data)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("client", "c", v)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("client", "c", v)
	}
	assert.NotContains(t, printed.String(), "canary")
	assert.Contains(t, printed.String(), `"runflow.Client(https://api.runflow.io)"`)
}

func TestClient_ConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t, runflow.WithHeader("X-A", "a"), runflow.WithHeader("X-B", "b"), runflow.WithLogger(slog.New(slog.DiscardHandler)))
	feedback := runflow.Feedback{Rating: runflow.ThumbsDown}
	var workers sync.WaitGroup
	for i := range 64 {
		workers.Go(func() {
			user := fmt.Sprintf("user-%d", i)
			derived, err := client.With(runflow.WithToken(user))
			assert.NoError(t, err)
			for _, opts := range [][]runflow.CallOption{nil, {runflow.WithHeader("X-Call", user)}} {
				_, err = derived.Runs.SetFeedback(t.Context(), user, feedback, opts...)
				assert.NoError(t, err)
			}
			_, err = client.Runs.SetFeedback(t.Context(), user, feedback, runflow.WithToken(user))
			assert.NoError(t, err)
		})
	}
	workers.Wait()
	seen := server.seen()
	require.Len(t, seen, 192)
	for _, r := range seen {
		assert.Equal(t, "/v1/runs/"+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+"/feedback", r.URI)
	}
}

// closing is a transport that counts CloseIdleConnections.
type closing struct {
	http.RoundTripper

	n atomic.Int32
}

func (c *closing) CloseIdleConnections() { c.n.Add(1) }

func TestClient_CloseIdleConnections(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 503, "{}")
	transport := &closing{RoundTripper: http.DefaultTransport}
	client := server.client(t, runflow.WithHTTPClient(&http.Client{Transport: transport}),
		runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper { return roundTripper(next.RoundTrip) }))
	derived, err := client.With(runflow.WithOrganization("org"))
	require.NoError(t, err)
	_, err = derived.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, runflow.ErrServer)
	assert.Zero(t, transport.n.Load(), "a failed call leaves the connections of others alone")
	derived.CloseIdleConnections()
	assert.EqualValues(t, 1, transport.n.Load())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
