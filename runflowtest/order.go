package runflowtest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultOrder also decides between what is equal in the order that was asked
// for. A log line has a timestamp where others have created_at.
const defaultOrder = "created_at:desc,timestamp:desc,id:desc"

// order is what a list is sorted by.
type order struct {
	text   string
	fields []sortField
}

type sortField struct {
	name string
	sign int // -1 where it descends
}

func newestFirst() order {
	by, _ := orderOf("")
	return by
}

func orderOf(text string) (order, *problem) {
	by, fields := order{text: text}, defaultOrder
	if text != "" {
		fields = text + "," + fields
	}
	for field := range strings.SplitSeq(fields, ",") {
		name, direction, _ := strings.Cut(strings.TrimSpace(field), ":")
		sign, known := map[string]int{"": 1, "asc": 1, "desc": -1}[direction]
		if name == "" || !known {
			return by, invalid(unfit("query", "sort_by", "Input should be as created_at:desc", "sort_by"))
		}
		by.fields = append(by.fields, sortField{name, sign})
	}
	return by, nil
}

// entry is a row in its place in a list.
type entry struct {
	*row

	keys []key // a value for each field of the order, and the position
}

// sorted returns the rows, which are given the oldest first, in the order.
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
		keys = append(keys, keyOf(textOf(r.fields()[field.name])))
	}
	return append(keys, keyOf(strconv.Itoa(position)))
}

func (o order) compare(a, b []key) int {
	for i, field := range o.fields {
		if c := a[i].compare(b[i]); c != 0 {
			return field.sign * c
		}
	}
	last := len(o.fields)
	return -a[last].compare(b[last]) // the newest first
}

// around returns where the entries before and after the one with the given keys
// are, whether or not there is one. No keys are before all.
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

// A key sorts after those of a lower rank, whatever they are: that keeps the
// order of mixed values total.
type key struct {
	rank   int // absent, number, text
	number float64
	text   string
	source string // what keyOf makes the key of
}

func keyOf(source string) key {
	if source == "" {
		return key{}
	}
	if number, err := strconv.ParseFloat(source, 64); err == nil {
		return key{rank: 1, number: number, source: source}
	}
	text := source
	if at, err := time.Parse(time.RFC3339, source); err == nil {
		text = at.UTC().Format("2006-01-02T15:04:05.000000000")
	}
	return key{rank: 2, text: text, source: source}
}

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.rank, other.rank), cmp.Compare(k.number, other.number), cmp.Compare(k.text, other.text))
}

// textOf returns a string as it is, any other value as JSON, and null as "".
func textOf(value json.RawMessage) string {
	var text string
	switch {
	case value == nil || string(value) == "null":
		return ""
	case value[0] == '"' && bytes.IndexByte(value, '\\') < 0: // most are, and there may be many
		return string(value[1 : len(value)-1])
	case json.Unmarshal(value, &text) == nil:
		return text
	}
	return string(value)
}

// A cursor is the order and the keys of the row at the edge of a page, so that
// it holds its place whatever becomes of the row. Without keys it is the start.
func (o order) cursor(keys []key) *string {
	texts := []string{o.text}
	for _, k := range keys {
		texts = append(texts, k.source)
	}
	data, _ := json.Marshal(texts) // strings are JSON
	cursor := base64.RawURLEncoding.EncodeToString(data)
	return &cursor
}

// keysOf returns the keys in a cursor, none for the start.
func (o order) keysOf(cursor string) ([]key, *problem) {
	if cursor == "" {
		return nil, nil
	}
	var texts []string
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(data, &texts) != nil || len(texts) != 1 && len(texts) != len(o.fields)+2 || texts[0] != o.text {
		return nil, badRequest("the cursor is none of this list")
	}
	var keys []key
	for _, text := range texts[1:] {
		keys = append(keys, keyOf(text))
	}
	return keys, nil
}
