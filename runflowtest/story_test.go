package runflowtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// start starts a server with a model and a workflow, and a client of it.
func start(t *testing.T) (*runflowtest.Server, *runflow.Client) {
	t.Helper()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
	server.AddModel("acme/cat/2.0", runflow.Model{Name: "Cat"})
	server.AddWorkflow("acme/swap", runflow.ComfyuiWorkflow{Name: "Swap"})
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	return server, client
}

var (
	input  = map[string]any{"prompt": "a cat"}
	atOnce = &runflow.WaitOptions{MinInterval: 1, MaxInterval: 1}
)

func TestAStoryFromDispatchToRating(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	verifier, err := runflow.NewCallbackVerifier(server.CallbackSecret)
	require.NoError(t, err)
	events := make(chan *runflow.CallbackEvent, 1)
	hook := httptest.NewServer(verifier.Handler(func(_ context.Context, event *runflow.CallbackEvent) error {
		events <- event
		return nil
	}))
	t.Cleanup(hook.Close)

	run, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{
		Input: input, Metadata: map[string]any{"user": "ann"}, CallbackURL: hook.URL, ClientRef: "order-42",
	})
	require.NoError(t, err)
	assert.Equal(t, runflow.RunStatusQueued, run.StatusCode)
	assert.Equal(t, runflow.TargetTypeModel, run.TargetType)
	assert.JSONEq(t, `{"prompt":"a cat"}`, run.Input.String())

	var statuses []runflow.RunStatus
	for seen, err := range client.Runs.Watch(t.Context(), run.ID, atOnce) {
		require.NoError(t, err)
		statuses = append(statuses, seen.StatusCode)
		run = seen
	}
	assert.Equal(t, []runflow.RunStatus{"dispatching", "running", "succeeded"}, statuses)
	assert.EqualValues(t, 3000, *run.DurationMS)
	assert.Equal(t, time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC), *run.CompletedAt)

	event := <-events
	assert.Equal(t, "run.completed", event.Event)
	assert.Equal(t, run.ID, event.RunID)
	assert.JSONEq(t, `{"user":"ann"}`, event.Metadata.String())
	assert.Equal(t, *run.CompletedAt, event.CompletedAt.UTC())
	assert.Contains(t, event.Raw.String(), `"completed_at":"2026-01-01T00:00:03.000+00:00"`)

	var picture bytes.Buffer
	server.ExpireFiles()
	_, err = client.Runs.Download(t.Context(), event.Outputs()[0], &picture)
	require.NoError(t, err)
	assert.Equal(t, "image/png", http.DetectContentType(picture.Bytes()))

	_, err = client.Runs.SetFeedback(t.Context(), event.RunID, runflow.Feedback{IsPositive: true})
	require.NoError(t, err)
	stored := server.Runs()
	require.Len(t, stored, 1)
	assert.True(t, *stored[0].FeedbackIsPositive)

	server.WaitCallbacks()
	deliveries, err := client.Runs.CallbackDeliveries(t.Context(), run.ID)
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	assert.True(t, deliveries[0].IsAutomatic)
	assert.Equal(t, 200, *deliveries[0].Attempts[0].StatusCode)
}

func TestRunsTakeTheStepsOfTheirScript(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	for name, tc := range map[string]struct {
		steps []runflowtest.Step
		err   error
		want  func(*testing.T, *runflow.Run)
	}{
		"succeed": {
			[]runflowtest.Step{func(r *runflow.Run) { r.Cost = decimal.NewNullDecimal(decimal.RequireFromString("0.10")) }, runflowtest.Succeed(map[string]any{"n": 1})},
			nil,
			func(t *testing.T, run *runflow.Run) {
				t.Helper()
				assert.JSONEq(t, `{"n":1}`, run.Output.String())
				assert.Equal(t, "0.1", run.Cost.Decimal.String())
			},
		},
		"fail": {
			[]runflowtest.Step{runflowtest.Status("running"), runflowtest.Fail("OOM", runflow.FailureStageExecution, "out of memory")},
			runflow.ErrRunFailed,
			func(t *testing.T, run *runflow.Run) { t.Helper(); assert.Equal(t, "OOM", run.FailureCode) },
		},
		"cancel": {
			[]runflowtest.Step{runflowtest.Cancel()},
			runflow.ErrRunCancelled,
			func(t *testing.T, run *runflow.Run) { t.Helper(); assert.NotNil(t, run.CompletedAt) },
		},
	} {
		server.Script("acme/swap", tc.steps...)
		run, err := client.ComfyuiWorkflows.Run(t.Context(), "acme/swap", &runflow.RunRequest{Input: input})
		require.NoError(t, err)
		assert.Equal(t, runflow.TargetTypeComfyui, run.TargetType)
		run, err = client.Runs.Wait(t.Context(), run.ID, atOnce)
		require.ErrorIs(t, err, tc.err, name)
		tc.want(t, run)
	}
}

func TestTheTestMayHoldTheStep(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Hold()
	run, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input})
	require.NoError(t, err)
	for range 3 {
		run, err = client.Runs.Get(t.Context(), run.ID, nil)
		require.NoError(t, err)
		assert.Equal(t, runflow.RunStatusQueued, run.StatusCode)
	}
	stepped, ok := server.Step(run.ID)
	assert.True(t, ok)
	assert.Equal(t, runflow.RunStatusDispatching, stepped.StatusCode)
	server.Advance(time.Hour)
	finished, ok := server.Finish(run.ID)
	assert.True(t, ok)
	assert.Equal(t, runflow.RunStatusSucceeded, finished.StatusCode)
	assert.EqualValues(t, 3603_000, *finished.DurationMS)
	assert.Equal(t, server.Now(), finished.CompletedAt.Add(time.Second))
	again, _ := server.Step(run.ID)
	assert.Equal(t, finished, again, "there is no step left")
	_, ok = server.Step("none")
	assert.False(t, ok)
}

func TestDispatchesAreValidated(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	const model = "/v1/models/acme/cat/2.0/runs"
	for _, tc := range []struct {
		path, body string
		status     int
		want       string
	}{
		{model, `[]`, 400, "BAD_REQUEST"},
		{model, `null`, 400, "BAD_REQUEST"},
		{model, `{}`, 422, `"loc":["body","input"],"msg":"Field required"`},
		{model, `{"input":[]}`, 422, `"loc":["body","input"]`},
		{model, `{"input":{},"metadata":1}`, 422, `"loc":["body","metadata"]`},
		{model, `{"input":{},"client_ref":1}`, 422, `"loc":["body","client_ref"]`},
		{model, `{"input":{},"metadata":null,"callback_url":null,"client_ref":null}`, 201, `"status_code":"queued"`},
		{"/v1/models/cat/runs", `{"input":{}}`, 405, "METHOD_NOT_ALLOWED"},
		{"/v1/models/acme/dog/runs", `{"input":{}}`, 404, "MODEL_UNAVAILABLE"},
		{"/v1/models/acme/cat", `{"input":{}}`, 404, "NOT_FOUND"},
		{"/v1/comfyui-workflows/acme/none/runs", `{"input":{}}`, 404, "NOT_FOUND"},
	} {
		status, got := send(t, server, http.MethodPost, tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%s %s", tc.path, tc.body)
		assert.Contains(t, got, tc.want)
	}
	assert.Len(t, server.Runs(), 1)
}

func TestAKeyReplaysItsAnswer(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	run := func(prompt string) (*runflow.Run, error) {
		return client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: map[string]any{"prompt": prompt}}, runflow.WithIdempotencyKey("k"))
	}
	first, err := run("a")
	require.NoError(t, err)
	second, err := run("a")
	require.NoError(t, err)
	assert.Equal(t, first, second)
	_, err = run("b")
	require.ErrorIs(t, err, runflow.ErrConflict)
	assert.Len(t, server.Runs(), 1)
}

func TestCallsMeetWithTheirFaults(t *testing.T) {
	t.Parallel()
	dispatches := func(r *http.Request) bool { return r.Method == http.MethodPost }
	for name, tc := range map[string]struct {
		fault     runflowtest.Fault
		n         int
		opts      []runflow.Option
		err       error
		ambiguous bool
		runs      int
	}{
		"refused":                {runflowtest.Fault{Match: dispatches, Status: 402, Code: "INSUFFICIENT_CREDIT"}, 1, nil, runflow.ErrInsufficientCredit, false, 0},
		"slow down":              {runflowtest.Fault{Match: dispatches, Status: 429}, 2, nil, nil, false, 1},
		"slow down for too long": {runflowtest.Fault{Match: dispatches, Status: 429, RetryAfter: time.Hour}, 1, nil, runflow.ErrRateLimited, false, 0},
		"dropped":                {runflowtest.Fault{}, 1, nil, runflow.ErrAmbiguous, true, 0},
		"dropped after the work": {runflowtest.Fault{AfterWork: true}, 1, nil, runflow.ErrAmbiguous, true, 1},
		"refused after the work": {runflowtest.Fault{AfterWork: true, Status: 500}, 1, nil, runflow.ErrServer, true, 1},
		"truncated":              {runflowtest.Fault{Truncate: true}, 1, nil, runflow.ErrAmbiguous, true, 1},
		"dropped, under a key":   {runflowtest.Fault{AfterWork: true}, 3, []runflow.Option{runflow.WithIdempotencyKey("k")}, nil, false, 1},
		"slow":                   {runflowtest.Fault{Delay: time.Millisecond}, 1, nil, nil, false, 1},
		"slow and dropped":       {runflowtest.Fault{Delay: time.Millisecond, AfterWork: true}, 1, nil, runflow.ErrAmbiguous, true, 1},
		"of no concern":          {runflowtest.Fault{Match: func(*http.Request) bool { return false }}, 1, nil, nil, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			server.Fail(tc.n, tc.fault)
			_, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input}, tc.opts...)
			require.ErrorIs(t, err, tc.err)
			assert.Equal(t, tc.ambiguous, errors.Is(err, runflow.ErrAmbiguous))
			assert.Len(t, server.Runs(), tc.runs)
			if tc.err == nil {
				return
			}
			_, err = client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input})
			require.NoError(t, err, "the fault has passed")
		})
	}
}

func TestRequestsAreRemembered(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	_, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input})
	require.NoError(t, err)
	_, err = client.Runs.List(t.Context(), &runflow.RunListParams{ListParams: runflow.ListParams{Limit: 7}})
	require.NoError(t, err)
	requests := server.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, "POST", requests[0].Method)
	assert.Equal(t, "/v1/models/acme/cat/2.0/runs", requests[0].Path)
	assert.Equal(t, `{"input":{"prompt":"a cat"}}`, string(requests[0].Body))
	assert.NotEmpty(t, requests[0].Header.Get("Idempotency-Key"))
	assert.Equal(t, "7", requests[1].Query.Get("limit"))
}

func TestCallbacksAreDeliveredUntilTheyAreTaken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		statuses []int
		want     string
	}{
		"at once":       {[]int{204}, "delivered"},
		"in the end":    {[]int{500, 503, 200}, "delivered"},
		"not at all":    {[]int{500, 500, 409}, "failed"},
		"to a deaf ear": {nil, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			var calls atomic.Int32
			hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.statuses[calls.Add(1)-1])
			}))
			t.Cleanup(hook.Close)
			if tc.statuses == nil {
				hook.Close()
			}
			server.Script("acme/swap", runflowtest.Fail("X", "dispatch", "m"))
			run, err := client.ComfyuiWorkflows.Run(t.Context(), "acme/swap", &runflow.RunRequest{Input: input, CallbackURL: hook.URL})
			require.NoError(t, err)
			_, err = client.Runs.RedeliverCallback(t.Context(), run.ID)
			require.ErrorIs(t, err, runflow.ErrValidation, "it has not ended")
			server.Finish(run.ID)
			server.WaitCallbacks()
			deliveries, err := client.Runs.CallbackDeliveries(t.Context(), run.ID)
			require.NoError(t, err)
			require.Len(t, deliveries, 1)
			d := deliveries[0]
			assert.Equal(t, tc.want, d.StatusCode)
			assert.Contains(t, d.PayloadBytes, `"event":"run.failed"`)
			if tc.statuses == nil {
				assert.Len(t, d.Attempts, 3)
				assert.NotEmpty(t, d.Attempts[0].ErrorMessage)
				return
			}
			require.Len(t, d.Attempts, len(tc.statuses))
			for i, status := range tc.statuses {
				assert.Equal(t, status, *d.Attempts[i].StatusCode)
			}
		})
	}
}

func TestACallbackIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	bodies := make(chan string, 2)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		bodies <- body.String()
	}))
	t.Cleanup(hook.Close)
	ended := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusCancelled, CallbackURL: hook.URL})
	silent := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusCancelled})
	delivery, err := client.Runs.RedeliverCallback(t.Context(), ended.ID)
	require.NoError(t, err)
	assert.False(t, delivery.IsAutomatic)
	assert.Equal(t, `{"event":"run.cancelled","run_id":"`+ended.ID+`","status":"cancelled","output":null,"duration_ms":null,"created_at":null,"completed_at":null,"metadata":null}`, <-bodies)
	_, err = client.Runs.RedeliverCallback(t.Context(), silent.ID)
	require.ErrorIs(t, err, runflow.ErrValidation)
	_, err = client.Runs.RedeliverCallback(t.Context(), "none")
	require.ErrorIs(t, err, runflow.ErrNotFound)
	_, err = client.Runs.CallbackDeliveries(t.Context(), "none")
	require.ErrorIs(t, err, runflow.ErrNotFound)
}

func TestTheStorageHostTakesNoToken(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	url := server.AddFile("a b.txt", "text/plain", []byte("text"))
	path := strings.TrimPrefix(url, server.URL)
	status, _ := send(t, server, http.MethodGet, path, "")
	assert.Equal(t, 400, status)
	for suffix, want := range map[string]int{"": 200, "0": 403} {
		resp, err := http.Get(url + suffix) //nolint:noctx // a test's request
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, want, resp.StatusCode)
	}
	resp, err := http.Get(server.URL + "/files/none?X-Signature=0") //nolint:noctx // a test's request
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, 404, resp.StatusCode)
}

func ExampleServer() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	run, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: map[string]any{"prompt": "a cat"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Finish(run.ID) // at once
	run, err = client.Runs.Wait(ctx, run.ID, nil)
	fmt.Println(run.StatusCode, len(run.Outputs()), err)
	// Output: succeeded 1 <nil>
}
