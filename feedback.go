package runflow

import (
	"context"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// Feedback is what a person thinks of a run's output.
type Feedback struct {
	IsPositive bool   // thumb up, or else down
	Reason     string // optional: why
}

// feedbackBody states the whole rating. Both fields are always sent, as null
// where there is none, so that nothing of an earlier rating remains.
type feedbackBody struct {
	IsPositive *bool   `json:"is_positive"`
	Reason     *string `json:"reason"`
}

func (b feedbackBody) check() []error {
	if b.Reason != nil && !utf8.ValidString(*b.Reason) {
		return []error{badArgument("fb.Reason", "must be valid UTF-8")}
	}
	return nil
}

// SetFeedback rates a run, in place of any earlier rating and its reason, and
// returns the run.
//
// Only people may rate: call it with the token of the user whose thumb it is,
// which a backend gives per call with [WithToken]. With an API key it fails
// with [ErrPermissionDenied] (403).
//
// A call that failed without an answer may still arrive, even after a later one:
// where that matters, read the run, or rate it again until you are answered.
//
// It is PATCH /v1/runs/{run_id}/feedback, see
// https://docs.runflow.io/api-reference/runs/set-or-clear-customer-feedback-on-a-run.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
//
// A run of another organization is [ErrNotFound].
func (s *RunsService) SetFeedback(ctx context.Context, runID string, fb Feedback, opts ...Option) (*Run, error) {
	body := feedbackBody{IsPositive: &fb.IsPositive}
	if fb.Reason != "" {
		body.Reason = &fb.Reason
	}
	return do[Run](ctx, (*service)(s), endpoint.RunsSetFeedback, input{path: []argument{id("runID", runID)}, body: body}, opts)
}

// ClearFeedback takes the rating of a run back, with its reason, and returns
// the run. Clearing a run that is not rated changes nothing.
//
// Only people may rate, see [RunsService.SetFeedback].
//
// It is PATCH /v1/runs/{run_id}/feedback, see
// https://docs.runflow.io/api-reference/runs/set-or-clear-customer-feedback-on-a-run.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
//
// A run of another organization is [ErrNotFound].
func (s *RunsService) ClearFeedback(ctx context.Context, runID string, opts ...Option) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.RunsClearFeedback, input{path: []argument{id("runID", runID)}, body: feedbackBody{}}, opts)
}

// Feedback returns the rating of the run, and whether it has one.
func (r *Run) Feedback() (fb Feedback, rated bool) {
	if r == nil || r.FeedbackIsPositive == nil {
		return Feedback{}, false
	}
	return Feedback{IsPositive: *r.FeedbackIsPositive, Reason: r.FeedbackReason}, true
}
