package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// together describes several JSON values of the same place.
func together(t *testing.T, values ...string) *value {
	t.Helper()
	var all *value
	for _, text := range values {
		var v any
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		all = valueOf(v).merge(all)
	}
	return all
}

func TestValue_Combine_Always(t *testing.T) {
	t.Parallel()
	v := together(t, `{"a":1,"b":"x"}`, `{"a":null}`, `{"a":1.5,"c":true}`)
	assert.True(t, v.members["a"].always)
	assert.False(t, v.members["b"].always)
	assert.False(t, v.members["c"].always)
	assert.Equal(t, map[string]bool{"integer": true, "null": true, "number": true}, v.members["a"].kinds)
	assert.Equal(t, "x", v.members["b"].text)
}

func TestValue_Combine_Items(t *testing.T) {
	t.Parallel()
	v := together(t, `{"list":[]}`, `{"list":[{"url":"x","kind":"style"},{"url":"x"}]}`, `{"list":[{"url":"x"}]}`)
	items := v.members["list"].items
	assert.True(t, items.members["url"].always)
	assert.False(t, items.members["kind"].always)
}

func TestValue_Combine_ObjectAndNull(t *testing.T) {
	t.Parallel()
	v := together(t, `null`, `{"a":1}`)
	assert.True(t, v.kinds["null"])
	assert.True(t, v.members["a"].always)
}

func TestMatches(t *testing.T) {
	t.Parallel()
	assert.True(t, matches("/v1/runs/{run_id}/logs", "/v1/runs/1/logs"))
	assert.False(t, matches("/v1/runs/{run_id}/logs", "/v1/runs/1/node-runs"))
	assert.False(t, matches("/v1/runs/{run_id}", "/v1/runs/1/logs"))
}
