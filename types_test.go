package runflow_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestJSON_KeepsExactBytes(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`{"b": 1, "a": [ ]}`, `[1, 2.50]`, `"text"`, `12345678901234567890.10`, `true`, `null`, `{"user":"ann","user":"bob"}`,
	} {
		var run runflow.Run
		require.NoError(t, runflow.JSON(`{"output":`+value+`}`).Decode(&run))
		assert.Equal(t, value, string(run.Output))
		assert.Equal(t, value == "null", run.Output.IsNull())
	}
}

func TestJSON_Decode(t *testing.T) {
	t.Parallel()
	var output struct {
		ImageURLs []string         `json:"image_urls"`
		Cost      runflow.JSON     `json:"cost"`
		Nested    *runflow.NodeRun `json:"nested"`
	}
	require.NoError(t, runflow.JSON(`{"image_urls":["https://a"],"cost":1.50,"nested":{"id":"n","duration_ms":"odd"},"new":1}`).Decode(&output))
	assert.Equal(t, []string{"https://a"}, output.ImageURLs)
	assert.Equal(t, "1.50", output.Cost.String())
	assert.Equal(t, &runflow.NodeRun{ID: "n"}, output.Nested)

	err := runflow.JSON(`{"image_urls":"canary"}`).Decode(&output)
	var decodeErr *runflow.DecodeError
	require.ErrorAs(t, err, &decodeErr)
	assert.Equal(t, "image_urls", decodeErr.Field)
	require.EqualError(t, err, "runflow: cannot decode the JSON: image_urls: want a list, got a string")
	_, ok := runflow.CallInfoOf(err)
	assert.False(t, ok)

	value := any("before")
	require.NoError(t, runflow.JSON(nil).Decode(&value))
	assert.Nil(t, value)
	assert.Equal(t, "null", runflow.JSON(nil).String())
	for _, target := range []any{nil, output, (*runflow.Run)(nil)} {
		require.Error(t, runflow.JSON(`{}`).Decode(target))
	}

	data, err := json.Marshal(map[string]runflow.JSON{"absent": nil})
	require.NoError(t, err)
	assert.JSONEq(t, `{"absent":null}`, string(data))
}

func TestJSON_Decode_EmbeddedType(t *testing.T) {
	t.Parallel()
	const data = `{"id":"1","created_at":"2026-05-06 10:00:00","duration_ms":"odd","cost":"0.10","new_field":"new"}`
	var byValue struct {
		runflow.Run

		NewField string `json:"new_field"`
	}
	require.NoError(t, runflow.JSON(data).Decode(&byValue))
	assert.Equal(t, "new", byValue.NewField)
	assert.Equal(t, "1", byValue.ID)
	assert.Equal(t, 2026, byValue.CreatedAt.Year())
	assert.Nil(t, byValue.DurationMS)
	var byPointer struct {
		*runflow.Run

		NewField string `json:"new_field"`
	}
	require.NoError(t, runflow.JSON(data).Decode(&byPointer))
	assert.Equal(t, byValue.Run, *byPointer.Run)
	require.ErrorContains(t, runflow.JSON(`{"new_field":7}`).Decode(&byValue), "new_field: want a string, got a number")
}

// The second document replaces the values of its own members. Other values are not
// changed.
func TestJSON_Decode_IntoUsedValue(t *testing.T) {
	t.Parallel()
	var run runflow.Run
	require.NoError(t, runflow.JSON(`{"id":"1","logs":[{"id":"l","message":"a"}],"metadata":{"a":1},"new":1,"model":{"id":"m","name":"x"}}`).Decode(&run))
	require.NoError(t, runflow.JSON(`{"id":"2","logs":[{"id":"k"}],"new":2,"model":{"id":"n"},"cost":"1"}`).Decode(&run))
	assert.Equal(t, "2", run.ID)
	assert.Equal(t, []runflow.RunLog{{ID: "k"}}, run.Logs)
	assert.Equal(t, &runflow.Model{ID: "n"}, run.Model)
	assert.JSONEq(t, `{"a":1}`, run.Metadata.String())
}

func TestJSON_KeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	data := []byte(`{"output":{"a":1}}`)
	var run runflow.Run
	require.NoError(t, runflow.JSON(data).Decode(&run))
	for i := range data {
		data[i] = 'x'
	}
	assert.Equal(t, `{"a":1}`, run.Output.String())
}
