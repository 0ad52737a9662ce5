package runflowtest

import (
	"net/http"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// AddModel adds a model that everybody may run as id, "owner/slug", and returns
// it as it was added: with an ID, and with id as its Slug where it had none.
func (s *Server) AddModel(id string, model runflow.Model) runflow.Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	if model.ID == "" {
		model.ID = s.mint()
	}
	if model.Slug == "" {
		model.Slug = id
	}
	s.models.put(id, "", model)
	return model
}

// AddWorkflow adds a workflow that is run as id, "owner/slug", and returns it as
// it was added: with an ID, with id's slug where it had none, and without an
// OrgID with that of the server.
func (s *Server) AddWorkflow(id string, workflow runflow.ComfyuiWorkflow) runflow.ComfyuiWorkflow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if workflow.ID == "" {
		workflow.ID = s.mint()
	}
	if workflow.OrgID == "" {
		workflow.OrgID = s.OrgID
	}
	if workflow.Slug == "" {
		_, workflow.Slug, _ = strings.Cut(id, "/")
	}
	s.workflows.put(id, workflow.OrgID, workflow)
	return workflow
}

func (s *Server) listModels(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, func(by order) []entry { return s.models.sorted("", by) })
}

// getModel serves all that is below /v1/models: a slug may hold slashes.
func (s *Server) getModel(r *http.Request, c caller) (any, *problem) {
	path := r.PathValue("path")
	if model, ok := s.models.byID[path]; ok {
		return s.project(&model.row, nil, names(r, "fields"))
	}
	switch parts := strings.Split(path, "/"); {
	case len(parts) == 2 && parts[1] == "pricing":
		r.SetPathValue("model_id", parts[0])
		return s.listOf(s.partsOfModels("pricing"))(r, c)
	case len(parts) == 3 && parts[1] == "examples":
		r.SetPathValue("model_id", parts[0])
		r.SetPathValue("id", parts[2])
		return s.oneOf(s.partsOfModels("examples"), "example")(r, c)
	}
	return nil, notFound("model")
}

func (s *Server) partsOfModels(field string) children {
	return func(r *http.Request, _ caller) (source, *problem) {
		id := r.PathValue("model_id")
		if id == anyParent {
			return func(by order) []entry { return s.models.sorted(field, by) }, nil
		}
		for _, m := range s.models.all {
			if textOf(m.fields()["id"]) == id {
				return func(by order) []entry { return by.sorted(m.parts(field)) }, nil
			}
		}
		return nil, notFound("model")
	}
}

func (s *Server) listWorkflows(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, func(by order) []entry { return s.workflows.sorted("", by) })
}

// workflow returns the workflow that a request names by its id or as
// owner/slug.
func (s *Server) workflow(r *http.Request, c caller) (*record[runflow.ComfyuiWorkflow], *problem) {
	for _, w := range s.workflows.all {
		named := textOf(w.fields()["id"]) == r.PathValue("id") || w.id == r.PathValue("owner")+"/"+r.PathValue("slug")
		if named && w.visible(c) {
			return w, nil
		}
	}
	return nil, notFound("workflow")
}

func (s *Server) getWorkflow(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.workflow(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.project(&workflow.row, nil, names(r, "fields"))
}

func (s *Server) listWorkflowRuns(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.workflow(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.list(r, c, s.allRuns, condition{"comfyui_workflow_id", workflow.get().ID})
}
