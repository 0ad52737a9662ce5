package runflowtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// AddRun adds run, in place of one with the same id, and returns it as it was
// added: without an ID it gets one, and without an OrgID that of the server.
func (s *Server) AddRun(run runflow.Run) runflow.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run.ID == "" {
		s.minted++
		run.ID = fmt.Sprintf("00000000-0000-7000-8000-%012d", s.minted)
	}
	if run.OrgID == "" {
		run.OrgID = s.OrgID
	}
	s.runs[run.ID] = clone(run)
	return run
}

// Run returns the run with the given id as it stands, of whichever
// organization, and whether there is one.
func (s *Server) Run(id string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run, ok := s.runs[id]
	return clone(run), ok
}

// clone returns a copy of run that shares nothing with it.
func clone(run runflow.Run) runflow.Run {
	var copied runflow.Run
	if data, err := json.Marshal(run); err != nil || json.Unmarshal(data, &copied) != nil {
		return run // only a value that is no JSON cannot be copied, nor served
	}
	return copied
}

// find returns the run that a request is about.
func (s *Server) find(r *http.Request, c caller) (runflow.Run, *problem) {
	run, ok := s.runs[r.PathValue("run_id")]
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
	return project(run, list(r, "embed"), list(r, "fields"))
}

func list(r *http.Request, name string) []string {
	value := r.URL.Query().Get(name)
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}

// embeds are the parts of a run that are sent only on demand.
var embeds = []string{"node_runs", "logs", "model", "flow", "comfyui_workflow", "current_evaluation_summary"}

// project returns the fields of run that were asked for; no fields are all.
func project(run runflow.Run, embed, fields []string) (any, *problem) {
	var object map[string]json.RawMessage
	if data, err := json.Marshal(run); err != nil || json.Unmarshal(data, &object) != nil {
		return nil, &problem{status: http.StatusInternalServerError, Code: "INTERNAL", Message: "the run cannot be written as JSON"}
	}
	for name := range object {
		wanted := fields == nil || slices.Contains(fields, name)
		if slices.Contains(embeds, name) {
			wanted = slices.Contains(embed, name)
		}
		if !wanted {
			delete(object, name)
		}
	}
	return object, nil
}

func (s *Server) patchFeedback(r *http.Request, c caller) (any, *problem) {
	run, bad := s.find(r, c)
	if bad != nil {
		return nil, bad
	}
	if !c.human {
		return nil, &problem{status: http.StatusForbidden, Code: "PERMISSION_DENIED", Message: "only users may rate a run"}
	}
	var body map[string]json.RawMessage
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return nil, &problem{status: http.StatusBadRequest, Code: "BAD_REQUEST", Message: "the body is not a JSON object"}
	}
	isPositive, given := body["is_positive"]
	if !given {
		return nil, invalid("is_positive", "Field required", "missing")
	}
	run.FeedbackIsPositive, run.FeedbackReason = nil, ""
	if json.Unmarshal(isPositive, &run.FeedbackIsPositive) != nil {
		return nil, invalid("is_positive", "Input should be a valid boolean", "bool_type")
	}
	if reason, given := body["reason"]; given && json.Unmarshal(reason, &run.FeedbackReason) != nil {
		return nil, invalid("reason", "Input should be a valid string", "string_type")
	}
	if run.FeedbackIsPositive == nil {
		run.FeedbackReason = "" // a reason without a rating is dropped
	}
	s.runs[run.ID] = clone(run)
	return run, nil
}
