package runflow

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// ComfyuiWorkflowsService groups the methods for ComfyUI workflows: listing them and
// creating runs.
type ComfyuiWorkflowsService service

// A ComfyuiWorkflow is a ComfyUI graph that is deployed to Runflow.
//
// Inputs, Outputs and GPUExplicitModels are set only if the call asks for them, see
// [WorkflowEmbed].
type ComfyuiWorkflow struct {
	ID                 string    `json:"id,omitzero"`
	OrgID              string    `json:"org_id,omitzero"`
	Slug               string    `json:"slug,omitzero"`
	Name               string    `json:"name,omitzero"`
	Description        string    `json:"description,omitzero"`
	WorkflowJSON       JSON      `json:"workflow_json,omitzero"` // the graph, as ComfyUI exports it
	Version            string    `json:"version,omitzero"`
	IsPublic           bool      `json:"is_public,omitzero"`
	StatusCode         string    `json:"status_code,omitzero"`
	CreatedBy          string    `json:"created_by,omitzero"`
	Environment        JSON      `json:"environment,omitzero"`
	Models             JSON      `json:"models,omitzero"`
	CustomNodes        JSON      `json:"custom_nodes,omitzero"`
	Graph              JSON      `json:"graph,omitzero"`
	Resources          JSON      `json:"resources,omitzero"`
	CreatedAt          time.Time `json:"created_at,omitzero"`
	UpdatedAt          time.Time `json:"updated_at,omitzero"`
	DeletedAt          time.Time `json:"deleted_at,omitzero"` // zero if it is not deleted
	DeletedBy          string    `json:"deleted_by,omitzero"`
	CategoryCode       string    `json:"category_code,omitzero"`
	GPUCurrentTierCode string    `json:"gpu_current_tier_code,omitzero"`

	Inputs            []ComfyuiWorkflowInput  `json:"inputs,omitzero"`
	Outputs           []ComfyuiWorkflowOutput `json:"outputs,omitzero"`
	GPUExplicitModels []ComfyuiGPUModel       `json:"gpu_explicit_models,omitzero"`
}

// A ComfyuiWorkflowInput describes one field of the input of a workflow.
type ComfyuiWorkflowInput struct {
	ID                  string    `json:"id,omitzero"`
	ComfyuiWorkflowID   string    `json:"comfyui_workflow_id,omitzero"`
	Name                string    `json:"name,omitzero"`
	DisplayName         string    `json:"display_name,omitzero"`
	Description         string    `json:"description,omitzero"`
	VariableTypeCode    string    `json:"variable_type_code,omitzero"`
	DefaultBehaviorCode string    `json:"default_behavior_code,omitzero"`
	ValidatorCode       string    `json:"validator_code,omitzero"`
	ValidatorAttrs      JSON      `json:"validator_attrs,omitzero"`
	IsRequired          bool      `json:"is_required,omitzero"`
	DefaultValue        JSON      `json:"default_value,omitzero"`
	SortOrder           int       `json:"sort_order,omitzero"`
	ComfyuiNodeID       string    `json:"comfyui_node_id,omitzero"` // ID of the node of the graph that has the value
	ComfyuiFieldName    string    `json:"comfyui_field_name,omitzero"`
	CreatedAt           time.Time `json:"created_at,omitzero"`
	UpdatedAt           time.Time `json:"updated_at,omitzero"`
}

// A ComfyuiWorkflowOutput describes one field of the output of a workflow.
type ComfyuiWorkflowOutput struct {
	ID                string    `json:"id,omitzero"`
	ComfyuiWorkflowID string    `json:"comfyui_workflow_id,omitzero"`
	Name              string    `json:"name,omitzero"`
	DisplayName       string    `json:"display_name,omitzero"`
	Description       string    `json:"description,omitzero"`
	VariableTypeCode  string    `json:"variable_type_code,omitzero"`
	ValidatorCode     string    `json:"validator_code,omitzero"`
	ValidatorAttrs    JSON      `json:"validator_attrs,omitzero"`
	SortOrder         int       `json:"sort_order,omitzero"`
	ComfyuiNodeID     string    `json:"comfyui_node_id,omitzero"` // ID of the node of the graph that has the value
	ComfyuiFieldName  string    `json:"comfyui_field_name,omitzero"`
	CreatedAt         time.Time `json:"created_at,omitzero"`
	UpdatedAt         time.Time `json:"updated_at,omitzero"`
}

// A ComfyuiGPUModel is a GPU model that a workflow is pinned to.
type ComfyuiGPUModel struct {
	ID                string    `json:"id,omitzero"`
	ComfyuiWorkflowID string    `json:"comfyui_workflow_id,omitzero"`
	GPUModelCode      string    `json:"gpu_model_code,omitzero"`
	CreatedAt         time.Time `json:"created_at,omitzero"`
}

// A WorkflowEmbed names a part of a workflow that the API sends only on request.
// Any other name that the API knows can be used too.
type WorkflowEmbed string

// The parts that can be embedded into a workflow.
const (
	WorkflowEmbedInputs            WorkflowEmbed = "inputs"
	WorkflowEmbedOutputs           WorkflowEmbed = "outputs"
	WorkflowEmbedGPUExplicitModels WorkflowEmbed = "gpu_explicit_models"
)

// workflowSlug is an argument of the form "owner/slug", whose slug is one segment:
// a slug with slashes would lead to the path of another endpoint.
func workflowSlug(workflow string) argument {
	return argument{"workflow", workflow, endpoint.CheckShortOwnerSlug, false}
}

// CreateRun creates a run of a workflow, which is named as "owner/slug", and
// returns the queued run. The owner is the slug of an organization. The names of
// the members of the input are those of the workflow's inputs. CreateRun is
// otherwise like [ModelsService.CreateRun].
//
// Endpoint: POST /v1/comfyui-workflows/{owner}/{slug}/runs (at-most-once), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) CreateRun(ctx context.Context, workflow string, params CreateRunParams, opts ...CallOption) (*Run, error) {
	return doRun(ctx, (*service)(s), endpoint.ComfyuiWorkflowsCreateRun, request{path: []argument{workflowSlug(workflow)}, body: params.body()}, opts)
}

// RunAndWait creates a run and waits for it, like [ModelsService.RunAndWait].
func (s *ComfyuiWorkflowsService) RunAndWait(ctx context.Context, workflow string, params CreateRunParams, wait WaitRunParams, opts ...CallOption) (*Run, error) {
	create := func(opts []CallOption) (*Run, error) { return s.CreateRun(ctx, workflow, params, opts...) }
	return runAndWait(ctx, (*service)(s), "ComfyuiWorkflows.RunAndWait", create, wait, opts)
}

// GetWorkflowParams are the params of [ComfyuiWorkflowsService.Get] and
// [ComfyuiWorkflowsService.GetBySlug].
type GetWorkflowParams struct {
	Embed  []WorkflowEmbed // parts of the workflow to return
	Fields []string        // fields to return, by their names in the API; none means all
}

func (p GetWorkflowParams) query() getQuery {
	return getQuery{Embed: texts(p.Embed), Fields: slices.Clone(p.Fields)}
}

// Get returns the workflow with the given ID.
//
// Endpoint: GET /v1/comfyui-workflows/{id} (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) Get(ctx context.Context, workflowID string, params GetWorkflowParams, opts ...CallOption) (*ComfyuiWorkflow, error) {
	return do[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsGet, request{path: []argument{id("workflowID", workflowID)}, query: params.query()}, opts)
}

// GetBySlug returns a workflow, which is named as "owner/slug".
//
// Endpoint: GET /v1/comfyui-workflows/{owner}/{slug} (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) GetBySlug(ctx context.Context, workflow string, params GetWorkflowParams, opts ...CallOption) (*ComfyuiWorkflow, error) {
	return do[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsGetBySlug, request{path: []argument{workflowSlug(workflow)}, query: params.query()}, opts)
}

// ListWorkflowsParams are the params of [ComfyuiWorkflowsService.List].
type ListWorkflowsParams struct {
	Filter Filter
	Limit  int             // items per page, 1 to 500; 0 means the default of the API
	SortBy string          // "created_at:desc"; several are separated by commas
	Fields []string        // fields to return, by their names in the API; none means all
	Cursor string          // Next or Previous of a Page; "" means the first page
	Embed  []WorkflowEmbed // parts of each workflow to return
}

func (p ListWorkflowsParams) query() listQuery {
	return listing(p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, p.Embed)
}

// List returns one page of the organization's workflows.
//
// Endpoint: GET /v1/comfyui-workflows (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) List(ctx context.Context, params ListWorkflowsParams, opts ...CallOption) (*Page[ComfyuiWorkflow], error) {
	return list[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsList, nil, params.query(), opts)
}

// All returns an iterator over the workflows of all pages, see [RunsService.All].
// It calls [ComfyuiWorkflowsService.List].
func (s *ComfyuiWorkflowsService) All(ctx context.Context, params ListWorkflowsParams, opts ...CallOption) iter.Seq2[*ComfyuiWorkflow, error] {
	return all[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsList, nil, params.query(), opts)
}

// ListRuns returns one page of the recent runs of a workflow, which is named as
// "owner/slug".
//
// Endpoint: GET /v1/comfyui-workflows/{owner}/{slug}/runs (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) ListRuns(ctx context.Context, workflow string, params ListRunsParams, opts ...CallOption) (*Page[Run], error) {
	return list[Run](ctx, (*service)(s), endpoint.ComfyuiWorkflowsListRuns, []argument{workflowSlug(workflow)}, params.query(), opts)
}

// AllRuns returns an iterator over the runs of all pages, see [RunsService.All]. It
// calls [ComfyuiWorkflowsService.ListRuns].
func (s *ComfyuiWorkflowsService) AllRuns(ctx context.Context, workflow string, params ListRunsParams, opts ...CallOption) iter.Seq2[*Run, error] {
	return all[Run](ctx, (*service)(s), endpoint.ComfyuiWorkflowsListRuns, []argument{workflowSlug(workflow)}, params.query(), opts)
}
