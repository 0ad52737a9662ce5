package runflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// BatchesService groups the methods for batches. [ModelsService.CreateBatch] creates
// one.
type BatchesService service

// A Batch is a group of runs of one model that were created together. The runs are
// independent of each other. Each is an item of the batch.
type Batch struct {
	ID                     string              `json:"id,omitzero"`
	OrgID                  string              `json:"org_id,omitzero"`
	TargetType             TargetType          `json:"target_type,omitzero"`
	TargetTypeCode         TargetType          `json:"target_type_code,omitzero"`
	TargetID               string              `json:"target_id,omitzero"`
	StatusCode             RunStatus           `json:"status_code,omitzero"`
	SourceCode             RunSource           `json:"source_code,omitzero"`
	Input                  JSON                `json:"input,omitzero"`
	ItemsTotal             *int                `json:"items_total,omitzero"`
	ItemsSucceeded         *int                `json:"items_succeeded,omitzero"`
	ItemsFailed            *int                `json:"items_failed,omitzero"`
	ItemsCancelled         *int                `json:"items_cancelled,omitzero"`
	Output                 JSON                `json:"output,omitzero"`
	Cost                   decimal.NullDecimal `json:"cost,omitzero"` // in US dollars; its Valid is false if the cost is unknown
	Metadata               JSON                `json:"metadata,omitzero"`
	CallbackURL            string              `json:"callback_url,omitzero"`
	ResolvedTemplateID     string              `json:"resolved_template_id,omitzero"`
	DispatchProviderLinkID string              `json:"dispatch_provider_link_id,omitzero"`
	DurationMS             *int64              `json:"duration_ms,omitzero"` // milliseconds; nil if unknown
	FailureCode            string              `json:"failure_code,omitzero"`
	FailureMessage         string              `json:"failure_message,omitzero"`
	FailureStageCode       FailureStage        `json:"failure_stage_code,omitzero"`
	CreatedBy              string              `json:"created_by,omitzero"`
	CreatedAt              time.Time           `json:"created_at,omitzero"`
	StartedAt              time.Time           `json:"started_at,omitzero"`
	CompletedAt            time.Time           `json:"completed_at,omitzero"`
	Links                  JSON                `json:"links,omitzero"`

	// Items have only ID, SequenceIndex, RunID, StatusCode and ClientRef, see
	// [BatchesService.ListItems].
	Items []BatchItem `json:"items,omitzero"`
}

// A BatchItem is one run of a batch.
type BatchItem struct {
	ID            string              `json:"id,omitzero"`
	BatchID       string              `json:"batch_id,omitzero"`
	SequenceIndex *int                `json:"sequence_index,omitzero"` // position of the input in the batch
	RunID         string              `json:"run_id,omitzero"`
	ClientRef     string              `json:"client_ref,omitzero"`
	StatusCode    RunStatus           `json:"status_code,omitzero"`
	Input         JSON                `json:"input,omitzero"`
	Output        JSON                `json:"output,omitzero"`
	Error         JSON                `json:"error,omitzero"` // its form is not documented
	Cost          decimal.NullDecimal `json:"cost,omitzero"`  // in US dollars; its Valid is false if the cost is unknown
	CreatedAt     time.Time           `json:"created_at,omitzero"`
	StartedAt     time.Time           `json:"started_at,omitzero"`
	CompletedAt   time.Time           `json:"completed_at,omitzero"`

	Run *Run `json:"run,omitzero"` // nil unless the API embeds it, see [BatchItemEmbed]
}

func (b *Batch) identity() string     { return b.ID }
func (i *BatchItem) identity() string { return i.ID }

// OutputFiles returns the files in the item's Output, like [Run.OutputFiles].
func (i *BatchItem) OutputFiles() []OutputFile {
	if i == nil {
		return nil
	}
	return (&Run{ID: i.RunID, Output: i.Output}).OutputFiles()
}

// maxBatch is the maximum number of inputs of a batch.
const maxBatch = 100

// CreateBatchParams are the params of [ModelsService.CreateBatch].
type CreateBatchParams struct {
	Inputs []BatchInput // 1 to 100; each becomes one run
	// Metadata is optional. It has the same form as an Input. The API returns it with
	// the batch and in its callback.
	Metadata any
	// CallbackURL is optional, and has at most 2,048 characters. Runflow sends one
	// callback to this URL when the whole batch ends, see the package callback.
	CallbackURL string
}

// A BatchInput is the input of one run of a batch.
type BatchInput struct {
	Input     any    // see [CreateRunParams]; it must not have a member client_ref
	ClientRef string // optional; your own label for the item, of at most 255 characters
}

// createBatchBody is the body that creates a batch.
type createBatchBody struct {
	Input       []JSON `json:"input"`
	Metadata    JSON   `json:"metadata,omitzero"`
	CallbackURL string `json:"callback_url,omitzero"`

	bad error
}

func (b createBatchBody) validate() error { return b.bad }

func (p CreateBatchParams) body() createBatchBody {
	body := createBatchBody{CallbackURL: p.CallbackURL}
	var errs []error
	if n := len(p.Inputs); n < 1 || n > maxBatch {
		errs = append(errs, badArgument("params.Inputs", fmt.Sprintf("must have 1 to %d elements", maxBatch)))
	}
	for i, input := range p.Inputs[:min(len(p.Inputs), maxBatch)] {
		data, err := input.encode(fmt.Sprintf("params.Inputs[%d]", i))
		errs = append(errs, err)
		body.Input = append(body.Input, data)
	}
	if p.Metadata != nil {
		data, err := encodeObject("params.Metadata", p.Metadata)
		errs = append(errs, err)
		body.Metadata = data
	}
	errs = append(errs, checkCallbackURL(p.CallbackURL))
	body.bad = errors.Join(errs...)
	return body
}

// encode returns the input as a JSON object. The API has no other place for the
// ClientRef than a member of that object.
func (i BatchInput) encode(argument string) (JSON, error) {
	data, err := encodeObject(argument+".Input", i.Input)
	if err != nil {
		return nil, err
	}
	for name := range codec.Members(data) {
		if name == "client_ref" {
			return nil, badArgument(argument+".Input", "must not have a member client_ref; use ClientRef")
		}
	}
	if i.ClientRef == "" {
		return data, nil
	}
	if err := checkClientRef(argument+".ClientRef", i.ClientRef); err != nil {
		return nil, err
	}
	ref, err := codec.Marshal(map[string]string{"client_ref": i.ClientRef})
	if err != nil {
		return nil, badArgument(argument+".ClientRef", err.Error())
	}
	if string(data) == "{}" {
		return ref, nil
	}
	return slices.Concat(data[:len(data)-1], JSON(","), ref[1:]), nil
}

// CreateBatch creates a batch of runs of a model, which is named as "owner/slug",
// and returns the queued batch. Wait for it with [BatchesService.Wait], or receive
// its callback, which may arrive before CreateBatch returns. The runs cost credits;
// those that fail are not billed. The token needs the scope runs:create.
//
// CreateBatch returns [ErrInsufficientCredit] if the projected cost is higher than
// the balance: the API then creates nothing. It returns [ErrValidation] if the model
// does not support batches.
//
// Each call sends an Idempotency-Key. The documentation of the API says that the API
// recognizes it, so the client retries the call with the same key. If the call fails
// and the batch may have been created nevertheless, the error is
// [ErrOutcomeUnknown]. Then call CreateBatch again with the same params and the same
// key: [CallInfoOf] returns it, and [WithIdempotencyKey] sets it. If a key was used
// with other params, CreateBatch returns [ErrConflict].
//
// Endpoint: POST /v1/models/{owner}/{slug}/batches (keyed), see
// https://docs.runflow.io/api-reference/models/create-and-dispatch-a-batch.
func (s *ModelsService) CreateBatch(ctx context.Context, model string, params CreateBatchParams, opts ...CallOption) (*Batch, error) {
	return doIdentified[Batch](ctx, (*service)(s), endpoint.ModelsCreateBatch, request{path: []argument{ownerSlug("model", model)}, body: params.body()}, opts)
}

// GetBatchParams are the params of [BatchesService.Get].
type GetBatchParams struct {
	Fields []string // fields to return, by their names in the API; "id" is added; none means all
}

// Get returns a batch with its items in short form. It returns [ErrNotFound] if the
// organization has no such batch.
//
// Endpoint: GET /v1/batches/{id} (idempotent), see
// https://docs.runflow.io/api-reference/batches/get-batch-detail.
func (s *BatchesService) Get(ctx context.Context, batchID string, params GetBatchParams, opts ...CallOption) (*Batch, error) {
	r := request{path: []argument{id("batchID", batchID)}, query: getQuery{Fields: withFields(params.Fields, "id")}}
	return doIdentified[Batch](ctx, (*service)(s), endpoint.BatchesGet, r, opts)
}

// A BatchItemEmbed names a part of a batch item that the API sends only on request.
// Any other name that the API knows can be used too.
type BatchItemEmbed string

// BatchItemEmbedRun embeds the run of an item.
const BatchItemEmbedRun BatchItemEmbed = "run"

// ListBatchItemsParams are the params of [BatchesService.ListItems].
type ListBatchItemsParams struct {
	Filter Filter
	Limit  int              // items per page, 1 to 500; 0 means the default of the API
	SortBy string           // "sequence_index:asc"; several are separated by commas
	Fields []string         // fields to return, by their names in the API; none means all
	Cursor string           // Next or Previous of a Page; "" means the first page
	Embed  []BatchItemEmbed // parts of each item to return
}

func (p ListBatchItemsParams) query() listQuery {
	return listing(p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, p.Embed)
}

// ListItems returns one page of the items of a batch, with their input, output and
// cost.
//
// Endpoint: GET /v1/batches/{batch_id}/items (idempotent), see
// https://docs.runflow.io/api-reference/batches/list-batch-items-with-live-execution-state.
func (s *BatchesService) ListItems(ctx context.Context, batchID string, params ListBatchItemsParams, opts ...CallOption) (*Page[BatchItem], error) {
	return list[BatchItem](ctx, (*service)(s), endpoint.BatchesListItems, []argument{id("batchID", batchID)}, params.query(), opts)
}

// AllItems returns an iterator over the items of all pages, see [RunsService.All].
// It calls [BatchesService.ListItems].
func (s *BatchesService) AllItems(ctx context.Context, batchID string, params ListBatchItemsParams, opts ...CallOption) iter.Seq2[*BatchItem, error] {
	return all[BatchItem](ctx, (*service)(s), endpoint.BatchesListItems, []argument{id("batchID", batchID)}, params.query(), opts)
}

// GetItem returns one item of a batch, with its input, output and cost.
//
// Endpoint: GET /v1/batches/{batch_id}/items/{id} (idempotent), see
// https://docs.runflow.io/api-reference/batches/get-one-batch-item.
func (s *BatchesService) GetItem(ctx context.Context, batchID, itemID string, opts ...CallOption) (*BatchItem, error) {
	r := request{path: []argument{id("batchID", batchID), id("itemID", itemID)}}
	return doIdentified[BatchItem](ctx, (*service)(s), endpoint.BatchesGetItem, r, opts)
}

// ListCallbackDeliveries returns the deliveries of a batch's callback with all their
// attempts. The page is the whole list and has no cursors.
//
// Endpoint: GET /v1/batches/{batch_id}/callback (idempotent), see
// https://docs.runflow.io/api-reference/batches/get-batch-callback-delivery-history.
func (s *BatchesService) ListCallbackDeliveries(ctx context.Context, batchID string, _ ListCallbackDeliveriesParams, opts ...CallOption) (*Page[CallbackDelivery], error) {
	return list[CallbackDelivery](ctx, (*service)(s), endpoint.BatchesListCallbackDeliveries, []argument{id("batchID", batchID)}, listQuery{}, opts)
}

// RedeliverCallback asks Runflow to deliver the callback of a batch again, with the
// current state of the batch, and returns the new delivery. It returns
// [ErrValidation] if the batch has not ended, if it has no callback URL, or if another
// redelivery is in progress. The token needs the scope runs:execute.
//
// Endpoint: POST /v1/batches/{batch_id}/callback-redeliveries (at-most-once), see
// https://docs.runflow.io/api-reference/batches/redeliver-batch-callback.
func (s *BatchesService) RedeliverCallback(ctx context.Context, batchID string, opts ...CallOption) (*CallbackDelivery, error) {
	return do[CallbackDelivery](ctx, (*service)(s), endpoint.BatchesRedeliverCallback, request{path: []argument{id("batchID", batchID)}}, opts)
}

// The sentinel errors that a [*BatchError] matches with [errors.Is], by the status of
// its batch.
var (
	ErrBatchFailed    = errors.New("runflow: batch failed")
	ErrBatchCancelled = errors.New("runflow: batch cancelled")
)

// A BatchError is returned if a batch failed or was cancelled. A batch of which only
// some items have succeeded is not an error, see [BatchesService.Wait]. A BatchError
// matches [ErrBatchFailed] or [ErrBatchCancelled]. Its text is one line.
type BatchError struct {
	Batch *Batch // with FailureCode, FailureStageCode, FailureMessage and Cost
}

// Error returns the error as one line.
func (e *BatchError) Error() string {
	if e.Batch == nil {
		return "runflow: the batch failed"
	}
	b := e.Batch
	return failureText("batch "+b.ID, string(b.StatusCode), b.FailureCode, b.FailureStageCode, b.FailureMessage, b.Cost)
}

// Is reports whether target is the sentinel of the batch's status.
func (e *BatchError) Is(target error) bool {
	return e.Batch != nil && target != nil && target == batchSentinel(e.Batch.StatusCode)
}

// batchSentinel returns the sentinel of a batch that failed or was cancelled, or nil.
func batchSentinel(status RunStatus) error {
	switch status {
	case RunStatusFailed:
		return ErrBatchFailed
	case RunStatusCancelled, runStatusCanceled:
		return ErrBatchCancelled
	default:
		return nil
	}
}

// WaitBatchParams are the params of [BatchesService.Wait] and
// [BatchesService.Watch]. See [WaitRunParams] about polls and temporary errors.
type WaitBatchParams struct {
	MinInterval time.Duration // between the first two polls; 0 means 1 s; less than 100 ms means 100 ms
	MaxInterval time.Duration // between any two polls; 0 means 10 s; must not be shorter than MinInterval
	Timeout     time.Duration // of the whole wait; 0 means that only the context limits it
	// ErrorTimeout is the time for which the wait continues if all polls fail with
	// temporary errors. 0 means 5 min. If it is negative, the first error ends the
	// wait.
	ErrorTimeout time.Duration
}

// Wait polls a batch until it ends, and returns it, like [RunsService.Wait]. A batch
// of which only some items have succeeded is not an error: it has the status
// [RunStatusPartialSucceeded], and ItemsSucceeded, ItemsFailed and ItemsCancelled are
// the numbers of its items.
//
// If the batch failed or was cancelled, Wait returns the batch and a [*BatchError].
// If waiting ends before the batch does, Wait returns a [*WaitError] and the batch as
// of the last successful poll, or nil if there was none. The batch itself continues.
// Wait refuses [WithMaxRetries] and [WithRetryBackoff]. It calls
// [BatchesService.Get].
func (s *BatchesService) Wait(ctx context.Context, batchID string, params WaitBatchParams, opts ...CallOption) (*Batch, error) {
	w, err := newBatchWaiter(ctx, (*service)(s), "Batches.Wait", batchID, params, opts)
	if err != nil {
		return nil, err
	}
	return w.wait(ctx)
}

// Watch is like [BatchesService.Wait], but returns an iterator. It yields the batch
// after the first poll and whenever its status or the number of its items that have
// succeeded, failed or been cancelled has changed. The last values that it yields are
// those that Wait returns.
func (s *BatchesService) Watch(ctx context.Context, batchID string, params WaitBatchParams, opts ...CallOption) iter.Seq2[*Batch, error] {
	w, err := newBatchWaiter(ctx, (*service)(s), "Batches.Watch", batchID, params, opts)
	return w.all(ctx, err)
}

func newBatchWaiter(ctx context.Context, s *service, operation, batchID string, params WaitBatchParams, opts []CallOption) (*waiter[Batch], error) {
	polls, times, err := s.newPolls(ctx, operation, id("batchID", batchID),
		waitParams{params.MinInterval, params.MaxInterval, params.Timeout, params.ErrorTimeout, getQuery{}}, opts)
	if err != nil {
		return nil, err
	}
	return &waiter[Batch]{
		intervals: times, operation: operation, id: batchID,
		get: func(ctx context.Context) (*Batch, error) {
			return (*BatchesService)(polls).Get(ctx, batchID, GetBatchParams{})
		},
		state: func(b *Batch) (string, bool) { return string(b.StatusCode), b.StatusCode.IsTerminal() },
		progress: func(b *Batch) any {
			return [...]int{value(b.ItemsSucceeded), value(b.ItemsFailed), value(b.ItemsCancelled), value(b.ItemsTotal)}
		},
		verdict: func(b *Batch) error {
			if batchSentinel(b.StatusCode) == nil {
				return nil
			}
			return &BatchError{Batch: b}
		},
	}, nil
}
