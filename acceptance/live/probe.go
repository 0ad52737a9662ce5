package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runflow-io/runflow-go"
)

// A probe makes the requests of the checks. It keeps the last response, and notes
// what all of them have in common.
type probe struct {
	options

	client   *runflow.Client
	recorder *recorder

	mu        sync.Mutex
	last      response
	requests  int
	reused    int
	withoutID []string            // requests without a request ID in the response
	limits    map[string]string   // headers about rate limits
	unknown   map[string]struct{} // paths of members that the SDK does not know
	firstByte []time.Duration

	shared shared
	spent  spent
}

// A response is a response of the API.
type response struct {
	status int
	header http.Header
	body   []byte
}

// shared is what one check finds and others need.
type shared struct {
	run, model string // "" if the organization has none
}

func newProbe(o options) (*probe, error) {
	p := &probe{options: o, limits: map[string]string{}, unknown: map[string]struct{}{}}
	if o.record != "" {
		p.recorder = newRecorder(o.record)
	}
	client, err := runflow.NewClient(o.token, runflow.WithBaseURL(o.baseURL), runflow.WithMaxRetries(2), runflow.WithMiddleware(p.middleware))
	p.client = client
	return p, err
}

func (p *probe) recordErr() error {
	if p.recorder == nil {
		return nil
	}
	return p.recorder.err
}

// middleware notes each response of the API, and records it.
func (p *probe) middleware(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		attempt, _ := runflow.AttemptFromContext(req.Context())
		if !strings.HasPrefix(req.URL.Path, "/v1/") || attempt.Operation == "Runs.Download" {
			return next.RoundTrip(req)
		}
		var sent []byte
		if req.Body != nil && req.GetBody != nil {
			if body, err := req.GetBody(); err == nil {
				sent, _ = io.ReadAll(body)
			}
		}
		var reused bool
		start := time.Now()
		traced := req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
		}))
		resp, err := next.RoundTrip(traced)
		if err != nil {
			return nil, err
		}
		firstByte := time.Since(start)
		body, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
		resp.Body = readCloser{bytes.NewReader(body), resp.Body}
		if err != nil {
			return nil, errors.Join(err, resp.Body.Close())
		}
		p.note(req, response{resp.StatusCode, resp.Header, body}, reused, firstByte)
		if p.recorder != nil {
			p.recorder.add(req, sent, resp, body)
		}
		return resp, nil
	})
}

func (p *probe) note(req *http.Request, r response, reused bool, firstByte time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = r
	p.requests++
	p.firstByte = append(p.firstByte, firstByte)
	if reused {
		p.reused++
	}
	if r.header.Get("X-Request-Id") == "" && r.header.Get("Runflow-Request-Id") == "" {
		p.withoutID = append(p.withoutID, req.Method+" "+req.URL.Path)
	}
	for name := range r.header {
		if strings.Contains(strings.ToLower(name), "ratelimit") || name == "Retry-After" {
			p.limits[name] = r.header.Get(name)
		}
	}
}

// get sends a GET request and returns the response whatever its status is.
func (p *probe) get(ctx context.Context, path string) (response, error) {
	return p.do(ctx, http.MethodGet, path, nil)
}

func (p *probe) do(ctx context.Context, method, path string, body any) (response, error) {
	var raw runflow.JSON
	err := p.client.Do(ctx, method, path, body, &raw)
	var apiErr *runflow.APIError
	if err != nil && !errors.As(err, &apiErr) {
		return response{}, err
	}
	return p.last, nil
}

// object decodes the response as an object.
func (r response) object() map[string]any {
	var object map[string]any
	_ = json.Unmarshal(r.body, &object)
	return object
}

// compare notes the members of the last response that are absent from v, which was
// decoded from it.
func (p *probe) compare(name string, v any) {
	var sent, kept any
	encoded, err := json.Marshal(v)
	if err != nil || json.Unmarshal(p.last.body, &sent) != nil || json.Unmarshal(encoded, &kept) != nil {
		return
	}
	for _, path := range missing(name, sent, kept, knownMembers(reflect.TypeOf(v))) {
		p.unknown[path] = struct{}{}
	}
}

// missing returns the paths of the members of sent that are neither in kept nor
// members of the type. Null and empty members are no loss, but their names are.
func missing(path string, sent, kept any, known members) []string {
	var paths []string
	switch sent := sent.(type) {
	case map[string]any:
		if known.free {
			return nil
		}
		keptObject, _ := kept.(map[string]any)
		for name, value := range sent {
			inner, ok := known.named[name]
			if !ok {
				paths = append(paths, path+"."+name)
				continue
			}
			paths = append(paths, missing(path+"."+name, value, keptObject[name], inner())...)
		}
	case []any:
		for _, element := range sent {
			paths = append(paths, missing(path+"[]", element, nil, known)...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// members are the members of a type. A free-form value has any.
type members struct {
	free  bool
	named map[string]func() members
}

func knownMembers(t reflect.Type) members {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[runflow.Run]().PkgPath() {
		return members{free: true}
	}
	m := members{named: map[string]func() members{}}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			m.named[name] = func() members { return knownMembers(field.Type) }
		}
	}
	if strings.HasPrefix(t.Name(), "Page[") { // the SDK reads these too
		for _, name := range []string{"first", "next_pq", "prev_pq"} {
			m.named[name] = func() members { return members{free: true} }
		}
	}
	return m
}

// summary prints figures and findings that belong to no single assumption.
func (p *probe) summary(out io.Writer) {
	if p.requests == 0 {
		return
	}
	slices.Sort(p.firstByte)
	n := len(p.firstByte)
	fmt.Fprintf(out, "%d requests, %d on a reused connection; time to the first byte: median %v, slowest %v\n",
		p.requests, p.reused, p.firstByte[n/2].Round(time.Millisecond), p.firstByte[n-1].Round(time.Millisecond))
	if len(p.limits) > 0 {
		fmt.Fprintf(out, "headers about rate limits: %v\n", p.limits)
	}
	if len(p.unknown) > 0 {
		fmt.Fprintln(out, "members that the SDK does not know:")
		for _, path := range slices.Sorted(maps.Keys(p.unknown)) {
			fmt.Fprintln(out, "  "+path)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type readCloser struct {
	io.Reader
	io.Closer
}
