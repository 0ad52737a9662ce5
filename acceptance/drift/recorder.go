package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// A sent holds what the calls of an endpoint send, all of them together.
type sent struct {
	query   *value // an object of the parameters
	headers http.Header
	body    *value // nil if no call sends a body
}

// record makes the calls of a binding and returns what they send. No request leaves the
// process.
func record(ctx context.Context, b binding) (*sent, error) {
	s := &sent{headers: http.Header{}}
	for i, call := range b.calls {
		r := &recorder{}
		client, err := runflow.NewClient("token", runflow.WithMiddleware(r.wrap), runflow.WithOrganization("organization"))
		if err != nil {
			return nil, err
		}
		err = call(ctx, client)
		if _, ok := errors.AsType[*runflow.APIError](err); !ok {
			return nil, fmt.Errorf("%s: call %d: got the error %w, want an APIError", b.endpoint.Operation, i, err)
		}
		if !r.addTo(s, b.endpoint) {
			return nil, fmt.Errorf("%s: call %d sent no %s %s", b.endpoint.Operation, i, b.endpoint.Method, b.endpoint.Route)
		}
	}
	return s, nil
}

// A recorder is a transport that keeps the requests. It refuses those to the API,
// except that an upload gets far enough to make all of its requests.
type recorder struct {
	mu       sync.Mutex
	requests []request
}

// A request is a recorded request.
type request struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
}

func (r *recorder) wrap(http.RoundTripper) http.RoundTripper { return r }

// RoundTrip records a request.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	r.requests = append(r.requests, request{req.Method, req.URL, req.Header, body})
	r.mu.Unlock()
	status, text := http.StatusUnprocessableEntity, `{"code":"RECORDED","message":"recorded"}`
	switch {
	case req.Method == http.MethodPut:
		status, text = http.StatusOK, ""
	case req.URL.Path == endpoint.AssetsCreateUpload.Route:
		status, text = http.StatusCreated, `{"asset_id":"1","upload_url":"https://storage.example.com/1"}`
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req, Body: io.NopCloser(strings.NewReader(text)),
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(text)),
	}, nil
}

// addTo adds the requests for e to s, and reports whether there are any.
func (r *recorder) addTo(s *sent, e *endpoint.Endpoint) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := false
	for _, req := range r.requests {
		if req.method != e.Method || !matches(e.Route, req.url.Path) {
			continue
		}
		found = true
		query := map[string]any{}
		for name, values := range req.url.Query() {
			query[name] = queryValue(values[0])
		}
		s.query = valueOf(query).merge(s.query)
		maps.Copy(s.headers, req.header)
		var body any
		if json.Unmarshal(req.body, &body) == nil {
			s.body = valueOf(body).merge(s.body)
		}
	}
	return found
}

// matches reports whether a path has the form of a route.
func matches(route, path string) bool {
	pattern, parts := strings.Split(route, "/"), strings.Split(path, "/")
	if len(pattern) != len(parts) {
		return false
	}
	for i, segment := range pattern {
		if !strings.HasPrefix(segment, "{") && segment != parts[i] {
			return false
		}
	}
	return true
}

// queryValue returns the JSON value that the text of a parameter stands for.
func queryValue(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return v
	}
	return text
}
