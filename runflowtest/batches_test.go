package runflowtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// prompts returns the inputs of a batch.
func prompts(texts ...string) []runflow.BatchInput {
	inputs := make([]runflow.BatchInput, len(texts))
	for i, text := range texts {
		inputs[i] = runflow.BatchInput{Input: map[string]any{"prompt": text}, ClientRef: fmt.Sprintf("row-%d", i+1)}
	}
	return inputs
}

// stepByPrompt ends a run in the way that its prompt says.
func stepByPrompt(run *runflow.Run) {
	switch prompt := run.Input.String(); {
	case strings.Contains(prompt, "fail"):
		runflowtest.StepFail("NSFW", runflow.FailureStageExecution, "refused")(run)
	case strings.Contains(prompt, "cancel"):
		runflowtest.StepCancel()(run)
	case strings.Contains(prompt, "partial"):
		runflowtest.StepStatus(runflow.RunStatusPartialSucceeded)(run)
	default:
		runflowtest.StepSucceed(map[string]any{"url": "https://host.test/cat.png"})(run)
		run.Cost = decimal.NewNullDecimal(decimal.RequireFromString("0.04"))
	}
}

// createBatch creates a batch whose runs end as stepByPrompt says.
func createBatch(t *testing.T, server *runflowtest.Server, client *runflow.Client, params runflow.CreateBatchParams) *runflow.Batch {
	t.Helper()
	server.Script("acme/cat/2.0", runflowtest.StepStatus(runflow.RunStatusRunning), stepByPrompt)
	batch, err := client.Models.CreateBatch(t.Context(), "acme/cat/2.0", params)
	require.NoError(t, err)
	return batch
}

func TestServer_BatchLifecycle(t *testing.T) {
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

	texts := make([]string, 50)
	for i := range texts {
		texts[i] = "a cat"
	}
	texts[7], texts[20], texts[49] = "fail", "fail", "fail"
	batch := createBatch(t, server, client, runflow.CreateBatchParams{
		Inputs: prompts(texts...), Metadata: map[string]any{"user": "ann"}, CallbackURL: receiver.URL,
	})
	assert.Equal(t, runflow.RunStatusQueued, batch.StatusCode)
	assert.Equal(t, runflow.TargetTypeModel, batch.TargetType)
	assert.Equal(t, 50, *batch.ItemsTotal)
	require.Len(t, batch.Items, 50)
	assert.Equal(t, runflow.BatchItem{
		ID: batch.Items[7].ID, SequenceIndex: new(7), RunID: batch.Items[7].RunID, ClientRef: "row-8", StatusCode: runflow.RunStatusQueued,
	}, batch.Items[7], "items of a batch have a short form")

	batch, err = client.Batches.Wait(t.Context(), batch.ID, runflow.WaitBatchParams{MinInterval: 1})
	require.NoError(t, err)
	assert.Equal(t, runflow.RunStatusPartialSucceeded, batch.StatusCode)
	assert.Equal(t, [...]int{50, 47, 3, 0}, [...]int{*batch.ItemsTotal, *batch.ItemsSucceeded, *batch.ItemsFailed, *batch.ItemsCancelled})
	assert.Equal(t, "1.88", batch.Cost.Decimal.String())
	assert.Empty(t, batch.FailureCode, "the batch did not fail")
	assert.False(t, batch.StartedAt.IsZero())
	assert.Positive(t, *batch.DurationMS)

	var refs []string
	for item, err := range client.Batches.AllItems(t.Context(), batch.ID, runflow.ListBatchItemsParams{Limit: 20}) {
		require.NoError(t, err)
		refs = append(refs, item.ClientRef)
		if item.StatusCode == runflow.RunStatusSucceeded {
			assert.Len(t, item.OutputFiles(), 1)
			assert.Equal(t, "0.04", item.Cost.Decimal.String())
		}
	}
	require.Len(t, refs, 50)
	assert.Equal(t, []string{"row-1", "row-2", "row-50"}, []string{refs[0], refs[1], refs[49]}, "the order is that of the inputs")

	failed, err := client.Batches.ListItems(t.Context(), batch.ID,
		runflow.ListBatchItemsParams{Filter: runflow.Where("status_code").Eq("failed"), Embed: []runflow.BatchItemEmbed{runflow.BatchItemEmbedRun}})
	require.NoError(t, err)
	require.Len(t, failed.Items, 3)
	assert.Equal(t, 7, *failed.Items[0].SequenceIndex)
	assert.JSONEq(t, `{"prompt":"fail"}`, failed.Items[0].Input.String(), "the API takes client_ref out of the input")
	assert.JSONEq(t, `{"code":"NSFW","message":"refused","errors":null}`, failed.Items[0].Error.String())
	require.NotNil(t, failed.Items[0].Run)
	assert.Equal(t, batch.ID, failed.Items[0].Run.BatchID)
	assert.Equal(t, "NSFW", failed.Items[0].Run.FailureCode)

	runs, err := client.Runs.List(t.Context(), runflow.ListRunsParams{Filter: runflow.Where("batch_id").Eq(batch.ID), Limit: 100})
	require.NoError(t, err)
	assert.Len(t, runs.Items, 50)

	event := <-events
	assert.Equal(t, "batch.partial_succeeded", event.Event)
	assert.Equal(t, batch.ID, event.BatchID)
	assert.Empty(t, event.RunID)
	assert.Equal(t, runflow.RunStatusPartialSucceeded, event.Status)
	assert.JSONEq(t, `{"user":"ann"}`, event.Metadata.String())
	assert.Contains(t, event.Output.String(), `"succeeded":47,"failed":3,"cancelled":0,"total":50`)
	assert.Equal(t, batch.Output, event.Output)
	_, err = client.Runs.SetFeedback(t.Context(), batch.Items[0].RunID, runflow.Feedback{Rating: runflow.ThumbsUp})
	require.NoError(t, err)
	server.WaitCallbacks()
	assert.Empty(t, events, "the runs have no callbacks of their own")
	deliveries, err := client.Batches.ListCallbackDeliveries(t.Context(), batch.ID, runflow.ListCallbackDeliveriesParams{})
	require.NoError(t, err)
	assert.Len(t, deliveries.Items, 1, "the batch ended once, although a run has changed since")
}

func TestServer_Batch_Status(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prompts []string
		status  runflow.RunStatus
		err     error
	}{
		"all succeed":           {[]string{"a", "b"}, runflow.RunStatusSucceeded, nil},
		"all fail":              {[]string{"fail", "fail"}, runflow.RunStatusFailed, runflow.ErrBatchFailed},
		"all are cancelled":     {[]string{"cancel", "cancel"}, runflow.RunStatusCancelled, runflow.ErrBatchCancelled},
		"one succeeds":          {[]string{"cancel", "a"}, runflow.RunStatusPartialSucceeded, nil},
		"cancelled and failed":  {[]string{"cancel", "fail"}, runflow.RunStatusFailed, runflow.ErrBatchFailed},
		"failed and cancelled":  {[]string{"fail", "cancel"}, runflow.RunStatusFailed, runflow.ErrBatchFailed},
		"all three in one":      {[]string{"cancel", "fail", "a"}, runflow.RunStatusPartialSucceeded, nil},
		"partial":               {[]string{"partial", "fail"}, runflow.RunStatusPartialSucceeded, nil},
		"one run that succeeds": {[]string{"a"}, runflow.RunStatusSucceeded, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			created := createBatch(t, server, client, runflow.CreateBatchParams{Inputs: prompts(tc.prompts...)})
			finished, ok := server.FinishBatch(created.ID)
			assert.True(t, ok)
			assert.Equal(t, tc.status, finished.StatusCode)
			batch, err := client.Batches.Wait(t.Context(), created.ID, runflow.WaitBatchParams{})
			require.ErrorIs(t, err, tc.err)
			assert.Equal(t, tc.status, batch.StatusCode)
			if tc.status == runflow.RunStatusFailed {
				assert.Equal(t, "NSFW", batch.FailureCode)
				assert.ErrorContains(t, err, "refused")
			}
		})
	}
}

func TestServer_Batch_Progress(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	created := createBatch(t, server, client, runflow.CreateBatchParams{Inputs: prompts("a", "b")})
	status := func() runflow.RunStatus {
		batch, err := client.Batches.Get(t.Context(), created.ID, runflow.GetBatchParams{})
		require.NoError(t, err)
		return batch.StatusCode
	}
	server.PauseRuns()
	assert.Equal(t, runflow.RunStatusQueued, status())
	server.FinishRun(created.Items[1].RunID)
	assert.Equal(t, runflow.RunStatusRunning, status(), "one run has ended, the other one is queued")
	server.ResumeRuns()
	assert.Equal(t, runflow.RunStatusRunning, status())
	assert.Equal(t, runflow.RunStatusSucceeded, status())

	item, err := client.Batches.GetItem(t.Context(), created.ID, created.Items[0].ID)
	require.NoError(t, err)
	assert.Equal(t, runflow.RunStatusSucceeded, item.StatusCode)
	_, err = client.Batches.GetItem(t.Context(), created.ID, "none")
	require.ErrorIs(t, err, runflow.ErrNotFound)

	batch, err := client.Batches.Get(t.Context(), created.ID, runflow.GetBatchParams{Fields: []string{"items_succeeded"}})
	require.NoError(t, err)
	assert.Equal(t, &runflow.Batch{ID: created.ID, ItemsSucceeded: new(2)}, batch)

	_, ok := server.FinishBatch("none")
	assert.False(t, ok)
	server.AddUser("other", "org-2")
	_, err = client.Batches.Get(t.Context(), created.ID, runflow.GetBatchParams{}, runflow.WithToken("other"))
	require.ErrorIs(t, err, runflow.ErrNotFound)
}

func TestServer_CreateBatch_IdempotencyKey(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	create := func(text string) (*runflow.Batch, error) {
		return client.Models.CreateBatch(t.Context(), "acme/cat/2.0",
			runflow.CreateBatchParams{Inputs: prompts(text, text)}, runflow.WithIdempotencyKey("k"))
	}
	first, err := create("a")
	require.NoError(t, err)
	server.FinishBatch(first.ID)
	second, err := create("a")
	require.NoError(t, err)
	assert.Equal(t, first, second)
	_, err = create("b")
	require.ErrorIs(t, err, runflow.ErrConflict)
	assert.Len(t, server.Runs(), 2)
}

func TestServer_CreateBatch_LostResponse(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route("POST /v1/models/"), AfterProcessing: true})
	batch, err := client.Models.CreateBatch(t.Context(), "acme/cat/2.0", runflow.CreateBatchParams{Inputs: prompts("a", "b", "c")})
	require.NoError(t, err, "the client retries the call with its key")
	assert.Len(t, batch.Items, 3)
	assert.Len(t, server.Runs(), 3)
}

func TestServer_CreateBatch_Validation(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	const path = "/v1/models/acme/cat/2.0/batches"
	list := func(n int) string { return `{"input":[` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + `]}` }
	for _, tc := range []struct {
		path, body string
		status     int
		want       string
	}{
		{path, `[]`, 400, "BAD_REQUEST"},
		{path, `{}`, 422, `"loc":["body","input"]`},
		{path, `{"input":{}}`, 422, `"loc":["body","input"]`},
		{path, list(0), 422, `"loc":["body","input"]`},
		{path, list(101), 422, `"loc":["body","input"]`},
		{path, list(100), 201, `"items_total":100`},
		{path, `{"input":[{},1]}`, 422, `"loc":["body","input","1"]`},
		{path, `{"input":[null]}`, 422, `"loc":["body","input","0"]`},
		{path, `{"input":[{"client_ref":1}]}`, 422, `"loc":["body","input","0","client_ref"]`},
		{path, `{"input":[{"client_ref":"` + strings.Repeat("ä", 256) + `"}]}`, 422, `"loc":["body","input","0","client_ref"]`},
		{path, `{"input":[{"client_ref":"` + strings.Repeat("ä", 255) + `"}]}`, 201, `"input":[{}]`},
		{path, `{"input":[{}],"metadata":[]}`, 422, `"loc":["body","metadata"]`},
		{path, `{"input":[{}],"callback_url":"x"}`, 422, `"loc":["body","callback_url"]`},
		{path, `{"input":[{}],"callback_url":"https://host.test/` + strings.Repeat("a", 2048) + `"}`, 422, `"loc":["body","callback_url"]`},
		{path, `{"input":[{}],"callback_url":null}`, 201, `"callback_url":null`},
		{"/v1/models/acme/dog/batches", `{"input":[{}]}`, 404, "MODEL_UNAVAILABLE"},
	} {
		status, got := send(t, server, http.MethodPost, tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%.80s", tc.body)
		assert.Contains(t, got, tc.want)
	}
	assert.Len(t, server.Runs(), 102, "a refused batch creates no run")
}

func TestServer_Batch_Redelivery(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	hold, arrived := make(chan struct{}), make(chan struct{}, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-hold
	}))
	t.Cleanup(receiver.Close)
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	redeliver := func(id string) error {
		_, err := client.Batches.RedeliverCallback(t.Context(), id)
		return err
	}

	silent := createBatch(t, server, client, runflow.CreateBatchParams{Inputs: prompts("a")})
	server.FinishBatch(silent.ID)
	require.ErrorIs(t, redeliver(silent.ID), runflow.ErrValidation, "the batch has no callback URL")

	batch := createBatch(t, server, client, runflow.CreateBatchParams{Inputs: prompts("a", "fail"), CallbackURL: receiver.URL})
	require.ErrorIs(t, redeliver(batch.ID), runflow.ErrValidation, "the batch has not ended")
	server.FinishBatch(batch.ID)
	<-arrived
	require.NoError(t, redeliver(batch.ID))
	<-arrived
	err := redeliver(batch.ID)
	require.ErrorIs(t, err, runflow.ErrValidation, "another redelivery is in progress")
	require.ErrorContains(t, err, "in progress")
	release()
	server.WaitCallbacks()
	require.NoError(t, redeliver(batch.ID))
	server.WaitCallbacks()
	require.ErrorIs(t, redeliver("none"), runflow.ErrNotFound)

	page, err := client.Batches.ListCallbackDeliveries(t.Context(), batch.ID, runflow.ListCallbackDeliveriesParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	for i, isAutomatic := range []bool{false, false, true} { // the newest comes first
		d := page.Items[i]
		assert.Equal(t, isAutomatic, d.IsAutomatic)
		assert.Equal(t, batch.ID, d.BatchID)
		assert.Empty(t, d.RunID)
		assert.Equal(t, "delivered", d.StatusCode)
		assert.Len(t, d.Attempts, 1)
	}
}

func TestServer_CreateBatch_Balance(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.SetPrice("acme/cat/2.0", decimal.RequireFromString("0.5"))
	server.SetBalance(server.OrgID, decimal.RequireFromString("1"))
	_, err := client.Models.CreateBatch(t.Context(), "acme/cat/2.0", runflow.CreateBatchParams{Inputs: prompts("a", "b", "c")})
	require.ErrorIs(t, err, runflow.ErrInsufficientCredit)
	assert.Empty(t, server.Runs(), "the API creates nothing")
	batch, err := client.Models.CreateBatch(t.Context(), "acme/cat/2.0", runflow.CreateBatchParams{Inputs: prompts("a", "b")})
	require.NoError(t, err)
	finished, _ := server.FinishBatch(batch.ID)
	assert.Equal(t, "1", finished.Cost.Decimal.String())
}

func TestServer_ConcurrentBatches(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	var calls atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(receiver.Close)
	url := receiver.URL
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			webhook, err := client.Webhooks.Create(t.Context(), runflow.CreateWebhookParams{URL: url, Secret: "whsec_webhook"})
			if !assert.NoError(t, err) {
				return
			}
			batch, err := client.Models.CreateBatch(t.Context(), "acme/cat/2.0", runflow.CreateBatchParams{Inputs: prompts("a", "b"), CallbackURL: url})
			if !assert.NoError(t, err) {
				return
			}
			server.FinishBatch(batch.ID)
			for _, err := range client.Batches.AllItems(t.Context(), batch.ID, runflow.ListBatchItemsParams{}) {
				assert.NoError(t, err)
			}
			_, err = client.Webhooks.Get(t.Context(), webhook.ID, runflow.GetWebhookParams{Embed: []runflow.WebhookEmbed{runflow.WebhookEmbedDeliveries}})
			assert.NoError(t, err)
			_, err = client.CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{})
			assert.NoError(t, err)
			assert.NoError(t, client.Webhooks.Delete(t.Context(), webhook.ID))
			_, err = client.Evaluations.Create(t.Context(), headshot())
			assert.NoError(t, err)
		})
	}
	group.Wait()
	server.Close() // waits for the deliveries
	assert.Len(t, server.Runs(), 8)
	assert.GreaterOrEqual(t, int(calls.Load()), 12, "4 callbacks of batches, and 2 events for each webhook")
}
