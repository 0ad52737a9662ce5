package codec_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/codec"
)

func TestErrorsNameTheFieldAndQuoteNoValue(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"name":["canary"]}`:                  "name: want a string, got a list",
		`{"name":{}}`:                          "name: want a string, got an object",
		`{"count":"canary"}`:                   "count: want a number, got a string",
		`{"count":true}`:                       "count: want a number, got true or false",
		`{"count":99999999999999999999}`:       "count: want a number that fits int",
		`{"count":1.5}`:                        "count: want a number that fits int",
		`{"at":"canary"}`:                      "at: not a time in ISO 8601 form",
		`{"at":[]}`:                            "at: want a time, got a list",
		`{"cost":"canary"}`:                    "cost: not a decimal number",
		`{"cost":{}}`:                          "cost: want a decimal number, got an object",
		`{"list":[{},{"inner":{"count":[]}}]}`: "list[1].inner.count: want a number, got a list",
		`{"list":"canary"}`:                    "list: want a list, got a string",
		`{"sizes":{"a":256}}`:                  "sizes: the value does not fit",
		`{"score":"canary"}`:                   "score: want a number, got a string",
		`{"score":1e999}`:                      "score: want a number that fits float64",
		`{"kind":["canary"]}`:                  "kind: want a string, got a list",
		`{"done":"canary"}`:                    "done: want true or false, got a string",
		`{"x":[1,}`:                            "not valid JSON",
		`{"x":{"a":1,"a":2}}`:                  "x: the name stands twice in its object",
		`{"inner":[]}`:                         "inner: want an object, got a list",
		`[]`:                                   "want an object, got a list",
		`{"name":"a","name":"canary"}`:         "name: the name stands twice in its object",
		`{"inner":{"x":1,"x":"canary"}}`:       "inner.x: the name stands twice in its object",
		`{"name":"canary`:                      "the JSON ends too early",
		`{"at":"can`:                           "the JSON ends too early",
		`{"cost":"can`:                         "the JSON ends too early",
		``:                                     "the JSON ends too early",
		`<canary>`:                             "not valid JSON",
		`{} canary`:                            "not valid JSON",
	} {
		var v thing
		err := things.Unmarshal([]byte(body), &v)
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "canary")
		assert.Contains(t, err.Error(), want, body)
		var named *codec.Error
		require.ErrorAs(t, err, &named)
	}
}

// Callers' own types are not read by plan.
func TestErrorsNameTheFieldInCallersTypesToo(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"at":"canary"}`:       "at: not a time in ISO 8601 form",
		`{"at":null}`:           "at: want a time, got null",
		`{"done":"canary"}`:     "done: want true or false, got a string",
		`{"map":["canary"]}`:    "map: want an object, got a list",
		`{"call":"canary"}`:     "call: the value does not fit",
		`{"map":{"a":1,"a":2}}`: "map.a: the name stands twice in its object",
	} {
		var v struct {
			At   time.Time      `json:"at"`
			Done bool           `json:"done"`
			Map  map[string]int `json:"map"`
			Call func()         `json:"call"`
		}
		assert.EqualError(t, things.Unmarshal([]byte(body), &v), want)
	}
	assert.EqualError(t, things.Unmarshal([]byte(`{}`), nil), "the value does not fit")
	assert.EqualError(t, things.Unmarshal([]byte(`{}`), (*thing)(nil)), "the value does not fit")
}

func TestACutOffDocumentIsAnUnexpectedEnd(t *testing.T) {
	t.Parallel()
	var v thing
	require.ErrorIs(t, things.Unmarshal([]byte(`{"list":[{"name":`), &v), io.ErrUnexpectedEOF)
}

type stubborn struct{}

var errStubborn = errors.New("canary")

func (*stubborn) UnmarshalJSON([]byte) error { return errStubborn }

func (stubborn) MarshalJSON() ([]byte, error) { return nil, errStubborn }

func TestWhatATypesOwnMethodSaysIsTheCause(t *testing.T) {
	t.Parallel()
	var v struct {
		Field stubborn `json:"field"`
	}
	err := things.Unmarshal([]byte(`{"field":1}`), &v)
	require.ErrorIs(t, err, errStubborn)
	assert.NotContains(t, err.Error(), "canary")
	_, err = things.Marshal(v)
	require.ErrorIs(t, err, errStubborn)
}
