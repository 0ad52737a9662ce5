package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

const testModel = "acme/picture"

// A backend is a service that a test uses over its HTTP endpoints. Its users are "ann",
// whose token may set feedback, and "bob", whose token is an API key.
type backend struct {
	*service

	t      *testing.T
	url    string
	server *httptest.Server
	fake   *runflowtest.Server
}

// newBackend starts a service with an SQLite database. Its runs end only if the test
// calls FinishRun.
func newBackend(t *testing.T, opts ...runflow.ClientOption) *backend {
	t.Helper()
	return newBackendOn(t, filepath.Join(t.TempDir(), "test.db"), opts...)
}

func newBackendOn(t *testing.T, dsn string, opts ...runflow.ClientOption) *backend {
	t.Helper()
	fake := runflowtest.NewServer()
	fake.AddModel(testModel, runflow.Model{})
	fake.PauseRuns()
	server := httptest.NewUnstartedServer(nil)
	telemetry, err := newTelemetry(t.Context(), false)
	require.NoError(t, err)
	db, dialect, err := openDatabase(t.Context(), dsn)
	require.NoError(t, err)
	s, err := newService(t.Context(), config{
		token: fake.APIKey, callbackSecret: fake.CallbackSecret, baseURL: fake.URL,
		model: testModel, publicURL: "http://" + server.Listener.Addr().String(),
	}, db, dialect, slog.New(slog.DiscardHandler), telemetry, append([]runflow.ClientOption{runflow.WithRetryBackoff(1, 1)}, opts...)...)
	require.NoError(t, err)
	s.limits = newUserLimits(rate.Inf, 1)
	users := map[string]user{"ann": {"ann", fake.UserToken}, "bob": {"bob", fake.APIKey}}
	s.authenticate = func(r *http.Request) (user, bool) {
		u, ok := users[r.Header.Get("X-Test-User")]
		return u, ok
	}
	server.Config.Handler = telemetry.handler(s.routes())
	server.Start()
	t.Cleanup(func() {
		fake.Close() // delivers the last callbacks
		server.Close()
		require.NoError(t, db.Close())
		require.NoError(t, telemetry.shutdown(context.WithoutCancel(t.Context())))
	})
	return &backend{service: s, t: t, url: server.URL, server: server, fake: fake}
}

// A response is the response to a request of a user.
type response struct {
	status int
	header http.Header
	text   string
}

// send sends a request of a user. The body is JSON or empty.
func (b *backend) send(userID, method, path, body string) response {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(b.t, err)
	req.Header.Set("X-Test-User", userID)
	return b.do(req)
}

func (b *backend) do(req *http.Request) response {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return response{resp.StatusCode, resp.Header, string(text)}
}

// createRun creates a run of ann.
func (b *backend) createRun() response {
	b.t.Helper()
	return b.send("ann", "POST", "/api/runs", `{"prompt": "a cat"}`)
}

// onlyRun returns the only run of ann.
func (b *backend) onlyRun() runView {
	b.t.Helper()
	resp := b.send("ann", "GET", "/api/runs", "")
	require.Equal(b.t, 200, resp.status)
	var list struct {
		Runs []runView `json:"runs"`
	}
	require.NoError(b.t, json.Unmarshal([]byte(resp.text), &list))
	require.Len(b.t, list.Runs, 1)
	return list.Runs[0]
}

// finish ends the only run of the fake API, and waits for its callback. It returns the
// ID of the run.
func (b *backend) finish() string {
	b.t.Helper()
	runs := b.fake.Runs()
	require.Len(b.t, runs, 1)
	b.fake.FinishRun(runs[0].ID)
	b.fake.WaitCallbacks()
	return runs[0].ID
}

// succeeded creates a run of ann that succeeds, and returns its path and its ID.
func (b *backend) succeeded() (path, runID string) {
	b.t.Helper()
	require.Equal(b.t, 201, b.createRun().status)
	runID = b.finish()
	return "/api/runs/" + b.onlyRun().Key, runID
}

// age makes the rows of all runs older.
func (b *backend) age(d time.Duration) {
	b.t.Helper()
	_, err := b.runs.db.ExecContext(b.t.Context(), "UPDATE runs SET created_at = created_at - $1", d.Milliseconds())
	require.NoError(b.t, err)
}
