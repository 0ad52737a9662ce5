package runflowtest

import (
	"encoding/json"
	"slices"

	"github.com/runflow-io/runflow-go"
)

// A Step changes a run. A run takes one step each time a client gets it by its ID.
// The server is locked while a step runs, so a step must not call methods of the
// server.
type Step func(*runflow.Run)

// StepStatus returns a step that sets the status.
func StepStatus(status runflow.RunStatus) Step {
	return func(run *runflow.Run) { run.StatusCode = status }
}

// StepSucceed returns a step that makes the run succeed with output, which is any
// value that encoding/json encodes. If it cannot be encoded, requests for the run
// fail with status 500.
func StepSucceed(output any) Step {
	data, err := json.Marshal(output)
	if err != nil {
		data = []byte(err.Error()) // which is not JSON
	}
	return func(run *runflow.Run) {
		run.StatusCode, run.Output = runflow.RunStatusSucceeded, runflow.JSON(data)
	}
}

// StepFail returns a step that makes the run fail with a failure code, stage and
// message.
func StepFail(code string, stage runflow.FailureStage, message string) Step {
	return func(run *runflow.Run) {
		run.StatusCode, run.FailureCode = runflow.RunStatusFailed, code
		run.FailureStageCode, run.FailureMessage = stage, message
	}
}

// StepCancel returns a step that cancels the run.
func StepCancel() Step { return StepStatus(runflow.RunStatusCancelled) }

// Script sets the steps that the runs of a model or a workflow, "owner/slug", take
// after they are created. Without a script, their status is dispatching, then
// running, then succeeded, with an image as their output. Existing runs keep their
// steps.
func (s *Server) Script(target string, steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[target] = slices.Clone(steps)
}

// script returns the steps of a run of target.
func (s *Server) script(target string) []Step {
	if steps, ok := s.scripts[target]; ok {
		return steps
	}
	return []Step{StepStatus(runflow.RunStatusDispatching), StepStatus(runflow.RunStatusRunning), s.stepImage()}
}

// PauseRuns stops the steps that runs take when a client gets them. Runs then
// advance only by [Server.AdvanceRun] and [Server.FinishRun].
func (s *Server) PauseRuns() { s.setPaused(true) }

// ResumeRuns ends the effect of [Server.PauseRuns].
func (s *Server) ResumeRuns() { s.setPaused(false) }

func (s *Server) setPaused(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = paused
}

// AdvanceRun makes a run take its next step, if it has one left. It returns the run
// and whether there is a run with this ID.
func (s *Server) AdvanceRun(id string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(id)
	return s.runs.get(id)
}

// FinishRun makes a run take all its remaining steps. It returns the run and
// whether there is a run with this ID.
func (s *Server) FinishRun(id string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(id)
	return s.runs.get(id)
}

// finish makes a run take all its remaining steps.
func (s *Server) finish(id string) {
	for len(s.steps[id]) > 0 {
		s.advance(id)
	}
}

// advance makes a run take its next step.
func (s *Server) advance(id string) {
	steps := s.steps[id]
	run, ok := s.runs.get(id)
	if len(steps) == 0 || !ok {
		return
	}
	s.steps[id] = steps[1:]
	now := s.tick()
	steps[0](&run)
	if run.StartedAt.IsZero() && run.StatusCode == runflow.RunStatusRunning {
		run.StartedAt = now
	}
	isTerminal := run.StatusCode.IsTerminal()
	if isTerminal {
		delete(s.steps, id)
		if run.CompletedAt.IsZero() {
			run.CompletedAt = now
		}
		if run.DurationMS == nil && !run.CreatedAt.IsZero() {
			ms := run.CompletedAt.Sub(run.CreatedAt).Milliseconds()
			run.DurationMS = &ms
		}
		s.charge(&run)
	}
	s.putRun(run)
	if isTerminal {
		s.announce(run)
	}
}
