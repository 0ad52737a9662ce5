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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestEachReadGoesToItsEndpoint(t *testing.T) {
	t.Parallel()
	params := &runflow.ListParams{
		Query: "status_code.eq:'failed'", Limit: 500, SortBy: "created_at:desc", Fields: []string{"id", "cost"}, Cursor: "c/+=", FromPrev: true,
	}
	const query = "?fields=id%2Ccost&from_prev=true&limit=500&pq=c%2F%2B%3D&q=status_code.eq%3A%27failed%27&sort_by=created_at%3Adesc"
	const object, page, array = `{"id":"1"}`, `{"items":[{"id":"1"}]}`, `[{"id":"1"}]`
	for uri, tc := range map[string]struct {
		answer string
		call   func(context.Context, *runflow.Client) (any, error)
	}{
		"/v1/runs" + query + "&": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.List(ctx, &runflow.RunListParams{ListParams: *params})
		}},
		"/v1/runs?add_signature=true&embed=logs%2Cmodel": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.List(ctx, &runflow.RunListParams{Embed: []runflow.RunEmbed{"logs", "model"}, AddSignature: true})
		}},
		"/v1/runs/r%201/logs" + query: {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.Logs(ctx, "r 1", params)
		}},
		"/v1/runs/any/logs/l": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.Log(ctx, runflow.AnyParent, "l")
		}},
		"/v1/runs/r/node-runs": {page, func(ctx context.Context, c *runflow.Client) (any, error) { return c.Runs.NodeRuns(ctx, "r", nil) }},
		"/v1/runs/r/node-runs/n": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.NodeRun(ctx, "r", "n")
		}},
		"/v1/runs/r/callback": {array, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.CallbackDeliveries(ctx, "r")
		}},
		"POST /v1/runs/r/callback-redeliveries": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Runs.RedeliverCallback(ctx, "r")
		}},
		"/v1/models":     {page, func(ctx context.Context, c *runflow.Client) (any, error) { return c.Models.List(ctx, nil) }},
		"/v1/models/a/b": {object, func(ctx context.Context, c *runflow.Client) (any, error) { return c.Models.Get(ctx, "a/b") }},
		"/v1/models/m/pricing": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Models.Pricing(ctx, "m", &runflow.ListParams{})
		}},
		"/v1/models/m/examples/e": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.Models.Example(ctx, "m", "e")
		}},
		"/v1/comfyui-workflows":   {page, func(ctx context.Context, c *runflow.Client) (any, error) { return c.ComfyuiWorkflows.List(ctx, nil) }},
		"/v1/comfyui-workflows/w": {object, func(ctx context.Context, c *runflow.Client) (any, error) { return c.ComfyuiWorkflows.Get(ctx, "w") }},
		"/v1/comfyui-workflows/a/b": {object, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.GetBySlug(ctx, "a/b")
		}},
		"/v1/comfyui-workflows/a/b/runs?limit=1": {page, func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.ComfyuiWorkflows.Runs(ctx, "a/b", &runflow.ListParams{Limit: 1})
		}},
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, tc.answer)
			got, err := tc.call(t.Context(), server.client(t))
			require.NoError(t, err)
			assert.Contains(t, fmt.Sprintf("%+v", got), "1", "the id was read")
			seen := server.only(t)
			method, path, ok := strings.Cut(uri, " ")
			if !ok {
				method, path = "GET", uri
			}
			assert.Equal(t, method, seen.Method)
			assert.Equal(t, strings.TrimSuffix(path, "&"), seen.URI)
			assert.Empty(t, seen.Body)
		})
	}
}

func TestListsRefuseBadParams(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"items":[]}`)
	client := server.client(t)
	for want, params := range map[string]runflow.ListParams{
		"params.Limit: must be from 1 to 500": {Limit: 501},
		"params.Limit: must be":               {Limit: -1},
		"params.Query: must be valid UTF-8":   {Query: "\xff"},
		"params.SortBy: must be valid UTF-8":  {SortBy: "\xff"},
		"params.Cursor: must be valid UTF-8":  {Cursor: "\xff"},
		"params.Fields[1]: must be a name":    {Fields: []string{"id", "a,b"}},
	} {
		_, err := client.Models.List(t.Context(), &params)
		require.ErrorContains(t, err, "runflow: Models.List: "+want)
		_, err = client.Runs.List(t.Context(), &runflow.RunListParams{ListParams: params})
		require.ErrorContains(t, err, want)
		for item, err := range client.Runs.AllLogs(t.Context(), "1", &params) {
			assert.Nil(t, item)
			require.ErrorContains(t, err, want)
		}
	}
	_, err := client.Runs.List(t.Context(), &runflow.RunListParams{Embed: []runflow.RunEmbed{""}})
	require.ErrorContains(t, err, "params.Embed[0]")
	for _, err := range client.Runs.All(t.Context(), nil, runflow.WithResponse(&runflow.Response{})) {
		require.EqualError(t, err, "runflow: Runs.List: WithResponse: is for one call only")
	}
	for _, err := range (&runflow.Client{Runs: &runflow.RunsService{}}).Runs.All(t.Context(), nil) {
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	}
	for _, id := range []string{"", ".", "a/b"} {
		_, err := client.Runs.Log(t.Context(), id, id)
		require.ErrorContains(t, err, "runID: must not")
		require.ErrorContains(t, err, "logID: must not")
		for _, err := range client.Runs.AllNodeRuns(t.Context(), id, nil) {
			require.ErrorContains(t, err, "runID: must not")
		}
		for _, err := range client.Models.AllPricing(t.Context(), id, nil) {
			require.ErrorContains(t, err, "modelID: must not")
		}
	}
	for _, err := range client.ComfyuiWorkflows.AllRuns(t.Context(), "slug", nil) {
		require.ErrorContains(t, err, `workflow: must be of the form "owner/slug"`)
	}
	assert.Empty(t, server.seen())
}

func TestPagesAreReadInBothForms(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body     string
		next     string
		previous string
		field    string // that is malformed
	}{
		"the reference's":       {`{"items":[],"next":"n","previous":"p","first":"f"}`, "n", "p", ""},
		"the guide's":           {`{"items":[],"next_pq":"n","prev_pq":"p"}`, "n", "p", ""},
		"nulls":                 {`{"items":null,"next":null,"previous":null,"first":null}`, "", "", ""},
		"a URL of ours":         {`{"items":[],"next":"BASE/v1/runs?limit=1&pq=a%2Fb","previous":"BASE/v1/runs?pq=p&from_prev=true"}`, "a/b", "p", ""},
		"a path":                {`{"items":[],"next":"/v1/runs?pq=n"}`, "n", "", ""},
		"a query":               {`{"items":[],"next":"?pq=n&limit=1","previous":"pq=p"}`, "n", "p", ""},
		"base64":                {`{"items":[],"next":"pq==","previous":"/w8x+A=="}`, "pq==", "/w8x+A==", ""},
		"unknown fields":        {`{"items":[],"total":1}`, "", "", ""},
		"another host":          {`{"items":[],"next":"https://canary.example.com/v1/runs?pq=n"}`, "", "", "next"},
		"another host's path":   {`{"items":[],"previous":"//canary.example.com/?pq=n"}`, "", "", "previous"},
		"another scheme":        {`{"items":[],"next_pq":"ftp://canary/?pq=n"}`, "", "", "next_pq"},
		"a URL without cursor":  {`{"items":[],"first":"/v1/runs?page=2"}`, "", "", "first"},
		"no items":              {`{"next":"n"}`, "", "", "items"},
		"items of no list":      {`{"items":{"canary":1}}`, "", "", "items"},
		"a number for a cursor": {`{"items":[],"next":7}`, "", "", "next"},
		"an item of no object":  {`{"items":[{},"canary"]}`, "", "", "items[1]"},
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
			page, err := client.Runs.List(t.Context(), nil)
			if tc.field != "" {
				var decodeErr *runflow.DecodeError
				require.ErrorAs(t, err, &decodeErr)
				assert.Equal(t, tc.field, decodeErr.Field)
				assert.NotContains(t, err.Error(), "canary")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.next, page.Next)
			assert.Equal(t, tc.previous, page.Previous)
		})
	}
}

// pages is a server whose list has the given number of pages, of two runs each.
func pages(t *testing.T, n int) (*runflow.Client, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		page, _ := strconv.Atoi(r.URL.Query().Get("pq"))
		next, previous := "null", "null"
		if page+1 < n {
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
	return client, &asked
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

func TestAllIsLazyAndStartsAgain(t *testing.T) {
	t.Parallel()
	client, asked := pages(t, 3)
	params := &runflow.RunListParams{ListParams: runflow.ListParams{Limit: 2, Fields: []string{"id"}}, Embed: []runflow.RunEmbed{"logs"}}
	runs := client.Runs.All(t.Context(), params)
	assert.Zero(t, asked.Load(), "nothing is asked for before it is used")
	params.Limit, params.Fields[0], params.Embed[0] = 999, ",", ","

	want := []string{"0.0", "0.1", "1.0", "1.1", "2.0", "2.1"}
	assert.Equal(t, want, ids(t, runs))
	assert.EqualValues(t, 3, asked.Load())
	assert.Equal(t, want, ids(t, runs), "each walk starts from the beginning")
	assert.EqualValues(t, 6, asked.Load())

	for run, err := range runs {
		require.NoError(t, err)
		if run.ID == "0.1" {
			break // with the last of a page
		}
	}
	assert.EqualValues(t, 7, asked.Load(), "no page is read ahead")

	assert.Equal(t, want[2:], ids(t, client.Runs.All(t.Context(), &runflow.RunListParams{ListParams: runflow.ListParams{Cursor: "1"}})))
	assert.Equal(t, []string{"1.0", "1.1", "0.0", "0.1"}, ids(t, client.Runs.All(t.Context(), &runflow.RunListParams{ListParams: runflow.ListParams{Cursor: "1", FromPrev: true}})))
}

func TestAllEndsWithTheContext(t *testing.T) {
	t.Parallel()
	client, asked := pages(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for run, err := range client.Runs.All(ctx, nil) {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			assert.Nil(t, run)
			break
		}
		n++
		cancel()
	}
	assert.Equal(t, 2, n, "a page that was read is not lost")
	assert.EqualValues(t, 1, asked.Load())
}

func TestACursorThatComesAgainEndsTheWalk(t *testing.T) {
	t.Parallel()
	for name, next := range map[string][]string{"at once": {"a", "a"}, "in a circle": {"a", "b", "c", "a"}, "to the start": {"a", "start"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"items":[{}],"next":%q}`, next[(int(asked.Add(1))-1)%len(next)])
			}))
			t.Cleanup(server.Close)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
			require.NoError(t, err)
			var last error
			items := 0
			for _, err := range client.Models.All(t.Context(), &runflow.ListParams{Cursor: "start"}) {
				if last = err; err == nil {
					items++
				}
			}
			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, last, &decodeErr)
			assert.Equal(t, "next", decodeErr.Field)
			assert.Contains(t, last.Error(), "runflow: Models.List: GET /v1/models: 200")
			assert.Equal(t, len(next), items)
			assert.EqualValues(t, len(next), asked.Load())
		})
	}
}

func TestAllHoldsOnePageAtATime(t *testing.T) {
	t.Parallel()
	const total, limit = 200_000, 500
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
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	n, early := 0, uint64(0)
	for _, err := range client.Runs.All(t.Context(), nil) {
		require.NoError(t, err)
		if n++; n == total/10 {
			early = live()
		}
		if n == total-1 {
			assert.Less(t, live(), early+32<<20, "all of them would be 260 MB")
		}
	}
	assert.Equal(t, total, n)
}

func FuzzPage(f *testing.F) {
	f.Add(`{"items":[{"id":"1"}],"next":"?pq=x"}`)
	f.Add(`{"items":null,"next":"https://api.runflow.io/?pq=x"}`)
	f.Add(`{"items":[],"next":"https://example.com/?pq=x"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		_, err := cannedClient(t, body).Runs.List(t.Context(), nil)
		if err != nil {
			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, err, &decodeErr)
			return
		}
		assert.True(t, json.Valid([]byte(body)))
	})
}
