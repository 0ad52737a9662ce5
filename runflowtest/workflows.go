package runflowtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// AddWorkflow adds a workflow, or replaces the one with the same name,
// "owner/slug". It returns the workflow as it was added. If the workflow has no ID,
// AddWorkflow gives it one. If it has no Slug, its Slug is that of the name. If it
// has no OrgID, it belongs to the organization of the server.
func (s *Server) AddWorkflow(name string, workflow runflow.ComfyuiWorkflow) runflow.ComfyuiWorkflow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if workflow.ID == "" {
		workflow.ID = s.newID()
	}
	if workflow.OrgID == "" {
		workflow.OrgID = s.OrgID
	}
	if workflow.Slug == "" {
		_, workflow.Slug, _ = strings.Cut(name, "/")
	}
	s.workflows.put(name, workflow.OrgID, workflow)
	return workflow
}

// findWorkflow returns the workflow that a request names by its ID, or by its owner
// and slug.
func (s *Server) findWorkflow(r *http.Request, c caller) (*record[runflow.ComfyuiWorkflow], *problem) {
	workflow := s.workflows.byID[r.PathValue("owner")+"/"+r.PathValue("slug")]
	if id := r.PathValue("id"); id != "" {
		workflow = s.workflows.find(id)
	}
	if workflow == nil || !workflow.isVisible(c) {
		return nil, notFound("workflow")
	}
	return workflow, nil
}

func (s *Server) listWorkflows(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, source{schema: s.workflows.schema, sorted: func(by order) []entry { return s.workflows.sorted("", by) }})
}

func (s *Server) getWorkflow(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.renderFor(r, &workflow.row)
}

func (s *Server) listWorkflowRuns(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.list(r, c, s.allRuns(isEqual("comfyui_workflow_id", text, text.key(workflow.text("id")))))
}

func (s *Server) createWorkflowRun(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	run, bad := s.create(r, c, workflow.id, runflow.Run{ComfyuiWorkflowID: workflow.text("id"), TargetType: runflow.TargetTypeComfyui})
	if bad != nil {
		return nil, bad
	}
	object, bad := s.render(run, view{})
	if bad != nil {
		return nil, bad
	}
	// Some clients of the real API use only run_id here.
	return created{slices.Concat(json.RawMessage(`{"run_id":"`+run.id+`",`), object[1:])}, nil
}
