package runflowtest

import "encoding/json"

// collection keeps objects by their ids, as JSON, so that lists need not write
// them again and again.
type collection[T any] struct {
	byID  map[string]*record[T]
	all   []*record[T]       // in the order in which they came
	lists map[string][]entry // as they were read since the last change
}

type record[T any] struct {
	row

	value T // only where it is no JSON
}

// row is an object as the API shows it.
type row struct {
	id      string
	orgID   string // "" for everybody's
	data    []byte // nil where it is no JSON
	parsed  map[string]json.RawMessage
	keys    []key // as it was last sorted by
	keysFor string
}

// fields returns the fields of an object, which are not to be changed.
func (r *row) fields() map[string]json.RawMessage {
	if r.parsed == nil && r.data != nil {
		_ = json.Unmarshal(r.data, &r.parsed)
	}
	return r.parsed
}

// parts returns the objects in the list that a field is.
func (r *row) parts(field string) []*row {
	var list []map[string]json.RawMessage
	if json.Unmarshal(r.fields()[field], &list) != nil {
		return nil
	}
	parts := make([]*row, len(list))
	for i, fields := range list {
		parts[i] = &row{id: textOf(fields["id"]), orgID: r.orgID, parsed: fields}
	}
	return parts
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
		c.all = append(c.all, r)
	}
	clear(c.lists)
	*r = record[T]{row: row{id: id, orgID: orgID}}
	if data, err := json.Marshal(value); err == nil {
		r.data = data
	} else {
		r.value = value
	}
}

// get returns a copy of the object with the given id.
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
		_ = json.Unmarshal(r.data, &value)
	}
	return value
}

// sorted returns all objects in an order, or what is in a field of theirs.
func (c *collection[T]) sorted(field string, by order) []entry {
	name := field + " " + by.text
	if list, known := c.lists[name]; known {
		return list
	}
	var rows []*row
	for _, r := range c.all {
		if field == "" {
			rows = append(rows, &r.row)
		} else {
			rows = append(rows, r.parts(field)...)
		}
	}
	if c.lists == nil {
		c.lists = map[string][]entry{}
	}
	c.lists[name] = by.sorted(rows)
	return c.lists[name]
}
