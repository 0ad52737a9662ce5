package runflowtest

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
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
	return s.putWorkflow(name, workflow)
}

// findWorkflow returns the workflow that a request names by its ID, or by its owner
// and slug.
func (s *Server) findWorkflow(r *http.Request, c caller) (*record[runflow.ComfyuiWorkflow], *problem) {
	workflow := s.workflows.byID[r.PathValue("owner")+"/"+r.PathValue("slug")]
	if id := r.PathValue("id"); id != "" {
		workflow = s.workflows.find(id)
	}
	if workflow == nil || !workflow.isVisible(c) || isDeleted(&workflow.row) {
		return nil, notFound("workflow")
	}
	return workflow, nil
}

func isDeleted(r *row) bool { return r.text("deleted_at") != "" }

// putWorkflow stores a workflow and returns it as it was stored. Inputs, outputs and
// GPU models without an ID get one.
func (s *Server) putWorkflow(name string, workflow runflow.ComfyuiWorkflow) runflow.ComfyuiWorkflow {
	workflow.Inputs, workflow.Outputs = slices.Clone(workflow.Inputs), slices.Clone(workflow.Outputs)
	workflow.GPUExplicitModels = slices.Clone(workflow.GPUExplicitModels)
	for i := range workflow.Inputs {
		s.identify(&workflow.Inputs[i].ID, &workflow.Inputs[i].ComfyuiWorkflowID, workflow.ID)
	}
	for i := range workflow.Outputs {
		s.identify(&workflow.Outputs[i].ID, &workflow.Outputs[i].ComfyuiWorkflowID, workflow.ID)
	}
	for i := range workflow.GPUExplicitModels {
		s.identify(&workflow.GPUExplicitModels[i].ID, &workflow.GPUExplicitModels[i].ComfyuiWorkflowID, workflow.ID)
	}
	s.workflows.put(name, workflow.OrgID, workflow)
	return workflow
}

func (s *Server) listWorkflows(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, source{
		schema: s.workflows.schema,
		sorted: func(by order) []entry { return s.workflows.sorted("", by) },
		filter: filter(isDeleted).not(),
	})
}

func (s *Server) getWorkflow(r *http.Request, c caller) (any, *problem) {
	workflow, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.renderFor(r, &workflow.row)
}

// workflowBody reads the body that creates or updates a workflow. The slug of an
// existing workflow cannot be changed.
func workflowBody(r *http.Request, workflow *runflow.ComfyuiWorkflow) *problem {
	b, bad := readBody(r)
	if bad != nil {
		return bad
	}
	isNew, slug := workflow.ID == "", workflow.Slug
	errs := slices.Concat(
		b.text("name", &workflow.Name),
		b.object("workflow_json", isNew, &workflow.WorkflowJSON),
		b.text("slug", &workflow.Slug),
		b.text("description", &workflow.Description),
		b.text("version", &workflow.Version),
		b.boolean("is_public", &workflow.IsPublic),
		b.text("status_code", &workflow.StatusCode),
		b.text("category_code", &workflow.CategoryCode),
		b.object("environment", false, &workflow.Environment),
		b.object("models", false, &workflow.Models),
		b.object("custom_nodes", false, &workflow.CustomNodes),
		b.object("graph", false, &workflow.Graph),
		b.object("resources", false, &workflow.Resources),
		decodeParts(b["inputs"], "inputs", &workflow.Inputs, func(i runflow.ComfyuiWorkflowInput) string { return i.Name }),
		decodeParts(b["outputs"], "outputs", &workflow.Outputs, func(o runflow.ComfyuiWorkflowOutput) string { return o.Name }),
	)
	if isNew && workflow.Name == "" {
		errs = append(errs, badField("body", "name", "Field required", "missing"))
	}
	switch {
	case !isNew && workflow.Slug != slug:
		errs = append(errs, badField("body", "slug", "the slug of a workflow cannot be changed", "slug"))
	case workflow.Slug == "":
		workflow.Slug = slugOf(workflow.Name)
	case strings.Contains(workflow.Slug, "/"):
		errs = append(errs, badField("body", "slug", "Input should have no slash", "slug"))
	}
	if len(errs) > 0 {
		return invalid(errs...)
	}
	return nil
}

// decodeParts reads a list of inputs or outputs, which must have names.
func decodeParts[T any](list json.RawMessage, name string, into *[]T, nameOf func(T) string) []fieldError {
	if list == nil {
		return nil
	}
	if json.Unmarshal(list, into) != nil || slices.ContainsFunc(*into, func(part T) bool { return nameOf(part) == "" }) {
		return []fieldError{badField("body", name, "Input should be a list of objects with a name", "list_type")}
	}
	return nil
}

var notInSlug = regexp.MustCompile(`[^a-z0-9_]+`)

// slugOf returns a slug made from a name.
func slugOf(name string) string {
	return strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// createWorkflow creates a workflow. Its owner is the organization.
func (s *Server) createWorkflow(r *http.Request, c caller) (any, *problem) {
	var workflow runflow.ComfyuiWorkflow
	if bad := workflowBody(r, &workflow); bad != nil {
		return nil, bad
	}
	name := c.orgID + "/" + workflow.Slug
	if known := s.workflows.byID[name]; known != nil && !isDeleted(&known.row) {
		return nil, newProblem(http.StatusConflict, "the organization has a workflow with this slug")
	}
	now := s.tick()
	workflow.ID, workflow.OrgID, workflow.CreatedAt, workflow.UpdatedAt = s.newID(), c.orgID, now, now
	s.putWorkflow(name, workflow)
	object, bad := s.renderFor(r, &s.workflows.byID[name].row)
	return created{object}, bad
}

func (s *Server) updateWorkflow(r *http.Request, c caller) (any, *problem) {
	found, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	workflow := found.get()
	if bad := workflowBody(r, &workflow); bad != nil {
		return nil, bad
	}
	workflow.UpdatedAt = s.tick()
	s.putWorkflow(found.id, workflow)
	return s.renderFor(r, &found.row)
}

// deleteWorkflow marks a workflow as deleted. Its runs remain.
func (s *Server) deleteWorkflow(r *http.Request, c caller) (any, *problem) {
	found, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	workflow := found.get()
	workflow.DeletedAt = s.tick()
	s.putWorkflow(found.id, workflow)
	return deleted{}, nil
}

// workflowInputs returns the inputs of a workflow.
func (s *Server) workflowInputs(r *http.Request, c caller) (source, *problem) {
	const part = string(runflow.WorkflowEmbedInputs)
	workflow, bad := s.findWorkflow(r, c)
	if bad != nil {
		return source{}, bad
	}
	return source{
		schema: s.workflows.partSchema(part),
		sorted: func(by order) []entry { return by.sorted(workflow.parts(part)) },
		sortBy: "sort_order:asc",
	}, nil
}

func (s *Server) createWorkflowInput(r *http.Request, c caller) (any, *problem) {
	found, bad := s.findWorkflow(r, c)
	if bad != nil {
		return nil, bad
	}
	var input runflow.ComfyuiWorkflowInput
	data, err := io.ReadAll(r.Body) // it is in memory
	if err != nil || json.Unmarshal(data, &input) != nil || input.Name == "" {
		return nil, invalid(badField("body", "name", "Input should be an object with a name", "missing"))
	}
	workflow := found.get()
	now := s.tick()
	input.ID, input.ComfyuiWorkflowID, input.CreatedAt, input.UpdatedAt = s.newID(), workflow.ID, now, now
	workflow.Inputs = append(workflow.Inputs, input)
	s.putWorkflow(found.id, workflow)
	row := newRow(s.workflows.partSchema(string(runflow.WorkflowEmbedInputs)), input.ID, c.orgID, input)
	object, bad := s.render(&row, view{})
	return created{object}, bad
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
