package runflowtest

import (
	"net/http"
	"slices"

	"github.com/runflow-io/runflow-go"
)

// AddRun adds a run, or replaces the one that has the same ID, and returns it as it
// was added. If the run has no ID, AddRun gives it one. If it has no OrgID, it
// belongs to the organization of the server. Log lines and node runs without an ID
// also get one. A run that was added takes no steps.
func (s *Server) AddRun(run runflow.Run) runflow.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run.ID == "" {
		run.ID = s.newID()
	}
	if run.OrgID == "" {
		run.OrgID = s.OrgID
	}
	return s.putRun(run)
}

// putRun stores a run and returns it as it was stored.
func (s *Server) putRun(run runflow.Run) runflow.Run {
	run.Logs, run.NodeRuns = slices.Clone(run.Logs), slices.Clone(run.NodeRuns)
	for i := range run.Logs {
		s.identify(&run.Logs[i].ID, &run.Logs[i].RunID, run.ID)
	}
	for i := range run.NodeRuns {
		s.identify(&run.NodeRuns[i].ID, &run.NodeRuns[i].RunID, run.ID)
	}
	s.runs.put(run.ID, run.OrgID, run)
	s.updateBatch(run)
	return run
}

// identify sets the ID of a part and the ID of its parent, if they are empty.
func (s *Server) identify(id, parentID *string, parent string) {
	if *id == "" {
		*id = s.newID()
	}
	if *parentID == "" {
		*parentID = parent
	}
}

// GetRun returns the run with the given ID, of any organization, and whether there
// is one. The run does not take a step.
func (s *Server) GetRun(id string) (runflow.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs.get(id)
}

// Runs returns all runs, of all organizations, the oldest first. The runs do not take
// a step.
func (s *Server) Runs() []runflow.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	var runs []runflow.Run
	for _, e := range slices.Backward(s.runs.sorted("", newestFirst())) {
		runs = append(runs, s.runs.byID[e.id].get())
	}
	return runs
}

// findRun returns the run that a request names.
func (s *Server) findRun(r *http.Request, c caller) (runflow.Run, *problem) {
	run, ok := s.runs.get(r.PathValue("run_id"))
	if !ok || run.OrgID != c.orgID {
		return run, noRun()
	}
	return run, nil
}

func noRun() *problem {
	return &problem{status: http.StatusNotFound, Code: runNotFound, Message: "no such run in this organization"}
}

// runStatuses are the documented statuses of runs.
func runStatuses() []reference {
	return codes(runflow.RunStatusQueued, runflow.RunStatusDispatching, runflow.RunStatusRunning, runflow.RunStatusSucceeded,
		runflow.RunStatusFailed, runflow.RunStatusCancelled, runflow.RunStatusPartialSucceeded)
}

func (s *Server) getRun(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	if bad != nil {
		return nil, bad
	}
	v, bad := parseView(r, s.runs.schema)
	if bad != nil {
		return nil, bad
	}
	if !s.paused {
		s.advance(run.ID)
	}
	return s.render(&s.runs.byID[run.ID].row, v)
}

func (s *Server) listRuns(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, s.allRuns(nil))
}

func (s *Server) allRuns(f filter) source {
	return source{schema: s.runs.schema, sorted: func(by order) []entry { return s.runs.sorted("", by) }, filter: f}
}

func (s *Server) partsOfRuns(embed runflow.RunEmbed) partsOf {
	part := string(embed)
	return func(r *http.Request, c caller) (source, *problem) {
		from := source{schema: s.runs.partSchema(part)}
		if r.PathValue("run_id") == runflow.AnyID {
			from.sorted = func(by order) []entry { return s.runs.sorted(part, by) }
			return from, nil
		}
		run, bad := s.findRun(r, c)
		from.sorted = func(by order) []entry { return by.sorted(s.runs.byID[run.ID].parts(part)) }
		return from, bad
	}
}
