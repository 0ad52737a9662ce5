package runflow

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/transport"
)

const (
	maxLimit = 500     // maximum number of items of a page in the API
	maxRatio = 10      // maximum number of items of a page for each requested item
	maxItems = 100_000 // maximum number of items of a page, whatever is requested; Client.Do may request any limit
)

// A Page is one page of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	// Next is the Cursor of the next page, or "" if there is none.
	Next string `json:"next"`
	// Previous is the Cursor of the page before, or "" if there is none.
	Previous string `json:"previous"`
}

// listQuery is the query of every list. The params of a method are converted to
// it.
type listQuery struct {
	Q            string   `url:"q,omitempty"`
	Limit        int      `url:"limit,omitempty"`
	SortBy       string   `url:"sort_by,omitempty"`
	Fields       []string `url:"fields,comma,omitempty"`
	PQ           string   `url:"pq,omitempty"`
	FromPrev     bool     `url:"from_prev,omitempty"`
	Embed        []string `url:"embed,comma,omitempty"`
	AddSignature bool     `url:"add_signature,omitempty"`

	filter Filter
}

// listing returns the query of a list. It copies the slices, which the caller may
// change.
func listing[E ~string](filter Filter, limit int, sortBy string, fields []string, cursor string, embed []E) listQuery {
	q := listQuery{Q: filter.text, Limit: limit, SortBy: sortBy, Fields: slices.Clone(fields), Embed: texts(embed), filter: filter}
	q.moveTo(cursor)
	return q
}

// moveTo changes q to the query of the page at cursor. The cursor is a token of the
// API, or a query that contains one.
func (q *listQuery) moveTo(cursor string) {
	q.PQ, q.FromPrev = cursor, false
	if text, ok := strings.CutPrefix(cursor, "?"); ok {
		if values, err := url.ParseQuery(text); err == nil && values.Has("pq") {
			q.PQ, q.FromPrev = values.Get("pq"), values.Get("from_prev") == "true"
		}
	}
}

func (q listQuery) validate() error {
	errs := []error{q.filter.validate("params.Filter")}
	for _, text := range [...][2]string{{"SortBy", q.SortBy}, {"Cursor", q.PQ}} {
		if !utf8.ValidString(text[1]) {
			errs = append(errs, badArgument("params."+text[0], "must be valid UTF-8"))
		}
	}
	if q.Limit < 0 || q.Limit > maxLimit {
		errs = append(errs, badArgument("params.Limit", fmt.Sprintf("must be between 1 and %d, or 0 for the default of the API", maxLimit)))
	}
	return errors.Join(append(errs, checkNames("params.Fields", q.Fields), checkNames("params.Embed", q.Embed))...)
}

// checkNames refuses names that cannot be part of a comma-separated list.
func checkNames(argument string, names []string) error {
	var errs []error
	for i, name := range names {
		if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r == ',' || unicode.IsControl(r) }) {
			errs = append(errs, badArgument(fmt.Sprintf("%s[%d]", argument, i), "must be a name without a comma"))
		}
	}
	return errors.Join(errs...)
}

// texts returns a copy of values.
func texts[T ~string](values []T) []string {
	if values == nil {
		return nil
	}
	copied := make([]string, len(values))
	for i, value := range values {
		copied[i] = string(value)
	}
	return copied
}

// list calls an endpoint whose response is a page.
func list[T any](ctx context.Context, s *service, e *endpoint.Endpoint, path []argument, query listQuery, opts []CallOption) (*Page[T], error) {
	page := new(Page[T])
	if err := s.call(ctx, e, request{path: path, query: query}, listed[T]{page, query.Limit}, opts); err != nil {
		return nil, err
	}
	return page, nil
}

// listed is the result of a list for which limit items were requested.
type listed[T any] struct {
	page  *Page[T]
	limit int
}

func (l listed[T]) decode(ctx context.Context, s *settings, body []byte) error {
	return l.page.decodePage(ctx, s.baseURL, l.limit, body, codec.Unmarshal)
}

// all returns an iterator over the items of all pages, beginning with the page of
// query. It keeps one page at a time. Each use of the iterator starts from the
// beginning.
func all[T any](ctx context.Context, s *service, e *endpoint.Endpoint, path []argument, query listQuery, opts []CallOption) iter.Seq2[*T, error] {
	opts = slices.Clone(opts)
	return func(yield func(*T, error) bool) {
		query := query
		// Hashes of the cursors, so that each page costs only a few bytes of memory.
		seed, seen := maphash.MakeSeed(), map[uint64]bool{}
		for {
			seen[maphash.String(seed, query.PQ)] = true
			page, err := list[T](ctx, s, e, path, query, opts)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Items {
				if !yield(&page.Items[i], nil) {
					return
				}
			}
			cursor := page.Next
			if query.FromPrev {
				cursor = page.Previous
			}
			if cursor == "" {
				return
			}
			query.moveTo(cursor)
			if seen[maphash.String(seed, query.PQ)] {
				yield(nil, &DecodeError{
					CallInfo: newCallInfo(e), StatusCode: 200, Field: "next", Err: errRepeatedCursor,
				})
				return
			}
		}
	}
}

// pageDecoder is a [*Page] of any type.
type pageDecoder interface {
	decodePage(ctx context.Context, baseURL *url.URL, limit int, body []byte, unmarshal unmarshaler) error
}

// pageBody is a page as the API sends it. The documentation of the API has two
// names for each cursor.
type pageBody[T any] struct {
	Items    codec.List[T] `json:"items"`
	Next     JSON          `json:"next"`
	NextPQ   JSON          `json:"next_pq"`
	Previous JSON          `json:"previous"`
	PrevPQ   JSON          `json:"prev_pq"`
}

// An unmarshaler is a decoding function of the codec.
type unmarshaler func(ctx context.Context, data []byte, v any) error

// decodePage decodes a page for which limit items were requested. The page is an
// object, or an array of the items.
func (p *Page[T]) decodePage(ctx context.Context, baseURL *url.URL, limit int, data []byte, unmarshal unmarshaler) error {
	if limit <= 0 {
		limit = maxLimit
	}
	var body pageBody[T]
	body.Items.Max = min(limit, maxItems/maxRatio) * maxRatio
	var err error
	if codec.IsArray(data) {
		err = unmarshal(ctx, data, &body.Items)
	} else {
		err = unmarshal(ctx, data, &body)
	}
	if err != nil {
		return err
	}
	if !body.Items.Given {
		return &DecodeError{Field: "items", Err: errNoItems}
	}
	page := Page[T]{Items: body.Items.Items}
	if page.Next, err = firstCursor(baseURL, namedCursor{"next", body.Next}, namedCursor{"next_pq", body.NextPQ}); err != nil {
		return err
	}
	if page.Previous, err = firstCursor(baseURL, namedCursor{"previous", body.Previous}, namedCursor{"prev_pq", body.PrevPQ}); err != nil {
		return err
	}
	if strings.HasPrefix(page.Next, "?") {
		page.Next = "?pq=" + url.QueryEscape(page.Next)
	}
	if page.Previous != "" {
		page.Previous = "?from_prev=true&pq=" + url.QueryEscape(page.Previous)
	}
	*p = page
	return nil
}

var (
	errNoItems        = errors.New("missing, want a list")
	errCursorForm     = errors.New("want a string")
	errForeignCursor  = errors.New("the cursor is a URL of another origin")
	errNoCursor       = errors.New("the URL contains no cursor")
	errRepeatedCursor = errors.New("the cursor repeats: the list would never end")
)

type namedCursor struct {
	name  string
	value JSON
}

// firstCursor returns the token of the first cursor that is neither null nor empty.
func firstCursor(baseURL *url.URL, cursors ...namedCursor) (string, error) {
	for _, c := range cursors {
		if c.value.IsNull() || string(c.value) == `""` {
			continue
		}
		var text string
		switch c.value[0] {
		case '"':
			text = codec.Text(c.value, len(c.value))
		case '{', '[', 't', 'f':
			return "", &DecodeError{Field: c.name, Err: errCursorForm}
		default:
			text = c.value.String()
		}
		token, err := cursorOf(text, baseURL)
		if err != nil {
			return "", &DecodeError{Field: c.name, Err: err}
		}
		return token, nil
	}
	return "", nil
}

// cursorOf returns the token in value, which is a token, or a URL or query that
// contains one.
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
		if values, _ := url.ParseQuery(value[1:]); !values.Has("pq") {
			return value, nil
		}
		query = value[1:]
	case strings.HasPrefix(value, "pq=") && strings.Trim(value[3:], "=") != "": // "pq=" followed only by "=" is a base64 token
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
