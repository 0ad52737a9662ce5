package runflowtest

import (
	"encoding/json"
	"slices"
)

// A collection keeps objects of one type by their IDs. It keeps them as JSON, so
// that lists do not encode them each time.
type collection[T any] struct {
	schema *schema
	byID   map[string]*record[T]
	all    []*record[T]       // in the order in which they were added
	lists  map[string][]entry // cache of sorted lists, until the next change
}

type record[T any] struct {
	row

	value T // set only if it cannot be encoded
}

// A row is an object as the API sends it.
type row struct {
	schema *schema
	id     string
	orgID  string // "" if every organization sees it
	data   []byte // nil if it cannot be encoded
	err    error  // the reason why it cannot be encoded

	parsed  map[string]json.RawMessage
	keys    []key // for the order keysFor
	keysFor string
}

func newRow(schema *schema, id, orgID string, value any) row {
	r := row{schema: schema, id: id, orgID: orgID}
	r.data, r.err = json.Marshal(value)
	return r
}

func newCollection[T any]() collection[T] {
	return collection[T]{schema: schemaOf[T](), byID: map[string]*record[T]{}, lists: map[string][]entry{}}
}

// values returns the members of the object that have a value. They must not be
// changed.
func (r *row) values() map[string]json.RawMessage {
	if r.parsed == nil && r.data != nil {
		_ = json.Unmarshal(r.data, &r.parsed) // it is an object
	}
	return r.parsed
}

// text returns the value of a member: a string without quotes, null as "", and any
// other value as JSON.
func (r *row) text(name string) string {
	if value := r.values()[name]; value != nil {
		return textOf(value)
	}
	if m := r.schema.byName[name]; m != nil {
		return textOf(m.zero)
	}
	return ""
}

// parts returns the objects in a member that is a list.
func (r *row) parts(name string) []*row {
	var list []map[string]json.RawMessage
	if json.Unmarshal(r.values()[name], &list) != nil {
		return nil
	}
	parts := make([]*row, len(list))
	for i, values := range list {
		parts[i] = &row{schema: r.schema.byName[name].schema, id: textOf(values["id"]), orgID: r.orgID, parsed: values}
	}
	return parts
}

func (r *row) isVisible(c caller) bool { return r.orgID == "" || r.orgID == c.orgID }

// put stores a copy of value. It replaces the value that has the same ID.
func (c *collection[T]) put(id, orgID string, value T) {
	r, known := c.byID[id]
	if !known {
		r = &record[T]{}
		c.byID[id] = r
		c.all = append(c.all, r)
	}
	clear(c.lists)
	*r = record[T]{row: newRow(c.schema, id, orgID, value)}
	if r.err != nil {
		r.value = value
	}
}

// remove removes the object with the given ID.
func (c *collection[T]) remove(id string) {
	r := c.byID[id]
	delete(c.byID, id)
	c.all = slices.DeleteFunc(slices.Clone(c.all), func(other *record[T]) bool { return other == r })
	clear(c.lists)
}

// get returns a copy of the object with the given ID.
func (c *collection[T]) get(id string) (value T, ok bool) {
	r, ok := c.byID[id]
	if !ok {
		return value, false
	}
	return r.get(), true
}

func (r *record[T]) get() T {
	value := r.value
	if r.data != nil {
		_ = json.Unmarshal(r.data, &value) // it was encoded
	}
	return value
}

// find returns the object whose member "id" is id. The keys of models and workflows
// are their names.
func (c *collection[T]) find(id string) *record[T] {
	for _, r := range c.all {
		if r.text("id") == id {
			return r
		}
	}
	return nil
}

// sorted returns all objects in the given order, or all their parts with the name
// part if that is not "".
func (c *collection[T]) sorted(part string, by order) []entry {
	name := part + " " + by.text
	if list, known := c.lists[name]; known {
		return list
	}
	var rows []*row
	for _, r := range c.all {
		if part == "" {
			rows = append(rows, &r.row)
		} else {
			rows = append(rows, r.parts(part)...)
		}
	}
	c.lists[name] = by.sorted(rows)
	return c.lists[name]
}

// partSchema returns the schema of the objects in a part.
func (c *collection[T]) partSchema(part string) *schema { return c.schema.byName[part].schema }
