package main

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// A shape says what a schema of the document allows, without the ways to write it:
// references, allOf, anyOf, oneOf, nullable and lists of types are resolved.
type shape struct {
	kinds    map[string]bool               // JSON types; empty if any is allowed
	texts    []string                      // the only strings that are allowed; nil if any is
	formats  map[string]bool               // of strings; "" if a string may have none
	members  map[string][]*openapi3.Schema // of objects; a member of several alternatives has several schemas
	required map[string]bool               // members that all objects have
	closed   bool                          // objects have no other members
	items    []*openapi3.Schema            // of arrays
	limits   map[unit]bounds
	complex  bool // there are too many alternatives to look at
}

// bounds are the smallest and the largest number that is allowed.
type bounds struct{ min, max float64 }

// maxAlternatives limits the work for a schema: nested alternatives multiply.
const maxAlternatives = 256

// shapeOf returns what at least one of the schemas allows. A nil schema allows
// everything.
func shapeOf(schemas ...*openapi3.Schema) shape {
	var all []alternative
	for _, s := range schemas {
		for _, parts := range expand(s, nil) {
			if a, ok := newAlternative(parts); ok {
				all = append(all, a)
			}
		}
	}
	if len(all) == 0 || len(all) > maxAlternatives {
		return shape{complex: len(all) > 0}
	}
	return union(all)
}

// allows reports whether values of a JSON type are allowed.
func (s shape) allows(kind string) bool {
	return len(s.kinds) == 0 || s.kinds[kind] || kind == "integer" && s.kinds["number"]
}

// isObject reports whether the shape describes the members of objects.
func (s shape) isObject() bool { return len(s.members) > 0 }

// names returns the JSON types in a fixed order.
func (s shape) names() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.kinds)), func(kind string) bool { return kind == "null" })
}

// expand returns the alternatives of a schema. Each is a list of schemas, of which only
// the keywords that do not combine schemas are meant, and which all apply. The outer
// schemas are those that contain this one by allOf, anyOf and oneOf: a schema that
// contains itself adds nothing.
func expand(s *openapi3.Schema, outer []*openapi3.Schema) [][]*openapi3.Schema {
	if s == nil || slices.Contains(outer, s) {
		return [][]*openapi3.Schema{{}}
	}
	outer = append(slices.Clip(outer), s)
	all := [][]*openapi3.Schema{{s}}
	for _, part := range s.AllOf {
		all = product(all, expand(part.Value, outer))
	}
	for _, choice := range []openapi3.SchemaRefs{s.AnyOf, s.OneOf} {
		var choices [][]*openapi3.Schema
		for _, part := range choice {
			if choices = append(choices, expand(part.Value, outer)...); len(choices) > maxAlternatives {
				break
			}
		}
		if len(choices) > 0 {
			all = product(all, choices)
		}
	}
	return all
}

// product combines each of the alternatives a with each of b. It stops when there are
// more than maxAlternatives.
func product(a, b [][]*openapi3.Schema) [][]*openapi3.Schema {
	var all [][]*openapi3.Schema
	for _, left := range a {
		for _, right := range b {
			all = append(all, slices.Concat(left, right))
			if len(all) > maxAlternatives {
				return all
			}
		}
	}
	return all
}

// An alternative is a shape without alternatives.
type alternative struct {
	shape

	isAny bool // any JSON type
}

// newAlternative returns what all of the schemas allow together. It returns false if
// they contradict each other.
func newAlternative(parts []*openapi3.Schema) (alternative, bool) {
	a := alternative{isAny: true}
	a.kinds, a.formats, a.members, a.required = map[string]bool{}, map[string]bool{}, map[string][]*openapi3.Schema{}, map[string]bool{}
	a.limits = map[unit]bounds{size: {math.Inf(-1), unlimited}, length: {0, unlimited}, items: {0, unlimited}}
	nullable := false
	for _, s := range parts {
		if s.Always != nil && !*s.Always {
			return a, false
		}
		a.restrictKinds(kindsOf(s))
		a.restrictTexts(s)
		a.restrictLimits(s)
		a.restrictMembers(s)
		if s.Format != "" {
			a.formats[s.Format] = true
		}
		if s.Items != nil {
			a.items = append(a.items, s.Items.Value)
		}
		nullable = nullable || s.Nullable
	}
	if len(a.formats) == 0 {
		a.formats[""] = true
	}
	if !a.isAny && len(a.kinds) == 0 {
		return a, false
	}
	if nullable && !a.isAny {
		a.kinds["null"] = true // in 3.0 next to an allOf, too, as it is commonly meant
	}
	return a, true
}

// kindsOf returns the JSON types that a schema itself allows, or nil for all.
func kindsOf(s *openapi3.Schema) map[string]bool {
	kinds := map[string]bool{}
	switch {
	case s.Type != nil:
		for _, kind := range s.Type.Slice() {
			kinds[kind] = true
		}
	case s.Const != nil:
		kinds[kindOf(s.Const)] = true
	case len(s.Enum) > 0:
		for _, v := range s.Enum {
			kinds[kindOf(v)] = true
		}
	case len(s.Properties) > 0:
		kinds["object"] = true
	case s.Items != nil:
		kinds["array"] = true
	default:
		return nil
	}
	return kinds
}

// restrictKinds leaves only the given JSON types.
func (a *alternative) restrictKinds(kinds map[string]bool) {
	switch {
	case kinds == nil:
		return
	case a.isAny:
		a.kinds, a.isAny = maps.Clone(kinds), false
		return
	}
	before := a.kinds
	a.kinds = map[string]bool{}
	for kind := range kinds {
		switch {
		case before[kind], kind == "integer" && before["number"]:
			a.kinds[kind] = true
		case kind == "number" && before["integer"]:
			a.kinds["integer"] = true
		}
	}
}

// restrictTexts leaves only the strings of an enumeration.
func (a *alternative) restrictTexts(s *openapi3.Schema) {
	values := s.Enum
	if s.Const != nil {
		values = []any{s.Const}
	}
	if len(values) == 0 {
		return
	}
	texts := []string{}
	for _, v := range values {
		if text, ok := v.(string); ok && (a.texts == nil || slices.Contains(a.texts, text)) {
			texts = append(texts, text)
		}
	}
	a.texts = texts
}

// restrictMembers applies what a schema says about the members of objects.
func (a *alternative) restrictMembers(s *openapi3.Schema) {
	for name, m := range s.Properties {
		a.members[name] = append(a.members[name], m.Value)
	}
	for _, name := range s.Required {
		a.required[name] = true
	}
	a.closed = a.closed || s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
}

// restrictLimits applies the limits of a schema.
func (a *alternative) restrictLimits(s *openapi3.Schema) {
	apply := func(u unit, minimum, maximum float64) {
		a.limits[u] = bounds{max(a.limits[u].min, minimum), min(a.limits[u].max, maximum)}
	}
	lowest, highest := math.Inf(-1), unlimited
	if s.Min != nil {
		lowest = *s.Min
	}
	if s.Max != nil {
		highest = *s.Max
	}
	// An exclusive limit of an integer is one away from the inclusive one. That of another
	// number is taken for inclusive.
	step := 0.0
	if kinds := kindsOf(s); kinds["integer"] && !kinds["number"] {
		step = 1
	}
	switch {
	case s.ExclusiveMin.IsTrue():
		lowest += step
	case s.ExclusiveMin.Value != nil:
		lowest = max(lowest, *s.ExclusiveMin.Value+step)
	}
	switch {
	case s.ExclusiveMax.IsTrue():
		highest -= step
	case s.ExclusiveMax.Value != nil:
		highest = min(highest, *s.ExclusiveMax.Value-step)
	}
	apply(size, lowest, highest)
	apply(length, float64(s.MinLength), upTo(s.MaxLength))
	apply(items, float64(s.MinItems), upTo(s.MaxItems))
}

func upTo(n *uint64) float64 {
	if n == nil {
		return unlimited
	}
	return float64(*n)
}

// union returns what at least one of the alternatives allows.
func union(all []alternative) shape {
	u := shape{kinds: map[string]bool{}, formats: map[string]bool{}, members: map[string][]*openapi3.Schema{}, limits: map[unit]bounds{}, closed: true}
	isAny, isOpen := false, false
	for _, a := range all {
		isAny = isAny || a.isAny
		maps.Copy(u.kinds, a.kinds)
		if a.allows("string") {
			isOpen = isOpen || a.texts == nil
			u.texts = append(u.texts, a.texts...)
			maps.Copy(u.formats, a.formats)
			u.widen(length, a.limits[length])
		}
		if a.allows("integer") || a.allows("number") {
			u.widen(size, a.limits[size])
		}
		if a.allows("array") {
			u.items = append(u.items, a.items...)
			u.widen(items, a.limits[items])
		}
		if a.allows("object") {
			u.addObject(a)
		}
	}
	u.closed = u.closed && u.isObject()
	if isAny {
		u.kinds = nil
	}
	if isOpen {
		u.texts = nil
	}
	return u
}

// widen allows more numbers.
func (s *shape) widen(u unit, b bounds) {
	if known, ok := s.limits[u]; ok {
		b = bounds{min(known.min, b.min), max(known.max, b.max)}
	}
	s.limits[u] = b
}

// addObject allows the objects of an alternative.
func (s *shape) addObject(a alternative) {
	for name, schemas := range a.members {
		s.members[name] = append(s.members[name], schemas...)
	}
	s.closed = s.closed && a.closed
	if s.required == nil {
		s.required = maps.Clone(a.required)
	}
	maps.DeleteFunc(s.required, func(name string, _ bool) bool { return !a.required[name] })
}

// String describes the bounds.
func (b bounds) String() string {
	switch {
	case math.IsInf(b.max, 1) && math.IsInf(b.min, -1):
		return "any"
	case math.IsInf(b.max, 1):
		return fmt.Sprintf("at least %.0f", b.min)
	case b.min <= 0:
		return fmt.Sprintf("at most %.0f", b.max)
	}
	return fmt.Sprintf("%.0f to %.0f", b.min, b.max)
}
