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

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	for i := range 7 {
		server.AddRun(runflow.Run{
			ID: strconv.Itoa(i), StatusCode: map[bool]runflow.RunStatus{true: "failed", false: "succeeded"}[i%3 == 0],
			ClientRef: "it", Cost: decimal.NewNullDecimal(decimal.New(int64(i%4)*10, 0)), Model: &runflow.Model{Name: "m"},
		})
	}
	server.AddRun(runflow.Run{ID: "foreign", OrgID: "another"})
	type params = runflow.ListParams
	for name, tc := range map[string]struct {
		params params
		want   []string
	}{
		"the newest first":    {params{Limit: 3}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"one at a time":       {params{Limit: 1}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"all at once":         {params{}, []string{"6", "5", "4", "3", "2", "1", "0"}},
		"filtered":            {params{Limit: 2, Query: "status_code.eq:'failed'"}, []string{"6", "3", "0"}},
		"filtered twice":      {params{Limit: 2, Query: "status_code.EQ:'failed' AND cost.eq:'0'"}, []string{"0"}},
		"filtered to none":    {params{Query: "client_ref.eq:'x AND y'"}, nil},
		"sorted":              {params{Limit: 2, SortBy: "cost:desc,id:asc"}, []string{"3", "2", "6", "1", "5", "0", "4"}},
		"sorted by an absent": {params{SortBy: "nothing"}, []string{"6", "5", "4", "3", "2", "1", "0"}},
	} {
		assert.Equal(t, tc.want, ids(t, client.Runs.All(t.Context(), &runflow.RunListParams{ListParams: tc.params})), name)
	}

	page, err := client.Runs.List(t.Context(), &runflow.RunListParams{
		ListParams: params{Limit: 2, Fields: []string{"id"}}, Embed: []runflow.RunEmbed{runflow.RunEmbedModel},
	})
	require.NoError(t, err)
	assert.Equal(t, runflow.Run{ID: "6", Model: &runflow.Model{Name: "m"}}, page.Items[0])
	assert.Empty(t, page.Previous)

	server.AddRun(runflow.Run{ID: "new"})
	page, err = client.Runs.List(t.Context(), &runflow.RunListParams{ListParams: params{Limit: 2, Cursor: page.Next}})
	require.NoError(t, err)
	assert.Equal(t, "4", page.Items[0].ID, "what is new does not move the pages")
	back := ids(t, client.Runs.All(t.Context(), &runflow.RunListParams{ListParams: params{Limit: 2, Cursor: page.Previous, FromPrev: true}}))
	assert.Equal(t, []string{"6", "5", "new"}, back)
}

func TestBadQueriesAreRefused(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for query, status := range map[string]int{
		"limit=0": 422, "limit=501": 422, "limit=x": 422, "limit=500": 200,
		"q=status_code:failed": 400, "q=a.eq:'1'+OR+b.eq:'2'": 400, "q=a.gt:'1'": 400,
		"pq=!": 400, "pq=bm9uZQ==": 400,
	} {
		got, body := send(t, server, http.MethodGet, "/v1/runs?"+query, "")
		assert.Equal(t, status, got, "%s: %s", query, body)
	}
}

func TestChildrenAreServedByTheirParentOrByAny(t *testing.T) {
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
		Pricing: []runflow.ModelPricing{{ID: "p1", Price: price}}, Examples: []runflow.ModelExample{{ID: "e1", Title: "a dog"}},
	})

	for parent, want := range map[string]int{"1": 2, "2": 1, runflow.AnyParent: 3} {
		n := 0
		for _, err := range client.Runs.AllLogs(ctx, parent, &runflow.ListParams{Limit: 1}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, want, n, parent)
	}
	log, err := client.Runs.Log(ctx, "1", "l2")
	require.NoError(t, err)
	assert.Equal(t, "b", log.Message)
	log, err = client.Runs.Log(ctx, runflow.AnyParent, "l3")
	require.NoError(t, err)
	assert.Equal(t, "l3", log.ID)
	nodeRuns, err := client.Runs.NodeRuns(ctx, "1", nil)
	require.NoError(t, err)
	assert.Equal(t, []runflow.NodeRun{{ID: "n1", StateCode: "done"}}, nodeRuns.Items)
	for nodeRun, err := range client.Runs.AllNodeRuns(ctx, "1", nil) {
		require.NoError(t, err)
		assert.Equal(t, "n1", nodeRun.ID)
	}
	nodeRun, err := client.Runs.NodeRun(ctx, "1", "n1")
	require.NoError(t, err)
	assert.Equal(t, "done", nodeRun.StateCode)
	for _, parent := range []string{model.ID, runflow.AnyParent} {
		pricing, err := client.Models.Pricing(ctx, parent, nil)
		require.NoError(t, err)
		require.Len(t, pricing.Items, 1)
		assert.Equal(t, "0.04", pricing.Items[0].Price.Decimal.String())
		example, err := client.Models.Example(ctx, parent, "e1")
		require.NoError(t, err)
		assert.Equal(t, "a dog", example.Title)
	}

	for name, err := range map[string]error{
		"a log of another run": second(client.Runs.Log(ctx, "1", "l3")),
		"a log of another org": second(client.Runs.Log(ctx, runflow.AnyParent, "l4")),
		"logs of no run":       second(client.Runs.Logs(ctx, "none", nil)),
		"node runs of no run":  second(client.Runs.NodeRuns(ctx, "none", nil)),
		"a node run of no run": second(client.Runs.NodeRun(ctx, "none", "n1")),
		"prices of no model":   second(client.Models.Pricing(ctx, "none", nil)),
		"no example":           second(client.Models.Example(ctx, model.ID, "none")),
		"an example of none":   second(client.Models.Example(ctx, "none", "e1")),
	} {
		require.ErrorIs(t, err, runflow.ErrNotFound, name)
	}
}

func second[T any](_ T, err error) error { return err }

func TestTheCatalogIsServed(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	ctx := t.Context()
	server.AddWorkflow("other/swap", runflow.ComfyuiWorkflow{OrgID: "another"})

	models, err := client.Models.List(ctx, nil)
	require.NoError(t, err)
	require.Len(t, models.Items, 1)
	model, err := client.Models.Get(ctx, "acme/cat/2.0")
	require.NoError(t, err)
	assert.Equal(t, &models.Items[0], model)
	assert.Equal(t, "acme/cat/2.0", model.Slug)

	workflows, err := client.ComfyuiWorkflows.List(ctx, &runflow.ListParams{Query: "slug.eq:'swap'", Limit: 1})
	require.NoError(t, err)
	require.Len(t, workflows.Items, 1)
	workflow, err := client.ComfyuiWorkflows.GetBySlug(ctx, "acme/swap")
	require.NoError(t, err)
	assert.Equal(t, &workflows.Items[0], workflow)
	byID, err := client.ComfyuiWorkflows.Get(ctx, workflow.ID)
	require.NoError(t, err)
	assert.Equal(t, workflow, byID)
	for range 3 {
		_, err = client.ComfyuiWorkflows.Run(ctx, "acme/swap", &runflow.RunRequest{Input: input})
		require.NoError(t, err)
	}
	server.AddRun(runflow.Run{})
	assert.Len(t, ids(t, client.ComfyuiWorkflows.AllRuns(ctx, "acme/swap", &runflow.ListParams{Limit: 2})), 3)

	for name, err := range map[string]error{
		"no model":            second(client.Models.Get(ctx, "acme/none")),
		"no workflow":         second(client.ComfyuiWorkflows.Get(ctx, "none")),
		"a foreign workflow":  second(client.ComfyuiWorkflows.GetBySlug(ctx, "other/swap")),
		"runs of no workflow": second(client.ComfyuiWorkflows.Runs(ctx, "acme/none", nil)),
	} {
		require.ErrorIs(t, err, runflow.ErrNotFound, name)
	}
}

func TestManyRunsAreListedInTime(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	const many = 20_000
	for range many {
		server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded})
	}
	n := 0
	for _, err := range client.Runs.All(t.Context(), &runflow.RunListParams{ListParams: runflow.ListParams{Limit: 500}}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, many, n)
}
