package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// oneInput is the smallest params that are accepted.
var oneInput = runflow.CreateBatchParams{Inputs: []runflow.BatchInput{{Input: map[string]any{}}}}

const sampleBatch = `{
	"id": "b-1", "org_id": "o-1", "target_type": "model", "target_type_code": "model", "target_id": "m-1",
	"status_code": "partial_succeeded", "source_code": "api", "input": [{"prompt": "a cat"}],
	"items_total": 4, "items_succeeded": 1, "items_failed": 2, "items_cancelled": 3, "output": {"total": 4},
	"cost": "0.0000000000000000000000012", "metadata": {"user": "ann"}, "callback_url": "https://example.com/hook",
	"resolved_template_id": "t-1", "dispatch_provider_link_id": "d-1", "duration_ms": 1234,
	"failure_code": "X", "failure_message": "two items failed", "failure_stage_code": "execution", "created_by": "u-1",
	"created_at": "2026-05-06T10:00:00.123456Z", "started_at": "2026-05-06T10:00:01Z", "completed_at": "2026-05-06T10:00:02Z",
	"links": {"self": "/v1/batches/b-1"},
	"items": [{"id": "i-1", "sequence_index": 7, "run_id": "r-1", "status_code": "succeeded", "client_ref": "row-1"}]
}`

const sampleBatchItem = `{
	"id": "i-1", "batch_id": "b-1", "sequence_index": 7, "run_id": "r-1", "client_ref": "row-1", "status_code": "failed",
	"input": {"prompt": "a cat"}, "output": {"image_urls": ["https://example.com/1.png"]}, "error": {"message": "blurred"}, "cost": "0.012",
	"created_at": "2026-05-06T10:00:00Z", "started_at": "2026-05-06T10:00:01Z", "completed_at": "2026-05-06T10:00:02Z",
	"run": {"id": "r-1", "status_code": "failed"}
}`

func getBatch(ctx context.Context, c *runflow.Client) (*runflow.Batch, error) {
	return c.Batches.Get(ctx, "b-1", runflow.GetBatchParams{})
}

func TestBatch_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.Batch]{json: sampleBatch, call: getBatch, strict: []string{"id", "cost"}, required: []string{"id"}}.check(t)
}

func TestBatchItem_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.BatchItem]{json: sampleBatchItem, call: func(ctx context.Context, c *runflow.Client) (*runflow.BatchItem, error) {
		return c.Batches.GetItem(ctx, "b-1", "i-1")
	}, strict: []string{"id", "cost"}, required: []string{"id"}}.check(t)
}

func FuzzBatch(f *testing.F) { fuzzResponse(f, getBatch, sampleBatch) }

func TestBatchItem_OutputFiles(t *testing.T) {
	t.Parallel()
	item := &runflow.BatchItem{RunID: "r-1", Output: runflow.JSON(`{"image_urls":["https://example.com/1.png"]}`)}
	files := item.OutputFiles()
	require.Len(t, files, 1)
	assert.Equal(t, "https://example.com/1.png", files[0].URL)
	assert.Equal(t, "r-1", files[0].RunID)
	assert.Empty(t, (*runflow.BatchItem)(nil).OutputFiles())
}

func TestBatchesService_Requests(t *testing.T) {
	t.Parallel()
	one, row := 1, runflow.BatchItem{ID: "i-1", RunID: "r-1", StatusCode: runflow.RunStatusSucceeded, Cost: decimal.NewNullDecimal(decimal.New(1, -2))}
	checkExchanges(t, map[string]exchange{
		"Get": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return getBatch(ctx, c) },
			method: "GET", uri: "/v1/batches/b-1",
			response: `{"id":"b-1","status_code":"running","items_succeeded":1,"items":[{"id":"i-1"}]}`,
			want:     &runflow.Batch{ID: "b-1", StatusCode: runflow.RunStatusRunning, ItemsSucceeded: &one, Items: []runflow.BatchItem{{ID: "i-1"}}},
		},
		"Get with fields": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Batches.Get(ctx, "b 1", runflow.GetBatchParams{Fields: []string{"cost"}})
			},
			method: "GET", uri: "/v1/batches/b%201?fields=cost%2Cid",
			response: `{"id":"b-1"}`,
			want:     &runflow.Batch{ID: "b-1"},
		},
		"ListItems": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Batches.ListItems(ctx, "b-1", runflow.ListBatchItemsParams{
					Filter: runflow.Where("status_code").Eq("failed"), Limit: 2, SortBy: "sequence_index:asc", Fields: []string{"id", "cost"},
					Cursor: "c", Embed: []runflow.BatchItemEmbed{runflow.BatchItemEmbedRun},
				})
			},
			method: "GET", uri: "/v1/batches/b-1/items?embed=run&fields=id%2Ccost&limit=2&pq=c&q=status_code.eq%3A%27failed%27&sort_by=sequence_index%3Aasc",
			response: `{"items":[{"id":"i-1","run_id":"r-1","status_code":"succeeded","cost":"0.01"}],"next":"n"}`,
			want:     &runflow.Page[runflow.BatchItem]{Items: []runflow.BatchItem{row}, Next: "n"},
		},
		"AllItems": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return collect(c.Batches.AllItems(ctx, "b-1", runflow.ListBatchItemsParams{Limit: 2}))
			},
			method: "GET", uri: "/v1/batches/b-1/items?limit=2",
			response: `{"items":[{"id":"i-1"},{"id":"i-2"}]}`,
			want:     []runflow.BatchItem{{ID: "i-1"}, {ID: "i-2"}},
		},
		"GetItem": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return c.Batches.GetItem(ctx, "b-1", "i-1") },
			method: "GET", uri: "/v1/batches/b-1/items/i-1",
			response: `{"id":"i-1","run_id":"r-1","status_code":"succeeded","cost":"0.01"}`,
			want:     &row,
		},
		"ListCallbackDeliveries": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Batches.ListCallbackDeliveries(ctx, "b-1", runflow.ListCallbackDeliveriesParams{})
			},
			method: "GET", uri: "/v1/batches/b-1/callback",
			response: `[{"id":"d-1","batch_id":"b-1","attempts":[{"id":"a-1","attempt_number":1}]}]`,
			want: &runflow.Page[runflow.CallbackDelivery]{Items: []runflow.CallbackDelivery{
				{ID: "d-1", BatchID: "b-1", Attempts: []runflow.CallbackDeliveryAttempt{{ID: "a-1", AttemptNumber: &one}}},
			}},
		},
		"RedeliverCallback": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Batches.RedeliverCallback(ctx, "b-1")
			},
			method: "POST", uri: "/v1/batches/b-1/callback-redeliveries",
			response: `{"id":"d-1","batch_id":"b-1"}`,
			want:     &runflow.CallbackDelivery{ID: "d-1", BatchID: "b-1"},
		},
	})
}

func TestModelsService_CreateBatch_SendsBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	for name, tc := range map[string]struct {
		params runflow.CreateBatchParams
		body   string
	}{
		"one empty input": {oneInput, `{"input":[{}]}`},
		"ClientRef":       {runflow.CreateBatchParams{Inputs: []runflow.BatchInput{{Input: map[string]any{}, ClientRef: "row-1"}}}, `{"input":[{"client_ref":"row-1"}]}`},
		"several": {
			runflow.CreateBatchParams{Inputs: []runflow.BatchInput{
				{Input: struct {
					B string `json:"Aux Reference 1"`
					A int    `json:"a"`
				}{"<b>", 1}, ClientRef: `Zoë & "co"`},
				{Input: runflow.JSON(`{ "b": 1.50, "a": {"client_ref": 1} }`)},
			}},
			`{"input":[{"Aux Reference 1":"<b>","a":1,"client_ref":"Zoë & \"co\""},{"b":1.50,"a":{"client_ref":1}}]}`,
		},
		"long name of a member": {
			runflow.CreateBatchParams{Inputs: []runflow.BatchInput{{Input: map[string]any{long + "1": 1, long + "2": 2}, ClientRef: "r"}}},
			`{"input":[{"` + long + `1":1,"` + long + `2":2,"client_ref":"r"}]}`,
		},
		"all params": {
			runflow.CreateBatchParams{
				Inputs: oneInput.Inputs, Metadata: map[string]any{"k": 1},
				CallbackURL: "https://example.com/" + strings.Repeat("ü", 2028),
			},
			`{"input":[{}],"metadata":{"k":1},"callback_url":"https://example.com/` + strings.Repeat("ü", 2028) + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 201, `{"id":"b-1","status_code":"queued"}`)
			batch, err := server.client(t).Models.CreateBatch(t.Context(), "bytedance/seedance/2.0", tc.params)
			require.NoError(t, err)
			assert.Equal(t, &runflow.Batch{ID: "b-1", StatusCode: runflow.RunStatusQueued}, batch)
			sent := server.only(t)
			assert.Equal(t, "POST", sent.Method)
			assert.Equal(t, "/v1/models/bytedance/seedance/2.0/batches", sent.URI)
			assert.Equal(t, tc.body, sent.Body)
			assert.GreaterOrEqual(t, len(sent.Header.Get("Idempotency-Key")), 20)
		})
	}
	server := newAPI(t, 201, `{"id":"b-1"}`)
	_, err := server.client(t).Models.CreateBatch(t.Context(), "a/b", runflow.CreateBatchParams{Inputs: slices.Repeat(oneInput.Inputs, 100)})
	require.NoError(t, err, "100 inputs are allowed")
	assert.Equal(t, `{"input":[{}`+strings.Repeat(",{}", 99)+`]}`, server.only(t).Body)
}

func TestModelsService_CreateBatch_BadParams(t *testing.T) {
	t.Parallel()
	create := func(params runflow.CreateBatchParams) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Models.CreateBatch(ctx, "a/b", params)
			return err
		}
	}
	with := func(input runflow.BatchInput) func(context.Context, *runflow.Client) error {
		return create(runflow.CreateBatchParams{Inputs: []runflow.BatchInput{{Input: map[string]any{}}, input}})
	}
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		"Models.CreateBatch: params.Inputs: must have 1 to 100 elements":                        create(runflow.CreateBatchParams{}),
		"Models.CreateBatch: params.Inputs: must have 1 to 100 ":                                create(runflow.CreateBatchParams{Inputs: slices.Repeat(oneInput.Inputs, 101)}),
		"Models.CreateBatch: params.Inputs[1].Input: must be encoded as a JSON object":          with(runflow.BatchInput{}),
		"Models.CreateBatch: params.Inputs[1].Input: ":                                          with(runflow.BatchInput{Input: runflow.JSON("{")}),
		"Models.CreateBatch: params.Inputs[1].Input: must not have a member client_ref":         with(runflow.BatchInput{Input: map[string]any{"client_ref": "x"}}),
		"Models.CreateBatch: params.Inputs[1].Input: must not have a member client_ref; use":    with(runflow.BatchInput{Input: runflow.JSON(`{"client\u005fref":1}`), ClientRef: "x"}),
		"Models.CreateBatch: params.Inputs[1].ClientRef: must be valid UTF-8 of at most 255 ":   with(runflow.BatchInput{Input: map[string]any{}, ClientRef: strings.Repeat("ü", 256)}),
		"Models.CreateBatch: params.Inputs[1].ClientRef: must be valid UTF-8":                   with(runflow.BatchInput{Input: map[string]any{}, ClientRef: "\xff"}),
		"Models.CreateBatch: params.Metadata: must be encoded as a JSON object":                 create(runflow.CreateBatchParams{Inputs: oneInput.Inputs, Metadata: 1}),
		"Models.CreateBatch: params.CallbackURL: must be an absolute":                           create(runflow.CreateBatchParams{Inputs: oneInput.Inputs, CallbackURL: "/hook"}),
		"Models.CreateBatch: params.CallbackURL: must be an absolute http or https URL of at m": create(runflow.CreateBatchParams{Inputs: oneInput.Inputs, CallbackURL: "https://e.com/" + strings.Repeat("x", 2035)}),
		`Models.CreateBatch: model: must be of the form "owner/slug"`: func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Models.CreateBatch(ctx, "b", oneInput)
			return err
		},
	})
}

func TestBatchesService_BadArguments(t *testing.T) {
	t.Parallel()
	ignore := func(_ any, err error) error { return err }
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		"Batches.Get: batchID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.Get(ctx, "", runflow.GetBatchParams{}))
		},
		`Batches.Get: batchID: must not be AnyID ("any")`: func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.Get(ctx, runflow.AnyID, runflow.GetBatchParams{}))
		},
		"Batches.Get: params.Fields[0]: must be a name": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.Get(ctx, "1", runflow.GetBatchParams{Fields: []string{"a,b"}}))
		},
		"Batches.ListItems: params.Limit: must be between 1 and 500": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.ListItems(ctx, "1", runflow.ListBatchItemsParams{Limit: 501}))
		},
		"Batches.ListItems: params.Embed[0]: must be a name": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.ListItems(ctx, "1", runflow.ListBatchItemsParams{Embed: []runflow.BatchItemEmbed{""}}))
		},
		"Batches.GetItem: itemID: must not contain a slash": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.GetItem(ctx, "1", "a/b"))
		},
		"Batches.ListCallbackDeliveries: batchID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.ListCallbackDeliveries(ctx, "", runflow.ListCallbackDeliveriesParams{}))
		},
		"Batches.RedeliverCallback: batchID: must not be a relative path": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.RedeliverCallback(ctx, ".."))
		},
		"Batches.Wait: params.MinInterval: must not be negative": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.Wait(ctx, "1", runflow.WaitBatchParams{MinInterval: -1}))
		},
		"Batches.Wait: WithIdempotencyKey: must not be given": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Batches.Wait(ctx, "1", runflow.WaitBatchParams{}, runflow.WithIdempotencyKey("k")))
		},
		"Batches.Watch: batchID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			for _, err := range c.Batches.Watch(ctx, "", runflow.WaitBatchParams{}) {
				return err
			}
			return nil
		},
		"Batches.Wait: client: must be created by NewClient": func(ctx context.Context, _ *runflow.Client) error {
			return ignore((*runflow.BatchesService)(nil).Wait(ctx, "1", runflow.WaitBatchParams{}))
		},
	})
}

// createKeyed are the calls whose idempotency key the API documents.
func createKeyed() map[string]func(context.Context, *runflow.Client, ...runflow.CallOption) (string, error) {
	return map[string]func(context.Context, *runflow.Client, ...runflow.CallOption) (string, error){
		"Models.CreateBatch": func(ctx context.Context, c *runflow.Client, opts ...runflow.CallOption) (string, error) {
			batch, err := c.Models.CreateBatch(ctx, "a/b", oneInput, opts...)
			if err != nil {
				return "", err
			}
			return batch.ID, nil
		},
		"Evaluations.Create": func(ctx context.Context, c *runflow.Client, opts ...runflow.CallOption) (string, error) {
			evaluation, err := c.Evaluations.Create(ctx, oneImage, opts...)
			if err != nil {
				return "", err
			}
			return evaluation.ID, nil
		},
	}
}

func TestKeyedCalls_LostResponseIsRetriedWithSameKey(t *testing.T) {
	t.Parallel()
	for name, create := range createKeyed() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, keys := newDropper(t)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(url), runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1))
			require.NoError(t, err)
			_, err = create(t.Context(), client)
			require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
			sent := keys()
			require.Len(t, sent, 3)
			assert.Equal(t, slices.Repeat(sent[:1], 3), sent)
			assert.NotEmpty(t, sent[0])
			info, ok := runflow.CallInfoOf(err)
			require.True(t, ok)
			assert.Equal(t, name, info.Operation)
			assert.Equal(t, 3, info.Attempts)
			assert.Equal(t, sent[0], info.IdempotencyKey)
			assert.True(t, info.OutcomeUnknown)

			_, err = create(t.Context(), client, runflow.WithIdempotencyKey(info.IdempotencyKey))
			require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
			assert.Equal(t, slices.Repeat(sent[:1], 6), keys(), "the call can be repeated with the key")
		})
	}
}

func TestKeyedCalls_Retries(t *testing.T) {
	t.Parallel()
	for name, create := range createKeyed() {
		for status, succeedsAt := range map[int]int{408: 3, 429: 3, 500: 3, 502: 3, 503: 3} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var keys []string
					client := inBubble(t, func(w http.ResponseWriter, r *http.Request) {
						if keys = append(keys, r.Header.Get("Idempotency-Key")); len(keys) < succeedsAt {
							w.WriteHeader(status)
							return
						}
						_, _ = io.WriteString(w, `{"id":"1"}`)
					})
					id, err := create(t.Context(), client)
					require.NoError(t, err)
					assert.Equal(t, "1", id)
					assert.Equal(t, slices.Repeat(keys[:1], succeedsAt), keys)
				})
			})
		}
	}
}

func TestKeyedCalls_Outcome(t *testing.T) {
	t.Parallel()
	for name, create := range createKeyed() {
		for body, tc := range map[string]struct {
			status    int
			err       error
			isUnknown bool
		}{
			`{"code":"INSUFFICIENT_CREDIT"}`:                        {402, runflow.ErrInsufficientCredit, false},
			`{"code":"INSUFFICIENT_CREDITS","message":"top it up"}`: {402, runflow.ErrInsufficientCredit, false},
			`{"code":"PERMISSION_DENIED"}`:                          {403, runflow.ErrPermissionDenied, false},
			`{"code":"CONFLICT"}`:                                   {409, runflow.ErrConflict, false},
			`{"code":"validation_error"}`:                           {422, runflow.ErrValidation, false},
			`{"code":"NO_SUCH"}`:                                    {501, runflow.ErrServer, true},
			`{"code":"OOPS","id":null}`:                             {201, nil, true},
			`{"run_id":"1"}`:                                        {201, nil, true},
			`{"id":7}`:                                              {201, nil, true},
			`<html>`:                                                {200, nil, true},
			``:                                                      {202, nil, true},
		} {
			t.Run(fmt.Sprintf("%s %d %s", name, tc.status, body), func(t *testing.T) {
				t.Parallel()
				server := newAPI(t, tc.status, body)
				client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1))
				require.NoError(t, err)
				_, err = create(t.Context(), client)
				require.Error(t, err)
				if tc.err != nil {
					require.ErrorIs(t, err, tc.err)
				} else {
					var decodeErr *runflow.DecodeError
					require.ErrorAs(t, err, &decodeErr)
				}
				assert.Equal(t, tc.isUnknown, errors.Is(err, runflow.ErrOutcomeUnknown))
				info, _ := runflow.CallInfoOf(err)
				assert.Equal(t, server.only(t).Header.Get("Idempotency-Key"), info.IdempotencyKey)
			})
		}
	}
}

// A 409 after a lost response does not say that the first attempt was not processed.
func TestKeyedCalls_ConflictAfterLostResponse(t *testing.T) {
	t.Parallel()
	for name, create := range createKeyed() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				client := inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
					if attempts++; attempts == 1 {
						w.WriteHeader(http.StatusBadGateway)
						return
					}
					w.WriteHeader(http.StatusConflict)
				})
				_, err := create(t.Context(), client)
				require.ErrorIs(t, err, runflow.ErrConflict)
				require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
				assert.Equal(t, 2, attempts)
			})
		})
	}
}

// itemsOf returns a batch with a status and numbers of items.
func itemsOf(status string, succeeded, failed, cancelled int) string {
	return fmt.Sprintf(`{"id":"b-1","status_code":%q,"items_total":3,"items_succeeded":%d,"items_failed":%d,"items_cancelled":%d,"failure_code":"X","cost":"0.04"}`,
		status, succeeded, failed, cancelled)
}

func TestBatchesService_Wait(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		states []string
		status runflow.RunStatus
		err    error
	}{
		"ended":             {[]string{itemsOf("succeeded", 3, 0, 0)}, "succeeded", nil},
		"usual course":      {[]string{"queued", "dispatching", itemsOf("running", 1, 0, 0), itemsOf("succeeded", 3, 0, 0)}, "succeeded", nil},
		"partial_succeeded": {[]string{"running", itemsOf("partial_succeeded", 1, 2, 0)}, "partial_succeeded", nil},
		"failed":            {[]string{"running", itemsOf("failed", 0, 3, 0)}, "failed", runflow.ErrBatchFailed},
		"cancelled":         {[]string{"running", itemsOf("cancelled", 0, 0, 3)}, "cancelled", runflow.ErrBatchCancelled},
		"canceled":          {[]string{"running", itemsOf("canceled", 0, 0, 3)}, "cancelled", runflow.ErrBatchCancelled},
		"unknown status":    {[]string{"warming_up", itemsOf("succeeded", 3, 0, 0)}, "succeeded", nil},
		"temporary errors":  {[]string{"503", "429", "{}", "<html>", "running", itemsOf("succeeded", 3, 0, 0)}, "succeeded", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: tc.states}
				batch, err := inBubble(t, c.ServeHTTP).Batches.Wait(t.Context(), "b-1", runflow.WaitBatchParams{})
				require.ErrorIs(t, err, tc.err)
				require.NotNil(t, batch)
				assert.Equal(t, tc.status, batch.StatusCode)
				assert.Equal(t, 3, *batch.ItemsTotal)
				assert.Equal(t, 3, *batch.ItemsSucceeded+*batch.ItemsFailed+*batch.ItemsCancelled)
				assert.Len(t, c.polls, len(tc.states))
				if tc.err != nil {
					var batchErr *runflow.BatchError
					require.ErrorAs(t, err, &batchErr)
					assert.Same(t, batch, batchErr.Batch)
				}
			})
		})
	}
}

func TestBatchesService_Wait_EndsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{itemsOf("running", 1, 0, 0)}}
		batch, err := inBubble(t, c.ServeHTTP).Batches.Wait(t.Context(), "b-1", runflow.WaitBatchParams{Timeout: 5 * time.Second})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "runflow: Batches.Wait: wait for b-1 ended, last status running: context deadline exceeded")
		assert.Equal(t, 1, *batch.ItemsSucceeded, "the last state is returned beside the error")

		c = &course{states: []string{"404"}}
		batch, err = inBubble(t, c.ServeHTTP).Batches.Wait(t.Context(), "b-1", runflow.WaitBatchParams{})
		require.ErrorIs(t, err, runflow.ErrNotFound)
		assert.Nil(t, batch)
		assert.Len(t, c.polls, 1)

		c = &course{states: []string{"503"}}
		_, err = inBubble(t, c.ServeHTTP).Batches.Wait(t.Context(), "b-1", runflow.WaitBatchParams{ErrorTimeout: -1})
		require.ErrorIs(t, err, runflow.ErrServer)
		assert.Len(t, c.polls, 1, "a poll is not retried")
	})
}

func TestBatchesService_Wait_Intervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: append(slices.Repeat([]string{"running"}, 5), "succeeded")}
		const interval = 200 * time.Millisecond
		_, err := inBubble(t, c.ServeHTTP).Batches.Wait(t.Context(), "b-1", runflow.WaitBatchParams{MinInterval: interval, MaxInterval: interval})
		require.NoError(t, err)
		assert.Equal(t, slices.Repeat([]time.Duration{interval}, 5), c.gaps())
	})
}

func TestBatchesService_Watch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{
			"queued", "queued",
			itemsOf("running", 0, 0, 0), itemsOf("running", 0, 0, 0), itemsOf("running", 1, 0, 0), itemsOf("running", 1, 1, 0),
			"503", itemsOf("running", 1, 1, 0), itemsOf("partial_succeeded", 1, 1, 1),
		}}
		watch := inBubble(t, c.ServeHTTP).Batches.Watch(t.Context(), "b-1", runflow.WaitBatchParams{})
		assert.Empty(t, c.polls, "no poll before the iterator is used")
		var seen []string
		for batch, err := range watch {
			require.NoError(t, err)
			done := 0
			for _, n := range []*int{batch.ItemsSucceeded, batch.ItemsFailed, batch.ItemsCancelled} {
				if n != nil {
					done += *n
				}
			}
			seen = append(seen, fmt.Sprintf("%s %d", batch.StatusCode, done))
		}
		assert.Equal(t, []string{"queued 0", "running 0", "running 1", "running 2", "partial_succeeded 3"}, seen)

		c.states, c.polls = []string{itemsOf("running", 1, 0, 0), itemsOf("failed", 0, 3, 0)}, nil
		var last error
		for _, last = range watch {
		}
		require.ErrorIs(t, last, runflow.ErrBatchFailed)
	})
}

func TestBatchError_Error(t *testing.T) {
	t.Parallel()
	batch := &runflow.Batch{
		ID: "b-1", StatusCode: runflow.RunStatusFailed, FailureCode: "X", FailureStageCode: runflow.FailureStageDispatch,
		FailureMessage: "one\ntwo https://x/?signature=canary", Cost: decimal.NewNullDecimal(decimal.RequireFromString("0.10")),
	}
	err := error(&runflow.BatchError{Batch: batch})
	require.EqualError(t, err, "runflow: batch b-1 failed: X in dispatch: one two https://x/?[redacted], cost 0.1")
	require.ErrorIs(t, err, runflow.ErrBatchFailed)
	require.NotErrorIs(t, err, runflow.ErrBatchCancelled)
	require.NotErrorIs(t, err, runflow.ErrRunFailed)
	require.EqualError(t, &runflow.BatchError{}, "runflow: the batch failed")
	require.NotErrorIs(t, &runflow.BatchError{}, runflow.ErrBatchFailed)
	require.NotErrorIs(t, &runflow.BatchError{Batch: &runflow.Batch{}}, nil)
}

// RedeliverCallback sends no key by itself, so it is retried only if the server
// cannot have processed the request.
func TestBatchesService_RedeliverCallback_IsNotRetried(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 503, `{}`)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.Batches.RedeliverCallback(t.Context(), "b-1")
	require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
	assert.Empty(t, server.only(t).Header.Get("Idempotency-Key"))
}
