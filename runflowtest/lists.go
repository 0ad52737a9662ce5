package runflowtest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

const defaultLimit, maxLimit = 50, 500

// A page is the response of a list.
type page struct {
	Items    []json.RawMessage `json:"items"`
	First    *string           `json:"first"`
	Next     *string           `json:"next"`
	Previous *string           `json:"previous"`
}

// A source has the objects of a list.
type source struct {
	schema *schema
	sorted func(order) []entry
	filter filter // which of them are in the list
	sortBy string // order if the request has none; "" means the newest first
}

// A listQuery is the query of a list.
type listQuery struct {
	view

	limit       int
	filter      filter
	order       order
	start       []key // nil means the start of the list
	isBackwards bool
}

func parseListQuery(r *http.Request, from source) (q listQuery, bad *problem) {
	query, of := r.URL.Query(), from.schema
	if q.limit, bad = parseLimit(query.Get("limit")); bad != nil {
		return q, bad
	}
	if text := query.Get("q"); text != "" {
		var err error
		if q.filter, err = parseFilter(text, of); err != nil {
			return q, badRequest("q: " + err.Error())
		}
	}
	if q.order, bad = parseOrder(cmp.Or(query.Get("sort_by"), from.sortBy), of); bad != nil {
		return q, bad
	}
	if q.view, bad = parseView(r, of); bad != nil {
		return q, bad
	}
	q.start, bad = q.order.parseCursor(query.Get("pq"))
	q.isBackwards = q.start != nil && query.Get("from_prev") == "true"
	return q, bad
}

// list returns the requested page of the objects that the caller can see.
func (s *Server) list(r *http.Request, c caller, from source) (any, *problem) {
	q, bad := parseListQuery(r, from)
	if bad != nil {
		return nil, bad
	}
	entries := from.sorted(q.order)

	// scan returns the indexes of the next n entries of the list, beginning at i.
	scan := func(i, step, n int) (found []int) {
		for ; i >= 0 && i < len(entries) && len(found) < n; i += step {
			if row := entries[i].row; row.isVisible(c) && from.filter.selects(row) && q.filter.selects(row) {
				found = append(found, i)
			}
		}
		return found
	}
	var found []int
	before, after := q.order.around(entries, q.start)
	if q.isBackwards {
		found = scan(before, -1, q.limit)
		slices.Reverse(found)
	} else {
		found = scan(after, +1, q.limit)
	}

	p := page{Items: []json.RawMessage{}}
	for _, i := range found {
		item, bad := s.render(entries[i].row, q.view)
		if bad != nil {
			return nil, bad
		}
		p.Items = append(p.Items, item)
	}
	if len(found) > 0 {
		first, last := found[0], found[len(found)-1]
		if scan(first-1, -1, 1) != nil {
			p.First, p.Previous = q.order.cursor(nil), q.order.cursor(entries[first].keys)
		}
		if scan(last+1, +1, 1) != nil {
			p.Next = q.order.cursor(entries[last].keys)
		}
	}
	return p, nil
}

func parseLimit(text string) (int, *problem) {
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, invalid(badField("query", "limit", "Input should be from 1 to 500", "range"))
	}
	return limit, nil
}
