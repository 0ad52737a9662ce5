package runflowtest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/runflow-io/runflow-go"
)

// anyParent stands for all parents in a path.
const anyParent = "any"

// AddRun adds run, in place of one with the same id, and returns it as it was
// added: without an ID it gets one, and without an OrgID that of the server.
func (s *Server) AddRun(run runflow.Run) runflow.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run.ID == "" {
		run.ID = s.mint()
	}
	if run.OrgID == "" {
		run.OrgID = s.OrgID
	}
	s.putRun(run)
	return run
}

func (s *Server) putRun(run runflow.Run) { s.runs.put(run.ID, run.OrgID, run) }

// Run returns the run with the given id as it stands, of whichever
// organization, and whether there is one.
func (s *Server) Run(id string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs.get(id)
}

// Runs returns all runs, of whichever organization, the oldest first.
func (s *Server) Runs() []runflow.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	var runs []runflow.Run
	for _, e := range slices.Backward(s.allRuns(newestFirst())) {
		runs = append(runs, s.runs.byID[e.id].get())
	}
	return runs
}

// find returns the run that a request is about.
func (s *Server) find(r *http.Request, c caller) (runflow.Run, *problem) {
	run, ok := s.runs.get(r.PathValue("run_id"))
	if !ok || run.OrgID != c.orgID {
		return run, &problem{status: http.StatusNotFound, Code: "RUN_NOT_FOUND", Message: "no such run in this organization"}
	}
	return run, nil
}

func (s *Server) getRun(r *http.Request, c caller) (any, *problem) {
	run, bad := s.find(r, c)
	if bad != nil {
		return nil, bad
	}
	if !s.held {
		s.step(run.ID)
	}
	return s.project(&s.runs.byID[run.ID].row, names(r, "embed"), names(r, "fields"))
}

func (s *Server) listRuns(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, s.allRuns)
}

func (s *Server) allRuns(by order) []entry { return s.runs.sorted("", by) }

// children returns what belongs to the parent that a request names, or to all.
type children func(*http.Request, caller) (source, *problem)

func (s *Server) partsOfRuns(field string) children {
	return func(r *http.Request, c caller) (source, *problem) {
		if r.PathValue("run_id") == anyParent {
			return func(by order) []entry { return s.runs.sorted(field, by) }, nil
		}
		run, bad := s.find(r, c)
		return func(by order) []entry { return by.sorted(s.runs.byID[run.ID].parts(field)) }, bad
	}
}

func (s *Server) listOf(of children) handler {
	return func(r *http.Request, c caller) (any, *problem) {
		source, bad := of(r, c)
		if bad != nil {
			return nil, bad
		}
		return s.list(r, c, source)
	}
}

// oneOf returns the child that a request names.
func (s *Server) oneOf(of children, what string) handler {
	return func(r *http.Request, c caller) (any, *problem) {
		source, bad := of(r, c)
		if bad != nil {
			return nil, bad
		}
		for _, e := range source(newestFirst()) {
			if e.id == r.PathValue("id") && e.visible(c) {
				return s.project(e.row, names(r, "embed"), names(r, "fields"))
			}
		}
		return nil, notFound(what)
	}
}

func (s *Server) patchFeedback(r *http.Request, c caller) (any, *problem) {
	run, bad := s.find(r, c)
	if bad != nil {
		return nil, bad
	}
	if !c.human {
		return nil, &problem{status: http.StatusForbidden, Code: "PERMISSION_DENIED", Message: "only users may rate a run"}
	}
	body, bad := object(r)
	if bad != nil {
		return nil, bad
	}
	isPositive, given := body["is_positive"]
	if !given {
		return nil, invalid(unfit("body", "is_positive", "Field required", "missing"))
	}
	run.FeedbackIsPositive, run.FeedbackReason = nil, ""
	if json.Unmarshal(isPositive, &run.FeedbackIsPositive) != nil {
		return nil, invalid(unfit("body", "is_positive", "Input should be a valid boolean", "bool_type"))
	}
	if errs := textIn(body, "reason", &run.FeedbackReason); errs != nil {
		return nil, invalid(errs...)
	}
	if run.FeedbackIsPositive == nil {
		run.FeedbackReason = "" // a reason without a rating is dropped
	}
	s.putRun(run)
	return s.project(&s.runs.byID[run.ID].row, names(r, "embed"), names(r, "fields"))
}

// object returns the body of a request.
func object(r *http.Request) (map[string]json.RawMessage, *problem) {
	var body map[string]json.RawMessage
	data, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(data, &body) != nil || body == nil {
		return nil, badRequest("the body is not a JSON object")
	}
	return body, nil
}
