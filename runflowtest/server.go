// Package runflowtest is a Runflow API to test against: a real HTTP server on a
// loopback address that needs no account and no network.
//
//	server := runflowtest.NewServer()
//	defer server.Close() // in a test: t.Cleanup(server.Close)
//
//	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded})
//	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
//
// It serves what is documented of these endpoints, and 404 for all others:
//
//	GET   /v1/runs/{run_id}
//	PATCH /v1/runs/{run_id}/feedback
package runflowtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/runflow-io/runflow-go"
)

// The organization and the tokens that every [Server] knows from the start.
const (
	OrgID     = "00000000-0000-7000-8000-00000000000a"
	UserToken = "user-token-of-runflowtest"
	APIKey    = "rf_test_key_of_runflowtest"
)

// A Server is a Runflow API. It is made by [NewServer] and safe for concurrent
// use.
type Server struct {
	URL       string // for runflow.WithBaseURL
	OrgID     string // the organization of UserToken and APIKey
	UserToken string // the token of a person, who may rate
	APIKey    string // the key of a program, which may not

	http *httptest.Server

	mu         sync.Mutex
	principals map[string]principal   // by token
	runs       map[string]runflow.Run // by id
	minted     int                    // ids that were
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
		OrgID:      OrgID,
		UserToken:  UserToken,
		APIKey:     APIKey,
		principals: map[string]principal{},
		runs:       map[string]runflow.Run{},
	}
	s.AddUser(UserToken, OrgID)
	s.AddAPIKey(APIKey, OrgID)
	s.http = httptest.NewServer(s.handler())
	s.URL = s.http.URL
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

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

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/runs/{run_id}", s.authenticated(s.getRun))
	mux.HandleFunc("PATCH /v1/runs/{run_id}/feedback", s.authenticated(s.patchFeedback))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem{status: http.StatusNotFound, Code: "NOT_FOUND", Message: "runflowtest does not serve this endpoint"}.write(w)
	})
	return mux
}

// caller is on whose behalf a request is served.
type caller struct {
	orgID string
	human bool
}

// authenticated serves with handle what carries a known token, and answers with
// what handle returns: a value to write as JSON, or a problem.
func (s *Server) authenticated(handle func(*http.Request, caller) (any, *problem)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		caller, bad := s.authenticate(r)
		if bad != nil {
			bad.write(w)
			return
		}
		s.mu.Lock()
		value, bad := handle(r, caller)
		s.mu.Unlock()
		if bad != nil {
			bad.write(w)
			return
		}
		writeJSON(w, http.StatusOK, value)
	}
}

func (s *Server) authenticate(r *http.Request) (caller, *problem) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	p, known := s.principals[token]
	s.mu.Unlock()
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

func (p problem) write(w http.ResponseWriter) { writeJSON(w, p.status, p) }

// invalid is the answer to a body whose field does not fit.
func invalid(field, msg, kind string) *problem {
	return &problem{
		status:  http.StatusUnprocessableEntity,
		Code:    "validation_error",
		Message: "the request is not valid",
		Errors:  []fieldError{{Loc: []string{"body", field}, Msg: msg, Type: kind}},
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"code":"INTERNAL","message":%q}`, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
