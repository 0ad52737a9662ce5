package runflow_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-querystring/query"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestGetReadsARun(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		params *runflow.RunGetParams
		uri    string
	}{
		"nil params":  {nil, "/v1/runs/01J0"},
		"zero params": {&runflow.RunGetParams{}, "/v1/runs/01J0"},
		"embeds": {
			&runflow.RunGetParams{Embed: []runflow.RunEmbed{runflow.RunEmbedNodeRuns, "a_new_one"}},
			"/v1/runs/01J0?embed=node_runs%2Ca_new_one",
		},
		"fields": {
			&runflow.RunGetParams{Fields: []string{"id", "status_code"}},
			"/v1/runs/01J0?fields=id%2Cstatus_code",
		},
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

func TestGetRefusesNamesThatAListCannotCarry(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	for _, name := range []string{"", "a,b", "a\nb"} {
		_, err := server.client(t).Runs.Get(t.Context(), "1", &runflow.RunGetParams{
			Embed:  []runflow.RunEmbed{"logs", runflow.RunEmbed(name)},
			Fields: []string{name},
		})
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		require.ErrorContains(t, err, "runflow: Runs.Get: params.Embed[1]: must be a name")
		require.ErrorContains(t, err, "runflow: Runs.Get: params.Fields[0]: must be a name")
	}
	assert.Empty(t, server.seen())
}

func TestTheSampleIsReadIntoTypedFields(t *testing.T) {
	t.Parallel()
	data := sampleRun(t)
	server := newAPI(t, 200, string(data))
	run, err := server.client(t).Runs.SetFeedback(t.Context(), "1", runflow.Feedback{IsPositive: true})
	require.NoError(t, err)

	assertNoExtra(t, reflect.ValueOf(run), "run")

	again, err := json.Marshal(run)
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(again), "what was read can be written again without a loss")
}

// assertNoExtra fails where any object held a field that has no name in Go.
func assertNoExtra(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			assertNoExtra(t, v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			assertNoExtra(t, v.Index(i), path+"[]")
		}
	case reflect.Struct:
		if v.Type().PkgPath() != reflect.TypeFor[runflow.Run]().PkgPath() {
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.Name == "Extra" {
				assert.Empty(t, v.Field(i).Interface(), path)
				continue
			}
			assertNoExtra(t, v.Field(i), path+"."+field.Name)
		}
	default:
	}
}

// apiTypes are all types that the API's objects are read into.
func apiTypes() []reflect.Type {
	var types []reflect.Type
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(t.Elem())
		case reflect.Struct:
			if t.PkgPath() != reflect.TypeFor[runflow.Run]().PkgPath() {
				return
			}
			if slices.Contains(types, t) {
				return
			}
			types = append(types, t)
			for field := range t.Fields() {
				walk(field.Type)
			}
		default:
		}
	}
	walk(reflect.TypeFor[runflow.Run]())
	walk(reflect.TypeFor[runflow.CallbackDelivery]())
	return types
}

func TestEveryJSONPathOfTheSampleHasATypedField(t *testing.T) {
	t.Parallel()
	var sample any
	require.NoError(t, json.Unmarshal(sampleRun(t), &sample))
	var walk func(any, reflect.Type, string)
	walk = func(value any, typ reflect.Type, path string) {
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
					walk(member, fields[name], path+"."+name)
				}
			}
		case []any:
			require.Equal(t, reflect.Slice, typ.Kind(), path)
			for _, item := range v {
				walk(item, typ.Elem(), path+"[]")
			}
		}
	}
	walk(sample, reflect.TypeFor[runflow.Run](), "run")
}

func TestGoNamesAreTheAPIsNames(t *testing.T) {
	t.Parallel()
	initials := map[string]string{"id": "ID", "url": "URL", "ms": "MS", "faq": "FAQ", "seo": "SEO", "gpu": "GPU", "json": "JSON"}
	types := apiTypes()
	assert.Len(t, types, 17)
	for _, typ := range types {
		for field := range typ.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Name == "Extra" {
				assert.Equal(t, "embed", options)
				continue
			}
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
	}
}

func TestEveryTypeBehavesTheSameUnderEncodingJSON(t *testing.T) {
	t.Parallel()
	const object = `{
		"id": null, "name": null, "sort_order": null, "score": null, "cost": "0.10", "price": 1.50,
		"created_at": "2023-11-07T05:31:56", "deleted_at": null, "ID": "wrong case", "a_new_field": [1 , 2]
	}`
	for _, typ := range apiTypes() {
		t.Run(typ.Name(), func(t *testing.T) {
			t.Parallel()
			v := reflect.New(typ)
			require.NoError(t, json.Unmarshal([]byte(object), v.Interface()))
			assert.Equal(t, `[1 , 2]`, v.Elem().FieldByName("Extra").Interface().(runflow.Extra)["a_new_field"].String())
			assert.Contains(t, v.Elem().FieldByName("Extra").Interface(), "ID")
			if created := v.Elem().FieldByName("CreatedAt"); created.IsValid() {
				assert.Equal(t, time.Date(2023, 11, 7, 5, 31, 56, 0, time.UTC), *created.Interface().(*time.Time))
			}
			written, err := json.Marshal(v.Elem().Interface())
			require.NoError(t, err)
			byPointer, err := json.Marshal(v.Interface())
			require.NoError(t, err)
			assert.Equal(t, string(written), string(byPointer))
			if cost := v.Elem().FieldByName("Cost"); cost.IsValid() {
				assert.Contains(t, string(written), `"cost":"0.10"`)
			}
			if price := v.Elem().FieldByName("Price"); price.IsValid() {
				assert.Contains(t, string(written), `"price":"1.50"`)
			}

			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, json.Unmarshal([]byte(`[]`), v.Interface()), &decodeErr)
		})
	}
}

func TestNullAndAbsentReadAlike(t *testing.T) {
	t.Parallel()
	var sample map[string]any
	require.NoError(t, json.Unmarshal(sampleRun(t), &sample))
	for name := range sample {
		sample[name] = nil
	}
	nulls, err := json.Marshal(sample)
	require.NoError(t, err)
	var fromNulls runflow.Run
	require.NoError(t, json.Unmarshal(nulls, &fromNulls))
	for name, free := range map[string]*runflow.JSON{
		"input": &fromNulls.Input, "output": &fromNulls.Output, "context": &fromNulls.Context,
		"metadata": &fromNulls.Metadata, "cost_breakdown": &fromNulls.CostBreakdown, "links": &fromNulls.Links,
	} {
		assert.Equal(t, "null", free.String(), name)
		assert.True(t, free.IsNull(), name)
		*free = nil
	}
	assert.Zero(t, fromNulls)
}

func TestFreeFormValuesMayBeAnything(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{"b": 1, "a": [ ]}`, `[1, 2.50]`, `"text"`, `12345678901234567890.10`, `true`, `null`} {
		var run runflow.Run
		require.NoError(t, json.Unmarshal([]byte(`{"output":`+value+`}`), &run))
		assert.Equal(t, value, string(run.Output), "the exact bytes")
		assert.Equal(t, value == "null", run.Output.IsNull())
	}
}

func TestJSONDecodes(t *testing.T) {
	t.Parallel()
	var output struct {
		ImageURLs []string         `json:"image_urls"`
		Cost      runflow.JSON     `json:"cost"`
		Nested    *runflow.NodeRun `json:"nested"`
	}
	require.NoError(t, runflow.JSON(`{"image_urls":["https://a"],"cost":1.50,"nested":{"id":"n"},"new":1}`).Decode(&output))
	assert.Equal(t, []string{"https://a"}, output.ImageURLs)
	assert.Equal(t, "1.50", output.Cost.String())
	assert.Equal(t, "n", output.Nested.ID)

	err := runflow.JSON(`{"image_urls":"canary"}`).Decode(&output)
	var decodeErr *runflow.DecodeError
	require.ErrorAs(t, err, &decodeErr)
	assert.Equal(t, "image_urls", decodeErr.Field)
	require.EqualError(t, err, "runflow: cannot read the JSON: image_urls: want a list, got a string")

	value := any("before")
	require.NoError(t, runflow.JSON(nil).Decode(&value))
	assert.Nil(t, value)
	assert.Equal(t, "null", runflow.JSON(nil).String())

	data, err := json.Marshal(map[string]runflow.JSON{"absent": nil})
	require.NoError(t, err)
	assert.JSONEq(t, `{"absent":null}`, string(data))
}

func TestJSONKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	data := []byte(`{"output":{"a":1}}`)
	var run runflow.Run
	require.NoError(t, json.Unmarshal(data, &run))
	for i := range data {
		data[i] = 'x'
	}
	assert.Equal(t, `{"a":1}`, run.Output.String())
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, terminal := range map[string]bool{
		"queued": false, "dispatching": false, "running": false,
		"succeeded": true, "failed": true, "cancelled": true, "canceled": true, "partial_succeeded": true,
		"a_new_one": false, "": false,
	} {
		assert.Equal(t, terminal, runflow.RunStatus(status).IsTerminal(), status)
		var run runflow.Run
		require.NoError(t, json.Unmarshal([]byte(`{"status_code":"`+status+`"}`), &run))
		assert.Equal(t, terminal, run.StatusCode.IsTerminal(), status)
		if status == "canceled" {
			status = "cancelled"
		}
		assert.Equal(t, runflow.RunStatus(status), run.StatusCode, "unknown ones survive, and there is one cancelled")
	}
}

func TestMalformedValuesAreNamed(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"cost":"canary"}`:                               "cost",
		`{"created_at":"canary"}`:                         "created_at",
		`{"duration_ms":"canary"}`:                        "duration_ms",
		`{"duration_ms":1.5}`:                             "duration_ms",
		`{"model":{"pricing":[{},{"price":{}}]}}`:         "model.pricing[1].price",
		`{"node_runs":{}}`:                                "node_runs",
		`{"id":"1","id":"canary"}`:                        "id",
		`{"logs":[{"run":{"model":{"is_public":"no"}}}]}`: "logs[0].run.model.is_public",
	} {
		server := newAPI(t, 200, body, "X-Request-Id", "req-1")
		_, err := server.client(t).Runs.Get(t.Context(), "1", nil)
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

// A type that the query library would drop, as it drops decimals, must not get
// into any params.
func TestEveryFieldOfTheParamsIsSent(t *testing.T) {
	t.Parallel()
	list := runflow.ListParams{Query: "x", Limit: 1, SortBy: "x", Fields: []string{"x"}, Cursor: "x", FromPrev: true}
	for _, params := range []any{
		list,
		runflow.RunGetParams{Embed: []runflow.RunEmbed{"x"}, Fields: []string{"x"}, AddSignature: true},
		runflow.RunListParams{ListParams: list, Embed: []runflow.RunEmbed{"x"}, AddSignature: true},
	} {
		values, err := query.Values(params)
		require.NoError(t, err)
		sent := 0
		for _, field := range reflect.VisibleFields(reflect.TypeOf(params)) {
			if field.Anonymous {
				continue
			}
			sent++
			name, options, _ := strings.Cut(field.Tag.Get("url"), ",")
			assert.False(t, reflect.ValueOf(params).FieldByIndex(field.Index).IsZero(), name)
			assert.Contains(t, []string{"x", "1", "true"}, values.Get(name), name)
			assert.Contains(t, options, "omitempty", name)
		}
		assert.Len(t, values, sent)
	}
}

func FuzzRunSurvivesAnything(f *testing.F) {
	f.Add(sampleRun(f))
	f.Add([]byte(`{"cost":null,"status_code":"canceled","x":1}`))
	f.Add([]byte(`{"cost":1e-5,"created_at":"2023-11-07 05:31:56","output":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var run runflow.Run
		if json.Unmarshal(data, &run) != nil {
			return
		}
		written, err := json.Marshal(run)
		require.NoError(t, err)
		var again runflow.Run
		require.NoError(t, json.Unmarshal(written, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(written), string(twice))
	})
}

func BenchmarkRunUnmarshal(b *testing.B) {
	data := sampleRun(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var run runflow.Run
		if err := run.UnmarshalJSON(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRunMarshal(b *testing.B) {
	var run runflow.Run
	require.NoError(b, run.UnmarshalJSON(sampleRun(b)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := run.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}
