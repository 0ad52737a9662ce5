package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// A recorder stores requests and responses. It keeps only values that cannot be
// secret or personal: numbers, times, codes and the names of members. It replaces
// every ID, always by the same one, and every other text by "text".
type recorder struct {
	dir string

	mu    sync.Mutex
	ids   map[string]string
	count int
	err   error
}

// An exchange is a recorded request and its response.
type exchange struct {
	Method   string      `json:"method"`
	Path     string      `json:"path"` // with the query
	Request  any         `json:"request,omitempty"`
	BadToken bool        `json:"bad_token,omitempty"` // the request has a token that is not valid
	Status   int         `json:"status"`
	Header   http.Header `json:"header,omitempty"`
	Response any         `json:"response,omitempty"`
}

func newRecorder(dir string) *recorder {
	return &recorder{dir: dir, ids: map[string]string{noRun: noRun}}
}

// recordedHeaders are the headers of a response that are stored.
var recordedHeaders = []string{"Content-Type", "Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"}

func (r *recorder) add(req *http.Request, sent []byte, resp *http.Response, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := exchange{
		Method: req.Method, Path: r.path(req.URL), Request: r.document(sent), Status: resp.StatusCode, Header: http.Header{}, Response: r.document(body),
		BadToken: req.Header.Get("Authorization") == "Bearer not-a-token",
	}
	for _, name := range recordedHeaders {
		if value := resp.Header.Get(name); value != "" {
			e.Header.Set(name, value)
		}
	}
	for _, name := range []string{"X-Request-Id", "Runflow-Request-Id"} {
		if resp.Header.Get(name) != "" {
			e.Header.Set(name, "request")
		}
	}
	data, err := json.MarshalIndent(e, "", "\t")
	r.count++
	if err == nil {
		err = errors.Join(os.MkdirAll(r.dir, 0o750), os.WriteFile(filepath.Join(r.dir, fmt.Sprintf("%03d.json", r.count)), append(data, '\n'), 0o600))
	}
	r.err = errors.Join(r.err, err)
}

var (
	uuid      = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)
	timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.:+Z-]*$`)
	amount    = regexp.MustCompile(`^[+-]?\d{1,18}(\.\d{1,18})?$`)
	code      = regexp.MustCompile(`(^|_)(code|type|status|level|event)$`)
	label     = regexp.MustCompile(`(client_ref\.eq:')\w[^'\\]*'$`) // as a filter
	word      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]{0,63}$`)
)

// id returns what a text is replaced by if it is an ID.
func (r *recorder) id(text string) string {
	return uuid.ReplaceAllStringFunc(text, func(id string) string {
		if r.ids[id] == "" {
			r.ids[id] = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(r.ids))
		}
		return r.ids[id]
	})
}

// path returns the path and the query of a request, without what a person wrote.
func (r *recorder) path(u *url.URL) string {
	query := u.Query()
	if query.Has("q") {
		query.Set("q", r.id(label.ReplaceAllString(query.Get("q"), "${1}text'")))
	}
	if query.Has("pq") {
		query.Set("pq", r.cursor(query.Get("pq")))
	}
	path := r.id(u.Path)
	if rest, ok := strings.CutPrefix(path, "/v1/models/"); ok && strings.Contains(rest, "/") && !strings.HasSuffix(rest, "/pricing") {
		path = "/v1/models/owner/slug"
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// cursor replaces a cursor, which may contain anything.
func (r *recorder) cursor(text string) string {
	key := "cursor " + text
	if r.ids[key] == "" {
		r.ids[key] = fmt.Sprintf("cursor-%d", len(r.ids))
	}
	return r.ids[key]
}

// document returns a JSON document without secrets, or nil if it is none.
func (r *recorder) document(data []byte) any {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return nil
	}
	return r.value("", v)
}

func (r *recorder) value(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = r.value(name, value)
		}
	case []any:
		for i, value := range v {
			v[i] = r.value(name, value)
		}
	case string:
		return r.text(name, v)
	}
	return v
}

// text returns what a string member is replaced by.
func (r *recorder) text(name, text string) string {
	switch {
	case text == "":
		return ""
	case name == "next" || name == "previous" || name == "first" || name == "next_pq" || name == "prev_pq":
		return r.cursor(text)
	case name == "slug":
		return "owner/slug"
	case uuid.MatchString(text) && len(text) == 36:
		return r.id(text)
	case timestamp.MatchString(text), amount.MatchString(text):
		return text
	case name == "loc", code.MatchString(name) && word.MatchString(text):
		return text
	case strings.HasPrefix(text, "https://"):
		return "https://storage.example/file"
	}
	return "text"
}
