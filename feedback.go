package runflow

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// A Rating is a thumbs up or a thumbs down.
type Rating string

// The ratings.
const (
	ThumbsUp   Rating = "up"
	ThumbsDown Rating = "down"
)

// RatingOf returns [ThumbsUp] if isPositive, and [ThumbsDown] otherwise.
func RatingOf(isPositive bool) Rating {
	if isPositive {
		return ThumbsUp
	}
	return ThumbsDown
}

// A Feedback is what a person says about the output of a run.
type Feedback struct {
	Rating Rating `json:"rating"`
	Reason string `json:"reason"` // optional
}

// feedbackBody states the whole feedback. Both members are always sent, as null if
// there is none, so that nothing of an earlier feedback remains.
type feedbackBody struct {
	IsPositive *bool   `json:"is_positive"`
	Reason     *string `json:"reason"`

	rating Rating // that IsPositive stands for
}

func newFeedbackBody(feedback Feedback) feedbackBody {
	body := feedbackBody{IsPositive: new(feedback.Rating == ThumbsUp), rating: feedback.Rating}
	if feedback.Reason != "" {
		body.Reason = &feedback.Reason
	}
	return body
}

func (b feedbackBody) validate() error {
	var errs []error
	if b.IsPositive != nil && b.rating != ThumbsUp && b.rating != ThumbsDown {
		errs = append(errs, badArgument("feedback.Rating", "must be ThumbsUp or ThumbsDown"))
	}
	if b.Reason != nil && !utf8.ValidString(*b.Reason) {
		errs = append(errs, badArgument("feedback.Reason", "must be valid UTF-8"))
	}
	return errors.Join(errs...)
}

// SetFeedback sets the feedback on a run, replaces earlier feedback with its
// reason, and returns the run.
//
// Only users may set feedback: call SetFeedback with the token of the user who
// gives it, for example with [WithToken]. With an API key it returns
// [ErrPermissionDenied]. It returns [ErrNotFound] if the organization has no such
// run.
//
// If a call fails without a response, its feedback may still arrive, even after
// that of a later call. If that matters, set it again until there is a response.
//
// Endpoint: PATCH /v1/runs/{run_id}/feedback (idempotent), see
// https://docs.runflow.io/api-reference/runs/set-or-clear-customer-feedback-on-a-run.
func (s *RunsService) SetFeedback(ctx context.Context, runID string, feedback Feedback, opts ...CallOption) (*Run, error) {
	return doRun(ctx, (*service)(s), endpoint.RunsSetFeedback, request{path: []argument{id("runID", runID)}, body: newFeedbackBody(feedback)}, opts)
}

// ClearFeedback removes the feedback on a run with its reason, and returns the
// run. A run without feedback stays as it is.
//
// Only users may clear feedback. The errors are those of [RunsService.SetFeedback].
//
// Endpoint: PATCH /v1/runs/{run_id}/feedback (idempotent), see
// https://docs.runflow.io/api-reference/runs/set-or-clear-customer-feedback-on-a-run.
func (s *RunsService) ClearFeedback(ctx context.Context, runID string, opts ...CallOption) (*Run, error) {
	return doRun(ctx, (*service)(s), endpoint.RunsClearFeedback, request{path: []argument{id("runID", runID)}, body: feedbackBody{}}, opts)
}

// Feedback returns the feedback on the run, and whether there is any.
func (r *Run) Feedback() (Feedback, bool) {
	if r == nil || r.FeedbackIsPositive == nil {
		return Feedback{}, false
	}
	return Feedback{Rating: RatingOf(*r.FeedbackIsPositive), Reason: r.FeedbackReason}, true
}
