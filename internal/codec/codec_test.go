package codec_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/codec"
)

// kind has a method of its own to be read by.
type kind string

func (k *kind) UnmarshalText(text []byte) error { *k = "the " + kind(text); return nil }

// raw is a free-form value.
type raw []byte

func (v raw) MarshalJSON() ([]byte, error) { return v, nil }

func (v *raw) UnmarshalJSON(data []byte) error { *v = append(raw(nil), data...); return nil }

// thing has methods that call the codec, as the API's types have.
type thing struct {
	Name  string              `json:"name"`
	Count int                 `json:"count,omitzero"`
	At    *time.Time          `json:"at,omitzero"`
	Cost  decimal.NullDecimal `json:"cost,omitzero"`
	Inner *thing              `json:"inner,omitzero"`
	List  []thing             `json:"list,omitzero"`
	Sizes map[string]uint8    `json:"sizes,omitzero"`
	Score *float64            `json:"score,omitzero"`
	Kind  kind                `json:"kind,omitzero"`
	Done  bool                `json:"done,omitzero"`
	Extra map[string]raw      `json:",embed"`
}

var things = codec.New(codec.Plain(func(v *thing) any { type plain thing; return (*plain)(v) }))

func (v thing) MarshalJSON() ([]byte, error)     { return things.Marshal(&v) }
func (v *thing) UnmarshalJSON(data []byte) error { return things.Unmarshal(data, v) }

func TestMethodsThatCallTheCodecAreNotCalledBack(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, json.Unmarshal([]byte(`{"name":"a","inner":{"name":"b"},"list":[{"name":"c"}]}`), &v))
	assert.Equal(t, thing{Name: "a", Inner: &thing{Name: "b"}, List: []thing{{Name: "c"}}}, v)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	assert.Equal(t, `{"name":"a","inner":{"name":"b"},"list":[{"name":"c"}]}`, string(data))
}

func TestNamesMatchExactlyAndUnknownOnesAreKept(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, things.Unmarshal([]byte(`{"NAME":"a","other":{"name":"b"},"name":null,"count":null,"inner":null,"list":null}`), &v))
	assert.Equal(t, thing{Extra: map[string]raw{"NAME": raw(`"a"`), "other": raw(`{"name":"b"}`)}}, v)
}

func TestInvalidUTF8IsReadAndWritten(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, things.Unmarshal([]byte("{\"name\":\"a\xffb\"}"), &v))
	assert.Equal(t, "a\ufffdb", v.Name)
	data, err := things.Marshal(thing{Name: "a\xffb"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"a\ufffdb"}`, string(data))
}

func TestTimesAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	want := time.Date(2023, 11, 7, 5, 31, 56, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2023-11-07T05:31:56Z":             want,
		"2023-11-07T05:31:56":              want,
		"2023-11-07T05:31:56.5":            want.Add(time.Second / 2),
		"2023-11-07T05:31:56.123456+00:00": want.Add(123456 * time.Microsecond),
		"2023-11-07T07:31:56+02:00":        want,
		"2023-11-07 05:31:56Z":             want,
		"2023-11-07 05:31:56.5":            want.Add(time.Second / 2),
	} {
		var v thing
		require.NoError(t, things.Unmarshal([]byte(`{"at":"`+text+`"}`), &v), text)
		assert.True(t, want.Equal(*v.At), text)
	}
}

func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"0.10"`: `"0.10"`,
		`0.10`:   `"0.10"`,
		`"123456789012345678901234567890.000000000000000001"`: `"123456789012345678901234567890.000000000000000001"`,
		`"-5"`:   `"-5"`,
		`1e2`:    `"100"`,
		`"1e-3"`: `"0.001"`,
	} {
		var v thing
		require.NoError(t, things.Unmarshal([]byte(`{"cost":`+text+`}`), &v), text)
		data, err := things.Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, `{"name":"","cost":`+want+`}`, string(data))
	}
	var v thing
	v.Cost.Valid = true
	require.NoError(t, things.Unmarshal([]byte(`{"cost":null}`), &v))
	assert.False(t, v.Cost.Valid)
	data, err := things.Marshal(&v.Cost)
	require.NoError(t, err)
	assert.Equal(t, "null", string(data))
}

func TestNullAndNothingAreNull(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "null": true, " null": true, "0": false, `""`: false, "{}": false} {
		assert.Equal(t, want, codec.IsNull([]byte(text)), "%q", text)
	}
	for text, want := range map[string]bool{"{}": true, " {}": true, "[]": false, "null": false, "": false, `"{}"`: false} {
		assert.Equal(t, want, codec.IsObject([]byte(text)), "%q", text)
	}
}

func TestEveryKindIsRead(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, things.Unmarshal([]byte(`{"na\u006de":"\u0061\ud83d\ude00","count":-7,"kind":"k\/ind","done":true,"score":0.5,"sizes":{"a":1},"list":[null,{}],"inner":{"done":false}}`), &v))
	half := 0.5
	assert.Equal(t, thing{
		Name: "a😀", Count: -7, Kind: "the k/ind", Done: true, Score: &half, Sizes: map[string]uint8{"a": 1}, List: []thing{{}, {}}, Inner: &thing{},
	}, v)
	var list []thing
	require.NoError(t, things.Unmarshal([]byte(` [{"name":"a"},{"name":"a"}] `), &list))
	assert.Equal(t, []thing{{Name: "a"}, {Name: "a"}}, list)
}

func TestUnknownNamesOfInvalidUTF8AreNotConfused(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, things.Unmarshal([]byte("{\"\xff\":1}"), &v))
	_, err := things.Marshal(&v)
	require.NoError(t, err)
	require.ErrorContains(t, things.Unmarshal([]byte("{\"\xff\":1,\"\xfe\":2}"), &v), "stands twice", "both are the same when they are mended")
}

func TestAListKnowsWhetherItWasThere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]codec.List[thing]{
		`{}`:                       {},
		`{"items":null}`:           {Given: true},
		`{"items":[]}`:             {Given: true, Items: []thing{}},
		`{"items":[{"name":"a"}]}`: {Given: true, Items: []thing{{Name: "a"}}},
	} {
		var page struct {
			codec.Answer

			Items codec.List[thing] `json:"items"`
		}
		require.NoError(t, things.Unmarshal([]byte(text), &page))
		assert.Equal(t, want, page.Items, text)
		var foreign struct { // read by the library
			Items codec.List[thing] `json:"items"`
		}
		require.NoError(t, things.Unmarshal([]byte(text), &foreign))
		assert.Equal(t, want, foreign.Items, text)
	}
}

// Callers' own types were made for encoding/json.
func TestForeignValuesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	type input struct {
		Prompt  string         `json:"prompt"`
		Seed    int            `json:"seed,omitempty"`
		Tags    []string       `json:"tags"`
		Extra   map[string]any `json:"extra"`
		Wait    time.Duration  `json:"wait"`
		Data    []byte         `json:"data"`
		Ignored string         `json:"-"`
		URL     string         `json:"url"`
	}
	for _, v := range []any{
		input{},
		input{Prompt: "a", Seed: 1, Tags: []string{"x"}, Extra: map[string]any{"b": 1, "a": 2}, Wait: time.Second, Data: []byte("x")},
		map[string]any{"Aux Reference 1": 1, "z": nil, "a": 1.5},
		map[int]string{1: "a"},
		json.RawMessage(`{"a": 1 }`),
		nil, 1, "x", []int(nil), true,
	} {
		want, err := json.Marshal(v)
		require.NoError(t, err)
		got, err := codec.MarshalForeign(v)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
	got, err := codec.MarshalForeign(input{URL: "https://a/?b&c=<d>"})
	require.NoError(t, err)
	assert.Contains(t, string(got), "https://a/?b&c=<d>", "nothing is escaped for HTML")

	for name, v := range map[string]any{
		"a function":               func() {},
		"a channel":                map[string]any{"a": make(chan int)},
		"invalid UTF-8":            map[string]any{"a": "\xff"},
		"a name that stands twice": json.RawMessage(`{"a":1,"a":2}`),
		"no JSON":                  json.RawMessage(`{`),
	} {
		_, err := codec.MarshalForeign(v)
		require.Error(t, err, name)
		var named *codec.Error
		require.ErrorAs(t, err, &named, name)
	}
}

func TestLooseReadsAnythingThatIsJSON(t *testing.T) {
	t.Parallel()
	v, err := codec.Loose([]byte(`{"a":[1],"a":[null,true,"x"]}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": []any{nil, true, "x"}}, v)
	_, err = codec.Loose([]byte("<html>"))
	require.EqualError(t, err, "not valid JSON")
}

// grade reads itself.
type grade string

func (g *grade) UnmarshalText(text []byte) error {
	*g = grade(strings.ToUpper(string(text)))
	return nil
}

type report struct {
	Grade grade               `json:"grade"`
	Done  bool                `json:"done"`
	Count int                 `json:"count"`
	Ratio float64             `json:"ratio"`
	At    time.Time           `json:"at"`
	Cost  decimal.NullDecimal `json:"cost"`
	Free  raw                 `json:"free"`
	Names []string            `json:"names"`
	Next  *report             `json:"next"`
	Pages codec.List[report]  `json:"pages"`
	Notes string              // without a name
}

// The library is what a plan must agree with.
func TestAPlanReadsWhatTheLibraryReads(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`,
		`null`,
		`{"grade":"a","done":true,"count":-7,"ratio":-1.5e3,"at":"2023-11-07T05:31:56Z","cost":"0.10"}`,
		`{"grade":null,"done":null,"count":null,"ratio":null,"cost":null,"free":null,"names":null,"next":null,"pages":null}`,
		`{"done":false,"free":{"a":[{"b":1}]},"names":[],"pages":[]}`,
		`{"names":["` + strings.Repeat("long", 20) + `","a\"b","\ud83d\ude00","é",null]}`,
		`{"next":{"next":{"count":1}},"pages":[{"count":2},null,{"pages":[{}]}]}`,
		`{"count":1,"unknown":{"count":2},"grade":"b"}`,
		`{"ratio":1,"c\u006funt":3}`,
		`{"grade":1}`, `{"done":"x"}`, `{"count":1.5}`, `{"ratio":"1"}`, `{"ratio":1e999}`, `{"at":null}`,
		`{"names":["a",2]}`, `{"pages":{}}`, `{"pages":[{"next":[]}]}`, `{"next":{"count":1,"count":2}}`,
		`{"free":tru}`, `{"unknown":tru}`, `{1:2}`, `{"count" 1}`, `{"count":1`, `{"names":["a"`, `{"free":`,
	} {
		var planned struct {
			codec.Answer
			Body report `json:"body"`
		}
		var plain struct {
			Body report `json:"body"`
		}
		data := []byte(`{"body":` + body + `}`)
		want := things.Unmarshal(data, &plain)
		got := things.Unmarshal(data, &planned)
		if want != nil {
			assert.EqualError(t, got, want.Error(), body)
			continue
		}
		require.NoError(t, got, body)
		assert.Equal(t, plain.Body, planned.Body, body)
	}
}

func TestWhatHasNoFieldIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"other":tru`:                   "the JSON ends too early",
		`{"other":{"x":1,"x":"canary"}}`: "other: the name stands twice in its object",
		`{"name":"a"} {}`:                "not valid JSON",
	} {
		var v thing
		assert.ErrorContains(t, things.Unmarshal([]byte(body), &v), want, body)
	}
}

// An endless nesting must not exhaust the stack.
func TestNestingIsBounded(t *testing.T) {
	t.Parallel()
	var v thing
	assert.ErrorContains(t, things.Unmarshal([]byte(strings.Repeat(`{"inner":`, 20_000)), &v), "not valid JSON")
	var list []thing
	assert.ErrorContains(t, things.Unmarshal([]byte(strings.Repeat(`[{"list":`, 20_000)), &list), "not valid JSON")
}

// More texts than a reader can remember must not be mistaken for each other.
func TestManyTextsStayApart(t *testing.T) {
	t.Parallel()
	want := make([]thing, 1000)
	for i := range want {
		want[i].Name = strconv.Itoa(i)
	}
	data, err := things.Marshal(want)
	require.NoError(t, err)
	var got []thing
	require.NoError(t, things.Unmarshal(data, &got))
	assert.Equal(t, want, got)
}

func TestReadTextsDoNotShareTheDocumentsMemory(t *testing.T) {
	t.Parallel()
	data := []byte(`{"name":"short","other":"` + strings.Repeat("long", 20) + `"}`)
	var v thing
	require.NoError(t, things.Unmarshal(data, &v))
	for i := range data {
		data[i] = 'x'
	}
	assert.Equal(t, thing{Name: "short", Extra: map[string]raw{"other": raw(`"` + strings.Repeat("long", 20) + `"`)}}, v)
}

func FuzzUnmarshalExplainsItself(f *testing.F) {
	f.Add([]byte(`{"name":1}`))
	f.Add([]byte(`{"list":[{"at":"soon"}]}`))
	f.Add([]byte(`{"cost":"canary"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v thing
		if err := things.Unmarshal(data, &v); err != nil {
			var named *codec.Error
			require.ErrorAs(t, err, &named)
			assert.LessOrEqual(t, len(err.Error()), 1000)
		}
	})
}
