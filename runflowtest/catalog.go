package runflowtest

import (
	"net/http"
	"slices"
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
	return s.list(r, s.models.rows(c.orgID))
}

// getModel serves all that is below /v1/models: a slug may hold slashes.
func (s *Server) getModel(r *http.Request, c caller) (any, *problem) {
	path := r.PathValue("path")
	if model, ok := s.models.byID[path]; ok {
		return s.project(model.row, nil, names(r, "fields"))
	}
	switch parts := strings.Split(path, "/"); {
	case len(parts) == 2 && parts[1] == "pricing":
		r.SetPathValue("model_id", parts[0])
		return s.listOf(r, c, s.pricing)
	case len(parts) == 3 && parts[1] == "examples":
		r.SetPathValue("model_id", parts[0])
		r.SetPathValue("id", parts[2])
		return s.one(r, c, "example", s.examples)
	}
	return nil, notFound("model")
}

// parentModels returns the models that a request reads the children of.
func (s *Server) parentModels(r *http.Request) ([]runflow.Model, *problem) {
	var models []runflow.Model
	id := r.PathValue("model_id")
	for _, m := range s.models.ordered {
		if id == anyParent || id == m.value.ID {
			models = append(models, m.value)
		}
	}
	if len(models) == 0 && id != anyParent {
		return nil, notFound("model")
	}
	return models, nil
}

func (s *Server) pricing(r *http.Request, _ caller) ([]row, *problem) {
	models, bad := s.parentModels(r)
	return rowsOf(models, func(m runflow.Model) []runflow.ModelPricing { return m.Pricing }, func(p runflow.ModelPricing) string { return p.ID }), bad
}

func (s *Server) examples(r *http.Request, _ caller) ([]row, *problem) {
	models, bad := s.parentModels(r)
	return rowsOf(models, func(m runflow.Model) []runflow.ModelExample { return m.Examples }, func(e runflow.ModelExample) string { return e.ID }), bad
}

func (s *Server) listWorkflows(r *http.Request, c caller) (any, *problem) {
	return s.list(r, s.workflows.rows(c.orgID))
}

// workflow returns the workflow that a request names by its id or as
// owner/slug.
func (s *Server) workflow(r *http.Request, c caller) (*record[runflow.ComfyuiWorkflow], *problem) {
	at := slices.IndexFunc(s.workflows.ordered, func(w *record[runflow.ComfyuiWorkflow]) bool {
		named := w.value.ID == r.PathValue("id") || w.id == r.PathValue("owner")+"/"+r.PathValue("slug")
		return named && w.orgID == c.orgID
	})
	if at < 0 {
		return nil, notFound("workflow")
	}
	return s.workflows.ordered[at], nil
}

func (s *Server) getWorkflow(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.workflow(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.project(workflow.row, nil, names(r, "fields"))
}

func (s *Server) listWorkflowRuns(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.workflow(r, c)
	if bad != nil {
		return nil, bad
	}
	rows := slices.DeleteFunc(s.runs.rows(c.orgID), func(row row) bool {
		return s.runs.byID[row.id].value.ComfyuiWorkflowID != workflow.value.ID
	})
	return s.list(r, rows)
}
