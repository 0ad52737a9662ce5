package runflowtest

import (
	"encoding/json"
	"slices"
)

// collection keeps objects in the order in which they came, each also as JSON,
// so that lists need not write them again and again.
type collection[T any] struct {
	byID    map[string]*record[T]
	ordered []*record[T]
}

type record[T any] struct {
	value T
	row
}

// row is an object as the API shows it.
type row struct {
	id     string
	orgID  string // "" for everybody's
	fields map[string]json.RawMessage
}

// put stores a copy of value, in place of what had its id.
func (c *collection[T]) put(id, orgID string, value T) {
	r, known := c.byID[id]
	if !known {
		if c.byID == nil {
			c.byID = map[string]*record[T]{}
		}
		r = &record[T]{}
		c.byID[id] = r
		c.ordered = append(c.ordered, r)
	}
	copied, fields := clone(value)
	*r = record[T]{value: copied, row: row{id: id, orgID: orgID, fields: fields}}
}

// get returns a copy of the object with the given id.
func (c *collection[T]) get(id string) (value T, ok bool) {
	r, ok := c.byID[id]
	if !ok {
		return value, false
	}
	value, _ = clone(r.value)
	return value, true
}

// rows returns the rows that an organization can see, the newest first.
func (c *collection[T]) rows(orgID string) []row {
	rows := make([]row, 0, len(c.ordered))
	for _, v := range slices.Backward(c.ordered) {
		if r := v; r.orgID == "" || r.orgID == orgID {
			rows = append(rows, r.row)
		}
	}
	return rows
}

// clone returns a copy of value that shares nothing with it, and its fields. Of
// what is no JSON there is no copy, nor are there fields.
func clone[T any](value T) (T, map[string]json.RawMessage) {
	var copied T
	var fields map[string]json.RawMessage
	data, err := json.Marshal(value)
	if err != nil || json.Unmarshal(data, &copied) != nil || json.Unmarshal(data, &fields) != nil {
		return value, nil
	}
	return copied, fields
}

// rowsOf returns the parts of all parents as rows.
func rowsOf[P, T any](parents []P, parts func(P) []T, id func(T) string) []row {
	var rows []row
	for _, parent := range parents {
		for _, part := range parts(parent) {
			_, fields := clone(part)
			rows = append(rows, row{id: id(part), fields: fields})
		}
	}
	return rows
}
