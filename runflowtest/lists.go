package runflowtest

import (
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

// source has what is listed, in an order.
type source func(order) []entry

// listQuery is what a request asks of a list.
type listQuery struct {
	limit      int
	conditions []condition
	order      order
	start      []key // nil: at the start
	backwards  bool
}

func listQueryOf(r *http.Request) (q listQuery, bad *problem) {
	query := r.URL.Query()
	if q.limit, bad = limitOf(query.Get("limit")); bad != nil {
		return q, bad
	}
	if q.conditions, bad = parseFilter(query.Get("q")); bad != nil {
		return q, bad
	}
	if q.order, bad = orderOf(query.Get("sort_by")); bad != nil {
		return q, bad
	}
	q.start, bad = q.order.keysOf(query.Get("pq"))
	q.backwards = q.start != nil && query.Get("from_prev") == "true"
	return q, bad
}

// list returns the page that the request asks for, of what the caller can see
// and the conditions fit.
func (s *Server) list(r *http.Request, c caller, of source, conditions ...condition) (any, *problem) {
	q, bad := listQueryOf(r)
	if bad != nil {
		return nil, bad
	}
	entries, conditions := of(q.order), append(conditions, q.conditions...)

	// walk returns where the next n visible entries are, from i on.
	walk := func(i, step, n int) (at []int) {
		for ; i >= 0 && i < len(entries) && len(at) < n; i += step {
			if row := entries[i].row; row.visible(c) && row.fits(conditions) {
				at = append(at, i)
			}
		}
		return at
	}
	var at []int
	before, after := q.order.around(entries, q.start)
	if q.backwards {
		at = walk(before, -1, q.limit)
		slices.Reverse(at)
	} else {
		at = walk(after, +1, q.limit)
	}

	p := page{Items: []map[string]json.RawMessage{}}
	for _, i := range at {
		item, bad := s.project(entries[i].row, names(r, "embed"), names(r, "fields"))
		if bad != nil {
			return nil, bad
		}
		p.Items = append(p.Items, item)
	}
	if len(at) > 0 {
		first, last := at[0], at[len(at)-1]
		if walk(first-1, -1, 1) != nil {
			p.First, p.Previous = q.order.cursor(nil), q.order.cursor(entries[first].keys)
		}
		if walk(last+1, +1, 1) != nil {
			p.Next = q.order.cursor(entries[last].keys)
		}
	}
	return p, nil
}

func limitOf(text string) (int, *problem) {
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, invalid(unfit("query", "limit", "Input should be from 1 to 500", "range"))
	}
	return limit, nil
}

// condition is what a field of an object must be.
type condition struct{ field, value string }

var conditionPattern = regexp.MustCompile(`^\s*([A-Za-z0-9_]+)\.(?i:eq):'([^']*)'\s*(?:$|(AND)\s)`)

// parseFilter reads the part of the filter language that is known for certain.
func parseFilter(q string) ([]condition, *problem) {
	var parsed []condition
	for more := q != ""; more; {
		match := conditionPattern.FindStringSubmatch(q)
		if match == nil {
			return nil, badRequest("runflowtest understands only field.eq:'value', joined by AND")
		}
		parsed = append(parsed, condition{match[1], match[2]})
		q, more = q[len(match[0]):], match[3] != ""
	}
	return parsed, nil
}

func (r *row) visible(c caller) bool { return r.orgID == "" || r.orgID == c.orgID }

func (r *row) fits(conditions []condition) bool {
	for _, want := range conditions {
		if textOf(r.fields()[want.field]) != want.value {
			return false
		}
	}
	return true
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
func (s *Server) project(r *row, embed, fields []string) (map[string]json.RawMessage, *problem) {
	if r.fields() == nil {
		return nil, broken("the object cannot be written as JSON")
	}
	object := map[string]json.RawMessage{}
	for name, value := range r.fields() {
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
