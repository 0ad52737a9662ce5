package runflowtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// A Step changes a run: it takes it one step on. The server is locked meanwhile,
// so that a step must not call it.
type Step func(*runflow.Run)

// Status takes a run to a status.
func Status(status runflow.RunStatus) Step {
	return func(run *runflow.Run) { run.StatusCode = status }
}

// Succeed ends a run with an output: any value that encoding/json can write. Of
// another the server will tell when the run is read.
func Succeed(output any) Step {
	data, err := json.Marshal(output)
	if err != nil {
		data = []byte(err.Error()) // which is no JSON
	}
	return func(run *runflow.Run) {
		run.StatusCode, run.Output = runflow.RunStatusSucceeded, runflow.JSON(data)
	}
}

// Fail ends a run with a failure.
func Fail(code string, stage runflow.FailureStage, message string) Step {
	return func(run *runflow.Run) {
		run.StatusCode, run.FailureCode = runflow.RunStatusFailed, code
		run.FailureStageCode, run.FailureMessage = stage, message
	}
}

// Cancel ends a run as cancelled.
func Cancel() Step { return Status(runflow.RunStatusCancelled) }

// Script sets which steps the runs of a model or a workflow, "owner/slug", take
// after they were queued. Without a script they dispatch, run and succeed, with
// a picture for an output. Runs that were dispatched before keep their script.
func (s *Server) Script(target string, steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[target] = append([]Step{}, steps...)
}

// Hold makes runs stand still when they are read, so that they only go on by
// [Server.Step] and [Server.Finish].
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// Step lets a run take its next step, and returns it as it then stands, and
// whether there is such a run.
func (s *Server) Step(runID string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step(runID)
	return s.runs.get(runID)
}

// Finish lets a run take all the steps that it has left, and returns it as it
// then stands, and whether there is such a run.
func (s *Server) Finish(runID string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending[runID]) > 0 {
		s.step(runID)
	}
	return s.runs.get(runID)
}

func (s *Server) step(runID string) {
	steps := s.pending[runID]
	run, ok := s.runs.get(runID)
	if len(steps) == 0 || !ok {
		return
	}
	s.pending[runID] = steps[1:]
	now := s.tick()
	steps[0](&run)
	if run.StartedAt == nil && run.StatusCode == runflow.RunStatusRunning {
		run.StartedAt = &now
	}
	ended := run.StatusCode.IsTerminal()
	if ended {
		delete(s.pending, runID)
		if run.CompletedAt == nil {
			run.CompletedAt = &now
		}
		if run.DurationMS == nil && run.CreatedAt != nil {
			ms := run.CompletedAt.Sub(*run.CreatedAt).Milliseconds()
			run.DurationMS = &ms
		}
	}
	s.putRun(run)
	if ended && run.CallbackURL != "" {
		s.deliver(run, true)
	}
}

// script returns the steps of a run of target.
func (s *Server) script(target string) []Step {
	if steps, ok := s.scripts[target]; ok {
		return append([]Step{}, steps...)
	}
	return []Step{Status(runflow.RunStatusDispatching), Status(runflow.RunStatusRunning), s.picture()}
}

// runModel serves POST below /v1/models: a slug may hold slashes.
func (s *Server) runModel(r *http.Request, c caller) (any, *problem) {
	id, isRuns := strings.CutSuffix(r.PathValue("path"), "/runs")
	switch {
	case !isRuns:
		return nil, notFound("endpoint")
	case !strings.Contains(id, "/"):
		return nil, &problem{status: http.StatusMethodNotAllowed, Code: "METHOD_NOT_ALLOWED", Message: "a model is owner/slug"}
	}
	model, ok := s.models.get(id)
	if !ok {
		return nil, &problem{status: http.StatusNotFound, Code: "MODEL_UNAVAILABLE", Message: "no such model"}
	}
	return s.dispatch(r, c, id, runflow.Run{ModelID: model.ID, TargetType: runflow.TargetTypeModel, Model: &model})
}

func (s *Server) runWorkflow(r *http.Request, c caller) (any, *problem) {
	found, bad := s.workflow(r, c)
	if bad != nil {
		return nil, bad
	}
	workflow := found.get()
	return s.dispatch(r, c, found.id, runflow.Run{
		ComfyuiWorkflowID: workflow.ID, TargetType: runflow.TargetTypeComfyui, ComfyuiWorkflow: &workflow,
	})
}

func (s *Server) dispatch(r *http.Request, c caller, target string, run runflow.Run) (any, *problem) {
	body, bad := object(r)
	if bad != nil {
		return nil, bad
	}
	errs := slices.Concat(
		objectIn(body, "input", true, &run.Input),
		objectIn(body, "metadata", false, &run.Metadata),
		textIn(body, "callback_url", &run.CallbackURL),
		textIn(body, "client_ref", &run.ClientRef),
	)
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	now := s.tick()
	run.ID, run.OrgID, run.CreatedAt = s.mint(), c.orgID, &now
	run.StatusCode, run.SourceCode = runflow.RunStatusQueued, runflow.RunSourceAPI
	s.putRun(run)
	s.pending[run.ID] = s.script(target)
	answer, bad := s.project(&s.runs.byID[run.ID].row, nil, nil)
	return created{answer}, bad
}

// objectIn reads a field of a body that is an object.
func objectIn(body map[string]json.RawMessage, name string, required bool, into *runflow.JSON) []fieldError {
	value := body[name]
	switch {
	case bytes.HasPrefix(value, []byte("{")):
		*into = runflow.JSON(value)
	case required && value == nil:
		return []fieldError{unfit("body", name, "Field required", "missing")}
	case required || value != nil && string(value) != "null":
		return []fieldError{unfit("body", name, "Input should be a valid dictionary", "dict_type")}
	}
	return nil
}

// textIn reads a field of a body that is a text, or null.
func textIn(body map[string]json.RawMessage, name string, into *string) []fieldError {
	if value, given := body[name]; given && json.Unmarshal(value, into) != nil {
		return []fieldError{unfit("body", name, "Input should be a valid string", "string_type")}
	}
	return nil
}

// replay is what was answered to a request with an idempotency key.
type replay struct {
	request string
	status  int
	body    []byte
}

// once answers a request whose key is known as the first time, or refuses it
// where it is another request.
func (s *Server) once(r *http.Request, c caller, serve func() (int, []byte)) (status int, answer []byte) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		return serve()
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	key = c.orgID + " " + key
	request := r.URL.Path + " " + string(body)
	if known, ok := s.replays[key]; ok {
		if known.request != request {
			return problem{status: http.StatusConflict, Code: "CONFLICT", Message: "the idempotency key was used for another request"}.written()
		}
		return known.status, known.body
	}
	status, answer = serve()
	if status < http.StatusMultipleChoices {
		s.replays[key] = replay{request: request, status: status, body: answer}
	}
	return status, answer
}
