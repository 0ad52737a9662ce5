package runflow_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/codec"
)

func TestRunsService_Get(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		params runflow.GetRunParams
		uri    string
	}{
		"zero params": {runflow.GetRunParams{}, "/v1/runs/01J0"},
		"embeds": {
			runflow.GetRunParams{Embed: []runflow.RunEmbed{runflow.RunEmbedNodeRuns, "a_new_one"}},
			"/v1/runs/01J0?embed=node_runs%2Ca_new_one",
		},
		"fields":         {runflow.GetRunParams{Fields: []string{"id", "status_code"}}, "/v1/runs/01J0?fields=id%2Cstatus_code"},
		"fields, no id":  {runflow.GetRunParams{Fields: []string{"cost"}}, "/v1/runs/01J0?fields=cost%2Cid"},
		"signed outputs": {runflow.GetRunParams{AddSignature: true}, "/v1/runs/01J0?add_signature=true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, `{"id":"01J0","status_code":"running"}`)
			run, err := server.client(t).Runs.Get(t.Context(), "01J0", tc.params)
			require.NoError(t, err)
			assert.Equal(t, &runflow.Run{ID: "01J0", StatusCode: runflow.RunStatusRunning}, run)
			got := server.only(t)
			assert.Equal(t, "GET", got.Method)
			assert.Equal(t, tc.uri, got.URI)
			assert.Empty(t, got.Body)
			assert.Empty(t, got.Header.Get("Content-Type"))
			assert.Equal(t, "application/json", got.Header.Get("Accept"))
			assert.Equal(t, "Bearer "+token, got.Header.Get("Authorization"))
		})
	}
}

func TestRunsService_Get_BadNames(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	for _, name := range []string{"", "a,b", "a\nb", "\xff"} {
		_, err := server.client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{
			Embed:  []runflow.RunEmbed{"logs", runflow.RunEmbed(name)},
			Fields: []string{name},
		})
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		require.ErrorContains(t, err, "runflow: Runs.Get: params.Embed[1]: must be a name without a comma")
		require.ErrorContains(t, err, "runflow: Runs.Get: params.Fields[0]: must be a name without a comma")
	}
	assert.Empty(t, server.seen())
}

// A response without an ID is not a run, whatever its status says.
func TestRunsService_Get_NoID(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"id":null}`, `{"id":""}`, `{"code":"OOPS","message":"x"}`, `{"id":null,"run_id":null}`} {
		_, err := newAPI(t, 200, body).client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		var decodeErr *runflow.DecodeError
		require.ErrorAs(t, err, &decodeErr, body)
		assert.Equal(t, "id", decodeErr.Field)
		assert.NotErrorIs(t, err, runflow.ErrOutcomeUnknown, "a GET changes nothing, so its outcome does not matter")
	}
	run, err := newAPI(t, 200, `{"run_id":"1","status_code":"queued"}`).client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.NoError(t, err)
	assert.Equal(t, &runflow.Run{ID: "1", StatusCode: runflow.RunStatusQueued}, run)
}

func TestRun_DecodesSample(t *testing.T) {
	t.Parallel()
	data := sampleRun(t)
	server := newAPI(t, 200, string(data))
	run, err := server.client(t).Runs.SetFeedback(t.Context(), "1", runflow.Feedback{Rating: runflow.ThumbsUp})
	require.NoError(t, err)
	again, err := json.Marshal(run)
	require.NoError(t, err)
	assert.JSONEq(t, withoutZeros(string(data)), withoutZeros(string(again)), "encoding a decoded run loses nothing")
	var read runflow.Run
	require.NoError(t, json.Unmarshal(again, &read))
	twice, err := json.Marshal(read)
	require.NoError(t, err)
	assert.Equal(t, string(again), string(twice), "encoding/json decodes what it encoded")
}

// withoutZeros removes the trailing zeros of the sample's decimals, because
// encoding a decimal does not keep them.
func withoutZeros(data string) string { return strings.ReplaceAll(data, `0150"`, `015"`) }

// apiTypes returns all types into which objects of the API are decoded.
func apiTypes() []reflect.Type {
	var types []reflect.Type
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(t.Elem())
		case reflect.Struct:
			if t.PkgPath() != reflect.TypeFor[runflow.Run]().PkgPath() || slices.Contains(types, t) {
				return
			}
			types = append(types, t)
			for field := range t.Fields() {
				visit(field.Type)
			}
		default:
		}
	}
	visit(reflect.TypeFor[runflow.Run]())
	visit(reflect.TypeFor[runflow.CallbackDelivery]())
	return types
}

func TestRun_SampleHasTypedFields(t *testing.T) {
	t.Parallel()
	var sample any
	require.NoError(t, json.Unmarshal(sampleRun(t), &sample))
	var visit func(any, reflect.Type, string)
	visit = func(value any, typ reflect.Type, path string) {
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ == reflect.TypeFor[runflow.JSON]() || typ == reflect.TypeFor[decimal.NullDecimal]() || typ == reflect.TypeFor[time.Time]() {
			return
		}
		switch v := value.(type) {
		case map[string]any:
			fields := map[string]reflect.Type{}
			for field := range typ.Fields() {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				fields[name] = field.Type
			}
			for name, member := range v {
				if assert.Contains(t, fields, name, path) {
					visit(member, fields[name], path+"."+name)
				}
			}
		case []any:
			require.Equal(t, reflect.Slice, typ.Kind(), path)
			for _, item := range v {
				visit(item, typ.Elem(), path+"[]")
			}
		}
	}
	visit(sample, reflect.TypeFor[runflow.Run](), "run")
}

func TestTypes_FieldNames(t *testing.T) {
	t.Parallel()
	initials := map[string]string{"id": "ID", "url": "URL", "ms": "MS", "faq": "FAQ", "seo": "SEO", "gpu": "GPU", "json": "JSON"}
	types := apiTypes()
	assert.Len(t, types, 17)
	for _, typ := range types {
		for field := range typ.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			assert.Equal(t, "omitzero", options, "%s.%s", typ, field.Name)
			want := ""
			for word := range strings.SplitSeq(name, "_") {
				if known, ok := initials[word]; ok {
					want += known
				} else {
					want += strings.ToUpper(word[:1]) + word[1:]
				}
			}
			assert.Equal(t, want, field.Name, "%s", typ)
		}
		assert.Zero(t, typ.NumMethod(), "%s is a plain struct", typ)
	}
}

// With a type that has no plan, every program would link the JSON library.
func TestTypes_HavePlans(t *testing.T) {
	t.Parallel()
	for _, typ := range apiTypes() {
		for field := range typ.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			for _, value := range []string{"null", "[null]", "{}"} {
				err := codec.Unmarshal(t.Context(), []byte(`{"`+name+`":`+value+`}`), reflect.New(typ).Interface())
				if err != nil {
					assert.NotContains(t, err.Error(), "no plan", "%s.%s", typ, field.Name)
				}
			}
		}
	}
}

func TestRun_NullAndAbsent(t *testing.T) {
	t.Parallel()
	var sample map[string]any
	require.NoError(t, json.Unmarshal(sampleRun(t), &sample))
	for name := range sample {
		sample[name] = nil
	}
	nulls, err := json.Marshal(sample)
	require.NoError(t, err)
	var run runflow.Run
	require.NoError(t, runflow.JSON(nulls).Decode(&run))
	for name, free := range map[string]*runflow.JSON{
		"input": &run.Input, "output": &run.Output, "context": &run.Context, "metadata": &run.Metadata,
		"cost_breakdown": &run.CostBreakdown, "links": &run.Links, "flow": &run.Flow,
	} {
		if name != "flow" {
			assert.Equal(t, "null", free.String(), name)
		}
		assert.True(t, free.IsNull(), name)
		*free = nil
	}
	assert.Zero(t, run)
	assert.True(t, run.CreatedAt.IsZero())
}

func TestRunStatus(t *testing.T) {
	t.Parallel()
	for status, isTerminal := range map[string]bool{
		"queued": false, "dispatching": false, "running": false,
		"succeeded": true, "failed": true, "cancelled": true, "canceled": true, "partial_succeeded": true,
		"a_new_one": false, "": false,
	} {
		assert.Equal(t, isTerminal, runflow.RunStatus(status).IsTerminal(), status)
		var run runflow.Run
		require.NoError(t, json.Unmarshal([]byte(`{"status_code":"`+status+`"}`), &run))
		assert.Equal(t, isTerminal, run.StatusCode.IsTerminal(), status)
		if status == "canceled" {
			status = "cancelled"
		}
		assert.Equal(t, runflow.RunStatus(status), run.StatusCode)
	}
}

func TestRun_MalformedRequiredValue(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"id":"1","cost":"canary"}`:                           "cost",
		`{"id":"1","cost":"` + strings.Repeat("9", 200) + `"}`: "cost",
		`{"id":"1","cost":1e999999}`:                           "cost",
		`{"id":"1","model":{"pricing":[{},{"price":{}}]}}`:     "model.pricing[1].price",
		`{"id":7}`:                         "id",
		`{"id":"1","logs":[{"id":["x"]}]}`: "logs[0].id",
	} {
		server := newAPI(t, 200, body, "X-Request-Id", "req-1")
		_, err := server.client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		var decodeErr *runflow.DecodeError
		require.ErrorAs(t, err, &decodeErr, body)
		assert.Equal(t, field, decodeErr.Field)
		assert.Equal(t, 200, decodeErr.StatusCode)
		assert.Equal(t, "req-1", decodeErr.RequestID)
		assert.Equal(t, "/v1/runs/{run_id}", decodeErr.Route)
		assert.Contains(t, err.Error(), field)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestRun_OddOptionalValueIsAbsent(t *testing.T) {
	t.Parallel()
	for _, member := range []string{
		`"duration_ms":12.5`, `"duration_ms":"1234"`, `"duration_ms":` + strings.Repeat("9", 1000), `"nodes_total":{}`,
		`"created_at":1762493516`, `"created_at":""`, `"created_at":"soon"`, `"created_at":true`,
		`"has_logs":"yes"`, `"client_ref":7`, `"status_code":["x"]`, `"feedback_is_positive":"up"`,
		`"node_runs":{}`, `"logs":"none"`, `"model":"acme/cat"`, `"logs":[7,"x"]`,
	} {
		client := cannedClient(t, `{"items":[{"id":"1",`+member+`,"cost":"0.10"}]}`)
		page, err := client.Runs.List(t.Context(), runflow.ListRunsParams{})
		require.NoError(t, err, member)
		require.Len(t, page.Items, 1)
		run := page.Items[0]
		assert.Equal(t, "0.1", run.Cost.Decimal.String(), "the values after it are decoded")
		run.Logs = slices.Clip(run.Logs)
		if len(run.Logs) == 0 {
			run.Logs = nil
		}
		run.Cost = decimal.NullDecimal{}
		assert.Equal(t, runflow.Run{ID: "1"}, run, member)
	}
	run, err := cannedClient(t, `{"id":"1","created_at":"2026-05-06T10:00:00.5+0000"}`).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 5, 6, 10, 0, 0, 5e8, time.UTC), run.CreatedAt.UTC())
}

func FuzzRun_RoundTrip(f *testing.F) {
	f.Add(sampleRun(f))
	f.Add([]byte(`{"cost":null,"status_code":"canceled","x":1}`))
	f.Add([]byte(`{"cost":1e-5,"created_at":"2023-11-07 05:31:56","output":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var run runflow.Run
		if len(data) == 0 || runflow.JSON(data).Decode(&run) != nil {
			return
		}
		encoded, err := json.Marshal(run)
		if err != nil {
			return // json.Marshal refuses a year above 9999, and a free-form value with invalid UTF-8
		}
		var again runflow.Run
		require.NoError(t, json.Unmarshal(encoded, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(encoded), string(twice))
	})
}

func BenchmarkRun_Decode(b *testing.B) {
	data := runflow.JSON(sampleRun(b))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var run runflow.Run
		if err := data.Decode(&run); err != nil {
			b.Fatal(err)
		}
	}
}
