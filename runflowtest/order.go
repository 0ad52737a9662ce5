package runflowtest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultOrder also orders objects that the order of the request does not
// distinguish. A log line has a timestamp instead of created_at.
var defaultOrder = []sortField{
	{name: "created_at", kind: moment, sign: -1}, {name: "timestamp", kind: moment, sign: -1}, {name: "id", kind: text, sign: -1},
}

// An order is the order of a list.
type order struct {
	text   string // sort_by of the request
	fields []sortField
}

type sortField struct {
	name string
	kind kind
	sign int // -1 if it is descending
}

func newestFirst() order { return order{fields: defaultOrder} }

// parseOrder parses sort_by for a list of the objects of a schema.
func parseOrder(sortBy string, of *schema) (order, *problem) {
	by := order{text: sortBy}
	if sortBy == "" {
		return newestFirst(), nil
	}
	for field := range strings.SplitSeq(sortBy, ",") {
		name, direction, _ := strings.Cut(strings.TrimSpace(field), ":")
		sign, known := map[string]int{"": 1, "asc": 1, "desc": -1}[direction]
		if name == "" || !known {
			return by, invalid(badField("query", "sort_by", "Input should have the form created_at:desc", "sort_by"))
		}
		m := of.byName[name]
		if m == nil || m.kind == incomparable {
			return by, badRequest(fmt.Sprintf("sort_by: no field %q to sort by", name))
		}
		by.fields = append(by.fields, sortField{name, m.kind, sign})
	}
	by.fields = append(by.fields, defaultOrder...)
	return by, nil
}

// An entry is a row with its keys in a list.
type entry struct {
	*row

	keys []key // one for each field of the order, and one for the position
}

// sorted returns the rows in the order. If all their fields are equal, later rows
// come first.
func (o order) sorted(rows []*row) []entry {
	entries := make([]entry, len(rows))
	for i, r := range rows {
		if r.keys == nil || r.keysFor != o.text {
			r.keys, r.keysFor = o.keys(r, i), o.text
		}
		entries[i] = entry{row: r, keys: r.keys}
	}
	slices.SortFunc(entries, func(a, b entry) int { return o.compare(a.keys, b.keys) })
	return entries
}

func (o order) keys(r *row, position int) []key {
	keys := make([]key, 0, len(o.fields)+1)
	for _, field := range o.fields {
		keys = append(keys, field.kind.key(r.text(field.name)))
	}
	return append(keys, number.key(strconv.Itoa(position)))
}

func (o order) compare(a, b []key) int {
	for i, field := range o.fields {
		if c := a[i].compare(b[i]); c != 0 {
			return field.sign * c
		}
	}
	last := len(o.fields)
	return -a[last].compare(b[last])
}

// around returns the indexes of the entries before and after the entry with the
// given keys, even if that is not in the list. Without keys it returns the indexes
// around the start of the list.
func (o order) around(entries []entry, keys []key) (before, after int) {
	if keys == nil {
		return -1, 0
	}
	at, found := slices.BinarySearchFunc(entries, keys, func(e entry, keys []key) int { return o.compare(e.keys, keys) })
	if found {
		return at - 1, at + 1
	}
	return at - 1, at
}

// A key is a value that can be compared. A key of a lower rank comes first.
type key struct {
	rank   rank
	number float64
	text   string
	source string // the original text of the value
}

type rank int

const (
	absent     rank = iota // no value
	readable               // a value that has the kind of its member
	unreadable             // any other value
)

// key returns the key of the text of a value.
func (k kind) key(source string) key {
	if source == "" {
		return key{}
	}
	switch k {
	case number:
		if value, err := strconv.ParseFloat(source, 64); err == nil {
			return key{rank: readable, number: value, source: source}
		}
	case moment:
		if at, err := time.Parse(time.RFC3339, source); err == nil {
			return key{rank: readable, text: at.UTC().Format("2006-01-02T15:04:05.000000000"), source: source}
		}
	case text:
		return key{rank: readable, text: source, source: source}
	case incomparable:
	}
	return key{rank: unreadable, text: source, source: source}
}

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.rank, other.rank), cmp.Compare(k.number, other.number), cmp.Compare(k.text, other.text))
}

// textOf returns a string without quotes, null as "", and any other value as JSON.
func textOf(value json.RawMessage) string {
	var text string
	switch {
	case value == nil || string(value) == "null":
		return ""
	case value[0] == '"' && bytes.IndexByte(value, '\\') < 0: // fast path: most values are such strings
		return string(value[1 : len(value)-1])
	case json.Unmarshal(value, &text) == nil:
		return text
	}
	return string(value)
}

// cursor returns the cursor of the page after, or before, a row. It contains the
// order and the keys of the row, so that its position does not change if the row
// moves or is removed. Without keys it is the cursor of the first page.
func (o order) cursor(keys []key) *string {
	texts := []string{o.text}
	for _, k := range keys {
		texts = append(texts, k.source)
	}
	data, _ := json.Marshal(texts) // strings can be encoded
	cursor := base64.RawURLEncoding.EncodeToString(data)
	return &cursor
}

// parseCursor returns the keys in a cursor, or nil for the first page.
func (o order) parseCursor(cursor string) ([]key, *problem) {
	if cursor == "" {
		return nil, nil
	}
	var texts []string
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(data, &texts) != nil || len(texts) != 1 && len(texts) != len(o.fields)+2 || texts[0] != o.text {
		return nil, badRequest("pq: not a cursor of this list")
	}
	var keys []key
	for i, text := range texts[1:] {
		kind := number // of the position
		if i < len(o.fields) {
			kind = o.fields[i].kind
		}
		keys = append(keys, kind.key(text))
	}
	return keys, nil
}
