package codec

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An optional value of an unexpected form is absent, and everything after it is read.
func TestUnmarshal_OptionalValues(t *testing.T) {
	t.Parallel()
	odd := map[string][]string{
		"name":  {"1", "true", "[1]", `{"name":"x"}`},
		"count": {"1.5", `"1234"`, "99999999999999999999", "1e3", "[]", "true", `{"count":1}`},
		"large": {"12.5", `"1"`, "99999999999999999999", "{}"},
		"score": {`"1"`, "1e999", "[1]", "false"},
		"ratio": {`"1"`, "1e999", "{}"},
		"done":  {`"true"`, "1", "[]", "{}"},
		"known": {`"true"`, "0", "[true]"},
		"grade": {"1", `"canary"`, "[]", "true"},
		"at":    {"1699335116", `""`, `"soon"`, `"+0000"`, "[]", "{}", "true"},
		"names": {`"a"`, "{}", `["a",2]`, `["a",2,3]`, `["a",["b"],"c"]`, `["a",{"name":"x","b":["y"]},"c"]`},
		"inner": {`"a"`, "1", "[]", `[{"name":"x"}]`},
		"value": {`"a"`, "1", `[{"size":1}]`},
		"list":  {`"a"`, "1", `{"size":1}`},
		"deep":  {`[["a"],"b"]`, `[["a",[1]],["b"]]`, `[[["a"]]]`},
	}
	for field, values := range odd {
		for _, value := range values {
			v := thing{Name: "before", Count: 1, Grade: "A", Names: []string{"a"}, Inner: &thing{}, List: []part{{}}, At: time.Unix(0, 0), Done: true, Value: part{"a", 1}}
			document := `{"id":"a","` + field + `":` + value + `,"score":1,"total":"2","Notes":"x"}`
			require.NoError(t, unmarshal(t, document, &v), document)
			var want thing
			require.NoError(t, unmarshal(t, `{"id":"a","name":"before","count":1,"grade":"a","names":["a"],"inner":{},"list":[{}],"at":"1970-01-01T00:00:00Z","done":true,"value":{"id":"a","size":1},"`+
				field+`":null,"score":1,"total":"2"}`, &want))
			if v.At.Equal(want.At) {
				v.At = want.At
			}
			assert.Equal(t, want, v, document)
		}
	}
}

func TestUnmarshal_OddElementsAreLeftOut(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, unmarshal(t, `{"list":[{"id":"a"},1,[{"id":"b"}],"c",{"id":"d","size":"x"},null],"name":"after"}`, &v))
	assert.Equal(t, thing{Name: "after", List: []part{{ID: "a"}, {ID: "d"}, {}}}, v)
}

// The members of an object that is skipped must not be decoded as members of the
// surrounding object.
func TestUnmarshal_StrictValueInOptionalOne(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"name":"outer","inner":{"id":5,"name":"inner"},"count":1}`:         "inner.id: want a string, got a number",
		`{"name":"outer","list":[{"id":5,"size":1}],"count":1}`:              "list[0].id: want a string, got a number",
		`{"name":"outer","inner":{"total":"x","name":"inner"},"count":1}`:    "inner.total: not a decimal number",
		`{"name":"outer","inner":{"list":[{"id":[]}],"name":"i"},"count":1}`: "inner.list[0].id: want a string, got a list",
	} {
		var v thing
		require.EqualError(t, unmarshal(t, document, &v), want)
		assert.Equal(t, "outer", v.Name)
	}
}

func TestUnmarshal_FreeFormValueIsKept(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{"a":1,"a":2}`, `{ "a" : [ 1.50 , "\u0041" ] }`, "null", "1e999", `"x"`} {
		var v thing
		require.NoError(t, unmarshal(t, `{"free": `+value+` ,"name":"a"}`, &v))
		assert.Equal(t, thing{Name: "a", Free: raw(value)}, v)
	}
}

func TestUnmarshal_SecondDocument(t *testing.T) {
	t.Parallel()
	var v thing
	const document = `{"id":"a","names":["a","b"],"inner":{"name":"x","inner":{}},"list":[{"id":"a"},{"id":"b"}],"free":{"a":1},"cost":1,"at":"2023-11-07T05:31:56Z","large":1}`
	require.NoError(t, unmarshal(t, document, &v))
	var other thing
	require.NoError(t, unmarshal(t, document, &other))
	require.NoError(t, unmarshal(t, document, &v))
	assert.Equal(t, other, v)
	first := v.Inner
	require.NoError(t, unmarshal(t, `{"names":["c"],"inner":{"count":1},"list":[{"size":1}],"free":null,"large":null}`, &v))
	assert.Equal(t, thing{
		ID: "a", Names: []string{"c"}, Inner: &thing{Count: 1}, List: []part{{Size: 1}}, Free: raw("null"),
		Cost: other.Cost, At: other.At,
	}, v)
	assert.Equal(t, "x", first.Name, "values that the caller keeps from the first document do not change")

	var maps map[string]any
	require.NoError(t, unmarshal(t, `{"a":{"b":1}}`, &maps))
	require.NoError(t, unmarshal(t, `{"a":[1],"c":2}`, &maps))
	assert.Equal(t, map[string]any{"a": []any{1.0}, "c": 2.0}, maps)
	inner := part{Size: 1}
	var pointer any = &inner
	require.NoError(t, unmarshal(t, `{"id":"a"}`, &pointer))
	assert.Equal(t, part{ID: "a", Size: 1}, inner)
}

func TestUnmarshal_Null(t *testing.T) {
	t.Parallel()
	n, yes := int64(1), true
	v := thing{
		ID: "a", Name: "a", Count: 1, Large: &n, Score: 1, Done: true, Known: &yes, Grade: "A", At: time.Unix(1, 0), Names: []string{"a"},
		Inner: &thing{}, Value: part{ID: "a"}, List: []part{{}}, Deep: [][]string{{}},
	}
	require.NoError(t, unmarshal(t, `{"id":null,"name":null,"count":null,"large":null,"score":null,"done":null,"known":null,"grade":null,"at":null,
		"names":null,"inner":null,"value":null,"list":null,"deep":null}`, &v))
	assert.Equal(t, thing{}, v)
	v.Name = "a"
	require.NoError(t, unmarshal(t, `null`, &v))
	assert.Equal(t, thing{}, v)
}

// A caller can embed the SDK's types, to read members that they do not have. An
// anonymous struct belongs to no package, like a type of a caller to no package of
// the SDK.
func TestUnmarshal_Embedded(t *testing.T) {
	t.Parallel()
	const document = `{"id":"a","size":"odd","new_field":"x","NewField":"y"}`
	t.Run("by value", func(t *testing.T) {
		t.Parallel()
		var v struct {
			Part

			New string `json:"new_field"`
		}
		require.NoError(t, unmarshal(t, document, &v))
		assert.Equal(t, Part{ID: "a"}, v.Part)
		assert.Equal(t, "x", v.New)
	})
	t.Run("by pointer", func(t *testing.T) {
		t.Parallel()
		var v struct {
			*Part

			NewField string
		}
		require.NoError(t, unmarshal(t, document, &v))
		assert.Equal(t, &Part{ID: "a"}, v.Part)
		assert.Equal(t, "y", v.NewField)
		same := v.Part
		require.NoError(t, unmarshal(t, `{"size":1}`, &v))
		assert.Same(t, same, v.Part)
		assert.Equal(t, Part{ID: "a", Size: 1}, *same)
	})
	t.Run("pointer without members", func(t *testing.T) {
		t.Parallel()
		var v struct{ *Part }
		require.NoError(t, unmarshal(t, `{"other":1}`, &v))
		assert.Nil(t, v.Part)
	})
	t.Run("with options", func(t *testing.T) {
		t.Parallel()
		var v struct {
			Part `json:",omitzero"`
		}
		require.NoError(t, unmarshal(t, document, &v))
		assert.Equal(t, Part{ID: "a"}, v.Part)
	})
	t.Run("with a name", func(t *testing.T) {
		t.Parallel()
		var v struct {
			Part   `json:"part"`
			*Other `json:"-"`
		}
		require.NoError(t, unmarshal(t, `{"id":"a","part":{"id":"b","size":"odd"}}`, &v))
		assert.Equal(t, Part{ID: "b"}, v.Part)
		assert.Nil(t, v.Other)
	})
	t.Run("in lists and maps", func(t *testing.T) {
		t.Parallel()
		var v map[string][]struct {
			Part

			New string `json:"new_field"`
		}
		require.NoError(t, unmarshal(t, `{"a":[`+document+`,null]}`, &v))
		require.Len(t, v["a"], 2)
		assert.Equal(t, Part{ID: "a"}, v["a"][0].Part)
		assert.Equal(t, "x", v["a"][0].New)
	})
	t.Run("caller's field hides the SDK's", func(t *testing.T) {
		t.Parallel()
		var v struct {
			Part

			Size string `json:"size"`
		}
		require.NoError(t, unmarshal(t, document, &v))
		assert.Equal(t, "odd", v.Size)
		require.EqualError(t, unmarshal(t, `{"size":1}`, &v), "size: want a string, got a number", "it is not optional")
	})
	t.Run("two fields of one depth", func(t *testing.T) {
		t.Parallel()
		// As a literal, go vet would refuse it.
		embedding := reflect.StructOf([]reflect.StructField{
			{Name: "Part", Type: reflect.TypeFor[Part](), Anonymous: true},
			{Name: "Other", Type: reflect.TypeFor[Other](), Anonymous: true},
		})
		v := reflect.New(embedding)
		require.NoError(t, unmarshal(t, `{"id":"a","size":1,"name":"b"}`, v.Interface()))
		assert.Equal(t, Part{Size: 1}, v.Elem().Field(0).Interface())
		assert.Equal(t, Other{Name: "b"}, v.Elem().Field(1).Interface())
	})
	t.Run("less deep one counts", func(t *testing.T) {
		t.Parallel()
		var v struct {
			Wrapped
			Other
		}
		require.NoError(t, unmarshal(t, `{"id":"a","size":1}`, &v))
		assert.Equal(t, Part{Size: 1}, v.Part)
		assert.Equal(t, "a", v.ID)
	})
}

type Part part

type Other struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type Wrapped struct{ Part }

// A Loop embeds itself, and Ping and Pong embed each other.
type (
	Loop struct {
		*Loop

		ID string `json:"id"`
	}
	Ping struct {
		*Pong

		ID string `json:"id"`
	}
	Pong struct {
		*Ping

		Name string `json:"name"`
	}
)

func TestUnmarshal_EmbedsItself(t *testing.T) {
	t.Parallel()
	var loop struct{ Loop }
	require.NoError(t, unmarshal(t, `{"id":"a"}`, &loop))
	assert.Equal(t, Loop{ID: "a"}, loop.Loop)
	var ping Ping
	require.NoError(t, unmarshal(t, `{"id":"a","name":"b"}`, &ping))
	assert.Equal(t, Ping{ID: "a", Pong: &Pong{Name: "b"}}, ping)
}

// Outer is a caller's struct that embeds a struct of the SDK. Foreign is one that
// embeds only itself.
type (
	Outer   struct{ Middle }
	Middle  struct{ *Part }
	Foreign struct {
		*Foreign

		ID string
	}
)

//nolint:paralleltest // it changes which types are the SDK's
func TestIsPlanned_TypesOfCallers(t *testing.T) {
	own := module
	defer func() { module = own }()
	module = "elsewhere.example/module"
	assert.False(t, isPlanned(reflect.TypeFor[Foreign]()))
	assert.False(t, isPlanned(reflect.TypeFor[Outer]()))
	module = own
	assert.True(t, isPlanned(reflect.TypeFor[Outer]()))
}

// The plans must decode documents like the library does.
func TestUnmarshal_AgreesWithLibrary(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		`{}`,
		`null`,
		` { "id" : "a" , "name" : "b" } `,
		`{"grade":"a","done":true,"count":-7,"score":-1.5e3,"at":"2023-11-07T05:31:56Z","cost":"0.10","total":1}`,
		`{"at":"2023-11-07T05:31:56.5+02:00"}`,
		`{"grade":null,"done":null,"count":null,"score":null,"cost":null,"total":null,"free":null,"names":null,"inner":null,"value":null,"list":null,"at":null}`,
		`{"done":false,"free":{"a":[{"b":1}]},"names":[],"list":[],"deep":[[],["a"],null]}`,
		`{"names":["` + strings.Repeat("long", 20) + `","a\"b","\ud83d\ude00","é",null]}`,
		`{"inner":{"inner":{"count":1}},"list":[{"size":2},null,{}],"value":{"size":1}}`,
		`{"count":1,"unknown":{"count":2},"grade":"b"}`,
		`{"score":1,"c\u006funt":3,"large":9223372036854775807,"ratio":0,"known":false}`,
		`{"large":-9223372036854775808,"count":0,"score":-0}`,
	} {
		checkAgainstLibrary(t, []byte(document))
	}
}

func FuzzUnmarshal_AgreesWithLibrary(f *testing.F) {
	f.Add([]byte(`{"id":"a","grade":"a","done":true,"count":-7,"score":-1.5e3,"at":"2023-11-07T05:31:56+02:00","cost":"0.10"}`))
	f.Add([]byte(`{"names":["a",2],"inner":{"list":[{"id":"a","size":1.5},null]},"deep":[["a",[1]]],"total":1}`))
	f.Fuzz(func(t *testing.T, data []byte) { checkAgainstLibrary(t, data) })
}

// restricted matches amounts that the library accepts and the SDK refuses, and
// numbers that are too long for the SDK. The SDK refuses a null document too.
var restricted = regexp.MustCompile(`[0-9.]{100}|[0-9][eE]`)

// checkAgainstLibrary decodes a document with the SDK and, if it can, with the
// library, and compares the results.
func checkAgainstLibrary(t *testing.T, data []byte) {
	t.Helper()
	var want, got thing
	strict := jsontext.Value(data).IsValid(jsontext.AllowInvalidUTF8(true))
	if !strict || json.Unmarshal(data, &want, json.JoinOptions(tolerant...)) != nil {
		return
	}
	err := Unmarshal(t.Context(), data, &got)
	if restricted.Match(data) || string(bytes.TrimSpace(data)) == "null" {
		return
	}
	require.NoError(t, err, "%q", data)
	want.Notes = ""
	normalize(&want)
	normalize(&got)
	assert.Equal(t, want, got, "%q", data)
}

// normalize removes differences without meaning: the location of a time, the
// spelling of an amount, and a field that the plans do not decode.
func normalize(v *thing) {
	for ; v != nil; v = v.Inner {
		v.At, v.Notes = v.At.UTC(), ""
		v.Cost.Decimal, v.Total = decimal.RequireFromString(v.Cost.Decimal.String()), decimal.RequireFromString(v.Total.String())
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":1}`))
	f.Add([]byte(`{"list":[{"at":"soon"}]}`))
	f.Add([]byte(`{"cost":"canary"}`))
	f.Add([]byte(`{"names":["a",2,3],"inner":{"deep":[[{"id":1}]]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{
			new(thing), new([]thing), new(page), new(any), new(map[string][]thing), new(string), new(struct {
				*Part

				Any any `json:"any"`
			}),
		} {
			err := Unmarshal(t.Context(), data, v)
			if err == nil {
				assert.True(t, Valid(data))
				continue
			}
			var named *Error
			require.ErrorAs(t, err, &named)
			assert.LessOrEqual(t, len(err.Error()), 500)
			assert.False(t, named.skippable)
		}
	})
}

// A reader remembers fewer strings than this document has.
func TestUnmarshal_ManyTexts(t *testing.T) {
	t.Parallel()
	want := make([]thing, 1000)
	for i := range want {
		want[i].Name = strconv.Itoa(i)
	}
	data, err := Marshal(want)
	require.NoError(t, err)
	var got []thing
	require.NoError(t, Unmarshal(t.Context(), data, &got))
	assert.Equal(t, want, got)
}

// A reader remembers strings by the hash of their quoted form, and compares this form.
// There are enough strings for some to have the same place as one whose text is their
// quoted form.
func TestUnmarshal_TextsWithEscapes(t *testing.T) {
	t.Parallel()
	var quoted, want, got []string
	for i := range 5000 {
		n := strconv.Itoa(i)
		for _, inner := range [][2]string{{`\\nb`, `\nb`}, {`\nb`, "\nb"}, {`\u0061`, "a"}, {"a", "a"}, {`\\u0061`, `\u0061`}} {
			quoted = append(quoted, `"`+n+inner[0]+`"`)
			want = append(want, n+inner[1])
		}
	}
	require.NoError(t, Unmarshal(t.Context(), []byte("["+strings.Join(quoted, ",")+"]"), &got))
	assert.Equal(t, want, got)
}

func TestUnmarshal_DocumentIsNotKept(t *testing.T) {
	t.Parallel()
	data := []byte(`{"name":"short","names":["` + strings.Repeat("long", 20) + `"],"free":{"a":"b"}}`)
	var v thing
	require.NoError(t, Unmarshal(t.Context(), data, &v))
	for i := range data {
		data[i] = 'x'
	}
	assert.Equal(t, thing{Name: "short", Names: []string{strings.Repeat("long", 20)}, Free: raw(`{"a":"b"}`)}, v)
}

// A reader shares repeated amounts, so that no method may return the memory of one.
func TestUnmarshal_AmountsAreIndependent(t *testing.T) {
	t.Parallel()
	const document = `[{"total":7,"cost":"0.0420"},{"total":7,"cost":"0.0420"},{"total":"7","cost":0.0420},{"total":7e2,"cost":"0.042"}]`
	want := []string{"7 0.042", "7 0.042", "7 0.042", "700 0.042"}
	for range 2 {
		var things []thing
		require.NoError(t, Unmarshal(t.Context(), []byte(document), &things))
		var got []string
		for i := range things {
			got = append(got, things[i].Total.String()+" "+things[i].Cost.Decimal.String())
			things[i].Total.BigInt().SetInt64(-1)
			things[i].Total.Coefficient().SetInt64(-1)
			things[i].Cost.Decimal.Coefficient().SetInt64(-1)
		}
		assert.Equal(t, want, got)
	}
}

// A reader allocates several free-form values at once.
func TestUnmarshal_FreeFormValuesAreIndependent(t *testing.T) {
	t.Parallel()
	values := make([]string, 100)
	for i := range values {
		values[i] = `"` + strings.Repeat("x", 3*i) + `"`
	}
	var got []raw
	require.NoError(t, Unmarshal(t.Context(), []byte("["+strings.Join(values, ",")+"]"), &got))
	for i := range got {
		assert.Equal(t, values[i], string(got[i]))
		clear(append(got[i], "more"...))
		clear(got[i])
	}
}

// A plan remembers the order of the members, which differs between the documents.
func TestUnmarshal_MembersInAnyOrder(t *testing.T) {
	t.Parallel()
	members := []string{`"id":"1"`, `"count":2`, `"grade":"a"`, `"done":true`, `"unknown":{"id":"x"}`, `"score":0.5`, `"total":3`}
	var decoders sync.WaitGroup
	for n := range 4 {
		order := append(slices.Clone(members[n:]), members[:n]...)
		if n%2 == 1 {
			slices.Reverse(order)
		}
		decoders.Go(func() {
			for range 200 {
				var got thing
				if !assert.NoError(t, Unmarshal(t.Context(), []byte(`{`+strings.Join(order, ",")+`}`), &got)) {
					return
				}
				assert.Equal(t, "1", got.ID)
				assert.Equal(t, 2, got.Count)
				assert.True(t, got.Done)
			}
		})
	}
	decoders.Wait()
}
