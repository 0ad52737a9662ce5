package main

import (
	"maps"
	"math"
)

// anyValue stands for a value of the caller, which can have any form.
const anyValue = "any value"

// A value describes the JSON values that the SDK sends in one place.
type value struct {
	kinds   map[string]bool // JSON types
	text    string          // the first string
	any     bool            // it is a value of the caller
	members map[string]*member
	items   *value // of arrays; nil if there are none
}

// A member is a member of an object.
type member struct {
	*value

	always bool // each call sends it
}

// valueOf describes a decoded JSON value.
func valueOf(v any) *value {
	result := &value{kinds: map[string]bool{kindOf(v): true}}
	switch v := v.(type) {
	case string:
		result.text, result.any = v, v == anyValue
	case map[string]any:
		result.members = map[string]*member{}
		for name, inner := range v {
			result.members[name] = &member{valueOf(inner), true}
		}
	case []any:
		for _, inner := range v {
			if result.items == nil {
				result.items = valueOf(inner)
				continue
			}
			result.items.combine(valueOf(inner))
		}
	}
	return result
}

// kindOf returns the JSON type of a value that was decoded from JSON or YAML, as JSON
// Schema names it.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case int, int64, uint64:
		return "integer"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// combine adds what another value of the same place has. A member that only one of
// them has is not always sent.
func (v *value) combine(other *value) {
	maps.Copy(v.kinds, other.kinds)
	v.any = v.any || other.any
	if other.items != nil {
		if v.items == nil {
			v.items = other.items
		} else {
			v.items.combine(other.items)
		}
	}
	if other.members == nil {
		return
	}
	for name, m := range v.members {
		if _, ok := other.members[name]; !ok {
			m.always = false
		}
	}
	for name, m := range other.members {
		switch known, ok := v.members[name]; {
		case ok:
			known.always = known.always && m.always
			known.combine(m.value)
		case v.members == nil:
			v.members = map[string]*member{name: m}
		default:
			m.always = false
			v.members[name] = m
		}
	}
}

// merge returns v combined with an earlier value of the same place, which may be nil.
func (v *value) merge(earlier *value) *value {
	if earlier == nil {
		return v
	}
	earlier.combine(v)
	return earlier
}
