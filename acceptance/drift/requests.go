package main

import (
	"fmt"
	"maps"
	"math"
	"mime"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// harmless contains the query parameters whose loss does not break the SDK's own
// methods: the caller gets other data than requested.
var harmless = map[string]bool{"fields": true, "embed": true, "add_signature": true}

// parameters compares the query and the headers.
func (c *comparison) parameters(u use, o operation) {
	inQuery := map[string]bool{}
	for _, p := range o.parameters {
		switch p.In {
		case openapi3.ParameterInQuery:
			inQuery[p.Name] = true
			c.queryParameter(u, p)
		case openapi3.ParameterInHeader:
			c.header(u, p)
		case openapi3.ParameterInCookie:
			c.notSent("cookie."+p.Name, p.Required)
		}
	}
	for name := range u.query.members {
		if inQuery[name] {
			continue
		}
		s := breaksCalls
		if harmless[name] {
			s = losesData
		}
		c.differ(s, "query."+name, "the document does not have it; the API may ignore it")
	}
}

func (c *comparison) queryParameter(u use, p *openapi3.Parameter) {
	place := "query." + p.Name
	m, ok := u.query.members[p.Name]
	switch {
	case !ok:
		c.notSent(place, p.Required)
		return
	case p.Required && !m.always:
		c.differ(breaksCalls, place, "it is required, but the SDK sends it only if it is set")
	}
	if p.Schema == nil {
		return
	}
	s := shapeOf(p.Schema.Value)
	if s.complex {
		c.tooComplex(place)
		return
	}
	c.checkLimits(place, m.value, s)
	switch {
	case s.allows("string"): // every text is a string
	case s.allows("array"):
		if p.Style != "" && p.Style != openapi3.SerializationForm || p.Explode == nil || *p.Explode {
			c.differ(breaksCalls, place, "it is repeated for each value, but the SDK sends one list with commas")
		}
		s = shapeOf(s.items...)
	default:
		c.checkKinds(place, m.value, s)
	}
	if s.texts != nil {
		c.parameterCodes(place, strings.Split(m.text, ","), s.texts)
	}
}

// parameterCodes compares the values that the SDK has constants for with the allowed
// ones.
func (c *comparison) parameterCodes(place string, known, allowed []string) {
	for _, code := range known {
		if !slices.Contains(allowed, code) {
			c.differ(breaksCalls, place, fmt.Sprintf("the value %q of the SDK is not allowed", code))
		}
	}
	for _, code := range allowed {
		if !slices.Contains(known, code) {
			c.differ(notCovered, place, fmt.Sprintf("the SDK has no constant for the value %q", code))
		}
	}
}

func (c *comparison) header(u use, p *openapi3.Parameter) {
	switch strings.ToLower(p.Name) {
	case "accept", "content-type", "authorization": // the specification says to ignore them
		return
	}
	if u.headers.Get(p.Name) == "" {
		c.notSent("header."+p.Name, p.Required)
	}
}

// notSent reports a part of a request that the SDK never sends.
func (c *comparison) notSent(place string, required bool) {
	if required {
		c.differ(breaksCalls, place, "it is required, but the SDK does not send it")
		return
	}
	c.differ(notCovered, place, "the SDK does not send it")
}

func (c *comparison) tooComplex(place string) {
	c.differ(notCovered, place, "too many alternatives, so nothing was compared")
}

// requestBody compares the body of a request.
func (c *comparison) requestBody(u use, o operation) {
	var body *openapi3.RequestBody
	if o.RequestBody != nil {
		body = o.RequestBody.Value
	}
	switch {
	case body == nil && u.body == nil:
		return
	case body == nil:
		c.differ(losesData, "body", "the document has none, but the SDK sends one")
		return
	case u.body == nil:
		c.notSent("body", body.Required)
		return
	}
	media, ok := jsonOf(body.Content)
	switch {
	case !ok:
		c.differ(breaksCalls, "body", "the SDK sends application/json, the document wants "+mediaTypes(body.Content))
	case media.Schema != nil:
		c.sends("body", u.body, media.Schema.Value)
	}
}

// jsonOf returns the JSON form of a content.
func jsonOf(content openapi3.Content) (*openapi3.MediaType, bool) {
	for _, name := range slices.Sorted(maps.Keys(content)) {
		plain, _, err := mime.ParseMediaType(name)
		isJSON := plain == "application/json" || strings.HasSuffix(plain, "+json") || plain == "*/*" || plain == "application/*"
		if err == nil && isJSON && content[name] != nil {
			return content[name], true
		}
	}
	return nil, false
}

func mediaTypes(content openapi3.Content) string {
	return strings.Join(slices.Sorted(maps.Keys(content)), ", ")
}

// sends compares a value that the SDK sends with what the schemas allow.
func (c *comparison) sends(place string, v *value, schemas ...*openapi3.Schema) {
	s := shapeOf(schemas...)
	switch {
	case v.any:
		return
	case s.complex:
		c.tooComplex(place)
		return
	}
	c.checkKinds(place, v, s)
	c.checkLimits(place, v, s)
	if v.kinds["string"] && len(s.texts) > 1 {
		c.differ(notCovered, place, "the SDK has no constants for the values "+quoted(s.texts))
	}
	if len(v.members) > 0 {
		c.sendsMembers(place, v, s)
	}
	if v.items != nil && len(s.items) > 0 {
		c.sends(place+"[]", v.items, s.items...)
	}
}

// sendsMembers compares an object that the SDK sends.
func (c *comparison) sendsMembers(place string, v *value, s shape) {
	for name, m := range v.members {
		schemas, ok := s.members[name]
		switch {
		case ok:
			c.sends(place+"."+name, m.value, schemas...)
		case s.closed:
			c.differ(breaksCalls, place+"."+name, "the document does not allow it")
		case s.isObject():
			c.differ(losesData, place+"."+name, "the document does not have it; the API may ignore it")
		}
	}
	for name := range s.required {
		if m, ok := v.members[name]; ok && !m.always {
			c.differ(breaksCalls, place+"."+name, "it is required, but the SDK sends it only if it is set")
		} else if !ok {
			c.notSent(place+"."+name, true)
		}
	}
	for name, schemas := range s.members {
		_, ok := v.members[name]
		isReadOnly := slices.ContainsFunc(schemas, func(m *openapi3.Schema) bool { return m != nil && m.ReadOnly })
		if !ok && !s.required[name] && !isReadOnly {
			c.notSent(place+"."+name, false)
		}
	}
}

// checkKinds reports JSON types that the SDK sends and the document does not allow.
func (c *comparison) checkKinds(place string, v *value, s shape) {
	for kind := range v.kinds {
		if !s.allows(kind) {
			c.differ(breaksCalls, place, fmt.Sprintf("the SDK sends %s, the document wants %s", kind, strings.Join(s.names(), " or ")))
		}
	}
}

// unitOf contains the unit of the limits of each JSON type.
var unitOf = map[string]unit{"integer": size, "number": size, "string": length, "array": items}

// checkLimits compares the limits of a value.
func (c *comparison) checkLimits(place string, v *value, s shape) {
	for kind := range v.kinds {
		u, ok := unitOf[kind]
		allowed, described := s.limits[u]
		if !ok || !described {
			continue
		}
		i := slices.IndexFunc(c.limits, func(l limit) bool { return l.place == place && l.unit == u })
		if i < 0 {
			c.uncheckedLimit(place, u, allowed)
			continue
		}
		own := bounds{c.limits[i].min, c.limits[i].max}
		text := fmt.Sprintf("%s: the SDK allows %s, the document %s", units[u], own, allowed)
		switch {
		case allowed.max < own.max, allowed.min > own.min:
			c.differ(breaksCalls, place, text)
		case allowed.max > own.max, u == size && allowed.min < own.min && !math.IsInf(allowed.min, -1):
			c.differ(notCovered, place, text)
		}
	}
}

// uncheckedLimit reports a limit that the SDK leaves to the API.
func (c *comparison) uncheckedLimit(place string, u unit, allowed bounds) {
	if allowed.max < unlimited || allowed.min > 1 || u == size && !math.IsInf(allowed.min, -1) {
		c.differ(notCovered, place, fmt.Sprintf("%s: the document allows %s, which the SDK does not check", units[u], allowed))
	}
}

// quoted lists texts.
func quoted(texts []string) string {
	list := make([]string, 0, len(texts))
	for _, text := range texts {
		list = append(list, fmt.Sprintf("%q", text))
	}
	return strings.Join(list, ", ")
}
