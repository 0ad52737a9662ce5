package acceptance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/calls"
	"github.com/runflow-io/runflow-go/internal/transport"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestCalls_LeaveNoGoroutine(t *testing.T) { //nolint:paralleltest // it counts all goroutines
	for name, end := range map[string]struct { //nolint:paralleltest // as above
		fault runflowtest.Fault
		opts  []runflow.ClientOption
		limit time.Duration
	}{
		"success":         {},
		"error response":  {fault: runflowtest.Fault{Status: 503}},
		"lost connection": {fault: runflowtest.Fault{}},
		"truncated body":  {fault: runflowtest.Fault{Truncate: true}},
		"attempt timeout": {
			fault: runflowtest.Fault{Delay: time.Hour},
			opts:  []runflow.ClientOption{runflow.WithAttemptTimeout(20 * time.Millisecond)},
		},
		"context ends during an attempt": {fault: runflowtest.Fault{Delay: time.Hour}, limit: 20 * time.Millisecond},
		"context ends between attempts": {
			fault: runflowtest.Fault{Status: 503}, limit: 100 * time.Millisecond,
			opts: []runflow.ClientOption{runflow.WithRetryBackoff(time.Hour, time.Hour)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range calls.All() {
				t.Run(call.Name, func(t *testing.T) {
					defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
					server, args := newServer(t)
					defer server.Close()
					if name != "success" {
						server.InjectFault(1<<30, end.fault)
					}
					pool := transport.NewPool()
					defer pool.CloseIdleConnections()
					client, err := runflow.NewClient(server.UserToken, append([]runflow.ClientOption{
						runflow.WithBaseURL(server.URL), runflow.WithHTTPClient(&http.Client{Transport: pool}),
						runflow.WithMaxRetries(1), runflow.WithRetryBackoff(1, 1),
					}, end.opts...)...)
					require.NoError(t, err)
					ctx := t.Context()
					if end.limit > 0 {
						limited, cancel := context.WithTimeout(ctx, end.limit)
						defer cancel()
						ctx = limited
					}
					err = call.Make(ctx, client, args)
					hasNoBody := name == "truncated body" && strings.HasSuffix(call.Name, ".Delete") // nothing is truncated
					assert.Equal(t, name == "success" || hasNoBody, err == nil, "%v", err)
				})
			}
		})
	}
}

// newServer returns a server with one resource of each kind, and the arguments of
// calls to it. With these arguments, the first error ends a wait.
func newServer(t *testing.T) (*runflowtest.Server, *calls.Args) {
	t.Helper()
	const id = "1" // ID of every resource that a call gets by its ID
	server := runflowtest.NewServer()
	server.Handle("POST /callback", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.AddModel("acme/cat", runflow.Model{ID: id, Examples: []runflow.ModelExample{{ID: id}}})
	server.AddWorkflow("acme/swap", runflow.ComfyuiWorkflow{ID: id})
	run := server.AddRun(runflow.Run{
		StatusCode:  runflow.RunStatusSucceeded,
		Output:      runflow.JSON(`{"image_urls":["` + server.AddFile("1.png", "image/png", []byte("image")) + `"]}`),
		Logs:        []runflow.RunLog{{ID: id}},
		NodeRuns:    []runflow.NodeRun{{ID: id}},
		CallbackURL: server.URL + "/callback",
	})
	args := calls.New(run.ID, "acme/cat", "acme/swap", run.OutputFiles()[0])
	args.Wait.ErrorTimeout = -1
	args.Path = filepath.Join(t.TempDir(), "cat.png")
	require.NoError(t, os.WriteFile(args.Path, []byte("picture"), 0o600))
	addResources(t, server, args)
	return server, args
}

// addResources adds the resources that only calls can create, and sets their IDs in
// args.
func addResources(t *testing.T, server *runflowtest.Server, args *calls.Args) {
	t.Helper()
	pool := transport.NewPool()
	defer pool.CloseIdleConnections()
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL), runflow.WithHTTPClient(&http.Client{Transport: pool}))
	require.NoError(t, err)
	ctx, ids := t.Context(), &args.IDs

	webhook, err := client.Webhooks.Create(ctx, runflow.CreateWebhookParams{URL: server.URL + "/callback", Secret: "secret-of-a-webhook"})
	require.NoError(t, err)
	run, err := client.Models.CreateRun(ctx, args.Model, args.Create)
	require.NoError(t, err)
	server.FinishRun(run.ID)
	server.WaitCallbacks()
	deliveries, err := client.Webhooks.ListDeliveries(ctx, webhook.ID, runflow.ListWebhookDeliveriesParams{})
	require.NoError(t, err)
	require.NotEmpty(t, deliveries.Items)
	attempts, err := client.Webhooks.ListAttempts(ctx, webhook.ID, deliveries.Items[0].ID, runflow.ListWebhookAttemptsParams{})
	require.NoError(t, err)
	require.NotEmpty(t, attempts.Items)
	ids.Webhook, ids.WebhookDelivery, ids.WebhookAttempt = webhook.ID, deliveries.Items[0].ID, attempts.Items[0].ID
	ids.WebhookEvent = deliveries.Items[0].EventTypeCode

	asset, err := client.Assets.UploadFile(ctx, args.Path, args.Upload)
	require.NoError(t, err)
	args.Batch.CallbackURL = server.URL + "/callback"
	batch, err := client.Models.CreateBatch(ctx, args.Model, args.Batch)
	require.NoError(t, err)
	server.FinishBatch(batch.ID)
	server.WaitCallbacks()
	evaluation, err := client.Evaluations.Create(ctx, args.Evaluation)
	require.NoError(t, err)
	ofRun := args.Evaluation
	ofRun.RunID = args.RunID
	runEvaluation, err := client.Evaluations.Create(ctx, ofRun)
	require.NoError(t, err)
	secret, err := client.CallbackSecrets.Create(ctx, runflow.CreateCallbackSecretParams{})
	require.NoError(t, err)
	ids.Asset, ids.Batch, ids.BatchItem, ids.CallbackSecret = asset.ID, batch.ID, batch.Items[0].ID, secret.ID
	ids.Evaluation, ids.RunEvaluation = evaluation.ID, runEvaluation.ID
}

func TestClient_CloseIdleConnections_LeavesNoGoroutine(t *testing.T) { //nolint:paralleltest // it counts all goroutines
	const clients = 200
	for _, name := range []string{"HTTP/1.1", "HTTP/2"} { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, name == "HTTP/2", r.ProtoMajor == 2)
				_, _ = io.WriteString(w, `{"id":"1"}`)
			}))
			var opened atomic.Int64
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			if server.EnableHTTP2 = name == "HTTP/2"; server.EnableHTTP2 {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent()) // before the server closes the connections
			var wg sync.WaitGroup
			for range clients {
				client, err := runflow.NewClient("token", runflow.WithBaseURL(server.URL), trust(server))
				require.NoError(t, err)
				wg.Go(func() {
					defer client.CloseIdleConnections()
					_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			assert.Equal(t, int64(clients), opened.Load())
		})
	}
}

// trust returns an option for a client that has its own connections, and that
// trusts the certificate of server if it has one.
func trust(server *httptest.Server) runflow.ClientOption {
	if server.TLS == nil {
		return runflow.WithHTTPClient(&http.Client{})
	}
	pool := transport.NewPool()
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	pool.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	return runflow.WithHTTPClient(&http.Client{Transport: pool})
}
