package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemaOf parses the schema Tested of the components.
func schemaOf(t *testing.T, schemas string) *openapi3.Schema {
	t.Helper()
	doc, err := parse(t.Context(), []byte(`{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{},"components":{"schemas":`+schemas+`}}`))
	require.NoError(t, err)
	return doc.Components.Schemas["Tested"].Value
}

func TestShapeOf_Kinds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		schema string
		want   string
	}{
		"one type":                    {`{"type":"string"}`, "string"},
		"list of types":               {`{"type":["string","integer","null"]}`, "integer string"},
		"nullable":                    {`{"type":"string","nullable":true}`, "string"},
		"anyOf with null":             {`{"anyOf":[{"type":"string"},{"type":"null"}]}`, "string"},
		"oneOf":                       {`{"oneOf":[{"type":"string"},{"type":"array","items":{}}]}`, "array string"},
		"any":                         {`{}`, ""},
		"true":                        {`true`, ""},
		"any of anything":             {`{"anyOf":[{"type":"string"},{}]}`, ""},
		"allOf of integer and number": {`{"allOf":[{"type":"number"},{"type":"integer"}]}`, "integer"},
		"allOf of number and integer": {`{"allOf":[{"type":"integer"},{"type":"number"}]}`, "integer"},
		"reference next to keywords":  {`{"$ref":"#/components/schemas/Text","default":null,"description":"x"}`, "string"},
		"contradictory alternative":   {`{"type":"string","anyOf":[{"type":"integer"},{"type":"string"}]}`, "string"},
		"false alternative":           {`{"anyOf":[false,{"type":"boolean"}]}`, "boolean"},
		"type of an enumeration":      {`{"enum":["a",null,1]}`, "integer string"},
		"type of a constant":          {`{"const":"a"}`, "string"},
		"type of properties":          {`{"properties":{"a":{}}}`, "object"},
		"type of items":               {`{"items":{}}`, "array"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shapeOf(schemaOf(t, `{"Text":{"type":"string"},"Tested":`+tc.schema+`}`))
			assert.Equal(t, tc.want, strings.Join(s.names(), " "))
			assert.False(t, s.complex)
		})
	}
}

func TestShapeOf_Texts(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string][]string{
		`{"enum":["a","b"]}`: {"a", "b"},
		`{"anyOf":[{"enum":["a"]},{"const":"b"},{"type":"null"}]}`: {"a", "b"},
		`{"anyOf":[{"enum":["a"]},{"type":"string"}]}`:             nil,
		`{"allOf":[{"enum":["a","b"]},{"enum":["b","c"]}]}`:        {"b"},
		`{"type":["string","null"],"enum":["a",null]}`:             {"a"},
		`{"type":"integer"}`: nil,
		`{}`:                 nil,
	} {
		assert.Equal(t, want, shapeOf(schemaOf(t, `{"Tested":`+schema+`}`)).texts, schema)
	}
}

func TestShapeOf_Objects(t *testing.T) {
	t.Parallel()
	s := shapeOf(schemaOf(t, `{
		"Base":{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}},
		"Tested":{"oneOf":[
			{"allOf":[{"$ref":"#/components/schemas/Base"},{"required":["a"],"properties":{"a":{"type":"string"}}}],"additionalProperties":false},
			{"allOf":[{"$ref":"#/components/schemas/Base"}],"properties":{"a":{"type":"integer"},"b":{}}},
			{"type":"null"}]}}`))
	assert.Len(t, s.members, 3)
	assert.Equal(t, []string{"integer", "string"}, shapeOf(s.members["a"]...).names())
	assert.Equal(t, map[string]bool{"id": true}, s.required)
	assert.False(t, s.closed, "one alternative is open")
	assert.True(t, shapeOf(schemaOf(t, `{"Tested":{"properties":{"a":{}},"additionalProperties":false}}`)).closed)
}

func TestShapeOf_Limits(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	for schema, want := range map[string]struct {
		unit   unit
		bounds bounds
	}{
		`{"type":"integer","minimum":1,"maximum":500}`:                        {size, bounds{1, 500}},
		`{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":501}`:      {size, bounds{1, 500}},
		`{"type":"integer","minimum":0,"exclusiveMinimum":true,"maximum":10}`: {size, bounds{1, 10}},
		`{"type":"integer","maximum":10,"exclusiveMaximum":true}`:             {size, bounds{math.Inf(-1), 9}},
		`{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}`:         {size, bounds{0, 1}},
		`{"type":"string","minLength":1,"maxLength":255}`:                     {length, bounds{1, 255}},
		`{"type":"string"}`:                          {length, bounds{0, inf}},
		`{"type":"array","minItems":1,"maxItems":4}`: {items, bounds{1, 4}},
		`{"anyOf":[{"type":"string","maxLength":5},{"type":"string","minLength":2,"maxLength":9}]}`: {length, bounds{0, 9}},
		`{"allOf":[{"type":"string","maxLength":5},{"minLength":2,"maxLength":9}]}`:                 {length, bounds{2, 5}},
	} {
		assert.Equal(t, want.bounds, shapeOf(schemaOf(t, `{"Tested":`+schema+`}`)).limits[want.unit], schema)
	}
}

// A schema may contain itself, in each way in which schemas are combined.
func TestShapeOf_Cycles(t *testing.T) {
	t.Parallel()
	for name, schemas := range map[string]string{
		"anyOf":      `{"Tested":{"anyOf":[{"type":"string"},{"$ref":"#/components/schemas/Tested"}]}}`,
		"allOf":      `{"Tested":{"type":"object","allOf":[{"$ref":"#/components/schemas/Other"}]},"Other":{"allOf":[{"$ref":"#/components/schemas/Tested"}],"properties":{"a":{}}}}`,
		"properties": `{"Tested":{"type":"object","properties":{"a":{"$ref":"#/components/schemas/Tested"}}}}`,
		"items":      `{"Tested":{"type":"array","items":{"$ref":"#/components/schemas/Tested"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.NotPanics(t, func() { shapeOf(schemaOf(t, schemas)) })
		})
	}
}

// The number of alternatives multiplies: 4 to the power of 12 here.
func TestShapeOf_TooManyAlternatives(t *testing.T) {
	t.Parallel()
	parts := make([]string, 12)
	for i := range parts {
		parts[i] = fmt.Sprintf(`{"anyOf":[{"properties":{"a%d":{}}},{"properties":{"b%d":{}}},{"properties":{"c%d":{}}},{"properties":{"d%d":{}}}]}`, i, i, i, i)
	}
	assert.True(t, shapeOf(schemaOf(t, `{"Tested":{"allOf":[`+strings.Join(parts, ",")+`]}}`)).complex)
}

func TestCompare_TooManyAlternatives(t *testing.T) {
	t.Parallel()
	uses := plantUses(t)
	doc := newDocument(dialects[0], uses)
	choices := make([]any, maxAlternatives+1)
	for i := range choices {
		choices[i] = node{"type": "object", "properties": node{fmt.Sprint("a", i): node{}}}
	}
	doc.op(t, getRun)["responses"].(node)["200"].(node)["content"] = jsonContent(node{"anyOf": choices})
	doc.op(t, newRun)["requestBody"] = node{"content": jsonContent(node{"anyOf": choices})}
	doc.parameter(t, listRuns, "q")["schema"] = node{"anyOf": choices}
	r := differences(t, uses, doc.encode(t))
	for _, want := range []planted{
		{notCovered, getRun, "status 200", "too many alternatives"},
		{notCovered, newRun, "body", "too many alternatives"},
		{notCovered, listRuns, "query.q", "too many alternatives"},
	} {
		assert.True(t, containsPlanted(r, want), "%+v is not in the report:\n%s", want, lines(r))
	}
}

// A document can have the wrong form in any place. The comparison must end.
func TestCompare_BrokenDocuments(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		`{"openapi":"3.1.0"}`,
		`{"openapi":"3.1.0","paths":{"/v1/runs":null}}`,
		`{"openapi":"3.1.0","paths":{"/v1/runs":{"get":{}}}}`,
		`{"openapi":"3.1.0","paths":{"/v1/runs":{"get":{"responses":{"200":{}}}}}}`,
		`{"openapi":"3.1.0","paths":{"/v1/runs":{"get":{"responses":{"200":{"content":{"application/json":{}}},"x":{},"":{}}}}}}`,
		`{"openapi":"3.1.0","paths":{"/v1/runs":{"get":{"parameters":[{"name":"q","in":"query"}],"responses":{"200":{"content":{"application/json":{"schema":{"type":"array"}}}}}}}}}`,
		`{"openapi":"3.1.0","paths":{"/v1/runs":{"get":{"responses":{"200":{"content":{"application/json":{"schema":false}}}}}}}}`,
		`{"openapi":"3.1.0","paths":{"":{"get":{}},"{":{"get":{}},"/v1/{}/{":{"get":{}}}}`,
	} {
		require.True(t, json.Valid([]byte(content)), content)
		doc, err := parse(t.Context(), []byte(content))
		if err != nil {
			continue
		}
		_, err = compare(allUses(t), doc)
		assert.NoError(t, err, content)
	}
}
