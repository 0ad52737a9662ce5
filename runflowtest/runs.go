package runflowtest

import (
	"encoding/json"
	"net/http"

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
	for _, r := range s.runs.ordered {
		run, _ := clone(r.value)
		runs = append(runs, run)
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
	return s.project(s.runs.byID[run.ID].row, names(r, "embed"), names(r, "fields"))
}

func (s *Server) listRuns(r *http.Request, c caller) (any, *problem) {
	return s.list(r, s.runs.rows(c.orgID))
}

// parents returns the runs that a request reads the children of: one, or all.
func (s *Server) parents(r *http.Request, c caller) ([]runflow.Run, *problem) {
	if r.PathValue("run_id") != anyParent {
		run, bad := s.find(r, c)
		return []runflow.Run{run}, bad
	}
	var runs []runflow.Run
	for _, row := range s.runs.rows(c.orgID) {
		runs = append(runs, s.runs.byID[row.id].value)
	}
	return runs, nil
}

func (s *Server) logs(r *http.Request, c caller) ([]row, *problem) {
	runs, bad := s.parents(r, c)
	return rowsOf(runs, func(run runflow.Run) []runflow.RunLog { return run.Logs }, func(l runflow.RunLog) string { return l.ID }), bad
}

func (s *Server) nodeRuns(r *http.Request, c caller) ([]row, *problem) {
	runs, bad := s.parents(r, c)
	return rowsOf(runs, func(run runflow.Run) []runflow.NodeRun { return run.NodeRuns }, func(n runflow.NodeRun) string { return n.ID }), bad
}

func (s *Server) listLogs(r *http.Request, c caller) (any, *problem) {
	return s.listOf(r, c, s.logs)
}

func (s *Server) getLog(r *http.Request, c caller) (any, *problem) {
	return s.one(r, c, "log", s.logs)
}

func (s *Server) listNodeRuns(r *http.Request, c caller) (any, *problem) {
	return s.listOf(r, c, s.nodeRuns)
}

func (s *Server) getNodeRun(r *http.Request, c caller) (any, *problem) {
	return s.one(r, c, "node run", s.nodeRuns)
}

// children returns what belongs to the parents that a request is about.
type children func(*http.Request, caller) ([]row, *problem)

func (s *Server) listOf(r *http.Request, c caller, of children) (any, *problem) {
	rows, bad := of(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.list(r, rows)
}

// one returns the child that a request names.
func (s *Server) one(r *http.Request, c caller, what string, of children) (any, *problem) {
	rows, bad := of(r, c)
	if bad != nil {
		return nil, bad
	}
	for _, row := range rows {
		if row.id == r.PathValue("id") {
			return s.project(row, names(r, "embed"), names(r, "fields"))
		}
	}
	return nil, notFound(what)
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
		return nil, invalid("body", "is_positive", "Field required", "missing")
	}
	run.FeedbackIsPositive, run.FeedbackReason = nil, ""
	if json.Unmarshal(isPositive, &run.FeedbackIsPositive) != nil {
		return nil, invalid("body", "is_positive", "Input should be a valid boolean", "bool_type")
	}
	if reason, given := body["reason"]; given && json.Unmarshal(reason, &run.FeedbackReason) != nil {
		return nil, invalid("body", "reason", "Input should be a valid string", "string_type")
	}
	if run.FeedbackIsPositive == nil {
		run.FeedbackReason = "" // a reason without a rating is dropped
	}
	s.putRun(run)
	return run, nil
}

// object returns the body of a request.
func object(r *http.Request) (map[string]json.RawMessage, *problem) {
	var body map[string]json.RawMessage
	if json.NewDecoder(r.Body).Decode(&body) != nil || body == nil {
		return nil, badRequest("the body is not a JSON object")
	}
	return body, nil
}
