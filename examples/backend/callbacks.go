package main

import (
	"context"
	"database/sql"
	"net/http"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

const callbackPath = "/callbacks/runflow"

// metadata is the Metadata of our runs, which their callbacks have too.
type metadata struct {
	Key string `json:"backend_run_key"`
}

// callbackHandler receives the callbacks of runs. The end of the run and the mark that
// the event is done are written in one transaction.
func (s *service) callbackHandler() http.Handler {
	return s.verifier.Handler(s.events.HandleTx(s.handleEvent), callback.WithStore(s.events),
		callback.WithErrorHandler(func(ctx context.Context, err error) { s.log.ErrorContext(ctx, "callback", "error", err) }))
}

func (s *service) handleEvent(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
	var m metadata
	_ = event.Metadata.Decode(&m) // other metadata has no key
	if m.Key == "" || !event.Status.IsTerminal() {
		s.log.WarnContext(ctx, "callback of a run that is not ours", "run_id", event.RunID, "event", event.Event)
		return nil // a redelivery would not help
	}
	e := ending{runID: event.RunID, status: event.Status}
	switch event.Status {
	case runflow.RunStatusFailed:
		e.error = failureOf(event)
	case runflow.RunStatusCancelled:
		e.error = "cancelled"
	default:
		e.files = event.OutputFiles()
	}
	return s.end(ctx, tx, m.Key, e)
}

// failureOf returns the message of a failed run, whose output is an error response.
func failureOf(event *callback.Event) string {
	var failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if err := event.Output.Decode(&failure); err != nil {
		return failureMessage("", "")
	}
	return failureMessage(failure.Code, failure.Message)
}

func failureMessage(code, message string) string {
	switch {
	case message != "":
		return message
	case code != "":
		return code
	default:
		return "the run failed"
	}
}

// end records how a run ended.
func (s *service) end(ctx context.Context, db execer, key string, e ending) error {
	isFirst, err := s.runs.end(ctx, db, key, e)
	if err != nil || !isFirst {
		return err
	}
	s.log.InfoContext(ctx, "run ended", "key", key, "run_id", e.runID, "status", e.status, "error", e.error)
	return nil
}
