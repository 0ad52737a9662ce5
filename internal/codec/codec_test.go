package codec

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raw is a free-form value.
type raw []byte

func (v raw) MarshalJSON() ([]byte, error) { return v, nil }

func (v *raw) UnmarshalJSON(data []byte) error { *v = append(raw(nil), data...); return nil }

// grade decodes itself.
type grade string

func (g *grade) UnmarshalText(text []byte) error {
	if string(text) == "canary" {
		return errGrade
	}
	*g = grade(strings.ToUpper(string(text)))
	return nil
}

var errGrade = &Error{Reason: "canary"}

// thing has a field of each kind that the SDK's types have.
type thing struct {
	ID    string              `json:"id,omitzero"`
	Name  string              `json:"name,omitzero"`
	Count int                 `json:"count,omitzero"`
	Large *int64              `json:"large,omitzero"`
	Score float64             `json:"score,omitzero"`
	Ratio *float64            `json:"ratio,omitzero"`
	Done  bool                `json:"done,omitzero"`
	Known *bool               `json:"known,omitzero"`
	Grade grade               `json:"grade,omitzero"`
	At    time.Time           `json:"at,omitzero"`
	Cost  decimal.NullDecimal `json:"cost,omitzero"`
	Total decimal.Decimal     `json:"total,omitzero"`
	Free  raw                 `json:"free,omitzero"`
	Names []string            `json:"names,omitzero"`
	Inner *thing              `json:"inner,omitzero"`
	Value part                `json:"value,omitzero"`
	List  []part              `json:"list,omitzero"`
	Deep  [][]string          `json:"deep,omitzero"`
	Notes string              // it has no name in the API
	Never string              `json:"-"`
}

type part struct {
	ID   string `json:"id,omitzero"`
	Size int    `json:"size,omitzero"`
}

func unmarshal(t *testing.T, text string, v any) error {
	t.Helper()
	return UnmarshalForeign(t.Context(), []byte(text), v)
}

func TestUnmarshal_Names(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, unmarshal(t, `{"NAME":"a","other":{"name":"b"},"na\u006de":"c","Notes":"d","-":"e","Never":"f"}`, &v))
	assert.Equal(t, thing{Name: "c"}, v)
}

func TestUnmarshal_InvalidUTF8(t *testing.T) {
	t.Parallel()
	var v thing
	require.NoError(t, unmarshal(t, "{\"\xff\":1,\"\xfe\":2,\"name\":\"a\xffb\"}", &v))
	assert.Equal(t, "a\ufffdb", v.Name)
}

func TestUnmarshal_TypeOfCaller(t *testing.T) {
	t.Parallel()
	var own struct {
		Inner map[string]string `json:"inner"`
	}
	const document = `{"inner":{"a":"b"}}`
	require.EqualError(t, Unmarshal(t.Context(), []byte(document), &own), "a struct { Inner map[string]string \"json:\\\"inner\\\"\" } has no plan")
	require.NoError(t, UnmarshalForeign(t.Context(), []byte(document), &own))
	assert.Equal(t, map[string]string{"a": "b"}, own.Inner)
}

func TestMarshal_NoEscapeForHTML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<a&b>":       `{"id":"<a&b>"}`,
		`\u003c`:      `{"id":"\\u003c"}`,
		"\x00 \" \n>": `{"id":"\u0000 \" \n>"}`,
		"é":           `{"id":"é"}`,
	} {
		data, err := Marshal(part{ID: text})
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
	}
}

func TestUnmarshal_BadTarget(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]any{"nil": nil, "nil pointer": (*thing)(nil), "no pointer": thing{}} {
		require.EqualError(t, unmarshal(t, `{}`, target), "the target is not a non-nil pointer", name)
	}
}

func TestUnmarshal_ContextEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	const elements = 10_000
	var list []part
	data := []byte("[" + strings.Repeat("{},", elements) + "{}]")
	require.Equal(t, context.Canceled, Unmarshal(ctx, data, &list))
	assert.Less(t, len(list), elements/2)

	var v thing
	require.Equal(t, context.Canceled, Unmarshal(ctx, []byte("{"+strings.Repeat(`"x":1,`, elements)+`"name":"a"}`), &v))
	assert.Empty(t, v.Name)

	var own map[string][]part // read by the library, which calls the plan
	require.Equal(t, context.Canceled, UnmarshalForeign(ctx, []byte(`{"a":`+string(data)+`}`), &own))
}

func TestUnmarshal_Times(t *testing.T) {
	t.Parallel()
	want := time.Date(2023, 11, 7, 5, 31, 56, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2023-11-07T05:31:56Z":             want,
		"2023-11-07T05:31:56":              want,
		"2023-11-07T05:31:56.5":            want.Add(time.Second / 2),
		"2023-11-07T05:31:56.123456+00:00": want.Add(123456 * time.Microsecond),
		"2023-11-07T05:31:56+0000":         want,
		"2023-11-07T07:31:56+02:00":        want,
		"2023-11-07T07:31:56+0200":         want,
		"2023-11-07 05:31:56Z":             want,
		"2023-11-07 05:31:56.5":            want.Add(time.Second / 2),
		`2023-11-07T05:31:56\u005a`:        want,
		"":                                 {},
		"soon":                             {},
		strings.Repeat("2", 200):           {},
	} {
		v := thing{At: time.Unix(0, 0)}
		require.NoError(t, unmarshal(t, `{"at":"`+text+`"}`, &v), text)
		assert.True(t, want.Equal(v.At), text)
		assert.Equal(t, want.IsZero(), v.At.IsZero(), text)
	}
}

func TestUnmarshal_Money(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"0.10"`: "0.10",
		`0.10`:   "0.10",
		`"123456789012345678901234567890.000000000000000001"`: "123456789012345678901234567890.000000000000000001",
		`"-5"`:                               "-5",
		`1e2`:                                "100",
		`"1e-3"`:                             "0.001",
		`"\u0031"`:                           "1",
		`"` + strings.Repeat("9", 126) + `"`: strings.Repeat("9", 126),
	} {
		var v thing
		require.NoError(t, unmarshal(t, `{"cost":`+text+`,"total":`+text+`}`, &v), text)
		assert.True(t, decimal.RequireFromString(want).Equal(v.Cost.Decimal), text)
		assert.True(t, v.Cost.Valid)
		assert.True(t, decimal.RequireFromString(want).Equal(v.Total), text)
	}
	v := thing{Cost: decimal.NewNullDecimal(decimal.NewFromInt(1)), Total: decimal.NewFromInt(1)}
	require.NoError(t, unmarshal(t, `{"cost":null,"total":null}`, &v))
	assert.Equal(t, thing{}, v)
}

// The time to decode a decimal grows with the square of its length.
func TestUnmarshal_LongNumbers(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("1", 2_000_000)
	for field, number := range map[string]string{"cost": digits, "total": `"0.` + digits + `"`} {
		var v thing
		var named *Error
		require.ErrorAs(t, unmarshal(t, `{"id":"a","`+field+`":`+number+`}`, &v), &named)
		assert.Equal(t, field, named.Field)
		assert.Equal(t, "want a decimal number of at most 128 characters", named.Reason)
	}
	var v thing
	require.NoError(t, unmarshal(t, `{"count":`+digits+`,"large":`+digits+`,"score":0.`+digits+`,"ratio":0.`+digits+`,"id":"a"}`, &v))
	assert.Equal(t, thing{ID: "a"}, v)
	for _, number := range []string{"1e400", "1e-400", `"1e2147483647"`, `"1e99999999999"`} {
		require.EqualError(t, unmarshal(t, `{"cost":`+number+`}`, &v), "cost: not a decimal number")
	}
}

func TestUnmarshal_List(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]List[thing]{
		`{}`:                            {},
		`{"items":null}`:                {Given: true},
		`{"items":[]}`:                  {Given: true, Items: []thing{}},
		`{"items":[{"name":"a"},null]}`: {Given: true, Items: []thing{{Name: "a"}, {}}},
	} {
		var page struct {
			Items List[thing] `json:"items"`
			part
		}
		require.NoError(t, unmarshal(t, text, &page))
		assert.Equal(t, want, page.Items, text)
	}
}

type page struct {
	Items List[part] `json:"items"`
	Next  string     `json:"next"`
}

// Neither the list nor its items are optional.
func TestUnmarshal_List_Odd(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"items":{},"next":"a"}`:                "items: want a list, got an object",
		`{"items":[{},1,2],"next":"a"}`:          "items[1]: want an object, got a number",
		`{"items":[{},[{}]],"next":"a"}`:         "items[1]: want an object, got a list",
		`{"items":[{},{"id":1}],"next":"a"}`:     "items[1].id: want a string, got a number",
		`{"items":[{},{"size":"a"}],"next":"a"}`: "",
	} {
		var v page
		err := unmarshal(t, text, &v)
		if want == "" {
			require.NoError(t, err)
			assert.Equal(t, page{Items: List[part]{Items: []part{{}, {}}, Given: true}, Next: "a"}, v)
			continue
		}
		require.EqualError(t, err, want)
	}
}

func TestUnmarshal_List_Max(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{49: "", 50: "", 51: "items[49]: more than 50 elements", 1_000_000: "items[49]: more than 50 elements"} {
		v := page{Items: List[part]{Max: 50}}
		err := unmarshal(t, `{"items":[`+strings.Repeat("{},", n-1)+`{}]}`, &v)
		if want != "" {
			require.EqualError(t, err, want)
			assert.Len(t, v.Items.Items, 50)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, v.Items.Items, n)
	}
}

func TestUnmarshal_EmbeddedList_Max(t *testing.T) {
	t.Parallel()
	list := func(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }
	var v thing
	require.NoError(t, unmarshal(t, `{"list":`+list(maxElements)+`}`, &v))
	assert.Len(t, v.List, maxElements)
	require.EqualError(t, unmarshal(t, `{"list":`+list(maxElements+1)+`}`, &v), "list[99999]: more than 100000 elements")
	odd := "[" + strings.Repeat("1,", maxElements) + "{}]"
	require.NoError(t, unmarshal(t, `{"list":`+odd+`}`, &v), "elements that are left out need no memory")
	assert.Len(t, v.List, 1)
}

// Many lists of an allowed length would need as much memory as one that is too
// long.
func TestUnmarshal_EmbeddedList_MaxOfDocument(t *testing.T) {
	t.Parallel()
	const size = 50_000
	list := `{"list":[` + strings.Repeat("null,", size-1) + `null]},`
	var v struct { // read by the library, apart from the items
		Items []thing
	}
	err := unmarshal(t, `{"Items":[`+strings.Repeat(list, maxEmbedded/size)+`{}]}`, &v)
	require.ErrorContains(t, err, "more than 500000 elements in all lists")
	elements := len(v.Items)
	for _, item := range v.Items {
		elements += len(item.List)
	}
	assert.Equal(t, maxEmbedded, elements)
}

func TestIsNull(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "null": true, " null": true, "0": false, `""`: false, "{}": false} {
		assert.Equal(t, want, IsNull([]byte(text)), "%q", text)
	}
}

func TestIsObject_IsArray(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{
		"{}": {true, false}, " {}": {true, false}, "[]": {false, true}, "\n[": {false, true},
		"null": {}, "": {}, `"{}"`: {}, `"[]"`: {},
	} {
		assert.Equal(t, want, [2]bool{IsObject([]byte(text)), IsArray([]byte(text))}, "%q", text)
	}
}

func TestValid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"a":1,"a":2}`: true, "\"\xff\"": true, " 1 ": true,
		"": false, "{": false, "1 2": false, "<html>": false,
	} {
		assert.Equal(t, want, Valid([]byte(text)), "%q", text)
	}
}

func TestElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`[1, "a" ,{"b":[ ]},null]`: {"1", `"a"`, `{"b":[ ]}`, "null"},
		`[]`:                       nil,
		`[1,2`:                     {"1", "2"},
		`[1,]`:                     {"1"},
		`{"a":1}`:                  nil,
		`"a"`:                      nil,
		``:                         nil,
	} {
		var got []string
		for value := range Elements([]byte(text)) {
			got = append(got, string(value))
		}
		assert.Equal(t, want, got, text)
	}
	for range Elements([]byte(`[1,2]`)) {
		break
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	for text, want := range map[string][]string{
		`{"a": 1, "b\u0063" :{"d":[ ]},"a":2}`: {"a=1", `bc={"d":[ ]}`, "a=2"},
		`{}`:                                   nil,
		`{"a":1`:                               {"a=1"},
		`{"a":1,"b"`:                           {"a=1"},
		`{"a":1,2:3}`:                          {"a=1"},
		`{"` + long + `":1}`:                   {long[:longestName-1] + "=1"},
		`[1]`:                                  nil,
		``:                                     nil,
	} {
		var got []string
		for name, value := range Members([]byte(text)) {
			got = append(got, name+"="+string(value))
		}
		assert.Equal(t, want, got, text)
	}
	for range Members([]byte(`{"a":1,"b":2}`)) {
		break
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		quoted string
		limit  int
		want   string
	}{
		{`"abc"`, 100, "abc"},
		{`"abc"`, 5, "abc"},
		{`"abc"`, 4, "abc"},
		{`"abc"`, 3, "ab"},
		{`"abc"`, 0, ""},
		{`"a\nb"`, 3, "a"},
		{`"a\nb"`, 4, "a\n"},
		{`"\\\\\\"`, 4, `\`},
		{`"\\\\\\"`, 5, `\\`},
		{`"\u0041\u0042"`, 12, "A"},
		{`"\ud83d\ude00"`, 100, "😀"},
		{`"é"`, 2, ""},
		{`""`, 100, ""},
		{`"`, 100, ""},
		{``, 100, ""},
		{"\"a\xffb\"", 100, "a\ufffdb"},
	} {
		assert.Equal(t, tc.want, Text([]byte(tc.quoted), tc.limit), "%s up to %d", tc.quoted, tc.limit)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\n\u0000😀\\", 5)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 0 || !utf8.ValidString(text) {
			return
		}
		quoted, err := Marshal(text)
		require.NoError(t, err)
		got := strings.TrimSuffix(Text(quoted, limit), "\ufffd") // of half a pair
		assert.True(t, strings.HasPrefix(text, got), "%q of %q", got, text)
		assert.Equal(t, text, Text(quoted, len(quoted)))
	})
}

func TestStrings(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for _, tc := range []struct {
		data string
		n    int
		want []string
	}{
		{`{"a":"b","c":["d",1,{"e":"f\n"}],"g":null}`, 10, []string{"b", "d", "f\n"}},
		{`["a","b","c"]`, 2, []string{"a", "b"}},
		{`"a"`, 10, []string{"a"}},
		{`["a","b`, 10, []string{"a"}},
		{`["a",}`, 10, []string{"a"}},
		{`["` + long + `","b"]`, 10, []string{long[:longestText-1]}},
		{"", 10, nil},
		{"canary", 10, nil},
	} {
		assert.Equal(t, tc.want, Strings([]byte(tc.data), tc.n), "%.50s", tc.data)
	}
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	data, err := Marshal(map[string]any{"b": "<&>", "a": thing{Name: "x", Free: raw(`{"a": 1}`)}})
	require.NoError(t, err)
	assert.Equal(t, `{"a":{"name":"x","free":{"a":1},"Notes":""},"b":"<&>"}`, string(data))
	_, err = Marshal(func() {})
	var named *Error
	require.ErrorAs(t, err, &named)
}

// Callers write their types for encoding/json.
func TestMarshalForeign_AsEncodingJSON(t *testing.T) {
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
		got, err := MarshalForeign(v)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
	got, err := MarshalForeign(input{URL: "https://a/?b&c=<d>"})
	require.NoError(t, err)
	assert.Contains(t, string(got), "https://a/?b&c=<d>", "nothing is escaped for HTML")
}

func TestMarshalForeign_Refused(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"function":       func() {},
		"channel":        map[string]any{"a": make(chan int)},
		"invalid UTF-8":  map[string]any{"a": "\xff"},
		"duplicate name": json.RawMessage(`{"a":1,"a":2}`),
		"not JSON":       json.RawMessage(`{`),
	} {
		_, err := MarshalForeign(v)
		var named *Error
		require.ErrorAs(t, err, &named, name)
	}
}
