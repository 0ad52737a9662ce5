package runflow

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// RunsService reads runs and records what people think of them.
type RunsService service

// A Run is one execution of a model, of a flow or of a ComfyUI workflow.
//
// A string that the API leaves out or sends as null reads as "". NodeRuns,
// Logs, Model, Flow, ComfyuiWorkflow and CurrentEvaluationSummary are present
// only where the call embeds them, see [RunEmbed].
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
	Output             JSON                `json:"output,omitzero"` // its URLs are signed and expire: read the run again for fresh ones
	Context            JSON                `json:"context,omitzero"`
	DurationMS         *int64              `json:"duration_ms,omitzero"` // milliseconds; nil while unknown
	Cost               decimal.NullDecimal `json:"cost,omitzero"`        // credits, in US dollars; invalid while unknown
	CostBreakdown      JSON                `json:"cost_breakdown,omitzero"`
	NodesTotal         *int                `json:"nodes_total,omitzero"`
	NodesCompleted     *int                `json:"nodes_completed,omitzero"`
	ResolvedTemplateID string              `json:"resolved_template_id,omitzero"`
	BatchID            string              `json:"batch_id,omitzero"`
	ClientRef          string              `json:"client_ref,omitzero"` // the caller's own label
	JurisdictionCode   string              `json:"jurisdiction_code,omitzero"`
	FlowVersionID      string              `json:"flow_version_id,omitzero"`
	RequestID          string              `json:"request_id,omitzero"`
	CreatedBy          string              `json:"created_by,omitzero"`
	CreatedAt          *time.Time          `json:"created_at,omitzero"`
	StartedAt          *time.Time          `json:"started_at,omitzero"`
	CompletedAt        *time.Time          `json:"completed_at,omitzero"`
	CallbackURL        string              `json:"callback_url,omitzero"`
	Metadata           JSON                `json:"metadata,omitzero"`
	HasLogs            bool                `json:"has_logs,omitzero"`
	HasNodeRuns        bool                `json:"has_node_runs,omitzero"`
	Links              JSON                `json:"links,omitzero"`
	FailureCode        string              `json:"failure_code,omitzero"`
	FailureMessage     string              `json:"failure_message,omitzero"`
	FailureStageCode   FailureStage        `json:"failure_stage_code,omitzero"`
	FeedbackIsPositive *bool               `json:"feedback_is_positive,omitzero"` // true up, false down, nil unrated; see [Run.Feedback]
	FeedbackReason     string              `json:"feedback_reason,omitzero"`

	SourceChatMessageID      string             `json:"source_chat_message_id,omitzero"`
	CurrentEvaluationSummary *EvaluationSummary `json:"current_evaluation_summary,omitzero"`

	NodeRuns        []NodeRun        `json:"node_runs,omitzero"`
	Logs            []RunLog         `json:"logs,omitzero"`
	Model           *Model           `json:"model,omitzero"`
	Flow            JSON             `json:"flow,omitzero"` // only older versions of the API embed it
	ComfyuiWorkflow *ComfyuiWorkflow `json:"comfyui_workflow,omitzero"`

	Extra Extra `json:",embed"`
}

// A NodeRun is the execution of one node of a run.
type NodeRun struct {
	ID             string              `json:"id,omitzero"`
	RunID          string              `json:"run_id,omitzero"`
	NodeID         string              `json:"node_id,omitzero"`
	FlowID         string              `json:"flow_id,omitzero"`
	StateCode      string              `json:"state_code,omitzero"` // no list of them is published
	Input          JSON                `json:"input,omitzero"`
	Output         JSON                `json:"output,omitzero"`
	InputSignature string              `json:"input_signature,omitzero"`
	PreviewType    string              `json:"preview_type,omitzero"`
	PreviewValue   string              `json:"preview_value,omitzero"`
	DurationMS     *int64              `json:"duration_ms,omitzero"` // milliseconds; nil while unknown
	Cost           decimal.NullDecimal `json:"cost,omitzero"`        // credits, in US dollars
	RetryCount     *int                `json:"retry_count,omitzero"`
	ErrorMessage   string              `json:"error_message,omitzero"`
	CreatedAt      *time.Time          `json:"created_at,omitzero"`
	StartedAt      *time.Time          `json:"started_at,omitzero"`
	CompletedAt    *time.Time          `json:"completed_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A RunLog is one line of a run's log.
type RunLog struct {
	ID        string     `json:"id,omitzero"`
	RunID     string     `json:"run_id,omitzero"`
	LevelCode string     `json:"level_code,omitzero"` // no list of them is published
	Message   string     `json:"message,omitzero"`
	Timestamp *time.Time `json:"timestamp,omitzero"`
	Meta      JSON       `json:"meta,omitzero"`
	Run       *Run       `json:"run,omitzero"`

	Extra Extra `json:",embed"`
}

// An EvaluationSummary is the gist of a run's current evaluation. A token
// without the scope evaluations:read does not get to see it.
type EvaluationSummary struct {
	Passed     *bool    `json:"passed,omitzero"`
	StatusCode string   `json:"status_code,omitzero"` // always "completed"
	Score      *float64 `json:"score,omitzero"`       // 0 to 1

	Extra Extra `json:",embed"`
}

// A CallbackDelivery is one delivery of a run's or a batch's callback, with its
// attempts.
type CallbackDelivery struct {
	ID                string     `json:"id,omitzero"`
	RunID             string     `json:"run_id,omitzero"`
	BatchID           string     `json:"batch_id,omitzero"`
	CallbackURL       string     `json:"callback_url,omitzero"`
	PayloadBytes      string     `json:"payload_bytes,omitzero"` // the body that was signed
	Payload           JSON       `json:"payload,omitzero"`
	SigningSecretID   string     `json:"signing_secret_id,omitzero"`
	IsAutomatic       bool       `json:"is_automatic,omitzero"` // not asked for by RedeliverCallback
	StatusCode        string     `json:"status_code,omitzero"`  // no list of them is published
	FailureReasonCode string     `json:"failure_reason_code,omitzero"`
	FailureDetail     string     `json:"failure_detail,omitzero"`
	AttemptCount      *int       `json:"attempt_count,omitzero"`
	MaxAttempts       *int       `json:"max_attempts,omitzero"`
	NextAttemptAt     *time.Time `json:"next_attempt_at,omitzero"`
	CreatedAt         *time.Time `json:"created_at,omitzero"`
	UpdatedAt         *time.Time `json:"updated_at,omitzero"`
	CompletedAt       *time.Time `json:"completed_at,omitzero"`

	Attempts []CallbackDeliveryAttempt `json:"attempts,omitzero"`

	Extra Extra `json:",embed"`
}

// A CallbackDeliveryAttempt is one request to a callback URL.
type CallbackDeliveryAttempt struct {
	ID             string     `json:"id,omitzero"`
	DeliveryID     string     `json:"delivery_id,omitzero"`
	AttemptNumber  *int       `json:"attempt_number,omitzero"` // 1 for the first
	StatusCode     *int       `json:"status_code,omitzero"`    // of the HTTP response; nil where none came
	ResponseBody   string     `json:"response_body,omitzero"`
	ResponseTimeMS *int64     `json:"response_time_ms,omitzero"` // milliseconds
	ErrorMessage   string     `json:"error_message,omitzero"`
	CreatedAt      *time.Time `json:"created_at,omitzero"`

	Extra Extra `json:",embed"`
}

// RunStatus is where a run stands. It is open: the API may send others.
type RunStatus string

// The statuses of a run. RunStatusPartialSucceeded is for batches only.
const (
	RunStatusQueued           RunStatus = "queued"
	RunStatusDispatching      RunStatus = "dispatching"
	RunStatusRunning          RunStatus = "running"
	RunStatusSucceeded        RunStatus = "succeeded"
	RunStatusFailed           RunStatus = "failed"
	RunStatusCancelled        RunStatus = "cancelled"
	RunStatusPartialSucceeded RunStatus = "partial_succeeded"
)

// runStatusCanceled is how parts of the API spell RunStatusCancelled.
const runStatusCanceled RunStatus = "canceled"

// IsTerminal reports whether the run has ended. An unknown status is one of a
// run that still goes on.
func (s RunStatus) IsTerminal() bool {
	switch s {
	case RunStatusSucceeded, RunStatusFailed, RunStatusCancelled, runStatusCanceled, RunStatusPartialSucceeded:
		return true
	default:
		return false
	}
}

// UnmarshalText reads "canceled" as RunStatusCancelled, which is the same
// state, and every other status as it is.
func (s *RunStatus) UnmarshalText(text []byte) error {
	*s = RunStatus(text)
	if *s == runStatusCanceled {
		*s = RunStatusCancelled
	}
	return nil
}

// TargetType is what a run executes. It is open: the API may send others.
type TargetType string

// The targets of a run.
const (
	TargetTypeModel   TargetType = "model"
	TargetTypeFlow    TargetType = "flow"
	TargetTypeComfyui TargetType = "comfyui"
)

// RunSource is where a run was started from. It is open: the API may send others.
type RunSource string

// The sources of a run.
const (
	RunSourcePlayground RunSource = "playground"
	RunSourceAPI        RunSource = "api"
	RunSourceFlowNode   RunSource = "flow-node"
)

// FailureStage is where in the pipeline a run failed. It is open: the API may
// send others.
type FailureStage string

// The stages in which a run may fail.
const (
	FailureStageDispatch       FailureStage = "dispatch"
	FailureStageExecution      FailureStage = "execution"
	FailureStageCallback       FailureStage = "callback"
	FailureStageReconciliation FailureStage = "reconciliation"
)

// RunEmbed names something that belongs to a run and is sent only on demand.
// It is open: any other name that the API knows may be asked for.
type RunEmbed string

// What can be embedded into a run. RunEmbedCurrentEvaluationSummary needs the
// scope evaluations:read; only older versions of the API know RunEmbedFlow.
const (
	RunEmbedNodeRuns                 RunEmbed = "node_runs"
	RunEmbedLogs                     RunEmbed = "logs"
	RunEmbedModel                    RunEmbed = "model"
	RunEmbedFlow                     RunEmbed = "flow"
	RunEmbedComfyuiWorkflow          RunEmbed = "comfyui_workflow"
	RunEmbedCurrentEvaluationSummary RunEmbed = "current_evaluation_summary"
)

// RunGetParams says what [RunsService.Get] returns of a run.
type RunGetParams struct {
	Embed  []RunEmbed `url:"embed,comma,omitempty"`  // what to send with the run
	Fields []string   `url:"fields,comma,omitempty"` // the fields to send, by their names in the API; none: all

	AddSignature bool `url:"add_signature,omitempty"` // sign the URLs of outputs, so that they can be inputs
}

func (p *RunGetParams) check() []error {
	if p == nil {
		return nil
	}
	return append(checkList("params.Embed", p.Embed), checkList("params.Fields", p.Fields)...)
}

// Get returns the run with the given id. Nil params return every field and
// embed nothing.
//
// It is GET /v1/runs/{run_id}, see
// https://docs.runflow.io/api-reference/runs/get-run.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
//
// A run of another organization is [ErrNotFound].
func (s *RunsService) Get(ctx context.Context, runID string, params *RunGetParams, opts ...Option) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.RunsGet, input{path: []argument{id("runID", runID)}, query: params}, opts)
}

// RunListParams says what [RunsService.List] returns.
type RunListParams struct {
	ListParams

	Embed        []RunEmbed `url:"embed,comma,omitempty"`   // what to send with each run
	AddSignature bool       `url:"add_signature,omitempty"` // sign the URLs of outputs, so that they can be inputs
}

func (p *RunListParams) check() []error {
	if p == nil {
		return nil
	}
	return append(p.ListParams.check(), checkList("params.Embed", p.Embed)...)
}

// List returns a page of the organization's runs.
//
// It is GET /v1/runs, see
// https://docs.runflow.io/api-reference/runs/search-runs.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *RunsService) List(ctx context.Context, params *RunListParams, opts ...Option) (*Page[Run], error) {
	return list[Run](ctx, (*service)(s), endpoint.RunsList, input{query: params}, opts)
}

// All returns the runs of all pages, starting with the one that params asks for.
// It reads a page when the one before has been used up, and ends with the first
// error, which is a [*DecodeError] where the pages never end.
//
// It reads with [RunsService.List].
func (s *RunsService) All(ctx context.Context, params *RunListParams, opts ...Option) iter.Seq2[*Run, error] {
	var own RunListParams
	if params != nil {
		own = *params
		own.Embed = slices.Clone(params.Embed)
	}
	return all[Run](ctx, (*service)(s), endpoint.RunsList, &own.ListParams, opts, func(page *ListParams) input {
		params := own
		params.ListParams = *page
		return input{query: &params}
	})
}

// AnyParent stands for all parents of the organization where a parent's id is
// asked for: the logs and the node runs of all runs, the prices and the
// examples of all models.
const AnyParent = "any"

// Logs returns a page of a run's log, or of all runs' with [AnyParent].
//
// It is GET /v1/runs/{run_id}/logs, see
// https://docs.runflow.io/api-reference/runs/search-run-logs.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *RunsService) Logs(ctx context.Context, runID string, params *ListParams, opts ...Option) (*Page[RunLog], error) {
	return list[RunLog](ctx, (*service)(s), endpoint.RunsLogs, input{path: []argument{id("runID", runID)}, query: params}, opts)
}

// AllLogs returns the log lines of all pages, as [RunsService.All] does.
//
// It reads with [RunsService.Logs].
func (s *RunsService) AllLogs(ctx context.Context, runID string, params *ListParams, opts ...Option) iter.Seq2[*RunLog, error] {
	return all[RunLog](ctx, (*service)(s), endpoint.RunsLogs, params, opts, func(page *ListParams) input {
		return input{path: []argument{id("runID", runID)}, query: page}
	})
}

// Log returns one line of a run's log, or of any run's with [AnyParent].
//
// It is GET /v1/runs/{run_id}/logs/{id}, see
// https://docs.runflow.io/api-reference/runs/get-run-log.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *RunsService) Log(ctx context.Context, runID, logID string, opts ...Option) (*RunLog, error) {
	return do[RunLog](ctx, (*service)(s), endpoint.RunsLog, input{path: []argument{id("runID", runID), id("logID", logID)}}, opts)
}

// NodeRuns returns a page of a run's node runs, or of all runs' with [AnyParent].
//
// It is GET /v1/runs/{run_id}/node-runs, see
// https://docs.runflow.io/concepts/runs.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *RunsService) NodeRuns(ctx context.Context, runID string, params *ListParams, opts ...Option) (*Page[NodeRun], error) {
	return list[NodeRun](ctx, (*service)(s), endpoint.RunsNodeRuns, input{path: []argument{id("runID", runID)}, query: params}, opts)
}

// AllNodeRuns returns the node runs of all pages, as [RunsService.All] does.
//
// It reads with [RunsService.NodeRuns].
func (s *RunsService) AllNodeRuns(ctx context.Context, runID string, params *ListParams, opts ...Option) iter.Seq2[*NodeRun, error] {
	return all[NodeRun](ctx, (*service)(s), endpoint.RunsNodeRuns, params, opts, func(page *ListParams) input {
		return input{path: []argument{id("runID", runID)}, query: page}
	})
}

// NodeRun returns one node run of a run, or of any run with [AnyParent].
//
// It is GET /v1/runs/{run_id}/node-runs/{id}, see
// https://docs.runflow.io/api-reference/runs/get-flow-node-run.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *RunsService) NodeRun(ctx context.Context, runID, nodeRunID string, opts ...Option) (*NodeRun, error) {
	return do[NodeRun](ctx, (*service)(s), endpoint.RunsNodeRun, input{path: []argument{id("runID", runID), id("nodeRunID", nodeRunID)}}, opts)
}

// CallbackDeliveries returns the history of the run's callback, with all
// attempts.
//
// It is GET /v1/runs/{run_id}/callback, see
// https://docs.runflow.io/api-reference/runs/get-callback-delivery-history.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *RunsService) CallbackDeliveries(ctx context.Context, runID string, opts ...Option) ([]CallbackDelivery, error) {
	deliveries, err := do[[]CallbackDelivery](ctx, (*service)(s), endpoint.RunsCallbackDeliveries, input{path: []argument{id("runID", runID)}}, opts)
	if err != nil {
		return nil, err
	}
	return *deliveries, nil
}

// RedeliverCallback sends the run's callback once more, with the run as it now
// stands, and returns the delivery. It needs the scope runs:execute.
//
// It is POST /v1/runs/{run_id}/callback-redeliveries, see
// https://docs.runflow.io/api-reference/runs/redeliver-callback.
// It is sent again only where the API did not take it, see [WithIdempotencyKey].
func (s *RunsService) RedeliverCallback(ctx context.Context, runID string, opts ...Option) (*CallbackDelivery, error) {
	return do[CallbackDelivery](ctx, (*service)(s), endpoint.RunsRedeliverCallback, input{path: []argument{id("runID", runID)}}, opts)
}
