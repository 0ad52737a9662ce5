package runflowtest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const defaultLimit, maxLimit = 50, 500

// embeds are the parts of an object that are sent only on demand.
var embeds = []string{
	"node_runs", "logs", "model", "flow", "comfyui_workflow", "current_evaluation_summary", // of a run
	"run", // of a log line
}

// page is the envelope of a list.
type page struct {
	Items    []map[string]json.RawMessage `json:"items"`
	First    *string                      `json:"first"`
	Next     *string                      `json:"next"`
	Previous *string                      `json:"previous"`
}

// list returns the page of rows, which are given the newest first, that the
// request asks for.
func (s *Server) list(r *http.Request, rows []row) (any, *problem) {
	query := r.URL.Query()
	limit, bad := limitOf(query.Get("limit"))
	if bad != nil {
		return nil, bad
	}
	conditions, bad := parseFilter(query.Get("q"))
	if bad != nil {
		return nil, bad
	}
	rows = slices.DeleteFunc(rows, func(row row) bool { return !conditions.match(row) })
	sortRows(rows, query.Get("sort_by"))

	start, end := 0, min(limit, len(rows))
	if cursor := query.Get("pq"); cursor != "" {
		at, bad := find(rows, cursor)
		switch {
		case bad != nil:
			return nil, bad
		case query.Get("from_prev") == "true":
			start, end = max(0, at-limit), at
		default:
			start, end = at+1, min(at+1+limit, len(rows))
		}
	}
	p := page{Items: []map[string]json.RawMessage{}}
	for _, row := range rows[start:end] {
		item, bad := s.project(row, names(r, "embed"), names(r, "fields"))
		if bad != nil {
			return nil, bad
		}
		p.Items = append(p.Items, item)
	}
	if start > 0 && start < end {
		p.Previous = cursorTo(rows[start])
	}
	if end > start && end < len(rows) {
		p.Next = cursorTo(rows[end-1])
	}
	return p, nil
}

func limitOf(text string) (int, *problem) {
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, invalid("query", "limit", "Input should be from 1 to 500", "range")
	}
	return limit, nil
}

// A cursor is the id of the row at the edge of a page, whatever comes between.
func cursorTo(r row) *string {
	cursor := base64.URLEncoding.EncodeToString([]byte(r.id))
	return &cursor
}

func find(rows []row, cursor string) (int, *problem) {
	id, err := base64.URLEncoding.DecodeString(cursor)
	at := slices.IndexFunc(rows, func(r row) bool { return r.id == string(id) })
	if err != nil || at < 0 {
		return 0, badRequest("the cursor is not valid")
	}
	return at, nil
}

// conditions are what an object's fields must be.
type conditions [][2]string

var condition = regexp.MustCompile(`^\s*([A-Za-z0-9_]+)\.(?i:eq):'([^']*)'\s*(?:$|AND\b)`)

// parseFilter reads the part of the filter language that is known for certain.
func parseFilter(q string) (conditions, *problem) {
	var parsed conditions
	for q != "" {
		match := condition.FindStringSubmatch(q)
		if match == nil {
			return nil, badRequest("runflowtest understands only field.eq:'value', joined by AND")
		}
		parsed = append(parsed, [2]string{match[1], match[2]})
		q = q[len(match[0]):]
	}
	return parsed, nil
}

func (c conditions) match(r row) bool {
	for _, want := range c {
		if textOf(r.fields[want[0]]) != want[1] {
			return false
		}
	}
	return true
}

// textOf returns a string as it is, and any other value as JSON.
func textOf(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// sortRows sorts by "field:asc,field:desc"; what it does not name stays as it is.
func sortRows(rows []row, by string) {
	if by == "" {
		return
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		for field := range strings.SplitSeq(by, ",") {
			name, direction, _ := strings.Cut(strings.TrimSpace(field), ":")
			order := compare(textOf(a.fields[name]), textOf(b.fields[name]))
			if direction == "desc" {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
}

func compare(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// names returns a comma-separated list of the query.
func names(r *http.Request, parameter string) []string {
	value := r.URL.Query().Get(parameter)
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}

// project returns the fields that were asked for, with links that are good; no
// fields are all.
func (s *Server) project(r row, embed, fields []string) (map[string]json.RawMessage, *problem) {
	if r.fields == nil {
		return nil, broken()
	}
	object := map[string]json.RawMessage{}
	for name, value := range r.fields {
		wanted := fields == nil || slices.Contains(fields, name)
		if slices.Contains(embeds, name) {
			wanted = slices.Contains(embed, name)
		}
		if wanted {
			object[name] = s.sign(value)
		}
	}
	return object, nil
}
