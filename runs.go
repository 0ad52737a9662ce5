package runflow

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// RunsService groups the methods for runs: getting and listing them, waiting for
// them, downloading their output, and setting feedback on them.
type RunsService service

// A Run is one execution of a model, a flow or a ComfyUI workflow.
//
// A field that the API leaves out or sends as null is zero. NodeRuns, Logs, Model,
// Flow, ComfyuiWorkflow and CurrentEvaluationSummary are set only if the call asks
// for them, see [RunEmbed].
type Run struct {
	ID                 string              `json:"id,omitzero"`
	FlowID             string              `json:"flow_id,omitzero"`
	ModelID            string              `json:"model_id,omitzero"`
	ComfyuiWorkflowID  string              `json:"comfyui_workflow_id,omitzero"`
	TargetType         TargetType          `json:"target_type,omitzero"`
	TargetVersion      string              `json:"target_version,omitzero"`
	OrgID              string              `json:"org_id,omitzero"`
	StatusCode         RunStatus           `json:"status_code,omitzero"`
	SourceCode         RunSource           `json:"source_code,omitzero"`
	Input              JSON                `json:"input,omitzero"`
	Output             JSON                `json:"output,omitzero"` // its URLs are signed and expire; get the run again for new URLs
	Context            JSON                `json:"context,omitzero"`
	DurationMS         *int64              `json:"duration_ms,omitzero"` // milliseconds; nil if unknown
	Cost               decimal.NullDecimal `json:"cost,omitzero"`        // in US dollars; its Valid is false if the cost is unknown
	CostBreakdown      JSON                `json:"cost_breakdown,omitzero"`
	NodesTotal         *int                `json:"nodes_total,omitzero"`
	NodesCompleted     *int                `json:"nodes_completed,omitzero"`
	ResolvedTemplateID string              `json:"resolved_template_id,omitzero"`
	BatchID            string              `json:"batch_id,omitzero"`
	ClientRef          string              `json:"client_ref,omitzero"` // your own label
	JurisdictionCode   string              `json:"jurisdiction_code,omitzero"`
	FlowVersionID      string              `json:"flow_version_id,omitzero"`
	RequestID          string              `json:"request_id,omitzero"`
	CreatedBy          string              `json:"created_by,omitzero"`
	CreatedAt          time.Time           `json:"created_at,omitzero"`
	StartedAt          time.Time           `json:"started_at,omitzero"`
	CompletedAt        time.Time           `json:"completed_at,omitzero"`
	CallbackURL        string              `json:"callback_url,omitzero"`
	Metadata           JSON                `json:"metadata,omitzero"`
	HasLogs            bool                `json:"has_logs,omitzero"`
	HasNodeRuns        bool                `json:"has_node_runs,omitzero"`
	Links              JSON                `json:"links,omitzero"`
	FailureCode        string              `json:"failure_code,omitzero"`
	FailureMessage     string              `json:"failure_message,omitzero"`
	FailureStageCode   FailureStage        `json:"failure_stage_code,omitzero"`
	FeedbackIsPositive *bool               `json:"feedback_is_positive,omitzero"` // true means thumbs up, false thumbs down, nil no feedback; see [Run.Feedback]
	FeedbackReason     string              `json:"feedback_reason,omitzero"`

	SourceChatMessageID      string             `json:"source_chat_message_id,omitzero"`
	CurrentEvaluationSummary *EvaluationSummary `json:"current_evaluation_summary,omitzero"`

	NodeRuns        []NodeRun        `json:"node_runs,omitzero"`
	Logs            []RunLog         `json:"logs,omitzero"`
	Model           *Model           `json:"model,omitzero"`
	Flow            JSON             `json:"flow,omitzero"` // only older versions of the API send it
	ComfyuiWorkflow *ComfyuiWorkflow `json:"comfyui_workflow,omitzero"`
}

// A NodeRun is the execution of one node of a run.
type NodeRun struct {
	ID             string              `json:"id,omitzero"`
	RunID          string              `json:"run_id,omitzero"`
	NodeID         string              `json:"node_id,omitzero"`
	FlowID         string              `json:"flow_id,omitzero"`
	StateCode      string              `json:"state_code,omitzero"` // the API publishes no list of the codes
	Input          JSON                `json:"input,omitzero"`
	Output         JSON                `json:"output,omitzero"`
	InputSignature string              `json:"input_signature,omitzero"`
	PreviewType    string              `json:"preview_type,omitzero"`
	PreviewValue   string              `json:"preview_value,omitzero"`
	DurationMS     *int64              `json:"duration_ms,omitzero"` // milliseconds; nil if unknown
	Cost           decimal.NullDecimal `json:"cost,omitzero"`        // in US dollars
	RetryCount     *int                `json:"retry_count,omitzero"`
	ErrorMessage   string              `json:"error_message,omitzero"`
	CreatedAt      time.Time           `json:"created_at,omitzero"`
	StartedAt      time.Time           `json:"started_at,omitzero"`
	CompletedAt    time.Time           `json:"completed_at,omitzero"`
}

// A RunLog is one line of a run's log.
type RunLog struct {
	ID        string    `json:"id,omitzero"`
	RunID     string    `json:"run_id,omitzero"`
	LevelCode string    `json:"level_code,omitzero"` // the API publishes no list of the codes
	Message   string    `json:"message,omitzero"`
	Timestamp time.Time `json:"timestamp,omitzero"`
	Meta      JSON      `json:"meta,omitzero"`
	Run       *Run      `json:"run,omitzero"`
}

// An EvaluationSummary is the result of a run's current evaluation. The API sends
// it only if the token has the scope evaluations:read.
type EvaluationSummary struct {
	Passed     *bool    `json:"passed,omitzero"`
	StatusCode string   `json:"status_code,omitzero"` // always "completed"
	Score      *float64 `json:"score,omitzero"`       // 0 to 1
}

// A CallbackDelivery is a delivery of the callback of a run or a batch.
type CallbackDelivery struct {
	ID                string    `json:"id,omitzero"`
	RunID             string    `json:"run_id,omitzero"`
	BatchID           string    `json:"batch_id,omitzero"`
	CallbackURL       string    `json:"callback_url,omitzero"`
	PayloadBytes      string    `json:"payload_bytes,omitzero"` // the signed body
	Payload           JSON      `json:"payload,omitzero"`
	SigningSecretID   string    `json:"signing_secret_id,omitzero"`
	IsAutomatic       bool      `json:"is_automatic,omitzero"` // false if RedeliverCallback requested it
	StatusCode        string    `json:"status_code,omitzero"`  // the API publishes no list of the codes
	FailureReasonCode string    `json:"failure_reason_code,omitzero"`
	FailureDetail     string    `json:"failure_detail,omitzero"`
	AttemptCount      *int      `json:"attempt_count,omitzero"`
	MaxAttempts       *int      `json:"max_attempts,omitzero"`
	NextAttemptAt     time.Time `json:"next_attempt_at,omitzero"`
	CreatedAt         time.Time `json:"created_at,omitzero"`
	UpdatedAt         time.Time `json:"updated_at,omitzero"`
	CompletedAt       time.Time `json:"completed_at,omitzero"`

	Attempts []CallbackDeliveryAttempt `json:"attempts,omitzero"`
}

// A CallbackDeliveryAttempt is one request to a callback URL.
type CallbackDeliveryAttempt struct {
	ID             string    `json:"id,omitzero"`
	DeliveryID     string    `json:"delivery_id,omitzero"`
	AttemptNumber  *int      `json:"attempt_number,omitzero"` // 1 for the first
	StatusCode     *int      `json:"status_code,omitzero"`    // of the HTTP response; nil if there was none
	ResponseBody   string    `json:"response_body,omitzero"`
	ResponseTimeMS *int64    `json:"response_time_ms,omitzero"` // milliseconds
	ErrorMessage   string    `json:"error_message,omitzero"`
	CreatedAt      time.Time `json:"created_at,omitzero"`
}

// A RunStatus is the state of a run. The API may send values that are not listed
// here.
type RunStatus string

// The statuses of a run. The documentation of the API mentions
// RunStatusPartialSucceeded for batches only.
const (
	RunStatusQueued           RunStatus = "queued"
	RunStatusDispatching      RunStatus = "dispatching"
	RunStatusRunning          RunStatus = "running"
	RunStatusSucceeded        RunStatus = "succeeded"
	RunStatusFailed           RunStatus = "failed"
	RunStatusCancelled        RunStatus = "cancelled"
	RunStatusPartialSucceeded RunStatus = "partial_succeeded"
)

// runStatusCanceled is the spelling of RunStatusCancelled in parts of the API.
const runStatusCanceled RunStatus = "canceled"

// IsTerminal reports whether the run has ended. It returns false for an unknown
// status.
func (s RunStatus) IsTerminal() bool {
	switch s {
	case RunStatusSucceeded, RunStatusFailed, RunStatusCancelled, runStatusCanceled, RunStatusPartialSucceeded:
		return true
	default:
		return false
	}
}

// UnmarshalText decodes "canceled" as RunStatusCancelled, and leaves every other
// status unchanged.
func (s *RunStatus) UnmarshalText(text []byte) error {
	*s = RunStatus(text)
	if *s == runStatusCanceled {
		*s = RunStatusCancelled
	}
	return nil
}

// A TargetType says what a run executes. The API may send values that are not
// listed here.
type TargetType string

// The target types of a run.
const (
	TargetTypeModel   TargetType = "model"
	TargetTypeFlow    TargetType = "flow"
	TargetTypeComfyui TargetType = "comfyui"
)

// A RunSource says how a run was created. The API may send values that are not
// listed here.
type RunSource string

// The sources of a run.
const (
	RunSourcePlayground RunSource = "playground"
	RunSourceAPI        RunSource = "api"
	RunSourceFlowNode   RunSource = "flow-node"
)

// A FailureStage is the stage in which a run failed. The API may send values that
// are not listed here.
type FailureStage string

// The stages in which a run can fail.
const (
	FailureStageDispatch       FailureStage = "dispatch"
	FailureStageExecution      FailureStage = "execution"
	FailureStageCallback       FailureStage = "callback"
	FailureStageReconciliation FailureStage = "reconciliation"
)

// A RunEmbed names a part of a run that the API sends only on request. Any other
// name that the API knows can be used too.
type RunEmbed string

// The parts that can be embedded into a run. RunEmbedCurrentEvaluationSummary
// needs the scope evaluations:read. Only older versions of the API know
// RunEmbedFlow.
const (
	RunEmbedNodeRuns                 RunEmbed = "node_runs"
	RunEmbedLogs                     RunEmbed = "logs"
	RunEmbedModel                    RunEmbed = "model"
	RunEmbedFlow                     RunEmbed = "flow"
	RunEmbedComfyuiWorkflow          RunEmbed = "comfyui_workflow"
	RunEmbedCurrentEvaluationSummary RunEmbed = "current_evaluation_summary"
)

// GetRunParams are the params of [RunsService.Get].
type GetRunParams struct {
	Embed        []RunEmbed // parts of the run to return
	Fields       []string   // fields to return, by their names in the API; "id" is added; none means all
	AddSignature bool       // sign the URLs of outputs, so that they can be used as inputs
}

// getQuery is the query of a method that gets one object.
type getQuery struct {
	Embed        []string `url:"embed,comma,omitempty"`
	Fields       []string `url:"fields,comma,omitempty"`
	AddSignature bool     `url:"add_signature,omitempty"`
}

func (q getQuery) validate() error {
	return errors.Join(checkNames("params.Embed", q.Embed), checkNames("params.Fields", q.Fields))
}

func (p GetRunParams) query() getQuery {
	return getQuery{Embed: texts(p.Embed), Fields: withFields(p.Fields, "id"), AddSignature: p.AddSignature}
}

// withFields adds names to fields. It does not change empty fields, which mean all.
func withFields(fields []string, names ...string) []string {
	if len(fields) == 0 {
		return nil
	}
	fields = slices.Clone(fields)
	for _, name := range names {
		if !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	return fields
}

// decode decodes a run. It refuses a response without an ID.
func (r *Run) decode(ctx context.Context, _ *settings, body []byte) error {
	if err := codec.Unmarshal(ctx, body, r); err != nil || r.ID != "" {
		return err
	}
	// The response to a created run of a workflow may have a run_id instead.
	var other dispatched
	if err := codec.Unmarshal(ctx, body, &other); err != nil || other.RunID == "" {
		return &DecodeError{Field: "id", Err: errNoText}
	}
	r.ID = other.RunID
	return nil
}

// A dispatched is a response that names the ID of a run run_id.
type dispatched struct {
	RunID string `json:"run_id"`
}

var errNoText = errors.New("missing, want a string")

// Get returns a run. It returns [ErrNotFound] if the organization has no such run.
//
// Endpoint: GET /v1/runs/{run_id} (idempotent), see
// https://docs.runflow.io/api-reference/runs/get-run.
func (s *RunsService) Get(ctx context.Context, runID string, params GetRunParams, opts ...CallOption) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.RunsGet, request{path: []argument{id("runID", runID)}, query: params.query()}, opts)
}

// ListRunsParams are the params of [RunsService.List] and
// [ComfyuiWorkflowsService.ListRuns].
type ListRunsParams struct {
	Filter       Filter
	Limit        int        // items per page, 1 to 500; 0 means the default of the API
	SortBy       string     // "created_at:desc"; several are separated by commas
	Fields       []string   // fields to return, by their names in the API; none means all
	Cursor       string     // Next or Previous of a Page; "" means the first page
	Embed        []RunEmbed // parts of each run to return
	AddSignature bool       // sign the URLs of outputs, so that they can be used as inputs
}

func (p ListRunsParams) query() listQuery {
	q := listing(p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, p.Embed)
	q.AddSignature = p.AddSignature
	return q
}

// List returns one page of the organization's runs.
//
// Endpoint: GET /v1/runs (idempotent), see
// https://docs.runflow.io/api-reference/runs/search-runs.
func (s *RunsService) List(ctx context.Context, params ListRunsParams, opts ...CallOption) (*Page[Run], error) {
	return list[Run](ctx, (*service)(s), endpoint.RunsList, nil, params.query(), opts)
}

// All returns an iterator over the runs of all pages, beginning with the page that
// params selects. If params.Cursor is the Previous of a [Page], it iterates
// backwards. It gets a page after it has yielded all runs of the page before. It
// ends with the first error, which is a [*DecodeError] if a cursor repeats. It
// calls [RunsService.List].
func (s *RunsService) All(ctx context.Context, params ListRunsParams, opts ...CallOption) iter.Seq2[*Run, error] {
	return all[Run](ctx, (*service)(s), endpoint.RunsList, nil, params.query(), opts)
}

// FindByClientRef returns the runs with the given ClientRef, the newest first, at
// most 500. It returns an empty slice if there is none. Use it to recover from
// [ErrOutcomeUnknown]: it finds the run that a failed call may have created. A new
// run may not be found at once. FindByClientRef refuses a ClientRef with quotes,
// backslashes or control characters.
//
// Endpoint: GET /v1/runs (idempotent), see
// https://docs.runflow.io/api-reference/runs/search-runs.
func (s *RunsService) FindByClientRef(ctx context.Context, clientRef string, opts ...CallOption) ([]Run, error) {
	e := endpoint.RunsFindByClientRef
	filter := Where("client_ref").Eq(clientRef)
	if clientRef == "" {
		filter.reason = "must not be empty"
	}
	if err := refused(e.Operation, filter.validate("clientRef")); err != nil {
		return nil, err
	}
	page, err := list[Run](ctx, (*service)(s), e, nil, ListRunsParams{Filter: filter, SortBy: "created_at:desc", Limit: maxLimit}.query(), opts)
	if err != nil {
		return nil, err
	}
	// Runs with another ClientRef are left out, even if the API ignores the filter.
	return slices.DeleteFunc(append([]Run{}, page.Items...), func(run Run) bool { return run.ClientRef != clientRef }), nil
}

// A RunLogEmbed names a part of a log line that the API sends only on request.
type RunLogEmbed string

// RunLogEmbedRun embeds the run of a log line.
const RunLogEmbedRun RunLogEmbed = "run"

// ListRunLogsParams are the params of [RunsService.ListLogs].
type ListRunLogsParams struct {
	Filter Filter
	Limit  int           // items per page, 1 to 500; 0 means the default of the API
	SortBy string        // "timestamp:asc"; several are separated by commas
	Fields []string      // fields to return, by their names in the API; none means all
	Cursor string        // Next or Previous of a Page; "" means the first page
	Embed  []RunLogEmbed // parts of each log line to return
}

func (p ListRunLogsParams) query() listQuery {
	return listing(p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, p.Embed)
}

// ListLogs returns one page of the log of a run, or of all runs with [AnyID].
//
// Endpoint: GET /v1/runs/{run_id}/logs (idempotent), see
// https://docs.runflow.io/api-reference/runs/search-run-logs.
func (s *RunsService) ListLogs(ctx context.Context, runID string, params ListRunLogsParams, opts ...CallOption) (*Page[RunLog], error) {
	return list[RunLog](ctx, (*service)(s), endpoint.RunsListLogs, []argument{parentID("runID", runID)}, params.query(), opts)
}

// AllLogs returns an iterator over the log lines of all pages, see
// [RunsService.All]. It calls [RunsService.ListLogs].
func (s *RunsService) AllLogs(ctx context.Context, runID string, params ListRunLogsParams, opts ...CallOption) iter.Seq2[*RunLog, error] {
	return all[RunLog](ctx, (*service)(s), endpoint.RunsListLogs, []argument{parentID("runID", runID)}, params.query(), opts)
}

// GetLog returns one log line of a run, or of any run with [AnyID].
//
// Endpoint: GET /v1/runs/{run_id}/logs/{id} (idempotent), see
// https://docs.runflow.io/api-reference/runs/get-run-log.
func (s *RunsService) GetLog(ctx context.Context, runID, logID string, opts ...CallOption) (*RunLog, error) {
	return do[RunLog](ctx, (*service)(s), endpoint.RunsGetLog, request{path: []argument{parentID("runID", runID), id("logID", logID)}}, opts)
}

// ListNodeRunsParams are the params of [RunsService.ListNodeRuns].
type ListNodeRunsParams struct {
	Filter Filter
	Limit  int      // items per page, 1 to 500; 0 means the default of the API
	SortBy string   // "created_at:asc"; several are separated by commas
	Fields []string // fields to return, by their names in the API; none means all
	Cursor string   // Next or Previous of a Page; "" means the first page
}

func (p ListNodeRunsParams) query() listQuery {
	return listing[string](p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, nil)
}

// ListNodeRuns returns one page of the node runs of a run, or of all runs with
// [AnyID].
//
// Endpoint: GET /v1/runs/{run_id}/node-runs (idempotent), see
// https://docs.runflow.io/concepts/runs.
func (s *RunsService) ListNodeRuns(ctx context.Context, runID string, params ListNodeRunsParams, opts ...CallOption) (*Page[NodeRun], error) {
	return list[NodeRun](ctx, (*service)(s), endpoint.RunsListNodeRuns, []argument{parentID("runID", runID)}, params.query(), opts)
}

// AllNodeRuns returns an iterator over the node runs of all pages, see
// [RunsService.All]. It calls [RunsService.ListNodeRuns].
func (s *RunsService) AllNodeRuns(ctx context.Context, runID string, params ListNodeRunsParams, opts ...CallOption) iter.Seq2[*NodeRun, error] {
	return all[NodeRun](ctx, (*service)(s), endpoint.RunsListNodeRuns, []argument{parentID("runID", runID)}, params.query(), opts)
}

// GetNodeRun returns one node run of a run, or of any run with [AnyID].
//
// Endpoint: GET /v1/runs/{run_id}/node-runs/{id} (idempotent), see
// https://docs.runflow.io/api-reference/runs/get-flow-node-run.
func (s *RunsService) GetNodeRun(ctx context.Context, runID, nodeRunID string, opts ...CallOption) (*NodeRun, error) {
	return do[NodeRun](ctx, (*service)(s), endpoint.RunsGetNodeRun, request{path: []argument{parentID("runID", runID), id("nodeRunID", nodeRunID)}}, opts)
}

// ListCallbackDeliveriesParams are the params of
// [RunsService.ListCallbackDeliveries]. The API documents no parameters.
type ListCallbackDeliveriesParams struct{}

// ListCallbackDeliveries returns the deliveries of a run's callback with all their
// attempts. The page is the whole list and has no cursors.
//
// Endpoint: GET /v1/runs/{run_id}/callback (idempotent), see
// https://docs.runflow.io/api-reference/runs/get-callback-delivery-history.
func (s *RunsService) ListCallbackDeliveries(ctx context.Context, runID string, _ ListCallbackDeliveriesParams, opts ...CallOption) (*Page[CallbackDelivery], error) {
	return list[CallbackDelivery](ctx, (*service)(s), endpoint.RunsListCallbackDeliveries, []argument{id("runID", runID)}, listQuery{}, opts)
}

// RedeliverCallback asks Runflow to deliver the callback of a run again, with the
// current state of the run, and returns the new delivery. The token needs the scope
// runs:execute.
//
// Endpoint: POST /v1/runs/{run_id}/callback-redeliveries (at-most-once), see
// https://docs.runflow.io/api-reference/runs/redeliver-callback.
func (s *RunsService) RedeliverCallback(ctx context.Context, runID string, opts ...CallOption) (*CallbackDelivery, error) {
	return do[CallbackDelivery](ctx, (*service)(s), endpoint.RunsRedeliverCallback, request{path: []argument{id("runID", runID)}}, opts)
}
