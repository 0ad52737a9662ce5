package runflowtest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// start starts a server with a model and a workflow, and returns a client for it.
func start(t *testing.T) (*runflowtest.Server, *runflow.Client) {
	t.Helper()
	server := runflowtest.New(t)
	server.AddModel("acme/cat/2.0", runflow.Model{Name: "Cat"})
	server.AddWorkflow("acme/swap", runflow.ComfyuiWorkflow{Name: "Swap"})
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	return server, client
}

func params() runflow.CreateRunParams {
	return runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}}
}

func TestServer_RunLifecycle(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	verifier, err := callback.NewVerifier(server.CallbackSecret)
	require.NoError(t, err)
	events := make(chan *callback.Event, 1)
	receiver := httptest.NewServer(verifier.Handler(func(_ context.Context, event *callback.Event) error {
		events <- event
		return nil
	}))
	t.Cleanup(receiver.Close)

	run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", runflow.CreateRunParams{
		Input: map[string]any{"prompt": "a cat"}, Metadata: map[string]any{"user": "ann"}, CallbackURL: receiver.URL, ClientRef: "order-42",
	})
	require.NoError(t, err)
	assert.Equal(t, runflow.RunStatusQueued, run.StatusCode)
	assert.Equal(t, runflow.TargetTypeModel, run.TargetType)
	assert.Equal(t, runflow.RunSourceAPI, run.SourceCode)
	assert.JSONEq(t, `{"prompt":"a cat"}`, run.Input.String())

	found, err := client.Runs.FindByClientRef(t.Context(), "order-42")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, run.ID, found[0].ID)

	var statuses []runflow.RunStatus
	for range 3 {
		run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
		require.NoError(t, err)
		statuses = append(statuses, run.StatusCode)
	}
	assert.Equal(t, []runflow.RunStatus{"dispatching", "running", "succeeded"}, statuses)
	assert.EqualValues(t, 3000, *run.DurationMS)
	assert.Equal(t, time.Date(2026, 1, 1, 0, 0, 2, 0, time.UTC), run.StartedAt)
	assert.Equal(t, time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC), run.CompletedAt)

	event := <-events
	assert.Equal(t, "run.completed", event.Event)
	assert.Equal(t, run.ID, event.RunID)
	assert.JSONEq(t, `{"user":"ann"}`, event.Metadata.String())
	assert.Equal(t, run.CompletedAt, event.CompletedAt.UTC())
	assert.Contains(t, event.Raw.String(), `"completed_at":"2026-01-01T00:00:03.000+00:00"`)

	var image bytes.Buffer
	server.ExpireFiles() // so that Download gets the run again
	require.Len(t, event.OutputFiles(), 1)
	info, err := client.Runs.Download(t.Context(), event.OutputFiles()[0], &image, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, "image/png", info.ContentType)
	assert.Equal(t, "output.png", info.Name)
	assert.Equal(t, "image/png", http.DetectContentType(image.Bytes()))

	_, err = client.Runs.SetFeedback(t.Context(), event.RunID, runflow.Feedback{Rating: runflow.ThumbsUp})
	require.NoError(t, err)
	stored := server.Runs()
	require.Len(t, stored, 1)
	assert.True(t, *stored[0].FeedbackIsPositive)

	server.WaitCallbacks()
	page, err := client.Runs.ListCallbackDeliveries(t.Context(), run.ID, runflow.ListCallbackDeliveriesParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.True(t, page.Items[0].IsAutomatic)
	require.Len(t, page.Items[0].Attempts, 1)
	assert.Equal(t, 200, *page.Items[0].Attempts[0].StatusCode)
}

func TestServer_Script_Steps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steps []runflowtest.Step
		err   error
		check func(*testing.T, *runflow.Run)
	}{
		"succeed": {
			[]runflowtest.Step{
				func(r *runflow.Run) { r.Cost = decimal.NewNullDecimal(decimal.RequireFromString("0.10")) },
				runflowtest.StepSucceed(map[string]any{"n": 1}),
			},
			nil,
			func(t *testing.T, run *runflow.Run) {
				t.Helper()
				assert.JSONEq(t, `{"n":1}`, run.Output.String())
				assert.Equal(t, "0.1", run.Cost.Decimal.String())
			},
		},
		"fail": {
			[]runflowtest.Step{runflowtest.StepStatus("running"), runflowtest.StepFail("OOM", runflow.FailureStageExecution, "out of memory")},
			runflow.ErrRunFailed,
			func(t *testing.T, run *runflow.Run) {
				t.Helper()
				assert.Equal(t, "OOM", run.FailureCode)
				assert.Equal(t, runflow.FailureStageExecution, run.FailureStageCode)
				assert.Equal(t, "out of memory", run.FailureMessage)
				assert.False(t, run.StartedAt.IsZero())
			},
		},
		"cancel": {
			[]runflowtest.Step{runflowtest.StepCancel()},
			runflow.ErrRunCancelled,
			func(t *testing.T, run *runflow.Run) {
				t.Helper()
				assert.False(t, run.CompletedAt.IsZero())
				assert.True(t, run.StartedAt.IsZero())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			server.Script("acme/swap", tc.steps...)
			run, err := client.ComfyuiWorkflows.CreateRun(t.Context(), "acme/swap", params())
			require.NoError(t, err)
			assert.Equal(t, runflow.TargetTypeComfyui, run.TargetType)
			server.FinishRun(run.ID)
			run, err = client.Runs.Wait(t.Context(), run.ID, runflow.WaitRunParams{})
			require.ErrorIs(t, err, tc.err)
			tc.check(t, run)
		})
	}
}

func TestServer_Script_ExistingRunKeepsSteps(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Script("acme/swap", runflowtest.StepCancel())
	run, err := client.ComfyuiWorkflows.CreateRun(t.Context(), "acme/swap", params())
	require.NoError(t, err)
	server.Script("acme/swap", runflowtest.StepSucceed(nil))
	finished, _ := server.FinishRun(run.ID)
	assert.Equal(t, runflow.RunStatusCancelled, finished.StatusCode)
}

func TestServer_PauseRuns(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.PauseRuns()
	created, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	status := func() runflow.RunStatus {
		run, err := client.Runs.Get(t.Context(), created.ID, runflow.GetRunParams{})
		require.NoError(t, err)
		return run.StatusCode
	}
	assert.Equal(t, runflow.RunStatusQueued, status())
	assert.Equal(t, runflow.RunStatusQueued, status())
	advanced, ok := server.AdvanceRun(created.ID)
	assert.True(t, ok)
	assert.Equal(t, runflow.RunStatusDispatching, advanced.StatusCode)
	assert.Equal(t, runflow.RunStatusDispatching, status())
	server.ResumeRuns()
	assert.Equal(t, runflow.RunStatusRunning, status())
	assert.Equal(t, runflow.RunStatusSucceeded, status())
}

func TestServer_FinishRun(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	created, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	server.AdvanceClock(time.Hour)
	finished, ok := server.FinishRun(created.ID)
	assert.True(t, ok)
	assert.Equal(t, runflow.RunStatusSucceeded, finished.StatusCode)
	assert.EqualValues(t, 3603_000, *finished.DurationMS)
	assert.Equal(t, server.Now(), finished.CompletedAt.Add(time.Second))
	again, _ := server.AdvanceRun(created.ID)
	assert.Equal(t, finished, again, "no step is left")
	again, _ = server.FinishRun(created.ID)
	assert.Equal(t, finished, again, "no step is left")

	_, ok = server.AdvanceRun("none")
	assert.False(t, ok)
	_, ok = server.FinishRun("none")
	assert.False(t, ok)
}

func TestServer_SetClock(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	noon := time.Date(2030, 5, 6, 12, 0, 0, 0, time.FixedZone("", 2*3600))
	server.SetClock(noon)
	assert.Equal(t, noon.UTC(), server.Now())
	later, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	assert.Equal(t, noon.UTC(), later.CreatedAt)
	server.SetClock(noon.AddDate(-1, 0, 0))
	earlier, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	assert.Less(t, later.ID, earlier.ID, "IDs increase also if the clock is set back")
	var ids []string
	for _, run := range server.Runs() {
		ids = append(ids, run.ID)
	}
	assert.Equal(t, []string{earlier.ID, later.ID}, ids, "the oldest first")
}

func TestServer_ConcurrentUse(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
			if !assert.NoError(t, err) {
				return
			}
			server.FinishRun(run.ID)
			_, err = client.Runs.Wait(t.Context(), run.ID, runflow.WaitRunParams{})
			assert.NoError(t, err)
			_, err = client.Runs.List(t.Context(), runflow.ListRunsParams{})
			assert.NoError(t, err)
			server.AddFile("f", "text/plain", nil)
			server.AdvanceClock(time.Second)
			server.ExpireFiles()
			server.Handle("/v1/other", http.NotFoundHandler())
			_, _, _ = server.Runs(), server.Requests(), server.PendingFaults()
		})
	}
	group.Wait()
	assert.Len(t, server.Runs(), 8)
}

func ExampleServer() {
	server := runflowtest.NewServer() // in a test: runflowtest.New(t)
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	run, err := client.Models.CreateRun(ctx, "acme/cat", runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.FinishRun(run.ID)
	run, err = client.Runs.Wait(ctx, run.ID, runflow.WaitRunParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.StatusCode, len(run.OutputFiles()))
	// Output: succeeded 1
}

func ExampleServer_InjectFault() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}

	// The run is created, but the response is lost.
	server.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route("POST /v1/models/"), AfterProcessing: true})
	_, err = client.Models.CreateRun(context.Background(), "acme/cat", runflow.CreateRunParams{Input: map[string]any{}})
	info, _ := runflow.CallInfoOf(err)
	fmt.Println(info.OutcomeUnknown, len(server.Runs()), len(server.PendingFaults()))
	// Output: true 1 0
}

func ExampleNewCallbackRequest() {
	verifier, err := callback.NewVerifier("whsec_1")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := verifier.Handler(func(_ context.Context, event *callback.Event) error {
		fmt.Println(event.RunID, event.Status)
		return nil
	})

	request := runflowtest.NewCallbackRequest("whsec_1", callback.Event{
		Event: "run.completed", RunID: "run-1", Status: runflow.RunStatusSucceeded,
	})
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	fmt.Println(response.Code)
	// Output:
	// run-1 succeeded
	// 200
}
