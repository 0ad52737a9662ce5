package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// sentinels contains the statuses for which the SDK has an error.
var sentinels = []string{"400", "401", "402", "403", "404", "409", "422", "429", "4XX", "default"}

// The members of error responses that the SDK reads, and those of the entries of errors
// and detail.
var (
	problemMembers = []string{"code", "message", "msg", "request_id", "errors", "error", "detail"}
	detailMembers  = []string{"loc", "msg", "message", "type", "error_type", "code"}
)

// failure compares an error response.
func (c *comparison) failure(place, status string, response *openapi3.Response) {
	if !strings.HasPrefix(status, "5") && !slices.Contains(sentinels, status) {
		c.differ(notCovered, place, "the SDK has no error of its own for it")
	}
	media, ok := jsonOf(response.Content)
	if !ok || media.Schema == nil {
		return
	}
	s := shapeOf(media.Schema.Value)
	if !s.isObject() {
		return
	}
	c.problem(place, s, problemMembers)
	for _, name := range []string{"errors", "detail"} {
		if entries := shapeOf(shapeOf(s.members[name]...).items...); entries.isObject() {
			c.problem(place+"."+name+"[]", entries, detailMembers)
		}
	}
}

// problem compares an object of an error response with the members that the SDK reads.
func (c *comparison) problem(place string, s shape, known []string) {
	found := false
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		if slices.Contains(known, name) {
			found = true
			continue
		}
		c.differ(notCovered, place+"."+name, "errors of the SDK do not have it")
	}
	if !found {
		c.differ(losesData, place, "the SDK reads only "+strings.Join(known, ", ")+", and the document has none of them")
	}
}
