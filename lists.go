package runflow

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// maxLimit is how many items the API puts on a page at most.
const maxLimit = 500

// ListParams says what a list returns, see
// https://docs.runflow.io/concepts/requests. Nil params and zero fields leave it
// to the API.
type ListParams struct {
	Query    string   `url:"q,omitempty"`            // a filter, as text or from [Where]
	Limit    int      `url:"limit,omitempty"`        // items on a page, 1 to 500
	SortBy   string   `url:"sort_by,omitempty"`      // "created_at:desc"; several are separated by commas
	Fields   []string `url:"fields,comma,omitempty"` // the fields to send, by their names in the API; none: all
	Cursor   string   `url:"pq,omitempty"`           // where to start: the Next or Previous of a [Page]
	FromPrev bool     `url:"from_prev,omitempty"`    // walk backwards: Cursor is a Previous
}

func (p *ListParams) check() []error {
	if p == nil {
		return nil
	}
	var errs []error
	for _, text := range [...][2]string{{"Query", p.Query}, {"SortBy", p.SortBy}, {"Cursor", p.Cursor}} {
		if !utf8.ValidString(text[1]) {
			errs = append(errs, badArgument("params."+text[0], "must be valid UTF-8"))
		}
	}
	if p.Limit < 0 || p.Limit > maxLimit {
		errs = append(errs, badArgument("params.Limit", "must be from 1 to 500, or 0 to leave it to the API"))
	}
	return append(errs, checkList("params.Fields", p.Fields)...)
}

// A Page is one page of a list.
type Page[T any] struct {
	Items    []T
	Next     string // the next page's Cursor for [ListParams]; "" where there is none
	Previous string // the same of the page before, which also needs FromPrev
	First    string // the same of the first page
}

// pageBody is a page as the API sends it. Its documentation names the cursors in
// two ways.
type pageBody[T any] struct {
	codec.Answer

	Items    codec.List[T] `json:"items"`
	Next     string        `json:"next"`
	NextPQ   string        `json:"next_pq"`
	Previous string        `json:"previous"`
	PrevPQ   string        `json:"prev_pq"`
	First    string        `json:"first"`
}

// locate takes the cursors out of the URLs that they may be part of.
func (p *pageBody[T]) locate(baseURL *url.URL) error {
	if !p.Items.Given {
		return &DecodeError{Field: "items", Err: errNothing}
	}
	for _, cursor := range [...]struct {
		name  string
		value *string
	}{{"next", &p.Next}, {"next_pq", &p.NextPQ}, {"previous", &p.Previous}, {"prev_pq", &p.PrevPQ}, {"first", &p.First}} {
		var err error
		if *cursor.value, err = cursorOf(*cursor.value, baseURL); err != nil {
			return &DecodeError{Field: cursor.name, Err: err}
		}
	}
	return nil
}

var (
	errForeignCursor  = errors.New("a URL of another origin where a cursor should be")
	errNoCursor       = errors.New("a URL that holds no cursor")
	errRepeatedCursor = errors.New("a cursor that was given before: the list would never end")
)

// cursorOf returns the cursor that value is, or holds where it is a URL.
func cursorOf(value string, baseURL *url.URL) (string, error) {
	var query string
	switch {
	case strings.Contains(value, "://"), strings.HasPrefix(value, "/") && strings.Contains(value, "?"):
		u, err := baseURL.Parse(value)
		if err != nil || !transport.SameOrigin(u, baseURL) {
			return "", errForeignCursor
		}
		query = u.RawQuery
	case strings.HasPrefix(value, "?"):
		query = value[1:]
	case strings.HasPrefix(value, "pq=") && strings.Trim(value[3:], "=") != "": // and no base64 text
		query = value
	default:
		return value, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil || values.Get("pq") == "" {
		return "", errNoCursor
	}
	return values.Get("pq"), nil
}

// list is what every method does that returns a page.
func list[T any](ctx context.Context, s *service, id endpoint.ID, in input, opts []Option) (*Page[T], error) {
	body, err := do[pageBody[T]](ctx, s, id, in, opts)
	if err != nil {
		return nil, err
	}
	return &Page[T]{
		Items:    body.Items.Items,
		Next:     body.Next + body.NextPQ,
		Previous: body.Previous + body.PrevPQ,
		First:    body.First,
	}, nil
}

// all is what every method does that returns all pages, from the one that params
// names. Each walk starts there again and holds one page at a time.
func all[T any](ctx context.Context, s *service, id endpoint.ID, params *ListParams, opts []Option, in func(*ListParams) input) iter.Seq2[*T, error] {
	ep := endpoint.Of(id)
	s, err := s.with(ctx, ep.Operation, opts)
	var start ListParams
	if params != nil {
		start = *params
		start.Fields = slices.Clone(params.Fields)
	}
	return func(yield func(*T, error) bool) {
		if err != nil {
			yield(nil, err)
			return
		}
		params := start
		// Hashes, so that a million runs cost a few bytes a page.
		seed, seen := maphash.MakeSeed(), map[uint64]bool{}
		for {
			seen[maphash.String(seed, params.Cursor)] = true
			page, err := list[T](ctx, s, id, in(&params), nil)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Items {
				if !yield(&page.Items[i], nil) {
					return
				}
			}
			params.Cursor = page.Next
			if params.FromPrev {
				params.Cursor = page.Previous
			}
			if params.Cursor == "" {
				return
			}
			if seen[maphash.String(seed, params.Cursor)] {
				yield(nil, &DecodeError{Operation: ep.Operation, Method: ep.Method, Route: ep.Route, StatusCode: 200, Field: "next", Err: errRepeatedCursor})
				return
			}
		}
	}
}
