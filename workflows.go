package runflow

import (
	"context"
	"iter"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// ComfyuiWorkflowsService reads and runs ComfyUI workflows.
type ComfyuiWorkflowsService service

// A ComfyuiWorkflow is a ComfyUI graph that was deployed to Runflow.
//
// Inputs, Outputs and GPUExplicitModels are present only where the call embeds
// them.
type ComfyuiWorkflow struct {
	ID                 string     `json:"id,omitzero"`
	OrgID              string     `json:"org_id,omitzero"`
	Slug               string     `json:"slug,omitzero"`
	Name               string     `json:"name,omitzero"`
	Description        string     `json:"description,omitzero"`
	WorkflowJSON       JSON       `json:"workflow_json,omitzero"` // the graph as ComfyUI exports it
	Version            string     `json:"version,omitzero"`
	IsPublic           bool       `json:"is_public,omitzero"`
	StatusCode         string     `json:"status_code,omitzero"`
	CreatedBy          string     `json:"created_by,omitzero"`
	Environment        JSON       `json:"environment,omitzero"`
	Models             JSON       `json:"models,omitzero"`
	CustomNodes        JSON       `json:"custom_nodes,omitzero"`
	Graph              JSON       `json:"graph,omitzero"`
	Resources          JSON       `json:"resources,omitzero"`
	CreatedAt          *time.Time `json:"created_at,omitzero"`
	UpdatedAt          *time.Time `json:"updated_at,omitzero"`
	DeletedAt          *time.Time `json:"deleted_at,omitzero"` // nil: not deleted
	DeletedBy          string     `json:"deleted_by,omitzero"`
	CategoryCode       string     `json:"category_code,omitzero"`
	GPUCurrentTierCode string     `json:"gpu_current_tier_code,omitzero"`

	Inputs            []ComfyuiWorkflowInput  `json:"inputs,omitzero"`
	Outputs           []ComfyuiWorkflowOutput `json:"outputs,omitzero"`
	GPUExplicitModels []ComfyuiGPUModel       `json:"gpu_explicit_models,omitzero"`

	Extra Extra `json:",embed"`
}

// A ComfyuiWorkflowInput describes one field of the input that a workflow takes.
type ComfyuiWorkflowInput struct {
	ID                  string     `json:"id,omitzero"`
	ComfyuiWorkflowID   string     `json:"comfyui_workflow_id,omitzero"`
	Name                string     `json:"name,omitzero"`
	DisplayName         string     `json:"display_name,omitzero"`
	Description         string     `json:"description,omitzero"`
	VariableTypeCode    string     `json:"variable_type_code,omitzero"`
	DefaultBehaviorCode string     `json:"default_behavior_code,omitzero"`
	ValidatorCode       string     `json:"validator_code,omitzero"`
	ValidatorAttrs      JSON       `json:"validator_attrs,omitzero"`
	IsRequired          bool       `json:"is_required,omitzero"`
	DefaultValue        JSON       `json:"default_value,omitzero"`
	SortOrder           int        `json:"sort_order,omitzero"`
	ComfyuiNodeID       string     `json:"comfyui_node_id,omitzero"` // the node of the graph that takes or gives the value
	ComfyuiFieldName    string     `json:"comfyui_field_name,omitzero"`
	CreatedAt           *time.Time `json:"created_at,omitzero"`
	UpdatedAt           *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ComfyuiWorkflowOutput describes one field of the output that a workflow gives.
type ComfyuiWorkflowOutput struct {
	ID                string     `json:"id,omitzero"`
	ComfyuiWorkflowID string     `json:"comfyui_workflow_id,omitzero"`
	Name              string     `json:"name,omitzero"`
	DisplayName       string     `json:"display_name,omitzero"`
	Description       string     `json:"description,omitzero"`
	VariableTypeCode  string     `json:"variable_type_code,omitzero"`
	ValidatorCode     string     `json:"validator_code,omitzero"`
	ValidatorAttrs    JSON       `json:"validator_attrs,omitzero"`
	SortOrder         int        `json:"sort_order,omitzero"`
	ComfyuiNodeID     string     `json:"comfyui_node_id,omitzero"` // the node of the graph that takes or gives the value
	ComfyuiFieldName  string     `json:"comfyui_field_name,omitzero"`
	CreatedAt         *time.Time `json:"created_at,omitzero"`
	UpdatedAt         *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ComfyuiGPUModel is a GPU that a workflow was pinned to.
type ComfyuiGPUModel struct {
	ID                string     `json:"id,omitzero"`
	ComfyuiWorkflowID string     `json:"comfyui_workflow_id,omitzero"`
	GPUModelCode      string     `json:"gpu_model_code,omitzero"`
	CreatedAt         *time.Time `json:"created_at,omitzero"`

	Extra Extra `json:",embed"`
}

// Run starts a run of a workflow, "owner/slug", whose owner is the slug of an
// organization. It is like [ModelsService.Run]; the keys of the input are the
// names of the workflow's inputs, as they are.
//
// It is POST /v1/comfyui-workflows/{owner}/{slug}/runs, see
// https://docs.runflow.io/api/comfyui-workflows.
// It is sent again only where the API did not take it, see [WithIdempotencyKey].
func (s *ComfyuiWorkflowsService) Run(ctx context.Context, workflow string, req *RunRequest, opts ...Option) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.ComfyuiWorkflowsRun, input{path: []argument{workflowSlug(workflow)}, body: req.body()}, opts)
}

// Get returns a workflow, by its ID.
//
// It is GET /v1/comfyui-workflows/{id}, see
// https://docs.runflow.io/api/comfyui-workflows.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ComfyuiWorkflowsService) Get(ctx context.Context, workflowID string, opts ...Option) (*ComfyuiWorkflow, error) {
	return do[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsGet, input{path: []argument{id("workflowID", workflowID)}}, opts)
}

// GetBySlug returns a workflow, "owner/slug".
//
// It is GET /v1/comfyui-workflows/{owner}/{slug}, see
// https://docs.runflow.io/api/comfyui-workflows.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ComfyuiWorkflowsService) GetBySlug(ctx context.Context, workflow string, opts ...Option) (*ComfyuiWorkflow, error) {
	return do[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsGetBySlug, input{path: []argument{workflowSlug(workflow)}}, opts)
}

// List returns a page of the workflows.
//
// It is GET /v1/comfyui-workflows, see
// https://docs.runflow.io/api/comfyui-workflows.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ComfyuiWorkflowsService) List(ctx context.Context, params *ListParams, opts ...Option) (*Page[ComfyuiWorkflow], error) {
	return list[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsList, input{query: params}, opts)
}

// All returns the workflows of all pages, as [RunsService.All] does.
//
// It reads with [ComfyuiWorkflowsService.List].
func (s *ComfyuiWorkflowsService) All(ctx context.Context, params *ListParams, opts ...Option) iter.Seq2[*ComfyuiWorkflow, error] {
	return all[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsList, params, opts, func(page *ListParams) input {
		return input{query: page}
	})
}

// Runs returns a page of the recent runs of a workflow, "owner/slug".
//
// It is GET /v1/comfyui-workflows/{owner}/{slug}/runs, see
// https://docs.runflow.io/api/comfyui-workflows.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ComfyuiWorkflowsService) Runs(ctx context.Context, workflow string, params *ListParams, opts ...Option) (*Page[Run], error) {
	return list[Run](ctx, (*service)(s), endpoint.ComfyuiWorkflowsRuns, input{path: []argument{workflowSlug(workflow)}, query: params}, opts)
}

// AllRuns returns the runs of all pages, as [RunsService.All] does.
//
// It reads with [ComfyuiWorkflowsService.Runs].
func (s *ComfyuiWorkflowsService) AllRuns(ctx context.Context, workflow string, params *ListParams, opts ...Option) iter.Seq2[*Run, error] {
	return all[Run](ctx, (*service)(s), endpoint.ComfyuiWorkflowsRuns, params, opts, func(page *ListParams) input {
		return input{path: []argument{workflowSlug(workflow)}, query: page}
	})
}

// workflowSlug is an "owner/slug" whose slug is one segment: a longer one would
// lead to other endpoints.
func workflowSlug(workflow string) argument {
	arg := ownerSlug("workflow", workflow)
	if arg.err == nil {
		arg.err = endpoint.CheckSegment(arg.values[1])
	}
	return arg
}
