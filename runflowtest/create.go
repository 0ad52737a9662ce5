package runflowtest

import (
	"net/http"
	"slices"

	"github.com/runflow-io/runflow-go"
)

// maxClientRef is the maximum length of a client_ref in characters.
const maxClientRef = 255

// create creates a run of target, a model or a workflow.
func (s *Server) create(r *http.Request, c caller, target string, run runflow.Run) (*row, *problem) {
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	errs := slices.Concat(
		b.object("input", true, &run.Input),
		b.object("metadata", false, &run.Metadata),
		b.url("callback_url", &run.CallbackURL),
		b.shortText("client_ref", maxClientRef, &run.ClientRef),
	)
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	if bad := s.checkInput(c, run.Input); bad != nil {
		return nil, bad
	}
	if bad := s.afford(c, target, 1); bad != nil {
		return nil, bad
	}
	run.Input = s.storeInput(c, run.Input)
	return s.queue(c, target, run), nil
}

// queue stores a new run of target, and returns it.
func (s *Server) queue(c caller, target string, run runflow.Run) *row {
	run.ID, run.OrgID, run.CreatedAt = s.newID(), c.orgID, s.tick()
	run.StatusCode, run.SourceCode = runflow.RunStatusQueued, runflow.RunSourceAPI
	s.putRun(run)
	s.steps[run.ID] = s.script(target)
	if price, ok := s.prices[target]; ok {
		s.charges[run.ID] = price
	}
	return &s.runs.byID[run.ID].row
}
