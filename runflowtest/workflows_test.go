package runflowtest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestServer_WorkflowLifecycle(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	create := runflow.CreateWorkflowParams{
		Name: "Face Swap", Slug: "face-swap", WorkflowJSON: map[string]any{"1": map[string]any{}}, Description: "swaps faces", IsPublic: true,
		Environment: map[string]any{"packages": []string{}},
		Inputs:      []runflow.WorkflowInputParams{{Name: "Aux Reference 1", VariableTypeCode: "image", IsRequired: true, SortOrder: 2}},
		Outputs:     []runflow.WorkflowOutputParams{{Name: "image", VariableTypeCode: "image"}},
	}
	created, err := client.ComfyuiWorkflows.Create(t.Context(), create)
	require.NoError(t, err)
	assert.Equal(t, [...]string{server.OrgID, "face-swap", "Face Swap"}, [...]string{created.OrgID, created.Slug, created.Name})
	assert.True(t, created.IsPublic)
	assert.JSONEq(t, `{"1":{}}`, created.WorkflowJSON.String())
	_, err = client.ComfyuiWorkflows.Create(t.Context(), create)
	require.ErrorIs(t, err, runflow.ErrConflict, "the slug is in use")

	name := server.OrgID + "/face-swap"
	got, err := client.ComfyuiWorkflows.GetBySlug(t.Context(), name,
		runflow.GetWorkflowParams{Embed: []runflow.WorkflowEmbed{runflow.WorkflowEmbedInputs, runflow.WorkflowEmbedOutputs}})
	require.NoError(t, err)
	require.Len(t, got.Inputs, 1)
	require.Len(t, got.Outputs, 1)
	assert.Equal(t, [...]string{created.ID, "Aux Reference 1"}, [...]string{got.Inputs[0].ComfyuiWorkflowID, got.Inputs[0].Name})
	assert.NotEmpty(t, got.Outputs[0].ID)

	input, err := client.ComfyuiWorkflows.CreateInput(t.Context(), created.ID, runflow.WorkflowInputParams{Name: "prompt", SortOrder: 1, DefaultValue: "a face"})
	require.NoError(t, err)
	assert.Equal(t, created.ID, input.ComfyuiWorkflowID)
	assert.Equal(t, `"a face"`, input.DefaultValue.String())
	page, err := client.ComfyuiWorkflows.ListInputs(t.Context(), created.ID, runflow.ListWorkflowInputsParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	assert.Equal(t, [...]string{"prompt", "Aux Reference 1"}, [...]string{page.Items[0].Name, page.Items[1].Name})

	updated, err := client.ComfyuiWorkflows.Update(t.Context(), created.ID, runflow.UpdateWorkflowParams{Version: new("2"), IsPublic: new(false)})
	require.NoError(t, err)
	assert.Equal(t, "2", updated.Version)
	assert.False(t, updated.IsPublic)
	assert.Equal(t, "swaps faces", updated.Description)
	assert.True(t, updated.UpdatedAt.After(created.UpdatedAt))

	run, err := client.ComfyuiWorkflows.CreateRun(t.Context(), name, params())
	require.NoError(t, err)
	assert.Equal(t, created.ID, run.ComfyuiWorkflowID)

	require.NoError(t, client.ComfyuiWorkflows.Delete(t.Context(), created.ID))
	_, err = client.ComfyuiWorkflows.Get(t.Context(), created.ID, runflow.GetWorkflowParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)
	_, err = client.ComfyuiWorkflows.CreateRun(t.Context(), name, params())
	require.ErrorIs(t, err, runflow.ErrNotFound)
	require.ErrorIs(t, client.ComfyuiWorkflows.Delete(t.Context(), created.ID), runflow.ErrNotFound)
	list, err := client.ComfyuiWorkflows.List(t.Context(), runflow.ListWorkflowsParams{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1, "deleted workflows are not in the list")
	assert.Equal(t, "swap", list.Items[0].Slug)
	run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
	require.NoError(t, err, "its runs remain")
	assert.Equal(t, created.ID, run.ComfyuiWorkflowID)

	again, err := client.ComfyuiWorkflows.Create(t.Context(), create)
	require.NoError(t, err, "the slug is free again")
	assert.NotEqual(t, created.ID, again.ID)
}

func TestServer_Workflow_Validation(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	created, err := client.ComfyuiWorkflows.Create(t.Context(), runflow.CreateWorkflowParams{Name: "Face Swap!", WorkflowJSON: map[string]any{}})
	require.NoError(t, err)
	assert.Equal(t, "face-swap", created.Slug, "the slug is made from the name")
	const path = "/v1/comfyui-workflows"
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodPost, path, `[]`, 400, "BAD_REQUEST"},
		{http.MethodPost, path, `{"workflow_json":{}}`, 422, `"loc":["body","name"]`},
		{http.MethodPost, path, `{"name":"a"}`, 422, `"loc":["body","workflow_json"]`},
		{http.MethodPost, path, `{"name":"a","workflow_json":{},"slug":"a/b"}`, 422, `"loc":["body","slug"]`},
		{http.MethodPost, path, `{"name":"a","workflow_json":{},"inputs":[{}]}`, 422, `"loc":["body","inputs"]`},
		{http.MethodPost, path, `{"name":"a","workflow_json":{},"outputs":{}}`, 422, `"loc":["body","outputs"]`},
		{http.MethodPatch, path + "/" + created.ID, `{"slug":"other"}`, 422, "cannot be changed"},
		{http.MethodPatch, path + "/" + created.ID, `{"slug":"face-swap"}`, 200, `"slug":"face-swap"`},
		{http.MethodPatch, path + "/" + created.ID, `{"is_public":1}`, 422, `"loc":["body","is_public"]`},
		{http.MethodPatch, path + "/none", `{}`, 404, "NOT_FOUND"},
		{http.MethodPost, path + "/" + created.ID + "/inputs", `{}`, 422, `"loc":["body","name"]`},
		{http.MethodPost, path + "/" + created.ID + "/inputs", `[]`, 422, `"loc":["body","name"]`},
		{http.MethodPost, path + "/none/inputs", `{"name":"a"}`, 404, "NOT_FOUND"},
		{http.MethodGet, path + "/none/inputs", ``, 404, "NOT_FOUND"},
	} {
		status, got := send(t, server, tc.method, tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%s %s", tc.path, tc.body)
		assert.Contains(t, got, tc.want)
	}

	server.AddUser("other", "org-2")
	_, err = client.ComfyuiWorkflows.Update(t.Context(), created.ID, runflow.UpdateWorkflowParams{}, runflow.WithToken("other"))
	require.ErrorIs(t, err, runflow.ErrNotFound)
}
