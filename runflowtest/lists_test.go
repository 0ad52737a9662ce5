package runflowtest_test

import (
	"iter"
	"net/http"
	"strconv"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func ids(t *testing.T, runs iter.Seq2[*runflow.Run, error]) []string {
	t.Helper()
	var ids []string
	for run, err := range runs {
		require.NoError(t, err)
		ids = append(ids, run.ID)
	}
	return ids
}

// addRuns adds seven runs, and one of another organization.
func addRuns(server *runflowtest.Server) {
	for i := range 7 {
		server.AddRun(runflow.Run{
			ID: strconv.Itoa(i), StatusCode: map[bool]runflow.RunStatus{true: "failed", false: "succeeded"}[i%3 == 0],
			ClientRef: "it", Cost: decimal.NewNullDecimal(decimal.New(int64(i%4)*10, 0)), Model: &runflow.Model{Name: "m"},
		})
	}
	server.AddRun(runflow.Run{ID: "foreign", OrgID: "another"})
}

func TestServer_ListRuns(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	addRuns(server)
	type params = runflow.ListRunsParams
	where := runflow.Where
	for name, tc := range map[string]struct {
		params params
		want   []string
	}{
		"newest first":        {params{Limit: 3}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"one per page":        {params{Limit: 1}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"default limit":       {params{}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"eq":                  {params{Limit: 2, Filter: where("status_code").Eq(runflow.RunStatusFailed)}, []string{"6", "3", "0"}},
		"EQ":                  {params{Filter: where("status_code").Op("EQ", "failed")}, []string{"6", "3", "0"}},
		"and":                 {params{Limit: 2, Filter: where("status_code").Eq("failed").And(where("cost").Eq(0))}, []string{"0"}},
		"or":                  {params{Limit: 2, Filter: where("id").Eq("1").Or(where("id").Eq("5"), where("id").Eq("3"))}, []string{"5", "3", "1"}},
		"not":                 {params{Limit: 2, Filter: where("status_code").Eq("failed").Not()}, []string{"5", "4", "2", "1"}},
		"parentheses":         {params{Filter: where("id").Eq("6").Or(where("id").Eq("5")).And(where("status_code").Eq("failed"))}, []string{"6"}},
		"and before or":       {params{Filter: runflow.RawFilter("id.eq:'5' OR id.eq:'6' AND status_code.eq:'succeeded'")}, []string{"5"}},
		"no match":            {params{Filter: where("client_ref").Eq("x AND y")}, nil},
		"no value matches ''": {params{Filter: where("failure_code").Eq("")}, nil},
		"decimal":             {params{Filter: where("cost").Eq(decimal.RequireFromString("30.00"))}, []string{"3"}},
		"bool":                {params{Filter: where("has_logs").Eq(false)}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"sorted":              {params{Limit: 2, SortBy: "cost:desc,id:asc"}, []string{"3", "2", "6", "1", "5", "0", "4"}},
	} {
		assert.Equal(t, tc.want, ids(t, client.Runs.All(t.Context(), tc.params)), name)
	}
}

func TestServer_ListRuns_Page(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	addRuns(server)
	page, err := client.Runs.List(t.Context(), runflow.ListRunsParams{
		Limit: 2, Fields: []string{"id"}, Embed: []runflow.RunEmbed{runflow.RunEmbedModel},
	})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	assert.Equal(t, "6", page.Items[0].ID)
	assert.Equal(t, "m", page.Items[0].Model.Name)
	assert.Empty(t, page.Items[0].StatusCode)
	assert.Empty(t, page.Previous)

	server.AddRun(runflow.Run{ID: "new"})
	page, err = client.Runs.List(t.Context(), runflow.ListRunsParams{Limit: 2, Cursor: page.Next})
	require.NoError(t, err)
	assert.Equal(t, "4", page.Items[0].ID, "a new run does not move the pages")
	back := ids(t, client.Runs.All(t.Context(), runflow.ListRunsParams{Limit: 2, Cursor: page.Previous}))
	assert.Equal(t, []string{"6", "5", "new"}, back, "the page before, and the one before that")
}

func TestServer_ListRuns_BadQuery(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for query, want := range map[string]int{
		"limit=0": 422, "limit=501": 422, "limit=x": 422, "limit=-1": 422, "limit=1": 200, "limit=500": 200,
		"q=status_code:failed": 400, "q=id.gt:'1'": 400, "q=nothing.eq:'1'": 400, "q=model.slug.eq:'1'": 400,
		"q=metadata.eq:'1'": 400, "q=logs.eq:'1'": 400, "q=cost.eq:'much'": 400, "q=created_at.eq:'now'": 400,
		"q=id.eq:'a'b'": 400, "q=%20": 400, "q=": 200,
		"sort_by=nothing": 400, "sort_by=id:asc,nothing": 400, "sort_by=metadata": 400, "sort_by=timestamp": 400,
		"sort_by=id:up": 422, "sort_by=,id": 422, "sort_by=id,": 422, "sort_by=id:asc,created_at:desc": 200,
		"pq=!": 400, "pq=bm9uZQ==": 400,
	} {
		status, body := send(t, server, http.MethodGet, "/v1/runs?"+query, "")
		assert.Equal(t, want, status, "%s: %s", query, body)
		switch status {
		case 400:
			assert.Contains(t, body, `"code":"BAD_REQUEST"`)
		case 422:
			assert.Contains(t, body, `"loc":["query",`)
		}
	}
}

func TestServer_ListParts(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	ctx := t.Context()
	server.AddRun(runflow.Run{
		ID: "1", Logs: []runflow.RunLog{{ID: "l1", Message: "a"}, {ID: "l2", Message: "b"}}, NodeRuns: []runflow.NodeRun{{ID: "n1", StateCode: "done"}},
	})
	server.AddRun(runflow.Run{ID: "2", Logs: []runflow.RunLog{{ID: "l3"}}})
	server.AddRun(runflow.Run{ID: "3", OrgID: "another", Logs: []runflow.RunLog{{ID: "l4"}}})
	price := decimal.NewNullDecimal(decimal.RequireFromString("0.04"))
	model := server.AddModel("acme/dog", runflow.Model{
		Pricing: []runflow.ModelPricing{{Price: price}}, Examples: []runflow.ModelExample{{ID: "e1", Title: "a dog"}},
	})
	assert.NotEmpty(t, model.Pricing[0].ID)

	for parent, want := range map[string]int{"1": 2, "2": 1, runflow.AnyID: 3} {
		n := 0
		for _, err := range client.Runs.AllLogs(ctx, parent, runflow.ListRunLogsParams{Limit: 1}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, want, n, parent)
	}
	log, err := client.Runs.GetLog(ctx, "1", "l2")
	require.NoError(t, err)
	assert.Equal(t, "b", log.Message)
	log, err = client.Runs.GetLog(ctx, runflow.AnyID, "l3")
	require.NoError(t, err)
	assert.Equal(t, "2", log.RunID)
	assert.Nil(t, log.Run)
	logs, err := client.Runs.ListLogs(ctx, "1", runflow.ListRunLogsParams{
		Filter: runflow.Where("message").Eq("a"), Embed: []runflow.RunLogEmbed{runflow.RunLogEmbedRun},
	})
	require.NoError(t, err)
	require.Len(t, logs.Items, 1)
	require.NotNil(t, logs.Items[0].Run)
	assert.Equal(t, "1", logs.Items[0].Run.ID)
	assert.Empty(t, logs.Items[0].Run.Logs)

	nodeRuns, err := client.Runs.ListNodeRuns(ctx, "1", runflow.ListNodeRunsParams{SortBy: "state_code"})
	require.NoError(t, err)
	require.Len(t, nodeRuns.Items, 1)
	assert.Equal(t, "done", nodeRuns.Items[0].StateCode)
	nodeRun, err := client.Runs.GetNodeRun(ctx, "1", "n1")
	require.NoError(t, err)
	assert.Equal(t, &nodeRuns.Items[0], nodeRun)
	for _, parent := range []string{model.ID, runflow.AnyID} {
		pricing, err := client.Models.ListPricing(ctx, parent, runflow.ListPricingParams{})
		require.NoError(t, err)
		require.Len(t, pricing.Items, 1)
		assert.Equal(t, "0.04", pricing.Items[0].Price.Decimal.String())
		assert.Equal(t, model.ID, pricing.Items[0].ModelID)
		example, err := client.Models.GetExample(ctx, parent, "e1")
		require.NoError(t, err)
		assert.Equal(t, "a dog", example.Title)
	}
}

func TestServer_ListParts_NotFound(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	ctx := t.Context()
	server.AddRun(runflow.Run{ID: "1"})
	server.AddRun(runflow.Run{ID: "2", Logs: []runflow.RunLog{{ID: "l2"}}})
	server.AddRun(runflow.Run{ID: "3", OrgID: "another", Logs: []runflow.RunLog{{ID: "l3"}}})
	model := server.AddModel("acme/dog", runflow.Model{})
	for name, err := range map[string]error{
		"log of another run":          second(client.Runs.GetLog(ctx, "1", "l2")),
		"log of another organization": second(client.Runs.GetLog(ctx, runflow.AnyID, "l3")),
		"logs without run":            second(client.Runs.ListLogs(ctx, "none", runflow.ListRunLogsParams{})),
		"node runs without run":       second(client.Runs.ListNodeRuns(ctx, "none", runflow.ListNodeRunsParams{})),
		"node run without run":        second(client.Runs.GetNodeRun(ctx, "none", "n1")),
		"pricing without model":       second(client.Models.ListPricing(ctx, "none", runflow.ListPricingParams{})),
		"no example":                  second(client.Models.GetExample(ctx, model.ID, "none")),
		"example without model":       second(client.Models.GetExample(ctx, "none", "e1")),
	} {
		require.ErrorIs(t, err, runflow.ErrNotFound, name)
	}
}

func second[T any](_ T, err error) error { return err }

func TestServer_Models(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	ctx := t.Context()
	server.AddModel("acme/dog", runflow.Model{
		Inputs: []runflow.ModelInput{{Name: "prompt"}}, Pricing: []runflow.ModelPricing{{UnitCode: "image"}},
	})
	models, err := client.Models.List(ctx, runflow.ListModelsParams{SortBy: "slug"})
	require.NoError(t, err)
	require.Len(t, models.Items, 2)
	assert.Equal(t, "acme/cat/2.0", models.Items[0].Slug)
	assert.Empty(t, models.Items[1].Inputs)
	model, err := client.Models.Get(ctx, "acme/cat/2.0", runflow.GetModelParams{})
	require.NoError(t, err)
	assert.Equal(t, &models.Items[0], model)

	embed := []runflow.ModelEmbed{
		runflow.ModelEmbedInputs, runflow.ModelEmbedOutputs, runflow.ModelEmbedExamples,
		runflow.ModelEmbedFAQEntries, runflow.ModelEmbedPricing, runflow.ModelEmbedRelatedLinks,
	}
	model, err = client.Models.Get(ctx, "acme/dog", runflow.GetModelParams{Embed: embed, Fields: []string{"id"}})
	require.NoError(t, err)
	require.Len(t, model.Inputs, 1)
	assert.Equal(t, "prompt", model.Inputs[0].Name)
	require.Len(t, model.Pricing, 1)
	assert.Equal(t, "image", model.Pricing[0].UnitCode)
	assert.Empty(t, model.Name)
	models, err = client.Models.List(ctx, runflow.ListModelsParams{Filter: runflow.Where("slug").Eq("acme/dog"), Embed: embed[:1]})
	require.NoError(t, err)
	require.Len(t, models.Items, 1)
	assert.Len(t, models.Items[0].Inputs, 1)
	assert.Empty(t, models.Items[0].Pricing)

	require.ErrorIs(t, second(client.Models.Get(ctx, "acme/none", runflow.GetModelParams{})), runflow.ErrNotFound)
	_, err = client.Models.Get(ctx, "acme/dog", runflow.GetModelParams{Embed: []runflow.ModelEmbed{"prices"}})
	require.ErrorIs(t, err, runflow.ErrBadRequest)
}

func TestServer_Workflows(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	ctx := t.Context()
	server.AddWorkflow("other/swap", runflow.ComfyuiWorkflow{OrgID: "another"})
	server.AddWorkflow("acme/blend", runflow.ComfyuiWorkflow{
		Inputs: []runflow.ComfyuiWorkflowInput{{Name: "Aux Reference 1"}}, GPUExplicitModels: []runflow.ComfyuiGPUModel{{GPUModelCode: "L4"}},
	})

	workflows, err := client.ComfyuiWorkflows.List(ctx, runflow.ListWorkflowsParams{Filter: runflow.Where("slug").Eq("swap"), Limit: 1})
	require.NoError(t, err)
	require.Len(t, workflows.Items, 1)
	workflow, err := client.ComfyuiWorkflows.GetBySlug(ctx, "acme/swap", runflow.GetWorkflowParams{})
	require.NoError(t, err)
	assert.Equal(t, &workflows.Items[0], workflow)
	byID, err := client.ComfyuiWorkflows.Get(ctx, workflow.ID, runflow.GetWorkflowParams{})
	require.NoError(t, err)
	assert.Equal(t, workflow, byID)

	blend, err := client.ComfyuiWorkflows.GetBySlug(ctx, "acme/blend", runflow.GetWorkflowParams{})
	require.NoError(t, err)
	assert.Empty(t, blend.Inputs)
	blend, err = client.ComfyuiWorkflows.GetBySlug(ctx, "acme/blend", runflow.GetWorkflowParams{
		Embed: []runflow.WorkflowEmbed{runflow.WorkflowEmbedInputs, runflow.WorkflowEmbedOutputs, runflow.WorkflowEmbedGPUExplicitModels},
	})
	require.NoError(t, err)
	require.Len(t, blend.Inputs, 1)
	assert.Equal(t, "Aux Reference 1", blend.Inputs[0].Name)
	require.Len(t, blend.GPUExplicitModels, 1)
	assert.Equal(t, "L4", blend.GPUExplicitModels[0].GPUModelCode)

	for range 3 {
		_, err = client.ComfyuiWorkflows.CreateRun(ctx, "acme/swap", params())
		require.NoError(t, err)
	}
	server.AddRun(runflow.Run{})
	assert.Len(t, ids(t, client.ComfyuiWorkflows.AllRuns(ctx, "acme/swap", runflow.ListRunsParams{Limit: 2})), 3)
	assert.Empty(t, ids(t, client.ComfyuiWorkflows.AllRuns(ctx, "acme/blend", runflow.ListRunsParams{})))

	for name, err := range map[string]error{
		"no workflow":         second(client.ComfyuiWorkflows.Get(ctx, "none", runflow.GetWorkflowParams{})),
		"foreign workflow":    second(client.ComfyuiWorkflows.GetBySlug(ctx, "other/swap", runflow.GetWorkflowParams{})),
		"runs of no workflow": second(client.ComfyuiWorkflows.ListRuns(ctx, "acme/none", runflow.ListRunsParams{})),
	} {
		require.ErrorIs(t, err, runflow.ErrNotFound, name)
	}
}

func TestServer_ListRuns_ManyRuns(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	const many = 3_000
	for range many {
		server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded})
	}
	n := 0
	for _, err := range client.Runs.All(t.Context(), runflow.ListRunsParams{Limit: 500}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, many, n)
}
