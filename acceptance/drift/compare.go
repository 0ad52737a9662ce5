package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// A comparison compares the SDK with one document.
type comparison struct {
	*report

	endpoint string         // that is being compared: "GET /v1/runs/{run_id}"
	limits   []limit        // of the SDK at this endpoint
	visited  map[visit]bool // types that were compared at this endpoint

	members map[reflect.Type]*documented // members of the SDK's types
	codes   map[reflect.Type]*documented // constants of the SDK's types of codes
}

// A visit is the comparison of a type with a schema, which can contain itself.
type visit struct {
	of      reflect.Type
	schemas string // their addresses
}

// A documented says which members or codes the document has anywhere.
type documented struct {
	names    map[string]bool
	endpoint string // the first one
	isOpen   bool   // any code is allowed somewhere
}

// A use is what the SDK does with one endpoint, by all methods that use it.
type use struct {
	binding
	*sent

	methods []string // "Runs.Get"
}

// label names the endpoint.
func (u use) label() string { return u.endpoint.Method + " " + u.endpoint.Route }

// compare returns all differences between the uses of endpoints and the document.
func compare(uses map[string]use, doc *openapi3.T) (*report, error) {
	c := &comparison{
		report:  &report{OpenAPI: doc.OpenAPI, Differences: []difference{}, index: map[string]int{}},
		members: map[reflect.Type]*documented{}, codes: map[reflect.Type]*documented{},
	}
	if doc.Info != nil {
		c.Title, c.Version = doc.Info.Title, doc.Info.Version
	}
	operations, err := operationsOf(doc)
	if err != nil {
		return nil, err
	}
	for key, u := range uses {
		if o, ok := operations[key]; ok {
			c.Compared++
			c.operation(u, o)
			continue
		}
		c.missing(u)
	}
	for key, o := range operations {
		if _, ok := uses[key]; !ok {
			c.unknown(key, o)
		}
	}
	c.organization(operations)
	c.undocumented()
	c.sort()
	return c.report, nil
}

// placeholder is a placeholder of a path template. Its name has no meaning.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func keyOf(method, route string) string {
	return strings.ToUpper(method) + " " + placeholder.ReplaceAllString(strings.TrimSuffix(route, "/"), "{}")
}

// usesOf records what the SDK sends, by method and route.
func usesOf(ctx context.Context) (map[string]use, error) {
	uses := map[string]use{}
	for _, b := range bindings() {
		s, err := record(ctx, b)
		if err != nil {
			return nil, err
		}
		methods := []string{b.endpoint.Operation}
		key := keyOf(b.endpoint.Method, b.endpoint.Route)
		if first, ok := uses[key]; ok {
			s.query = s.query.merge(first.query)
			if s.body != nil {
				s.body = s.body.merge(first.body)
			}
			b.needs = append(slices.Clip(first.needs), b.needs...)
			b.limits = append(slices.Clip(first.limits), b.limits...)
			methods = append(first.methods, methods...)
		}
		uses[key] = use{b, s, methods}
	}
	return uses, nil
}

// An operation is an operation of the document.
type operation struct {
	*openapi3.Operation

	label      string // "GET /v1/runs"
	parameters []*openapi3.Parameter
}

// operationsOf returns the operations of the document, by method and path.
func operationsOf(doc *openapi3.T) (map[string]operation, error) {
	base, err := doc.Servers.BasePath()
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	operations := map[string]operation{}
	for path, item := range doc.Paths.Map() {
		if item == nil {
			continue
		}
		path = strings.TrimSuffix(base, "/") + path
		for method, op := range item.Operations() {
			key := keyOf(method, path)
			operations[key] = operation{op, method + " " + path, parametersOf(item, op)}
		}
	}
	return operations, nil
}

// parametersOf returns the parameters of an operation, and those of its path that it
// does not replace.
func parametersOf(item *openapi3.PathItem, op *openapi3.Operation) []*openapi3.Parameter {
	byName := map[string]*openapi3.Parameter{}
	for _, ref := range slices.Concat(item.Parameters, op.Parameters) {
		if p := ref.Value; p != nil {
			byName[p.In+" "+p.Name] = p
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *openapi3.Parameter) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Name, b.Name))
	})
}

// missing reports an endpoint of the SDK that the document does not have.
func (c *comparison) missing(u use) {
	c.endpoint = u.label()
	if unpublished[c.endpoint] {
		c.add(notCovered, c.endpoint, "endpoint", "the document does not have it, so nothing was compared; the SDK knows it from other sources")
		return
	}
	c.add(breaksCalls, c.endpoint, "endpoint", "the document does not have it; used by "+strings.Join(u.methods, " and "))
}

// unknown reports an endpoint of the document that the SDK does not have.
func (c *comparison) unknown(key string, o operation) {
	text := "the SDK has no method for it"
	if reason, ok := outOfScope[key]; ok {
		text += ", on purpose: " + reason
	}
	c.add(notCovered, o.label, "endpoint", text)
}

// operation compares an endpoint that both sides have.
func (c *comparison) operation(u use, o operation) {
	c.endpoint, c.limits, c.visited = u.label(), u.limits, map[visit]bool{}
	if o.Deprecated {
		c.differ(notCovered, "endpoint", "it is deprecated")
	}
	c.parameters(u, o)
	c.requestBody(u, o)
	c.responses(u, o)
}

// differ reports a difference of the endpoint that is being compared.
func (c *comparison) differ(s severity, place, text string) { c.add(s, c.endpoint, place, text) }

// organizationHeader selects the organization of a call.
const organizationHeader = "X-Organization-Id"

// organization reports if no endpoint has the header that selects the organization.
func (c *comparison) organization(operations map[string]operation) {
	for _, o := range operations {
		for _, p := range o.parameters {
			if p.In == openapi3.ParameterInHeader && strings.EqualFold(p.Name, organizationHeader) {
				return
			}
		}
	}
	if c.Compared > 0 {
		c.add(breaksCalls, "all endpoints", "header."+organizationHeader, "no endpoint has it; WithOrganization would have no effect")
	}
}

// undocumented reports what the SDK decodes although no response has it.
func (c *comparison) undocumented() {
	for t, d := range c.members {
		s := losesData
		if keepsRaw(t) {
			s = notCovered // the SDK guesses these members
		}
		for name := range membersOf(t) {
			if !d.names[name] {
				c.add(s, d.endpoint, t.Name()+"."+name, "no response has it; the field of the SDK stays zero")
			}
		}
	}
	for t, d := range c.codes {
		for _, code := range enums[t] {
			if !d.isOpen && !d.names[code] {
				c.add(notCovered, d.endpoint, t.Name(), fmt.Sprintf("no response has the value %q of the SDK", code))
			}
		}
	}
}
