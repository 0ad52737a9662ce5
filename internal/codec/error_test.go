package codec

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestError_FieldWithoutValue(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":["canary"]}`:                  "id: want a string, got a list",
		`{"id":{"canary":1}}`:                "id: want a string, got an object",
		`{"id":1}`:                           "id: want a string, got a number",
		`{"id":true}`:                        "id: want a string, got true or false",
		`{"inner":{"id":["canary"]}}`:        "inner.id: want a string, got a list",
		`{"list":[{},{"id":"a"},{"id":1}]}`:  "list[2].id: want a string, got a number",
		`{"cost":"canary"}`:                  "cost: not a decimal number",
		`{"cost":{"a":1}}`:                   "cost: want a decimal number, got an object",
		`{"total":["canary"]}`:               "total: want a decimal number, got a list",
		`{"inner":{"inner":{"total":true}}}`: "inner.inner.total: want a decimal number, got true or false",
		`{"x":[1,}`:                          "x: not valid JSON",
		`{"x":tru}`:                          "x: not valid JSON",
		`{"x":tru`:                           "the JSON ends too early",
		`[]`:                                 "want an object, got a list",
		`"canary"`:                           "want an object, got a string",
		`{"name":"canary`:                    "the JSON ends too early",
		`{"name":"a"`:                        "the JSON ends too early",
		`{"at":"can`:                         "the JSON ends too early",
		`{"cost":"can`:                       "the JSON ends too early",
		`{"names":["a",1`:                    "the JSON ends too early",
		`{"free":`:                           "the JSON ends too early",
		``:                                   "the JSON ends too early",
		`<canary>`:                           "not valid JSON",
		`{} canary`:                          "not valid JSON",
		`{} {}`:                              "not valid JSON",
		strings.Repeat(`{"inner":`, 20_000):  "not valid JSON",
		strings.Repeat(`{"free":[`, 20_000):  "not valid JSON",
	} {
		var v thing
		err := unmarshal(t, body, &v)
		var named *Error
		require.ErrorAs(t, err, &named, "%.50s", body)
		assert.NotContains(t, err.Error(), "canary")
		assert.Contains(t, err.Error(), want, "%.50s", body)
		assert.LessOrEqual(t, len(err.Error()), 400)
	}
}

// Values of callers' types are not optional.
func TestError_TypeOfCaller(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"at":"canary"}`:        "at: not a time in ISO 8601 form",
		`{"at":1}`:               "at: want an object, got a number",
		`{"done":"canary"}`:      "done: want true or false, got a string",
		`{"small":256}`:          "small: want a number that fits uint8",
		`{"map":["canary"]}`:     "map: want an object, got a list",
		`{"map":{"a":"canary"}}`: "map.a: want a number, got a string",
		`{"call":"canary"}`:      "call: the value does not fit its type",
		`{"parts":[{"id":1}]}`:   "parts[0].id: want a string, got a number",
		`{"parts":[1]}`:          "parts[0]: want an object, got a number",
		`{"by":{"a":{"id":1}}}`:  "by.a.id: want a string, got a number",
	} {
		var v struct {
			At    time.Time       `json:"at"`
			Done  bool            `json:"done"`
			Small uint8           `json:"small"`
			Map   map[string]int  `json:"map"`
			Call  func()          `json:"call"`
			Parts []part          `json:"parts"`
			By    map[string]part `json:"by"`
		}
		assert.EqualError(t, unmarshal(t, body, &v), want)
	}
	var texts []string
	require.EqualError(t, unmarshal(t, `["a",2]`, &texts), "[1]: want a string, got a number")
	var numbers map[string]int
	require.EqualError(t, unmarshal(t, `{"a":1.5}`, &numbers), "a: want a number that fits int")
}

func TestError_CutOffDocument(t *testing.T) {
	t.Parallel()
	var v thing
	require.ErrorIs(t, unmarshal(t, `{"list":[{"name":`, &v), io.ErrUnexpectedEOF)
	var other map[string]any
	require.ErrorIs(t, unmarshal(t, `{"list":[{"name":`, &other), io.ErrUnexpectedEOF)
}

type stubborn struct{}

var errStubborn = errors.New("canary")

func (*stubborn) UnmarshalJSON([]byte) error { return errStubborn }

func (stubborn) MarshalJSON() ([]byte, error) { return nil, errStubborn }

func TestError_CauseOfOwnMethod(t *testing.T) {
	t.Parallel()
	var v struct {
		Field stubborn `json:"field"`
	}
	err := unmarshal(t, `{"field":1}`, &v)
	require.ErrorIs(t, err, errStubborn)
	assert.NotContains(t, err.Error(), "canary")
	_, err = Marshal(v)
	require.ErrorIs(t, err, errStubborn)
	assert.NotContains(t, err.Error(), "canary")
}

// Names of members are foreign text.
func TestError_FieldIsRedacted(t *testing.T) {
	t.Parallel()
	var v map[string]int
	err := unmarshal(t, `{"a\nb https://c?canary `+strings.Repeat("x", 1000)+`":"d"}`, &v)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary")
	assert.NotContains(t, err.Error(), "\n")
	assert.Less(t, len(err.Error()), 400)
}
