package main

import (
	"context"
	"time"

	"github.com/runflow-io/runflow-go"
)

// maxCreation is the time after which a run that Runflow does not find was not
// created.
const maxCreation = 10 * time.Minute

// reconcile gets the runs that have not ended and are older than minAge. Runflow
// redelivers a callback only a few times, and the process may have crashed before it
// recorded the ID of a run.
func (s *service) reconcile(ctx context.Context, minAge time.Duration) {
	runs, err := s.runs.unfinished(ctx, time.Now().Add(-minAge))
	if err != nil {
		s.log.ErrorContext(ctx, "reconcile", "error", err)
		return
	}
	for i := range runs {
		if err := s.update(ctx, &runs[i]); err != nil {
			s.log.ErrorContext(ctx, "reconcile", "key", runs[i].key, "error", err)
		}
	}
}

// update gets a run and records what has changed.
func (s *service) update(ctx context.Context, r *row) error {
	current, err := s.current(ctx, r)
	switch {
	case err != nil:
		return err
	case current == nil && time.Since(r.createdAt) > maxCreation:
		return s.end(ctx, s.runs.db, r.key, ending{status: runflow.RunStatusFailed, error: "the run was not created"})
	case current == nil:
		return nil
	case !current.StatusCode.IsTerminal():
		return s.runs.setCreated(ctx, r.key, current.ID, current.StatusCode)
	}
	e := ending{runID: current.ID, status: current.StatusCode}
	switch current.StatusCode {
	case runflow.RunStatusFailed:
		e.error = failureMessage(current.FailureCode, current.FailureMessage)
	case runflow.RunStatusCancelled:
		e.error = "cancelled"
	default:
		e.files = current.OutputFiles()
	}
	return s.end(ctx, s.runs.db, r.key, e)
}

// current returns the run of Runflow, or nil if it is not found by our key.
func (s *service) current(ctx context.Context, r *row) (*runflow.Run, error) {
	if r.runID != "" {
		return s.client.Runs.Get(ctx, r.runID, runflow.GetRunParams{})
	}
	found, err := s.client.Runs.FindByClientRef(ctx, r.key)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// prune deletes the callback events that are too old to be redelivered.
func (s *service) prune(ctx context.Context) {
	if _, err := s.events.Prune(ctx); err != nil {
		s.log.ErrorContext(ctx, "prune callback events", "error", err)
	}
}
