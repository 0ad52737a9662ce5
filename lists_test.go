package runflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestReads_SendRequest(t *testing.T) {
	t.Parallel()
	const query = "?fields=id%2Ccost&limit=500&pq=c%2F%2B%3D&q=status_code.eq%3A%27failed%27&sort_by=created_at%3Adesc"
	const object, page, array = `{"id":"1"}`, `{"items":[{"id":"1"}]}`, `[{"id":"1"}]`
	failed, fields := runflow.Where("status_code").Eq(runflow.RunStatusFailed), []string{"id", "cost"}
	for uri, tc := range map[string]struct {
		body string
		call func(context.Context, *runflow.Client) (any, error)
	}{
		"/v1/runs" + query: {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.List(ctx, runflow.ListRunsParams{Filter: failed, Limit: 500, SortBy: "created_at:desc", Fields: fields, Cursor: "c/+="})
		}},
		"/v1/runs?from_prev=true&pq=c%2F%2B%3D": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.List(ctx, runflow.ListRunsParams{Cursor: "?from_prev=true&pq=c%2F%2B%3D"})
		}},
		"/v1/runs?pq=%3Fx": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.List(ctx, runflow.ListRunsParams{Cursor: "?x"})
		}},
		"/v1/runs?add_signature=true&embed=logs%2Cmodel": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.List(ctx, runflow.ListRunsParams{Embed: []runflow.RunEmbed{"logs", "model"}, AddSignature: true})
		}},
		"/v1/runs/r%201/logs?embed=run&limit=1": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.ListLogs(ctx, "r 1", runflow.ListRunLogsParams{Limit: 1, Embed: []runflow.RunLogEmbed{runflow.RunLogEmbedRun}})
		}},
		"/v1/runs/any/logs/l": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.GetLog(ctx, runflow.AnyID, "l")
		}},
		"/v1/runs/any/node-runs": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.ListNodeRuns(ctx, runflow.AnyID, runflow.ListNodeRunsParams{})
		}},
		"/v1/runs/r/node-runs/n": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.GetNodeRun(ctx, "r", "n")
		}},
		"/v1/runs/r/callback": {array, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.ListCallbackDeliveries(ctx, "r", runflow.ListCallbackDeliveriesParams{})
		}},
		"/v1/models?embed=pricing": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Models.List(ctx, runflow.ListModelsParams{Embed: []runflow.ModelEmbed{runflow.ModelEmbedPricing}})
		}},
		"/v1/models/a/b?embed=inputs&fields=name": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Models.Get(ctx, "a/b", runflow.GetModelParams{Embed: []runflow.ModelEmbed{runflow.ModelEmbedInputs}, Fields: []string{"name"}})
		}},
		"/v1/models/m/pricing": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Models.ListPricing(ctx, "m", runflow.ListPricingParams{})
		}},
		"/v1/models/m/examples/e": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Models.GetExample(ctx, "m", "e")
		}},
		"/v1/comfyui-workflows?limit=1": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.List(ctx, runflow.ListWorkflowsParams{Limit: 1})
		}},
		"/v1/comfyui-workflows/w?embed=outputs": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.Get(ctx, "w", runflow.GetWorkflowParams{Embed: []runflow.WorkflowEmbed{runflow.WorkflowEmbedOutputs}})
		}},
		"/v1/comfyui-workflows/a/b": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.GetBySlug(ctx, "a/b", runflow.GetWorkflowParams{})
		}},
		"/v1/comfyui-workflows/a/b/runs?limit=1": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.ListRuns(ctx, "a/b", runflow.ListRunsParams{Limit: 1})
		}},
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, tc.body)
			got, err := tc.call(t.Context(), server.client(t))
			require.NoError(t, err)
			assert.Contains(t, fmt.Sprintf("%+v", got), "ID:1")
			seen := server.only(t)
			assert.Equal(t, "GET", seen.Method)
			assert.Equal(t, uri, seen.URI)
			assert.Empty(t, seen.Body)
		})
	}
}

func TestList_BadParams(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"items":[]}`)
	client := server.client(t)
	for want, params := range map[string]runflow.ListModelsParams{
		"params.Limit: must be between 1 and 500":   {Limit: 501},
		"params.Limit: must be":                     {Limit: -1},
		"params.SortBy: must be valid UTF-8":        {SortBy: "\xff"},
		"params.Cursor: must be valid UTF-8":        {Cursor: "\xff"},
		"params.Fields[1]: must be a name without":  {Fields: []string{"id", "a,b"}},
		"params.Embed[0]: must be a name without a": {Embed: []runflow.ModelEmbed{""}},
	} {
		_, err := client.Models.List(t.Context(), params)
		require.ErrorContains(t, err, "runflow: Models.List: "+want)
		for item, err := range client.Models.All(t.Context(), params) {
			assert.Nil(t, item)
			require.ErrorContains(t, err, "runflow: Models.List: "+want)
		}
	}
	for _, id := range []string{"", ".", "a/b"} {
		_, err := client.Runs.GetLog(t.Context(), id, id)
		require.ErrorContains(t, err, "runID: must not")
		require.ErrorContains(t, err, "logID: must not")
		for _, err := range client.Runs.AllNodeRuns(t.Context(), id, runflow.ListNodeRunsParams{}) {
			require.ErrorContains(t, err, "runID: must not")
		}
		for _, err := range client.Models.AllPricing(t.Context(), id, runflow.ListPricingParams{}) {
			require.ErrorContains(t, err, "modelID: must not")
		}
	}
	for _, err := range client.ComfyuiWorkflows.AllRuns(t.Context(), "slug", runflow.ListRunsParams{}) {
		require.ErrorContains(t, err, `workflow: must be of the form "owner/slug"`)
	}
	for _, err := range client.Runs.All(t.Context(), runflow.ListRunsParams{}, runflow.WithIdempotencyKey("k")) {
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	}
	assert.Empty(t, server.seen())
}

func TestPage_Decode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body     string
		next     string
		previous string // the token
		field    string // that is malformed
	}{
		"names of the reference":   {`{"items":[],"next":"n","previous":"p","first":"f"}`, "n", "p", ""},
		"names of the guide":       {`{"items":[],"next_pq":"n","prev_pq":"p"}`, "n", "p", ""},
		"both names":               {`{"items":[],"next":"n","next_pq":"m","previous":"","prev_pq":"p"}`, "n", "p", ""},
		"nulls":                    {`{"items":null,"next":null,"previous":null,"first":null}`, "", "", ""},
		"bare array":               {`[{"id":"1"}]`, "", "", ""},
		"URL of this origin":       {`{"items":[],"next":"BASE/v1/runs?limit=1&pq=a%2Fb","previous":"BASE/v1/runs?pq=p&from_prev=true"}`, "a/b", "p", ""},
		"path":                     {`{"items":[],"next":"/v1/runs?pq=n"}`, "n", "", ""},
		"query":                    {`{"items":[],"next":"?pq=n&limit=1","previous":"pq=p"}`, "n", "p", ""},
		"token like a query":       {`{"items":[],"next":"?x=1"}`, "?pq=%3Fx%3D1", "", ""},
		"base64":                   {`{"items":[],"next":"pq==","previous":"/w8x+A=="}`, "pq==", "/w8x+A==", ""},
		"number":                   {`{"items":[],"next":7}`, "7", "", ""},
		"unknown members":          {`{"items":[],"total":1}`, "", "", ""},
		"other host":               {`{"items":[],"next":"https://canary.example.com/v1/runs?pq=n"}`, "", "", "next"},
		"path on another host":     {`{"items":[],"previous":"//canary.example.com/?pq=n"}`, "", "", "previous"},
		"other scheme":             {`{"items":[],"next_pq":"ftp://canary/?pq=n"}`, "", "", "next_pq"},
		"URL without a cursor":     {`{"items":[],"next":"/v1/runs?page=2"}`, "", "", "next"},
		"cursor that is a list":    {`{"items":[],"next":["canary"]}`, "", "", "next"},
		"no items":                 {`{"next":"n"}`, "", "", "items"},
		"items that are no list":   {`{"items":{"canary":1}}`, "", "", "items"},
		"item that is no object":   {`{"items":[{},"canary"]}`, "", "", "items[1]"},
		"item with a number as id": {`{"items":[{"id":7}]}`, "", "", "items[0].id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var base string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.ReplaceAll(tc.body, "BASE", base))
			}))
			t.Cleanup(server.Close)
			base = server.URL
			client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
			require.NoError(t, err)
			page, err := client.Runs.List(t.Context(), runflow.ListRunsParams{})
			if tc.field != "" {
				var decodeErr *runflow.DecodeError
				require.ErrorAs(t, err, &decodeErr)
				assert.Equal(t, tc.field, decodeErr.Field)
				assert.NotContains(t, err.Error(), "canary")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.next, page.Next)
			if tc.previous != "" {
				tc.previous = "?from_prev=true&pq=" + strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(tc.previous)
			}
			assert.Equal(t, tc.previous, page.Previous)
		})
	}
}

func TestPage_TooManyItems(t *testing.T) {
	t.Parallel()
	items := func(n int) string { return `{"items":[` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + `]}` }
	for _, tc := range []struct{ limit, n int }{{1, 10}, {500, 5000}, {0, 5000}} {
		for extra, isRefused := range []bool{false, true} {
			client := cannedClient(t, items(tc.n+extra))
			_, err := client.Runs.List(t.Context(), runflow.ListRunsParams{Limit: tc.limit})
			if !isRefused {
				require.NoError(t, err)
				continue
			}
			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, err, &decodeErr)
			require.ErrorContains(t, err, fmt.Sprintf("more than %d elements", tc.n))
			for _, err := range client.Models.All(t.Context(), runflow.ListModelsParams{Limit: tc.limit}) {
				require.Error(t, err)
			}
			var page runflow.Page[runflow.Run]
			require.Error(t, client.Do(t.Context(), "GET", fmt.Sprintf("/v1/runs?limit=%d", tc.limit), nil, &page))
		}
	}
}

// Client.Do may request any limit. Ten times the last of these overflows an int64.
func TestPage_TooManyItems_HugeLimit(t *testing.T) {
	t.Parallel()
	client := cannedClient(t, `{"items":[`+strings.Repeat("{},", 100_000)+`{}]}`)
	for _, limit := range []string{"100000", "922337203685477580", "1844674407370955162"} {
		var page runflow.Page[struct{}]
		err := client.Do(t.Context(), "GET", "/v1/x?limit="+limit, nil, &page)
		require.ErrorContains(t, err, "more than 100000 elements", limit)
	}
}

// threePages returns a server whose list has three pages of two runs each.
func threePages(t *testing.T) (*runflow.Client, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		page, _ := strconv.Atoi(r.URL.Query().Get("pq"))
		next, previous := "null", "null"
		if page < 2 {
			next = fmt.Sprintf(`"%d"`, page+1)
		}
		if page > 0 {
			previous = fmt.Sprintf(`"%d"`, page-1)
		}
		_, _ = fmt.Fprintf(w, `{"items":[{"id":"%d.0"},{"id":"%d.1"}],"next":%s,"previous":%s}`, page, page, next, previous)
	}))
	t.Cleanup(server.Close)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithMaxRetries(0))
	require.NoError(t, err)
	return client, &requests
}

func ids(t *testing.T, runs iter.Seq2[*runflow.Run, error]) []string {
	t.Helper()
	var ids []string
	for run, err := range runs {
		require.NoError(t, err)
		ids = append(ids, run.ID)
	}
	return ids
}

func TestRunsService_All_IsLazyAndRestartable(t *testing.T) {
	t.Parallel()
	client, requests := threePages(t)
	params := runflow.ListRunsParams{Limit: 2, Fields: []string{"id"}, Embed: []runflow.RunEmbed{"logs"}}
	runs := client.Runs.All(t.Context(), params)
	assert.Zero(t, requests.Load(), "no request before the iterator is used")
	params.Fields[0], params.Embed[0] = ",", ","

	want := []string{"0.0", "0.1", "1.0", "1.1", "2.0", "2.1"}
	assert.Equal(t, want, ids(t, runs))
	assert.EqualValues(t, 3, requests.Load())
	assert.Equal(t, want, ids(t, runs), "each use starts from the beginning")
	assert.EqualValues(t, 6, requests.Load())

	for run, err := range runs {
		require.NoError(t, err)
		if run.ID == "0.1" {
			break // at the last item of a page
		}
	}
	assert.EqualValues(t, 7, requests.Load(), "no page is requested ahead")
	assert.Equal(t, want[2:], ids(t, client.Runs.All(t.Context(), runflow.ListRunsParams{Cursor: "1"})))
}

func TestRunsService_All_FromPrevious(t *testing.T) {
	t.Parallel()
	client, _ := threePages(t)
	last, err := client.Runs.List(t.Context(), runflow.ListRunsParams{Cursor: "2"})
	require.NoError(t, err)
	assert.Equal(t, "?from_prev=true&pq=1", last.Previous)
	assert.Equal(t, []string{"1.0", "1.1", "0.0", "0.1"}, ids(t, client.Runs.All(t.Context(), runflow.ListRunsParams{Cursor: last.Previous})))
}

func TestRunsService_All_EndsWithContext(t *testing.T) {
	t.Parallel()
	client, requests := threePages(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for run, err := range client.Runs.All(ctx, runflow.ListRunsParams{}) {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			assert.Nil(t, run)
			break
		}
		n++
		cancel()
	}
	assert.Equal(t, 2, n, "the items of a page that was received are not lost")
	assert.EqualValues(t, 1, requests.Load())
}

func TestModelsService_All_RepeatedCursor(t *testing.T) {
	t.Parallel()
	for name, next := range map[string][]string{"at once": {"a", "a"}, "in a circle": {"a", "b", "c", "a"}, "to the start": {"a", "start"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"items":[{}],"next":%q}`, next[(int(requests.Add(1))-1)%len(next)])
			}))
			t.Cleanup(server.Close)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
			require.NoError(t, err)
			var last error
			items := 0
			for _, err := range client.Models.All(t.Context(), runflow.ListModelsParams{Cursor: "start"}) {
				if last = err; err == nil {
					items++
				}
			}
			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, last, &decodeErr)
			assert.Equal(t, "next", decodeErr.Field)
			assert.Contains(t, last.Error(), "runflow: Models.List: GET /v1/models: 200")
			assert.Equal(t, len(next), items)
			assert.EqualValues(t, len(next), requests.Load())
		})
	}
}

func TestRunsService_All_HoldsOnePage(t *testing.T) {
	t.Parallel()
	const total, limit = 20_000, 500
	page := strings.Repeat(`{"id":"0199a7b2-7c1e-7d3a-9f00-1c2d3e4f5a6b","status_code":"succeeded"},`, limit)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("pq"))
		next := "null"
		if n += limit; n < total {
			next = fmt.Sprintf(`"%d"`, n)
		}
		_, _ = io.WriteString(w, `{"items":[`+page[:len(page)-1]+`],"next":`+next+`}`)
	}))
	t.Cleanup(server.Close)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	n, first := 0, []weak.Pointer[runflow.Run]{} // of each page
	for run, err := range client.Runs.All(t.Context(), runflow.ListRunsParams{}) {
		require.NoError(t, err)
		if n%limit == 0 {
			first = append(first, weak.Make(run))
		}
		if n++; n < total {
			continue
		}
		runtime.GC()
		dead := 0
		for _, run := range first {
			if run.Value() == nil {
				dead++
			}
		}
		assert.GreaterOrEqual(t, dead, len(first)-1, "of %d pages", len(first))
	}
	assert.Equal(t, total, n)
}

func TestRunsService_FindByClientRef(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"items":[{"id":"2","client_ref":"order-42"},{"id":"3","client_ref":"other"},{"id":"1","client_ref":"order-42"}]}`)
	client := server.client(t)
	runs, err := client.Runs.FindByClientRef(t.Context(), "order-42")
	require.NoError(t, err)
	assert.Equal(t, "/v1/runs?limit=500&q=client_ref.eq%3A%27order-42%27&sort_by=created_at%3Adesc", server.only(t).URI)
	require.Len(t, runs, 2, "a run of another ClientRef is left out, even if the API ignores the filter")
	assert.Equal(t, "2", runs[0].ID)
	runs, err = client.Runs.FindByClientRef(t.Context(), "none")
	require.NoError(t, err)
	assert.NotNil(t, runs)
	assert.Empty(t, runs)
	for _, ref := range []string{"", "it's"} {
		_, err = client.Runs.FindByClientRef(t.Context(), ref)
		require.ErrorContains(t, err, "runflow: Runs.FindByClientRef: clientRef: ")
	}
	assert.Len(t, server.seen(), 2)
}

func TestPage_JSON(t *testing.T) {
	t.Parallel()
	page := runflow.Page[runflow.RunLog]{Items: []runflow.RunLog{{ID: "1"}}, Next: "n"}
	data, err := json.Marshal(page)
	require.NoError(t, err)
	assert.JSONEq(t, `{"items":[{"id":"1"}],"next":"n","previous":""}`, string(data))
}

func FuzzPage(f *testing.F) {
	f.Add(`{"items":[{"id":"1"}],"next":"?pq=x"}`)
	f.Add(`{"items":null,"next":"https://api.runflow.io/?pq=x"}`)
	f.Add(`{"items":[],"next":"https://example.com/?pq=x"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		page, err := cannedClient(t, body).Runs.List(t.Context(), runflow.ListRunsParams{})
		if err != nil {
			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, err, &decodeErr)
			return
		}
		assert.True(t, json.Valid([]byte(body)))
		assert.True(t, page.Previous == "" || strings.HasPrefix(page.Previous, "?from_prev=true&pq="))
	})
}
