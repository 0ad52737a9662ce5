package runflow

import (
	"context"
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
	return do[Run](ctx, (*service)(s), endpoint.RunsGet, input{path: []argument{{"runID", runID}}, query: params}, opts)
}
