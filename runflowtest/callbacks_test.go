package runflowtest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// received is a callback that has arrived.
type received struct {
	header http.Header
	body   []byte
}

// listen receives callbacks, and responds to each with 200.
func listen(t *testing.T) (url string, arrived <-chan received) {
	t.Helper()
	callbacks := make(chan received, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		callbacks <- received{r.Header, body}
	}))
	t.Cleanup(receiver.Close)
	return receiver.URL, callbacks
}

// createWorkflowRun creates a run with a callback.
func createWorkflowRun(t *testing.T, client *runflow.Client, callbackURL string) *runflow.Run {
	t.Helper()
	run, err := client.ComfyuiWorkflows.CreateRun(t.Context(), "acme/swap",
		runflow.CreateRunParams{Input: map[string]any{}, CallbackURL: callbackURL})
	require.NoError(t, err)
	return run
}

func deliveries(t *testing.T, client *runflow.Client, runID string) []runflow.CallbackDelivery {
	t.Helper()
	page, err := client.Runs.ListCallbackDeliveries(t.Context(), runID, runflow.ListCallbackDeliveriesParams{})
	require.NoError(t, err)
	return page.Items
}

func TestServer_Callback_Payload(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step                  runflowtest.Step
		event, status, output string
	}{
		"succeeded":         {runflowtest.StepSucceed(map[string]int{"a": 1}), "run.completed", "succeeded", `{"a":1}`},
		"failed":            {runflowtest.StepFail("OOM", runflow.FailureStageExecution, "too large"), "run.failed", "failed", `{"code":"OOM","message":"too large","errors":null}`},
		"cancelled":         {runflowtest.StepCancel(), "run.cancelled", "cancelled", `null`},
		"partial_succeeded": {runflowtest.StepStatus(runflow.RunStatusPartialSucceeded), "run.partial_succeeded", "partial_succeeded", `null`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			url, arrived := listen(t)
			server.Script("acme/swap", tc.step)
			run := createWorkflowRun(t, client, url)
			server.FinishRun(run.ID)
			got := <-arrived
			assert.Equal(t, `{"event":"`+tc.event+`","run_id":"`+run.ID+`","status":"`+tc.status+`","output":`+tc.output+
				`,"duration_ms":1000,"created_at":"2026-01-01T00:00:00.000+00:00","completed_at":"2026-01-01T00:00:01.000+00:00","metadata":null}`, string(got.body))
			mac := hmac.New(sha256.New, []byte(server.CallbackSecret))
			_, _ = mac.Write(got.body)
			assert.Equal(t, hex.EncodeToString(mac.Sum(nil)), got.header.Get("Runflow-Signature"))
			assert.NotEmpty(t, got.header.Get("Runflow-Request-Id"))
		})
	}
}

func TestServer_Callback_NoSecret(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.CallbackSecret = ""
	url, arrived := listen(t)
	server.FinishRun(createWorkflowRun(t, client, url).ID)
	assert.Empty(t, (<-arrived).header.Values("Runflow-Signature"))
}

func TestServer_Callback_Attempts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		statuses []int
		want     string
	}{
		"first succeeds":          {[]int{204}, "delivered"},
		"last succeeds":           {[]int{500, 503, 200}, "delivered"},
		"all fail":                {[]int{500, 500, 409}, "failed"},
		"redirect is not success": {[]int{302, 302, 302}, "failed"},
		"no receiver":             {nil, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			var calls atomic.Int32
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.statuses[calls.Add(1)-1])
			}))
			t.Cleanup(receiver.Close)
			url := receiver.URL
			if tc.statuses == nil {
				url = wire.Refused(t)
			}
			run := createWorkflowRun(t, client, url)
			server.FinishRun(run.ID)
			server.WaitCallbacks()
			items := deliveries(t, client, run.ID)
			require.Len(t, items, 1)
			d := items[0]
			assert.Equal(t, tc.want, d.StatusCode)
			assert.Equal(t, 3, *d.MaxAttempts)
			assert.Contains(t, d.PayloadBytes, `"event":"run.completed"`)
			assert.JSONEq(t, d.PayloadBytes, d.Payload.String())
			if tc.statuses == nil {
				assert.Len(t, d.Attempts, 3)
				assert.NotEmpty(t, d.Attempts[0].ErrorMessage)
				return
			}
			assert.Len(t, tc.statuses, *d.AttemptCount)
			require.Len(t, d.Attempts, len(tc.statuses))
			for i, status := range tc.statuses {
				assert.Equal(t, status, *d.Attempts[i].StatusCode)
			}
		})
	}
}

func TestServer_RedeliverCallback(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	url, arrived := listen(t)
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusCancelled, CallbackURL: url})
	delivery, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	assert.False(t, delivery.IsAutomatic)
	want := `{"event":"run.cancelled","run_id":"` + run.ID + `","status":"cancelled","output":null,"duration_ms":null,"created_at":null,"completed_at":null,"metadata":null}`
	assert.Equal(t, want, string((<-arrived).body))
	again, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	assert.Equal(t, want, string((<-arrived).body))
	items := deliveries(t, client, run.ID)
	require.Len(t, items, 2)
	assert.Equal(t, []string{again.ID, delivery.ID}, []string{items[0].ID, items[1].ID}, "the newest first")
}

func TestServer_RedeliverCallback_Errors(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	running := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusRunning, CallbackURL: "https://callbacks.test/"})
	noURL := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusCancelled})
	for id, want := range map[string]error{running.ID: runflow.ErrValidation, noURL.ID: runflow.ErrValidation, "none": runflow.ErrNotFound} {
		_, err := client.Runs.RedeliverCallback(t.Context(), id)
		require.ErrorIs(t, err, want)
	}
	_, err := client.Runs.ListCallbackDeliveries(t.Context(), "none", runflow.ListCallbackDeliveriesParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)
	assert.Empty(t, deliveries(t, client, running.ID))
}

func TestServer_ListCallbackDeliveries_AllMembers(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	url, arrived := listen(t)
	server.AddRun(runflow.Run{ID: "1", StatusCode: runflow.RunStatusCancelled, CallbackURL: url})
	status, body := send(t, server, http.MethodPost, "/v1/runs/1/callback-redeliveries", "")
	assert.Equal(t, 201, status)
	assert.Contains(t, body, `"attempts":[]`)
	assert.Contains(t, body, `"completed_at":null`)
	<-arrived
	server.WaitCallbacks()
	_, body = send(t, server, http.MethodGet, "/v1/runs/1/callback", "")
	var got []map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "signing_secret_id")
	assert.Nil(t, got[0]["signing_secret_id"])
	require.Len(t, got[0]["attempts"], 1)
	assert.Contains(t, body, `"error_message":null`)
}

func TestServer_Callback_SignsLinksAgain(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	url, arrived := listen(t)
	link := server.AddFile("a", "text/plain", []byte("a"))
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded, CallbackURL: url, Output: runflow.JSON(`"` + link + `"`)})
	server.ExpireFiles()
	_, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	body := (<-arrived).body
	var payload struct {
		Output string `json:"output"`
	}
	require.NoError(t, json.Unmarshal(body, &payload))
	status, _, _ := fetch(t, payload.Output, nil)
	assert.Equal(t, 200, status)

	server.AdvanceClock(time.Hour)
	assert.Equal(t, string(body), deliveries(t, client, run.ID)[0].PayloadBytes, "the delivery has the payload that was sent")
}

func TestServer_Close_WaitsForCallbacks(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	url, arrived := listen(t)
	var group sync.WaitGroup
	for range 10 {
		run := createWorkflowRun(t, client, url)
		group.Go(func() { server.FinishRun(run.ID) })
		group.Go(server.WaitCallbacks)
	}
	group.Wait()
	server.Close()
	assert.Len(t, arrived, 10)
	server.Close() // does nothing
}

func TestServer_Close_ReceiverCallsAPI(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	// Close ends the delay. Until then, the receiver waits for its first call. It
	// makes the second call while the server is being closed.
	server.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route("GET /v1/runs"), Delay: time.Hour})
	calls, errs := make(chan struct{}), make(chan error, 2)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(calls)
		for range 2 {
			_, err := client.Runs.List(r.Context(), runflow.ListRunsParams{})
			errs <- err
		}
	}))
	t.Cleanup(receiver.Close)
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded, CallbackURL: receiver.URL})
	_, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	<-calls
	server.Close()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
}

func TestNewCallbackRequest(t *testing.T) {
	t.Parallel()
	const text = `{ "event":"run.completed","run_id":"1","status":"succeeded","output":"https://storage.test/a?b&c" }`
	verifier, err := callback.NewVerifier("whsec_1")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		payload any
		raw     string
	}{
		"bytes":      {[]byte(text), text},
		"RawMessage": {json.RawMessage(text), text},
		"JSON":       {runflow.JSON(text), text},
		"map":        {map[string]string{"event": "run.completed", "run_id": "1", "status": "succeeded"}, `{"event":"run.completed","run_id":"1","status":"succeeded"}`},
		"Event":      {callback.Event{Event: "run.completed", RunID: "1", Status: "succeeded"}, `{"event":"run.completed","run_id":"1","status":"succeeded"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := runflowtest.NewCallbackRequest("whsec_1", tc.payload)
			assert.Equal(t, http.MethodPost, request.Method)
			assert.NotEmpty(t, request.Header.Get("Runflow-Request-Id"))
			event, err := verifier.Parse(request)
			require.NoError(t, err)
			assert.Equal(t, "1", event.RunID)
			assert.Equal(t, tc.raw, event.Raw.String())
		})
	}

	_, err = verifier.Parse(runflowtest.NewCallbackRequest("whsec_2", runflow.JSON(text)))
	require.ErrorIs(t, err, callback.ErrInvalidSignature)
	unsigned := runflowtest.NewCallbackRequest("", runflow.JSON(text))
	assert.Empty(t, unsigned.Header.Values("Runflow-Signature"))
	assert.Panics(t, func() { runflowtest.NewCallbackRequest("whsec_1", func() {}) })
}

func TestNewCallbackRequest_SentByClient(t *testing.T) {
	t.Parallel()
	verifier, err := callback.NewVerifier("whsec_1")
	require.NoError(t, err)
	receiver := httptest.NewServer(verifier.Handler(func(context.Context, *callback.Event) error { return nil }))
	t.Cleanup(receiver.Close)
	request := runflowtest.NewCallbackRequest("whsec_1", callback.Event{RunID: "1"})
	request.URL, err = request.URL.Parse(receiver.URL)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, 200, resp.StatusCode)
}
