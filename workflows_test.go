package runflow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// sampleWorkflow has the members that the sample of a run has, too.
const sampleWorkflow = `{
	"id": "w-1", "org_id": "o-1", "slug": "swap", "name": "Swap", "description": "swaps faces", "workflow_json": {"1": {}}, "version": "2",
	"is_public": true, "status_code": "active", "created_by": "u-1", "environment": {"packages": []}, "models": {"a": 1}, "custom_nodes": {"b": 1},
	"graph": {"nodes": []}, "resources": {"c": 1}, "created_at": "2026-05-06T10:00:00Z", "updated_at": "2026-05-06T10:00:01Z",
	"deleted_at": "2026-05-06T10:00:02Z", "deleted_by": "u-2", "category_code": "image", "gpu_current_tier_code": "l4",
	"inputs": [{"id": "in-1"}], "outputs": [{"id": "out-1"}],
	"gpu_explicit_models": [{"id": "g-1", "comfyui_workflow_id": "w-1", "gpu_model_code": "l4", "created_at": "2026-05-06T10:00:03Z"}]
}`

const sampleWorkflowInput = `{
	"id": "in-1", "comfyui_workflow_id": "w-1", "name": "Aux Reference 1", "display_name": "Reference", "description": "d", "variable_type_code": "image",
	"default_behavior_code": "none", "validator_code": "v", "validator_attrs": {"max": 1}, "is_required": true, "default_value": [1], "sort_order": 3,
	"comfyui_node_id": "12", "comfyui_field_name": "image", "created_at": "2026-05-06T10:00:00Z", "updated_at": "2026-05-06T10:00:01Z"
}`

func TestComfyuiWorkflow_DecodesSample(t *testing.T) {
	t.Parallel()
	t.Run("workflow", func(t *testing.T) {
		t.Parallel()
		sample[runflow.ComfyuiWorkflow]{json: sampleWorkflow, call: func(ctx context.Context, c *runflow.Client) (*runflow.ComfyuiWorkflow, error) {
			return c.ComfyuiWorkflows.Update(ctx, "w-1", runflow.UpdateWorkflowParams{})
		}, strict: []string{"id"}, required: []string{"id"}}.check(t)
	})
	t.Run("input", func(t *testing.T) {
		t.Parallel()
		sample[runflow.ComfyuiWorkflowInput]{json: sampleWorkflowInput, call: func(ctx context.Context, c *runflow.Client) (*runflow.ComfyuiWorkflowInput, error) {
			return c.ComfyuiWorkflows.CreateInput(ctx, "w-1", runflow.WorkflowInputParams{Name: "x"})
		}, strict: []string{"id"}, required: []string{"id"}}.check(t)
	})
}

func TestComfyuiWorkflowsService_Requests(t *testing.T) {
	t.Parallel()
	want := &runflow.ComfyuiWorkflow{ID: "w-1", Slug: "swap"}
	const response = `{"id":"w-1","slug":"swap"}`
	create := func(params runflow.CreateWorkflowParams) func(context.Context, *runflow.Client) (any, error) {
		return func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.Create(ctx, params)
		}
	}
	update := func(params runflow.UpdateWorkflowParams) func(context.Context, *runflow.Client) (any, error) {
		return func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.Update(ctx, "w-1", params)
		}
	}
	graph := map[string]any{"1": map[string]any{"class_type": "<x>"}}
	input := runflow.WorkflowInputParams{
		Name: "Aux Reference 1", DisplayName: "Reference", Description: "d", VariableTypeCode: "image", DefaultBehaviorCode: "none", ValidatorCode: "v",
		ValidatorAttrs: map[string]any{"max": 1}, IsRequired: true, DefaultValue: "a <b>", SortOrder: 3, ComfyuiNodeID: "12", ComfyuiFieldName: "image",
	}
	const inputJSON = `{"name":"Aux Reference 1","display_name":"Reference","description":"d","variable_type_code":"image","default_behavior_code":"none",` +
		`"validator_code":"v","validator_attrs":{"max":1},"is_required":true,"default_value":"a <b>","sort_order":3,"comfyui_node_id":"12","comfyui_field_name":"image"}`
	checkExchanges(t, map[string]exchange{
		"Create": {
			call:   create(runflow.CreateWorkflowParams{Name: "Swap", WorkflowJSON: graph}),
			method: "POST", uri: "/v1/comfyui-workflows", hasKey: true,
			body: `{"name":"Swap","workflow_json":{"1":{"class_type":"<x>"}}}`, response: response, want: want,
		},
		"Create with all params": {
			call: create(runflow.CreateWorkflowParams{
				Name: "Swap", WorkflowJSON: runflow.JSON(`{"1": 1.50}`), Slug: "swap", Description: "d", Version: "2", IsPublic: true, StatusCode: "active", CategoryCode: "image",
				Environment: map[string]any{"packages": []string{"x"}}, Models: map[string]any{"a": 1}, CustomNodes: map[string]any{"b": 1},
				Graph: map[string]any{"nodes": 1}, Resources: map[string]any{"c": 1},
				Inputs: []runflow.WorkflowInputParams{input, {Name: "y", DefaultValue: runflow.JSON("null")}},
				Outputs: []runflow.WorkflowOutputParams{{
					Name: "image", DisplayName: "Image", Description: "d", VariableTypeCode: "image", ValidatorCode: "v", ValidatorAttrs: struct {
						A int `json:"a"`
					}{1}, SortOrder: 1, ComfyuiNodeID: "13", ComfyuiFieldName: "images",
				}},
			}),
			method: "POST", uri: "/v1/comfyui-workflows", hasKey: true,
			body: `{"name":"Swap","workflow_json":{"1":1.50},"slug":"swap","description":"d","version":"2","is_public":true,"status_code":"active","category_code":"image",` +
				`"environment":{"packages":["x"]},"models":{"a":1},"custom_nodes":{"b":1},"graph":{"nodes":1},"resources":{"c":1},` +
				`"inputs":[` + inputJSON + `,{"name":"y","default_value":null}],` +
				`"outputs":[{"name":"image","display_name":"Image","description":"d","variable_type_code":"image","validator_code":"v","validator_attrs":{"a":1},` +
				`"sort_order":1,"comfyui_node_id":"13","comfyui_field_name":"images"}]}`,
			response: response, want: want,
		},
		"Update of nothing": {
			call: update(runflow.UpdateWorkflowParams{}), method: "PATCH", uri: "/v1/comfyui-workflows/w-1", body: `{}`, response: response, want: want,
		},
		"Update": {
			call: update(runflow.UpdateWorkflowParams{
				Name: new("New"), Description: new(""), Version: new("3"), IsPublic: new(false), StatusCode: new("active"), CategoryCode: new("video"),
				WorkflowJSON: graph, Environment: map[string]any{}, Models: map[string]any{}, CustomNodes: map[string]any{}, Graph: map[string]any{}, Resources: map[string]any{},
			}),
			method: "PATCH", uri: "/v1/comfyui-workflows/w-1",
			body: `{"name":"New","workflow_json":{"1":{"class_type":"<x>"}},"description":"","version":"3","is_public":false,"status_code":"active","category_code":"video",` +
				`"environment":{},"models":{},"custom_nodes":{},"graph":{},"resources":{}}`,
			response: response, want: want,
		},
		"Delete": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return nil, c.ComfyuiWorkflows.Delete(ctx, "w-1")
			},
			method: "DELETE", uri: "/v1/comfyui-workflows/w-1",
		},
		"ListInputs": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.ComfyuiWorkflows.ListInputs(ctx, "w-1", runflow.ListWorkflowInputsParams{
					Filter: runflow.Where("name").Eq("x"), Limit: 2, SortBy: "sort_order:asc", Fields: []string{"id"}, Cursor: "c",
				})
			},
			method: "GET", uri: "/v1/comfyui-workflows/w-1/inputs?fields=id&limit=2&pq=c&q=name.eq%3A%27x%27&sort_by=sort_order%3Aasc",
			response: `{"items":[{"id":"in-1","name":"x"}],"next":"n"}`,
			want:     &runflow.Page[runflow.ComfyuiWorkflowInput]{Items: []runflow.ComfyuiWorkflowInput{{ID: "in-1", Name: "x"}}, Next: "n"},
		},
		"CreateInput": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.ComfyuiWorkflows.CreateInput(ctx, "w-1", input)
			},
			method: "POST", uri: "/v1/comfyui-workflows/w-1/inputs", hasKey: true, body: inputJSON,
			response: `{"id":"in-1","name":"x"}`, want: &runflow.ComfyuiWorkflowInput{ID: "in-1", Name: "x"},
		},
	})
}

func TestComfyuiWorkflowsService_BadArguments(t *testing.T) {
	t.Parallel()
	create := func(change func(*runflow.CreateWorkflowParams)) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			params := runflow.CreateWorkflowParams{Name: "Swap", WorkflowJSON: map[string]any{}}
			change(&params)
			_, err := c.ComfyuiWorkflows.Create(ctx, params)
			return err
		}
	}
	update := func(params runflow.UpdateWorkflowParams) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.ComfyuiWorkflows.Update(ctx, "w-1", params)
			return err
		}
	}
	createInput := func(params runflow.WorkflowInputParams) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.ComfyuiWorkflows.CreateInput(ctx, "w-1", params)
			return err
		}
	}
	const invalid = "\xff"
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		"ComfyuiWorkflows.Create: params.Name: must not be empty":                 create(func(p *runflow.CreateWorkflowParams) { p.Name = "" }),
		"ComfyuiWorkflows.Create: params.Name: must be valid UTF-8":               create(func(p *runflow.CreateWorkflowParams) { p.Name = invalid }),
		"ComfyuiWorkflows.Create: params.WorkflowJSON: must not be nil":           create(func(p *runflow.CreateWorkflowParams) { p.WorkflowJSON = nil }),
		"ComfyuiWorkflows.Create: params.WorkflowJSON: must be encoded as a JSON": create(func(p *runflow.CreateWorkflowParams) { p.WorkflowJSON = "{}" }),
		"ComfyuiWorkflows.Create: params.Environment: must be encoded as a JSON":  create(func(p *runflow.CreateWorkflowParams) { p.Environment = []int{} }),
		"ComfyuiWorkflows.Create: params.Models: must be encoded as a JSON":       create(func(p *runflow.CreateWorkflowParams) { p.Models = 1 }),
		"ComfyuiWorkflows.Create: params.CustomNodes: must be encoded as a JSON":  create(func(p *runflow.CreateWorkflowParams) { p.CustomNodes = 1 }),
		"ComfyuiWorkflows.Create: params.Graph: must be encoded as a JSON":        create(func(p *runflow.CreateWorkflowParams) { p.Graph = 1 }),
		"ComfyuiWorkflows.Create: params.Resources: must be encoded as a JSON":    create(func(p *runflow.CreateWorkflowParams) { p.Resources = 1 }),
		"ComfyuiWorkflows.Create: params.Slug: must not contain a slash":          create(func(p *runflow.CreateWorkflowParams) { p.Slug = "a/b" }),
		"ComfyuiWorkflows.Create: params.Slug: must be valid UTF-8":               create(func(p *runflow.CreateWorkflowParams) { p.Slug = invalid }),
		"ComfyuiWorkflows.Create: params.Description: must be valid UTF-8":        create(func(p *runflow.CreateWorkflowParams) { p.Description = invalid }),
		"ComfyuiWorkflows.Create: params.Version: must be valid UTF-8":            create(func(p *runflow.CreateWorkflowParams) { p.Version = invalid }),
		"ComfyuiWorkflows.Create: params.StatusCode: must be valid UTF-8":         create(func(p *runflow.CreateWorkflowParams) { p.StatusCode = invalid }),
		"ComfyuiWorkflows.Create: params.CategoryCode: must be valid UTF-8":       create(func(p *runflow.CreateWorkflowParams) { p.CategoryCode = invalid }),
		"ComfyuiWorkflows.Create: params.Inputs[0].Name: must not be empty":       create(func(p *runflow.CreateWorkflowParams) { p.Inputs = []runflow.WorkflowInputParams{{}} }),
		"ComfyuiWorkflows.Create: params.Inputs[1].ValidatorAttrs: must be encoded": create(func(p *runflow.CreateWorkflowParams) {
			p.Inputs = []runflow.WorkflowInputParams{{Name: "a"}, {Name: "b", ValidatorAttrs: 1}}
		}),
		"ComfyuiWorkflows.Create: params.Outputs[0].Name: must not be empty": create(func(p *runflow.CreateWorkflowParams) { p.Outputs = []runflow.WorkflowOutputParams{{}} }),
		"ComfyuiWorkflows.Create: params.Outputs[0].ValidatorAttrs: must be encoded as": create(func(p *runflow.CreateWorkflowParams) {
			p.Outputs = []runflow.WorkflowOutputParams{{Name: "a", ValidatorAttrs: []int{}}}
		}),
		"ComfyuiWorkflows.Create: params.Outputs[0]: description: ": create(func(p *runflow.CreateWorkflowParams) {
			p.Outputs = []runflow.WorkflowOutputParams{{Name: "a", Description: invalid}}
		}),
		"ComfyuiWorkflows.Update: params.Name: must not be empty":                 update(runflow.UpdateWorkflowParams{Name: new("")}),
		"ComfyuiWorkflows.Update: params.Description: must be valid UTF-8":        update(runflow.UpdateWorkflowParams{Description: new(invalid)}),
		"ComfyuiWorkflows.Update: params.WorkflowJSON: must be encoded as a JSON": update(runflow.UpdateWorkflowParams{WorkflowJSON: (*struct{})(nil)}),
		"ComfyuiWorkflows.CreateInput: params.Name: must not be empty":            createInput(runflow.WorkflowInputParams{}),
		"ComfyuiWorkflows.CreateInput: params: default_value: ":                   createInput(runflow.WorkflowInputParams{Name: "a", DefaultValue: func() {}}),
		"ComfyuiWorkflows.CreateInput: params: default_value":                     createInput(runflow.WorkflowInputParams{Name: "a", DefaultValue: runflow.JSON("{")}),
		"ComfyuiWorkflows.CreateInput: params.ValidatorAttrs: must be encoded":    createInput(runflow.WorkflowInputParams{Name: "a", ValidatorAttrs: "x"}),
		"ComfyuiWorkflows.ListInputs: params.Limit: must be between 1 and 500": func(ctx context.Context, c *runflow.Client) error {
			_, err := c.ComfyuiWorkflows.ListInputs(ctx, "w-1", runflow.ListWorkflowInputsParams{Limit: 501})
			return err
		},
		"ComfyuiWorkflows.Delete: workflowID: must not be empty": func(ctx context.Context, c *runflow.Client) error { return c.ComfyuiWorkflows.Delete(ctx, "") },
	})
}

func TestComfyuiWorkflowsService_Update_NoID(t *testing.T) {
	t.Parallel()
	workflow, err := newAPI(t, 200, `{"slug":"swap"}`).client(t).ComfyuiWorkflows.Update(t.Context(), "w-1", runflow.UpdateWorkflowParams{})
	require.Nil(t, workflow)
	requireDecodeError(t, err, "id")
}

func FuzzComfyuiWorkflow(f *testing.F) {
	fuzzResponse(f, func(ctx context.Context, c *runflow.Client) (*runflow.ComfyuiWorkflow, error) {
		return c.ComfyuiWorkflows.Update(ctx, "w-1", runflow.UpdateWorkflowParams{})
	}, sampleWorkflow, `{"id":"w-1","inputs":[`+sampleWorkflowInput+`,7]}`)
}
