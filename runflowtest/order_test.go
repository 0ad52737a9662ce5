package runflowtest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// envelope is the response of a list.
type envelope struct {
	Items []struct {
		ID string `json:"id"`
	} `json:"items"`
	First    *string `json:"first"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
}

func (e envelope) ids() []string {
	var ids []string
	for _, item := range e.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

func get(t *testing.T, server *runflowtest.Server, path string, query url.Values) envelope {
	t.Helper()
	status, body := send(t, server, http.MethodGet, path+"?"+query.Encode(), "")
	require.Equal(t, 200, status, body)
	var page envelope
	require.NoError(t, json.Unmarshal([]byte(body), &page))
	return page
}

func TestServer_ListRuns_CursorKeepsPlace(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for name, tc := range map[string]struct {
		change func(*runflowtest.Server)
		want   []string
	}{
		"nothing changes":      {func(*runflowtest.Server) {}, []string{"2", "1"}},
		"its run is removed":   {func(s *runflowtest.Server) { s.AddRun(runflow.Run{ID: "3", CreatedAt: day(3)}) }, []string{"2", "1"}},
		"next run is removed":  {func(s *runflowtest.Server) { s.AddRun(runflow.Run{ID: "2", CreatedAt: day(2)}) }, []string{"1"}},
		"its run moves":        {func(s *runflowtest.Server) { s.AddRun(runflow.Run{ID: "3", ClientRef: "it", CreatedAt: day(9)}) }, []string{"2", "1"}},
		"newer run is added":   {func(s *runflowtest.Server) { s.AddRun(runflow.Run{ID: "5", ClientRef: "it", CreatedAt: day(5)}) }, []string{"2", "1"}},
		"run without creation": {func(s *runflowtest.Server) { s.AddRun(runflow.Run{ID: "0", ClientRef: "it"}) }, []string{"2", "1", "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := start(t)
			for n := 1; n <= 4; n++ {
				server.AddRun(runflow.Run{ID: strconv.Itoa(n), ClientRef: "it", CreatedAt: day(n)})
			}
			query := url.Values{"q": {"client_ref.eq:'it'"}, "limit": {"2"}}
			page := get(t, server, "/v1/runs", query)
			assert.Equal(t, []string{"4", "3"}, page.ids())
			assert.Nil(t, page.First)
			assert.Nil(t, page.Previous)
			tc.change(server)
			query.Set("limit", "3")
			query.Set("pq", *page.Next)
			assert.Equal(t, tc.want, get(t, server, "/v1/runs", query).ids())
		})
	}
}

func TestServer_ListRuns_FirstAndPreviousPage(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for n := range 5 {
		server.AddRun(runflow.Run{ID: strconv.Itoa(n)})
	}
	first := get(t, server, "/v1/runs", url.Values{"limit": {"2"}})
	second := get(t, server, "/v1/runs", url.Values{"limit": {"2"}, "pq": {*first.Next}})
	last := get(t, server, "/v1/runs", url.Values{"limit": {"2"}, "pq": {*second.Next}})
	assert.Equal(t, []string{"0"}, last.ids())
	assert.Nil(t, last.Next)
	assert.Equal(t, second, get(t, server, "/v1/runs", url.Values{"limit": {"2"}, "pq": {*last.Previous}, "from_prev": {"true"}}))
	assert.Equal(t, first, get(t, server, "/v1/runs", url.Values{"limit": {"2"}, "pq": {*second.Previous}, "from_prev": {"true"}}))
	assert.Equal(t, first, get(t, server, "/v1/runs", url.Values{"limit": {"2"}, "pq": {*last.First}}))
	for _, cursor := range []string{*first.Next, *last.Previous, *last.First} {
		_, err := base64.RawURLEncoding.DecodeString(cursor)
		assert.NoError(t, err)
	}
}

func TestServer_ListRuns_SortBy(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	at := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return at
	}
	ms := func(n int64) *int64 { return &n }
	for _, run := range []runflow.Run{
		{ID: "c", CreatedAt: at("2026-01-01T00:00:00.5Z"), DurationMS: ms(9), ClientRef: "9"},
		{ID: "d", CreatedAt: at("2026-01-01T00:00:00Z"), DurationMS: ms(10), ClientRef: "10"},
		{ID: "b", CreatedAt: at("2026-01-01T00:30:00+01:00"), DurationMS: ms(10), ClientRef: `"`},
		{ID: "a"},
	} {
		server.AddRun(run)
	}
	for by, want := range map[string][]string{
		"":                            {"c", "d", "b", "a"},
		"created_at:desc":             {"c", "d", "b", "a"},
		"created_at:asc":              {"a", "b", "d", "c"},
		"created_at":                  {"a", "b", "d", "c"},
		"duration_ms:desc":            {"d", "b", "c", "a"},
		"duration_ms:desc,id:asc":     {"b", "d", "c", "a"},
		"duration_ms:asc, client_ref": {"a", "c", "b", "d"},
		"client_ref:asc":              {"a", "b", "d", "c"}, // strings, even if they look like numbers
		"failure_code:asc":            {"c", "d", "b", "a"},
	} {
		assert.Equal(t, want, get(t, server, "/v1/runs", url.Values{"sort_by": {by}}).ids(), by)
		var paged []string
		for query := (url.Values{"sort_by": {by}, "limit": {"1"}}); ; {
			page := get(t, server, "/v1/runs", query)
			paged = append(paged, page.ids()...)
			if page.Next == nil {
				break
			}
			query.Set("pq", *page.Next)
		}
		assert.Equal(t, want, paged, by)
	}

	var stored []string
	for _, run := range server.Runs() {
		stored = append(stored, run.ID)
	}
	assert.Equal(t, []string{"a", "b", "d", "c"}, stored, "the oldest first")
}

func TestServer_ListParts_EqualItems(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	server.AddRun(runflow.Run{ID: "1", Logs: []runflow.RunLog{{ID: "l"}, {ID: "l"}, {ID: "l"}}})
	for _, parent := range []string{"1", "any"} {
		n := 0
		for query := (url.Values{"limit": {"1"}}); ; {
			page := get(t, server, "/v1/runs/"+parent+"/logs", query)
			n += len(page.Items)
			if page.Next == nil {
				break
			}
			query.Set("pq", *page.Next)
		}
		assert.Equal(t, 3, n)
	}
}

func TestServer_ListRuns_BadCursor(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	server.AddRun(runflow.Run{})
	server.AddRun(runflow.Run{})
	next := *get(t, server, "/v1/runs", url.Values{"limit": {"1"}}).Next
	encode := base64.RawURLEncoding.EncodeToString
	for name, query := range map[string]url.Values{
		"of another order": {"pq": {next}, "sort_by": {"id:asc"}},
		"cut off":          {"pq": {next[:len(next)-3]}},
		"not base64":       {"pq": {"!"}},
		"not JSON":         {"pq": {encode([]byte("none"))}},
		"empty list":       {"pq": {encode([]byte("[]"))}},
		"too few keys":     {"pq": {encode([]byte(`["","a"]`))}},
		"object":           {"pq": {encode([]byte(`{"a":1}`))}},
	} {
		status, body := send(t, server, http.MethodGet, "/v1/runs?"+query.Encode(), "")
		assert.Equal(t, 400, status, "%s: %s", name, body)
		assert.Contains(t, body, `"code":"BAD_REQUEST"`, name)
	}
}
