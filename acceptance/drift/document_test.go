package main

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// An object of a document.
type node = map[string]any

// A dialect is a way to write a document.
type dialect struct {
	name, openapi string
	nullable      func(schema node, title string) node // also allows null
}

// dialects contains the ways that generators use, of which FastAPI's is the first.
var dialects = []dialect{
	{"3.1 pydantic", "3.1.0", func(schema node, title string) node {
		return node{"anyOf": []any{schema, node{"type": "null"}}, "title": title, "default": nil}
	}},
	{"3.1 type arrays", "3.1.1", func(schema node, title string) node {
		kind, ok := schema["type"]
		if !ok {
			return node{"oneOf": []any{schema, node{"type": "null"}}, "title": title}
		}
		schema = maps.Clone(schema)
		schema["type"] = []any{kind, "null"}
		if values, ok := schema["enum"].([]any); ok {
			schema["enum"] = append(slices.Clip(values), nil)
		}
		return schema
	}},
	{"3.0", "3.0.3", func(schema node, title string) node {
		schema = maps.Clone(schema)
		if _, ok := schema["type"]; !ok {
			return node{"allOf": []any{schema}, "nullable": true, "title": title}
		}
		schema["nullable"], schema["title"] = true, title
		return schema
	}},
}

// A document describes the SDK as it is, in one dialect. Tests change it.
type document struct {
	dialect

	root    node
	schemas node
}

// newDocument writes the document that has no differences from the uses.
func newDocument(d dialect, uses map[string]use) *document {
	doc := &document{dialect: d, schemas: node{}}
	paths := node{}
	for _, u := range uses {
		path, _ := paths[u.endpoint.Route].(node)
		if path == nil {
			path = node{"parameters": pathParameters(u.endpoint.Route)}
			paths[u.endpoint.Route] = path
		}
		path[strings.ToLower(u.endpoint.Method)] = doc.operation(u)
	}
	doc.root = node{
		"openapi": d.openapi, "info": node{"title": "Runflow API", "version": "0.1.0"},
		"servers": []any{node{"url": "https://api.runflow.io", "description": "Production"}},
		"paths":   paths, "components": node{"schemas": doc.schemas},
	}
	doc.errorSchemas()
	return doc
}

func pathParameters(route string) []any {
	parameters := []any{}
	for _, name := range placeholder.FindAllString(route, -1) {
		name = strings.Trim(name, "{}")
		parameters = append(parameters, node{"name": name, "in": "path", "required": true, "schema": node{"type": "string", "title": name}})
	}
	return parameters
}

func (d *document) operation(u use) node {
	id := strings.NewReplacer("/", "_", "-", "_", "{", "", "}", "").Replace(strings.ToLower(u.endpoint.Method) + u.endpoint.Route)
	op := node{
		"summary": u.endpoint.Operation, "operationId": id,
		"parameters": d.parameters(u), "responses": d.responses(u),
	}
	if u.body != nil {
		op["requestBody"] = node{"required": true, "content": jsonContent(d.sent("Body_"+id, "body", u.body, u.limits))}
	}
	return op
}

func (d *document) parameters(u use) []any {
	parameters := []any{}
	for _, name := range slices.Sorted(maps.Keys(u.query.members)) {
		schema := d.sent(name, "query."+name, u.query.members[name].value, u.limits)
		parameters = append(parameters, node{"name": name, "in": "query", "required": false, "schema": d.nullable(schema, name)})
	}
	if u.headers.Get(organizationHeader) != "" {
		parameters = append(parameters, node{"name": "x-organization-id", "in": "header", "schema": d.nullable(node{"type": "string", "format": "uuid"}, "X-Organization-Id")})
	}
	return parameters
}

// sent describes a value that the SDK sends.
func (d *document) sent(title, place string, v *value, limits []limit) node {
	kinds := slices.DeleteFunc(slices.Sorted(maps.Keys(v.kinds)), func(kind string) bool { return kind == "null" })
	if v.any {
		return node{"title": title}
	}
	if len(kinds) == 0 { // only null is sent here
		return d.nullable(node{"type": "boolean"}, title)
	}
	schema := node{"type": kinds[len(kinds)-1], "title": title}
	for _, l := range limits {
		if l.place == place && unitOf[kinds[0]] == l.unit {
			addLimit(schema, l)
		}
	}
	if v.items != nil {
		schema["items"] = d.sent(title, place+"[]", v.items, limits)
	}
	if len(v.members) > 0 {
		schema = d.sentObject(title, place, v, limits)
	}
	if v.kinds["null"] {
		return d.nullable(schema, title)
	}
	return schema
}

func (d *document) sentObject(title, place string, v *value, limits []limit) node {
	properties, required := node{}, []any{}
	for _, name := range slices.Sorted(maps.Keys(v.members)) {
		properties[name] = d.sent(name, place+"."+name, v.members[name].value, limits)
		if v.members[name].always {
			required = append(required, name)
		}
	}
	name := strings.NewReplacer(".", "_", "[]", "_item").Replace(title + strings.TrimPrefix(place, "body"))
	d.schemas[name] = node{"type": "object", "title": title, "properties": properties}
	if len(required) > 0 {
		d.schemas[name].(node)["required"] = required
	}
	return ref(name)
}

func addLimit(schema node, l limit) {
	names := [...][2]string{{"minimum", "maximum"}, {"minLength", "maxLength"}, {"minItems", "maxItems"}}[l.unit]
	if l.min > 0 {
		schema[names[0]] = l.min
	}
	if !math.IsInf(l.max, 1) {
		schema[names[1]] = l.max
	}
}

func ref(name string) node { return node{"$ref": "#/components/schemas/" + name} }

func jsonContent(schema node) node { return node{"application/json": node{"schema": schema}} }

func (d *document) responses(u use) node {
	responses := node{"422": node{"description": "Validation Error", "content": jsonContent(ref("HTTPValidationError"))}}
	for _, status := range []int{401, 403, 404, 429} {
		responses[strconv.Itoa(status)] = node{"description": "Error", "content": jsonContent(ref("ErrorResponse"))}
	}
	success := node{"description": "Successful Response"}
	switch {
	case u.result == nil:
		responses["204"] = success
		return responses
	case !u.isList:
		success["content"] = jsonContent(d.received(u.result))
	case u.query.members["pq"] == nil: // a bare array
		success["content"] = jsonContent(node{"type": "array", "items": d.received(u.result), "title": "Response"})
	default:
		name := "Page_" + u.result.Name() + "_"
		text := func(title string) node { return d.nullable(node{"type": "string"}, title) }
		d.schemas[name] = node{"type": "object", "title": name, "required": []any{"items"}, "properties": node{
			"items": node{"type": "array", "items": d.received(u.result), "title": "Items"},
			"first": text("First"), "next": text("Next"), "previous": text("Previous"),
		}}
		success["content"] = jsonContent(ref(name))
	}
	responses["200"] = success
	return responses
}

// received describes a type that the SDK decodes.
func (d *document) received(t reflect.Type) node {
	switch {
	case t.Kind() == reflect.Pointer:
		return d.received(t.Elem())
	case t == jsonType:
		return node{"type": "object", "additionalProperties": true}
	case t == timeType:
		return node{"type": "string", "format": "date-time"}
	case t == moneyType, t == amountType:
		return node{"type": "string", "pattern": `^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$`}
	case enums[t] != nil:
		values := []any{}
		for _, code := range enums[t] {
			values = append(values, code)
		}
		return node{"type": "string", "enum": values}
	case t.Kind() == reflect.Slice:
		return node{"type": "array", "items": d.received(t.Elem())}
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[runflow.Secret]():
		return d.receivedObject(t)
	}
	return node{"type": accepted(t)[0]}
}

func (d *document) receivedObject(t reflect.Type) node {
	if _, ok := d.schemas[t.Name()]; ok {
		return ref(t.Name())
	}
	properties := node{}
	d.schemas[t.Name()] = node{"type": "object", "title": t.Name(), "properties": properties, "required": []any{"id"}}
	for name, of := range membersOf(t) {
		schema := d.received(of)
		if name != "id" {
			schema = d.nullable(schema, name)
		}
		properties[name] = schema
	}
	return ref(t.Name())
}

// errorSchemas adds the bodies of errors: the API's own, and FastAPI's.
func (d *document) errorSchemas() {
	d.schemas["ErrorResponse"] = node{"type": "object", "title": "ErrorResponse", "required": []any{"code", "message"}, "properties": node{
		"code": node{"type": "string", "title": "Code"}, "message": node{"type": "string", "title": "Message"},
		"errors": d.nullable(node{"type": "array", "items": node{"type": "object", "additionalProperties": true}}, "Errors"),
	}}
	d.schemas["HTTPValidationError"] = node{"type": "object", "title": "HTTPValidationError", "properties": node{
		"detail": node{"type": "array", "items": ref("ValidationError"), "title": "Detail"},
	}}
	d.schemas["ValidationError"] = node{"type": "object", "title": "ValidationError", "required": []any{"loc", "msg", "type"}, "properties": node{
		"loc": node{"type": "array", "items": node{"anyOf": []any{node{"type": "string"}, node{"type": "integer"}}}, "title": "Location"},
		"msg": node{"type": "string", "title": "Message"}, "type": node{"type": "string", "title": "Error Type"},
	}}
}

// at returns the object at a path of names.
func (d *document) at(t *testing.T, path ...string) node {
	t.Helper()
	n := d.root
	for _, name := range path {
		next, ok := n[name].(node)
		require.True(t, ok, "no object %s of %s", name, path)
		n = next
	}
	return n
}

// properties returns the properties of a schema.
func (d *document) properties(t *testing.T, schema string) node {
	t.Helper()
	return d.at(t, "components", "schemas", schema, "properties")
}

// op returns an operation: "GET /v1/runs".
func (d *document) op(t *testing.T, label string) node {
	t.Helper()
	method, route, _ := strings.Cut(label, " ")
	return d.at(t, "paths", route, strings.ToLower(method))
}

// parameter returns a parameter of an operation.
func (d *document) parameter(t *testing.T, label, name string) node {
	t.Helper()
	for _, p := range d.op(t, label)["parameters"].([]any) {
		if p := p.(node); p["name"] == name {
			return p
		}
	}
	require.Fail(t, "no parameter", "%s of %s", name, label)
	return nil
}

func (d *document) encode(t *testing.T) []byte {
	t.Helper()
	data, err := json.MarshalIndent(d.root, "", " ")
	require.NoError(t, err)
	return data
}
