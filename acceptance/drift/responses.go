package main

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
)

// responses compares the documented responses.
func (c *comparison) responses(u use, o operation) {
	succeeds := false
	for status, ref := range o.Responses.Map() {
		place, response := "status "+status, ref.Value
		switch {
		case response == nil:
		case status == "default", strings.HasPrefix(status, "4"), strings.HasPrefix(status, "5"):
			c.failure(place, status, response)
		case strings.HasPrefix(status, "2"):
			succeeds = true
			c.success(u, place, response)
		default:
			c.differ(notCovered, place, "the SDK does not expect it")
		}
	}
	if !succeeds {
		c.differ(notCovered, "response", "the document describes no successful response")
	}
}

// success compares a successful response.
func (c *comparison) success(u use, place string, response *openapi3.Response) {
	if u.result == nil {
		return
	}
	media, ok := jsonOf(response.Content)
	switch {
	case len(response.Content) == 0 && (place == "status 204" || place == "status 205"):
		c.differ(breaksCalls, place, "it has no content, but the SDK wants JSON")
	case !ok && len(response.Content) > 0:
		c.differ(breaksCalls, place, "it has the content "+mediaTypes(response.Content)+", but the SDK wants application/json")
	case !ok || media.Schema == nil:
		c.differ(notCovered, place, "the document does not describe the content, so nothing was compared")
	case u.isList:
		c.list(u, media.Schema.Value)
	default:
		c.root(u, place, media.Schema.Value)
	}
}

// list compares a response that is a list: an array, or an object with the items.
func (c *comparison) list(u use, schema *openapi3.Schema) {
	s := shapeOf(schema)
	items := s.items
	switch {
	case s.complex:
		c.tooComplex("response")
		return
	case s.isObject():
		c.page(u, s)
		if len(s.members["items"]) > 0 {
			items = append(slices.Clip(items), shapeOf(s.members["items"]...).items...)
		}
	case !s.allows("array"):
		c.differ(breaksCalls, "response", "it is not a list: "+strings.Join(s.names(), " or "))
		return
	}
	if len(items) == 0 {
		c.differ(notCovered, "response", "the document does not describe the items, so nothing was compared")
		return
	}
	c.root(u, "response.items", items...)
}

// cursors contains the names of the cursors of a page. One of each group is enough.
var cursors = [...][]string{{"next", "next_pq"}, {"previous", "prev_pq"}}

// page compares the members of a page except its items.
func (c *comparison) page(u use, s shape) {
	_, ok := s.members["items"]
	if !ok || !shapeOf(s.members["items"]...).allows("array") {
		c.differ(breaksCalls, "response.items", "the SDK needs it, as an array")
	}
	known := []string{"items", "first"} // the SDK does not use the first cursor
	for _, names := range cursors {
		known = append(known, names...)
		found := false
		for _, name := range names {
			if schemas, ok := s.members[name]; ok {
				found = true
				c.cursor("response."+name, shapeOf(schemas...))
			}
		}
		if _, isPaged := u.query.members["pq"]; isPaged && !found {
			c.differ(losesData, "response."+names[0], "the document does not have it; the SDK gets no other page")
		}
	}
	for name := range s.members {
		if !slices.Contains(known, name) {
			c.differ(losesData, "response."+name, "the SDK drops it")
		}
	}
}

// cursor reports a cursor that is neither a string nor a number.
func (c *comparison) cursor(place string, s shape) {
	for _, kind := range s.names() {
		if kind == "object" || kind == "array" || kind == "boolean" {
			c.differ(breaksCalls, place, "it is "+kind+", but the SDK wants a string")
		}
	}
}

// root compares a result, which must have the members that the method needs.
func (c *comparison) root(u use, place string, schemas ...*openapi3.Schema) {
	s := shapeOf(schemas...)
	var needs []string
	for _, names := range u.needs {
		alternatives := strings.Split(names, "|")
		needs = append(needs, alternatives...)
		if s.isObject() && !slices.ContainsFunc(alternatives, func(name string) bool { return s.members[name] != nil }) {
			c.differ(breaksCalls, place+"."+alternatives[0], "the document does not have it; needed by "+strings.Join(u.methods, " and "))
			c.documentedMember(u.result, alternatives[0])
		}
	}
	c.receives(place, u.result, true, needs, schemas...)
}

// documentedMember notes that the document has a member of a type, or that its absence
// is reported already.
func (c *comparison) documentedMember(t reflect.Type, name string) {
	note(c.members, t, c.endpoint).names[name] = true
}

// note returns what the document has of a type.
func note(all map[reflect.Type]*documented, t reflect.Type, endpoint string) *documented {
	d, ok := all[t]
	if !ok {
		d = &documented{names: map[string]bool{}, endpoint: endpoint}
		all[t] = d
	}
	if endpoint < d.endpoint {
		d.endpoint = endpoint
	}
	return d
}

var (
	jsonType   = reflect.TypeFor[runflow.JSON]()
	timeType   = reflect.TypeFor[time.Time]()
	moneyType  = reflect.TypeFor[decimal.NullDecimal]()
	amountType = reflect.TypeFor[decimal.Decimal]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// accepted returns the JSON types that the SDK decodes into t. Others are decoded like
// absent values, or fail. It returns nil for all.
func accepted(t reflect.Type) []string {
	switch {
	case t == jsonType:
		return nil
	case t == moneyType, t == amountType:
		return []string{"string", "number", "integer"}
	case t == timeType, reflect.PointerTo(t).Implements(textType), t.Kind() == reflect.String:
		return []string{"string"}
	case t.Kind() == reflect.Bool:
		return []string{"boolean"}
	case t.Kind() == reflect.Float64:
		return []string{"number", "integer"}
	case t.Kind() == reflect.Slice:
		return []string{"array"}
	case t.Kind() == reflect.Struct:
		return []string{"object"}
	default:
		return []string{"integer"}
	}
}

// receives compares a value that the SDK decodes with what the schemas allow. A value
// that must have an expected form breaks the call otherwise.
func (c *comparison) receives(place string, t reflect.Type, must bool, needs []string, schemas ...*openapi3.Schema) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := shapeOf(schemas...)
	switch {
	case s.complex:
		c.tooComplex(place)
		return
	case t == jsonType:
		c.keptAsJSON(place, s)
		return
	case t == reflect.TypeFor[runflow.ReferenceItem]() && s.allows("string"):
		return // it can be a string, too
	}
	odd := losesData
	if must || t == moneyType || t == amountType || strings.HasSuffix(place, ".id") {
		odd = breaksCalls
	}
	want := accepted(t)
	c.receivesKinds(place, want, odd, s)
	if s.allows("string") {
		c.formats(place, t, odd, s)
		c.receivesCodes(place, t, s)
	}
	switch {
	case t.Kind() == reflect.Slice && len(s.items) > 0:
		c.receives(place+"[]", t.Elem(), false, nil, s.items...)
	case want[0] == "object" && s.allows("object"):
		c.receivesMembers(place, t, needs, s, schemas)
	}
}

// receivesKinds reports JSON types that the document has and the SDK does not decode.
func (c *comparison) receivesKinds(place string, want []string, odd severity, s shape) {
	for _, kind := range s.names() {
		if !slices.Contains(want, kind) {
			c.differ(odd, place, fmt.Sprintf("the document has %s, the SDK decodes only %s", kind, strings.Join(want, " or ")))
		}
	}
}

// keptAsJSON reports members that the document describes and the SDK keeps as JSON.
func (c *comparison) keptAsJSON(place string, s shape) {
	if !s.isObject() && len(s.items) > 0 {
		s = shapeOf(s.items...)
	}
	if s.isObject() {
		names := slices.Sorted(maps.Keys(s.members))
		c.differ(notCovered, place, "the SDK keeps it as JSON; the document describes "+strings.Join(names, ", "))
	}
}

// formats reports formats of strings that the SDK does not decode.
func (c *comparison) formats(place string, t reflect.Type, odd severity, s shape) {
	known := []string{"", "decimal", "number"}
	switch t {
	case timeType:
		known = []string{"", "date-time"}
	case moneyType, amountType:
	default:
		return
	}
	for _, format := range slices.Sorted(maps.Keys(s.formats)) {
		if !slices.Contains(known, format) {
			c.differ(odd, place, fmt.Sprintf("the document has the format %s, the SDK decodes %s", format, t))
		}
	}
}

// receivesCodes compares an enumeration with the constants of the SDK.
func (c *comparison) receivesCodes(place string, t reflect.Type, s shape) {
	known, isEnum := enums[t]
	switch {
	case !isEnum && len(s.texts) > 1 && t.Kind() == reflect.String:
		c.differ(notCovered, place, "the SDK has no constants for the values "+quoted(s.texts))
		return
	case !isEnum:
		return
	}
	d := note(c.codes, t, c.endpoint)
	d.isOpen = d.isOpen || s.texts == nil
	for _, code := range s.texts {
		d.names[code] = true
		switch {
		case slices.Contains(known, code), code == "canceled" && slices.Contains(known, "cancelled"): // the SDK knows both spellings
		case isStatus(t):
			c.differ(breaksCalls, t.Name(), fmt.Sprintf("the SDK does not know the value %q; methods that wait do not know whether it is the last status", code))
		default:
			c.differ(notCovered, t.Name(), fmt.Sprintf("the SDK has no constant for the value %q", code))
		}
	}
}

// receivesMembers compares an object that the SDK decodes into the struct t.
func (c *comparison) receivesMembers(place string, t reflect.Type, needs []string, s shape, schemas []*openapi3.Schema) {
	v := visit{t, fmt.Sprint(schemas)}
	if c.visited[v] {
		return
	}
	c.visited[v] = true
	if !s.isObject() {
		c.differ(notCovered, place, "the document does not describe the members of the "+t.Name()+", so nothing was compared")
		return
	}
	fields := membersOf(t)
	for name, schemas := range s.members {
		field, ok := fields[name]
		switch {
		case ok:
			c.documentedMember(t, name)
			c.receives(t.Name()+"."+name, field, slices.Contains(needs, name), nil, schemas...)
		case !keepsRaw(t) && !slices.Contains(needs, name) && !isWriteOnly(schemas):
			c.differ(losesData, t.Name()+"."+name, "the SDK drops it"+described(schemas))
		}
	}
}

func isWriteOnly(schemas []*openapi3.Schema) bool {
	return slices.ContainsFunc(schemas, func(s *openapi3.Schema) bool { return s != nil && s.WriteOnly })
}

// described returns the JSON types of schemas, for a reader who adds the member.
func described(schemas []*openapi3.Schema) string {
	if kinds := shapeOf(schemas...).names(); len(kinds) > 0 {
		return " (" + strings.Join(kinds, " or ") + ")"
	}
	return ""
}

// membersOf returns the types of the members of a struct, by their names in the API.
func membersOf(t reflect.Type) map[string]reflect.Type {
	members := map[string]reflect.Type{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "raw" {
			members[name] = field.Type
		}
	}
	return members
}

// keepsRaw reports whether t has a field with the whole value, so that nothing is lost.
func keepsRaw(t reflect.Type) bool {
	field, ok := t.FieldByName("Raw")
	return ok && field.Type == jsonType
}
