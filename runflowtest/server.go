// Package runflowtest is a Runflow API to test against: a real HTTP server on a
// loopback address that needs no account and no network, and keeps its state.
//
//	server := runflowtest.NewServer()
//	defer server.Close() // in a test: t.Cleanup(server.Close)
//	server.AddModel("acme/cat", runflow.Model{})
//
//	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
//	run, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: input, CallbackURL: hook})
//	run, err = client.Runs.Wait(ctx, run.ID, nil) // and the hook gets its callback
//	run, err = client.Runs.SetFeedback(ctx, run.ID, runflow.Feedback{IsPositive: true})
//
// A run that was dispatched takes a step whenever it is read, from queued over
// dispatching and running to succeeded; [Server.Script] writes it another story,
// and after [Server.Hold] it goes on only by [Server.Step] and [Server.Finish].
// [Server.Fail] lets calls meet with faults, and [Server.Requests] tells which
// calls there were. Times are those of a clock that [Server.Advance] moves.
//
// It serves what is documented of these endpoints, and 404 for all others:
//
//	POST  /v1/models/{owner}/{slug}/runs
//	GET   /v1/models, /v1/models/{owner}/{slug}
//	GET   /v1/models/{model_id}/pricing, /v1/models/{model_id}/examples/{id}
//	POST  /v1/comfyui-workflows/{owner}/{slug}/runs
//	GET   /v1/comfyui-workflows, /v1/comfyui-workflows/{id}
//	GET   /v1/comfyui-workflows/{owner}/{slug}, /v1/comfyui-workflows/{owner}/{slug}/runs
//	GET   /v1/runs, /v1/runs/{run_id}
//	GET   /v1/runs/{run_id}/logs, /v1/runs/{run_id}/logs/{id}
//	GET   /v1/runs/{run_id}/node-runs, /v1/runs/{run_id}/node-runs/{id}
//	GET   /v1/runs/{run_id}/callback
//	POST  /v1/runs/{run_id}/callback-redeliveries
//	PATCH /v1/runs/{run_id}/feedback
//
// Outputs lead to files that it serves as a storage host does: for as long as
// their links are good, and to nobody who shows a token.
//
// Where the documentation says nothing it guesses: the codes BAD_REQUEST,
// NOT_FOUND, METHOD_NOT_ALLOWED and INTERNAL, the size of a page, what is in a
// cursor, the statuses of a delivery and the number of its attempts are its own.
package runflowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runflow-io/runflow-go"
)

// The organization and the secrets that every [Server] knows from the start.
const (
	OrgID          = "00000000-0000-7000-8000-00000000000a"
	UserToken      = "user-token-of-runflowtest"
	APIKey         = "rf_test_key_of_runflowtest"
	CallbackSecret = "whsec_of_runflowtest"
)

// A Server is a Runflow API. It is made by [NewServer] and safe for concurrent
// use.
type Server struct {
	URL            string // for runflow.WithBaseURL
	OrgID          string // the organization of UserToken and APIKey
	UserToken      string // the token of a person, who may rate
	APIKey         string // the key of a program, which may not
	CallbackSecret string // which signs the callbacks

	http    *httptest.Server
	hooks   *http.Client    // delivers the callbacks
	links   *regexp.Regexp  // finds those to files
	closing context.Context // which ends with the server
	close   context.CancelFunc

	mu         sync.Mutex
	underway   int        // callbacks that are
	idle       *sync.Cond // of mu: none is
	now        time.Time
	minted     int                  // ids that were
	principals map[string]principal // by token
	runs       collection[runflow.Run]
	models     collection[runflow.Model]
	workflows  collection[runflow.ComfyuiWorkflow]
	scripts    map[string][]Step // by model or workflow
	pending    map[string][]Step // by run: those it still has to take
	held       bool
	replays    map[string]replay                      // by organization and idempotency key
	callbacks  map[string][]*runflow.CallbackDelivery // by run
	faults     []*fault
	files      map[string]file // by name
	generation int             // of the links that are good
	requests   []Request
}

// principal is who a token belongs to.
type principal struct {
	human bool
	orgs  []string // the first is the default
}

// NewServer starts a server, which the caller must Close. Like
// httptest.NewServer it panics where it cannot listen.
func NewServer() *Server {
	s := &Server{
		OrgID:          OrgID,
		UserToken:      UserToken,
		APIKey:         APIKey,
		CallbackSecret: CallbackSecret,
		now:            time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
		principals:     map[string]principal{},
		scripts:        map[string][]Step{},
		pending:        map[string][]Step{},
		replays:        map[string]replay{},
		callbacks:      map[string][]*runflow.CallbackDelivery{},
		files:          map[string]file{},
	}
	s.AddUser(UserToken, OrgID)
	s.AddAPIKey(APIKey, OrgID)
	s.idle = sync.NewCond(&s.mu)
	s.closing, s.close = context.WithCancel(context.Background())
	s.hooks = newHookClient()
	s.http = httptest.NewUnstartedServer(s.handler())
	s.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.http.Start()
	s.URL = s.http.URL
	s.links = linksTo(s.URL)
	return s
}

// Close stops the server, when the callbacks that are under way have been
// delivered.
func (s *Server) Close() {
	s.close()
	s.WaitCallbacks() // what receives them may still call the API
	s.http.Close()
	s.WaitCallbacks() // the last calls may have ended runs
	s.hooks.CloseIdleConnections()
}

// AddUser makes token that of a person who is a member of the organizations. A
// call without an X-Organization-Id is for the first.
func (s *Server) AddUser(token string, orgIDs ...string) {
	s.addPrincipal(token, principal{human: true, orgs: slices.Clone(orgIDs)})
}

// AddAPIKey makes token an API key of the organization.
func (s *Server) AddAPIKey(token, orgID string) {
	s.addPrincipal(token, principal{orgs: []string{orgID}})
}

func (s *Server) addPrincipal(token string, p principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.principals[token] = p
}

// Now returns the time of the server's clock, which starts with the year 2026
// and goes on by a second with each dispatch and each step of a run.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Advance puts the server's clock forward.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// tick returns the time and lets a second pass, so that no two things happen at
// once.
func (s *Server) tick() time.Time {
	now := s.now
	s.now = now.Add(time.Second)
	return now
}

// mint returns a new id.
func (s *Server) mint() string {
	s.minted++
	return fmt.Sprintf("00000000-0000-7000-8000-%012d", s.minted)
}

// A Request is what the server was asked.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte
}

// Requests returns the requests to the API that the server has seen, in order.
// Those for files are not among them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) handler() http.Handler {
	api := http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"GET /v1/runs":                                   s.listRuns,
		"GET /v1/runs/{run_id}":                          s.getRun,
		"GET /v1/runs/{run_id}/logs":                     s.listOf(s.partsOfRuns("logs")),
		"GET /v1/runs/{run_id}/logs/{id}":                s.oneOf(s.partsOfRuns("logs"), "log"),
		"GET /v1/runs/{run_id}/node-runs":                s.listOf(s.partsOfRuns("node_runs")),
		"GET /v1/runs/{run_id}/node-runs/{id}":           s.oneOf(s.partsOfRuns("node_runs"), "node run"),
		"GET /v1/runs/{run_id}/callback":                 s.listDeliveries,
		"POST /v1/runs/{run_id}/callback-redeliveries":   s.redeliver,
		"PATCH /v1/runs/{run_id}/feedback":               s.patchFeedback,
		"GET /v1/models":                                 s.listModels,
		"GET /v1/models/{path...}":                       s.getModel,
		"POST /v1/models/{path...}":                      s.runModel,
		"GET /v1/comfyui-workflows":                      s.listWorkflows,
		"GET /v1/comfyui-workflows/{id}":                 s.getWorkflow,
		"GET /v1/comfyui-workflows/{owner}/{slug}":       s.getWorkflow,
		"GET /v1/comfyui-workflows/{owner}/{slug}/runs":  s.listWorkflowRuns,
		"POST /v1/comfyui-workflows/{owner}/{slug}/runs": s.runWorkflow,
		"/": func(*http.Request, caller) (any, *problem) {
			return nil, &problem{status: http.StatusNotFound, Code: "NOT_FOUND", Message: "runflowtest does not serve this endpoint"}
		},
	} {
		api.HandleFunc(pattern, s.authenticated(handle))
	}
	root := http.NewServeMux()
	root.HandleFunc("/files/{name}", s.serveFile)
	root.HandleFunc("/", s.recorded(s.faulty(api)))
	return root
}

// recorded remembers each request before it is served. Where a function of the
// test panics meanwhile, the answer tells.
func (s *Server) recorded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				status, body := broken(fmt.Sprintf("a function of the test panicked: %v", p)).written()
				write(w, status, body)
			}
		}()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.Query(), r.Header.Clone(), body})
		s.mu.Unlock()
		next(w, r)
	}
}

// caller is on whose behalf a request is served.
type caller struct {
	orgID string
	human bool
}

// handler answers with a value to write as JSON, or with a problem. It runs
// while the server is locked.
type handler func(*http.Request, caller) (any, *problem)

// created marks what is answered with 201.
type created struct{ value any }

// authenticated serves with handle what carries a known token.
func (s *Server) authenticated(handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, body := s.serve(r, handle)
		write(w, status, body)
	}
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (s *Server) serve(r *http.Request, handle handler) (status int, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, bad := s.authenticate(r)
	if bad != nil {
		return bad.written()
	}
	return s.once(r, c, func() (int, []byte) {
		value, bad := handle(r, c)
		if bad != nil {
			return bad.written()
		}
		status := http.StatusOK
		if c, ok := value.(created); ok {
			status, value = http.StatusCreated, c.value
		}
		body, err := json.Marshal(value)
		if err != nil {
			return broken(err.Error()).written()
		}
		return status, body
	})
}

func (s *Server) authenticate(r *http.Request) (caller, *problem) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p, known := s.principals[token]
	if !known {
		return caller{}, &problem{status: http.StatusUnauthorized, Code: "UNAUTHORIZED", Message: "missing or invalid token"}
	}
	orgID := r.Header.Get("X-Organization-Id")
	if orgID == "" && len(p.orgs) > 0 {
		orgID = p.orgs[0]
	}
	if !slices.Contains(p.orgs, orgID) {
		return caller{}, &problem{status: http.StatusForbidden, Code: "ORGANIZATION_MEMBERSHIP_REQUIRED", Message: "not a member of this organization"}
	}
	return caller{orgID: orgID, human: p.human}, nil
}

// problem is the API's flat error body.
type problem struct {
	status  int
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors"`
}

type fieldError struct {
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
}

func (p problem) written() (status int, body []byte) {
	body, _ = json.Marshal(p)
	return p.status, body
}

// unfit is what is wrong with a field of a part of a request, "body" or "query".
func unfit(part, field, msg, kind string) fieldError {
	return fieldError{Loc: []string{part, field}, Msg: msg, Type: kind}
}

func invalid(errs ...fieldError) *problem {
	return &problem{status: http.StatusUnprocessableEntity, Code: "validation_error", Message: "the request is not valid", Errors: errs}
}

func badRequest(message string) *problem {
	return &problem{status: http.StatusBadRequest, Code: "BAD_REQUEST", Message: message}
}

func notFound(what string) *problem {
	return &problem{status: http.StatusNotFound, Code: "NOT_FOUND", Message: "no such " + what}
}

// broken is the answer where what the test has added does not work.
func broken(message string) *problem {
	return &problem{status: http.StatusInternalServerError, Code: "INTERNAL", Message: message}
}
