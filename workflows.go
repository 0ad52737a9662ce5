package runflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// ComfyuiWorkflowsService groups the methods for ComfyUI workflows: deploying, listing
// and changing them, and creating runs.
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

func (w *ComfyuiWorkflow) identity() string      { return w.ID }
func (i *ComfyuiWorkflowInput) identity() string { return i.ID }

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

// CreateWorkflowParams are the params of [ComfyuiWorkflowsService.Create]. Name and
// WorkflowJSON are required. The fields of the type any have the same form as the
// Input of [CreateRunParams].
//
// The API also accepts GPU models, in a form that is not documented: to pass them, use
// [Client.Do].
type CreateWorkflowParams struct {
	Name         string
	WorkflowJSON any    // the graph, as ComfyUI exports it for its API
	Slug         string // name of the workflow in "owner/slug": one segment of a path
	Description  string
	Version      string
	IsPublic     bool
	StatusCode   string
	CategoryCode string
	Environment  any // packages and version of ComfyUI
	Models       any // models that the graph uses, by their paths
	CustomNodes  any // custom nodes that the graph uses, by their names
	Graph        any // the graph, as the editor of ComfyUI saves it
	Resources    any // assets that the graph uses, by their paths
	Inputs       []WorkflowInputParams
	Outputs      []WorkflowOutputParams
}

// WorkflowInputParams describe one input of a workflow. Name is required.
type WorkflowInputParams struct {
	Name                string `json:"name"`
	DisplayName         string `json:"display_name,omitzero"`
	Description         string `json:"description,omitzero"`
	VariableTypeCode    string `json:"variable_type_code,omitzero"` // "image" or "string", for example
	DefaultBehaviorCode string `json:"default_behavior_code,omitzero"`
	ValidatorCode       string `json:"validator_code,omitzero"`
	ValidatorAttrs      any    `json:"validator_attrs,omitzero"` // encoded as a JSON object
	IsRequired          bool   `json:"is_required,omitzero"`
	DefaultValue        any    `json:"default_value,omitzero"` // encoded as any JSON value
	SortOrder           int    `json:"sort_order,omitzero"`
	ComfyuiNodeID       string `json:"comfyui_node_id,omitzero"` // ID of the node of the graph that gets the value
	ComfyuiFieldName    string `json:"comfyui_field_name,omitzero"`
}

// WorkflowOutputParams describe one output of a workflow. Name is required.
type WorkflowOutputParams struct {
	Name             string `json:"name"`
	DisplayName      string `json:"display_name,omitzero"`
	Description      string `json:"description,omitzero"`
	VariableTypeCode string `json:"variable_type_code,omitzero"` // "image" or "string", for example
	ValidatorCode    string `json:"validator_code,omitzero"`
	ValidatorAttrs   any    `json:"validator_attrs,omitzero"` // encoded as a JSON object
	SortOrder        int    `json:"sort_order,omitzero"`
	ComfyuiNodeID    string `json:"comfyui_node_id,omitzero"` // ID of the node of the graph that has the value
	ComfyuiFieldName string `json:"comfyui_field_name,omitzero"`
}

func (p WorkflowInputParams) body(argument string) encodedBody {
	return variableBody(argument, p.Name, p.ValidatorAttrs, p)
}

func (p WorkflowOutputParams) body(argument string) encodedBody {
	return variableBody(argument, p.Name, p.ValidatorAttrs, p)
}

// variableBody returns the body of an input or output of a workflow.
func variableBody(argument, name string, validatorAttrs, params any) encodedBody {
	var errs []error
	if name == "" {
		errs = append(errs, badArgument(argument+".Name", "must not be empty"))
	}
	if validatorAttrs != nil {
		_, err := encodeObject(argument+".ValidatorAttrs", validatorAttrs)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return encodedBody{bad: err}
	}
	data, err := encodeObject(argument, params)
	return encodedBody{data, err}
}

// UpdateWorkflowParams are the params of [ComfyuiWorkflowsService.Update]. A nil field
// stays unchanged. The slug cannot be changed.
type UpdateWorkflowParams struct {
	Name         *string
	Description  *string
	Version      *string
	IsPublic     *bool
	StatusCode   *string
	CategoryCode *string
	WorkflowJSON any
	Environment  any
	Models       any
	CustomNodes  any
	Graph        any
	Resources    any
}

// workflowBody is the body that creates or updates a workflow.
type workflowBody struct {
	Name         *string       `json:"name,omitzero"`
	WorkflowJSON JSON          `json:"workflow_json,omitzero"`
	Slug         string        `json:"slug,omitzero"`
	Description  *string       `json:"description,omitzero"`
	Version      *string       `json:"version,omitzero"`
	IsPublic     *bool         `json:"is_public,omitzero"`
	StatusCode   *string       `json:"status_code,omitzero"`
	CategoryCode *string       `json:"category_code,omitzero"`
	Environment  JSON          `json:"environment,omitzero"`
	Models       JSON          `json:"models,omitzero"`
	CustomNodes  JSON          `json:"custom_nodes,omitzero"`
	Graph        JSON          `json:"graph,omitzero"`
	Resources    JSON          `json:"resources,omitzero"`
	Inputs       []encodedBody `json:"inputs,omitzero"`
	Outputs      []encodedBody `json:"outputs,omitzero"`

	bad error
}

func (b workflowBody) validate() error { return b.bad }

func (p UpdateWorkflowParams) body() workflowBody {
	body := workflowBody{
		Name: p.Name, Description: p.Description, Version: p.Version, IsPublic: p.IsPublic, StatusCode: p.StatusCode, CategoryCode: p.CategoryCode,
	}
	var errs []error
	for _, object := range []struct {
		name  string
		value any
		into  *JSON
	}{
		{"WorkflowJSON", p.WorkflowJSON, &body.WorkflowJSON}, {"Environment", p.Environment, &body.Environment}, {"Models", p.Models, &body.Models},
		{"CustomNodes", p.CustomNodes, &body.CustomNodes}, {"Graph", p.Graph, &body.Graph}, {"Resources", p.Resources, &body.Resources},
	} {
		if object.value == nil {
			continue
		}
		data, err := encodeObject("params."+object.name, object.value)
		*object.into, errs = data, append(errs, err)
	}
	if p.Name != nil && *p.Name == "" {
		errs = append(errs, badArgument("params.Name", "must not be empty"))
	}
	errs = append(errs, checkTexts([]namedText{
		{"params.Name", p.Name}, {"params.Description", p.Description}, {"params.Version", p.Version},
		{"params.StatusCode", p.StatusCode}, {"params.CategoryCode", p.CategoryCode},
	}...))
	body.bad = errors.Join(errs...)
	return body
}

func (p CreateWorkflowParams) body() workflowBody {
	some := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	body := UpdateWorkflowParams{
		Name: &p.Name, Description: some(p.Description), Version: some(p.Version), StatusCode: some(p.StatusCode), CategoryCode: some(p.CategoryCode),
		WorkflowJSON: p.WorkflowJSON, Environment: p.Environment, Models: p.Models, CustomNodes: p.CustomNodes, Graph: p.Graph, Resources: p.Resources,
	}.body()
	body.Slug = p.Slug
	if p.IsPublic {
		body.IsPublic = &p.IsPublic
	}
	errs := []error{body.bad, checkTexts(namedText{"params.Slug", &p.Slug})}
	if p.WorkflowJSON == nil {
		errs = append(errs, badArgument("params.WorkflowJSON", "must not be nil"))
	}
	if p.Slug != "" {
		if err := endpoint.CheckSegment(p.Slug); err != nil {
			errs = append(errs, badArgument("params.Slug", err.Error()))
		}
	}
	for i, input := range p.Inputs {
		body.Inputs = append(body.Inputs, input.body(fmt.Sprintf("params.Inputs[%d]", i)))
		errs = append(errs, body.Inputs[i].bad)
	}
	for i, output := range p.Outputs {
		body.Outputs = append(body.Outputs, output.body(fmt.Sprintf("params.Outputs[%d]", i)))
		errs = append(errs, body.Outputs[i].bad)
	}
	body.bad = errors.Join(errs...)
	return body
}

// Create deploys a workflow and returns it. When it returns, the workflow can be run.
// If the outcome is unknown, look for the workflow with
// [ComfyuiWorkflowsService.List] before you call Create again. The token needs the
// scope comfyui-workflows:create.
//
// Endpoint: POST /v1/comfyui-workflows (at-most-once), see
// https://docs.runflow.io/api-reference/comfyui/create-comfy-uiworkflow.
func (s *ComfyuiWorkflowsService) Create(ctx context.Context, params CreateWorkflowParams, opts ...CallOption) (*ComfyuiWorkflow, error) {
	return doIdentified[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsCreate, request{body: params.body()}, opts)
}

// Update changes a workflow and returns it. The token needs the scope
// comfyui-workflows:edit.
//
// Endpoint: PATCH /v1/comfyui-workflows/{id} (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) Update(ctx context.Context, workflowID string, params UpdateWorkflowParams, opts ...CallOption) (*ComfyuiWorkflow, error) {
	r := request{path: []argument{id("workflowID", workflowID)}, body: params.body()}
	return doIdentified[ComfyuiWorkflow](ctx, (*service)(s), endpoint.ComfyuiWorkflowsUpdate, r, opts)
}

// Delete marks a workflow as deleted. The token needs the scope
// comfyui-workflows:delete. If the response to a first attempt is lost, a retry can
// return [ErrNotFound] although the workflow was deleted.
//
// Endpoint: DELETE /v1/comfyui-workflows/{id} (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) Delete(ctx context.Context, workflowID string, opts ...CallOption) error {
	return (*service)(s).call(ctx, endpoint.ComfyuiWorkflowsDelete, request{path: []argument{id("workflowID", workflowID)}}, nothing{}, opts)
}

// ListWorkflowInputsParams are the params of [ComfyuiWorkflowsService.ListInputs].
type ListWorkflowInputsParams struct {
	Filter Filter
	Limit  int      // items per page, 1 to 500; 0 means the default of the API
	SortBy string   // "sort_order:asc"; several are separated by commas
	Fields []string // fields to return, by their names in the API; none means all
	Cursor string   // Next or Previous of a Page; "" means the first page
}

func (p ListWorkflowInputsParams) query() listQuery {
	return listing[string](p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, nil)
}

// ListInputs returns one page of the inputs of the workflow with the given ID. The
// token needs the scope comfyui-workflows:read.
//
// Endpoint: GET /v1/comfyui-workflows/{comfyui_workflow_id}/inputs (idempotent), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) ListInputs(ctx context.Context, workflowID string, params ListWorkflowInputsParams, opts ...CallOption) (*Page[ComfyuiWorkflowInput], error) {
	return list[ComfyuiWorkflowInput](ctx, (*service)(s), endpoint.ComfyuiWorkflowsListInputs, []argument{id("workflowID", workflowID)}, params.query(), opts)
}

// CreateInput adds an input to the workflow with the given ID, and returns the input.
// The token needs the scope comfyui-workflows:edit.
//
// Endpoint: POST /v1/comfyui-workflows/{comfyui_workflow_id}/inputs (at-most-once), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) CreateInput(ctx context.Context, workflowID string, params WorkflowInputParams, opts ...CallOption) (*ComfyuiWorkflowInput, error) {
	r := request{path: []argument{id("workflowID", workflowID)}, body: params.body("params")}
	return doIdentified[ComfyuiWorkflowInput](ctx, (*service)(s), endpoint.ComfyuiWorkflowsCreateInput, r, opts)
}

// CreateRun creates a run of a workflow, which is named as "owner/slug", and
// returns the queued run. The owner is the slug of an organization. The names of
// the members of the input are those of the workflow's inputs. CreateRun is
// otherwise like [ModelsService.CreateRun].
//
// Endpoint: POST /v1/comfyui-workflows/{owner}/{slug}/runs (at-most-once), see
// https://docs.runflow.io/api/comfyui-workflows.
func (s *ComfyuiWorkflowsService) CreateRun(ctx context.Context, workflow string, params CreateRunParams, opts ...CallOption) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.ComfyuiWorkflowsCreateRun, request{path: []argument{workflowSlug(workflow)}, body: params.body()}, opts)
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
