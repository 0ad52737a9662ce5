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

// RatingOf returns [ThumbsUp] if isPositive is true, and [ThumbsDown] otherwise.
func RatingOf(isPositive bool) Rating {
	if isPositive {
		return ThumbsUp
	}
	return ThumbsDown
}

// A Feedback is the opinion of a person about the output of a run.
type Feedback struct {
	Rating Rating `json:"rating"`
	Reason string `json:"reason"` // optional
}

// feedbackBody is the body of a request that sets or clears feedback. Both members
// are always sent, as null if they have no value, so that no part of earlier
// feedback remains.
type feedbackBody struct {
	IsPositive *bool   `json:"is_positive"`
	Reason     *string `json:"reason"`

	rating Rating // the rating from which IsPositive was made
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

// SetFeedback sets the feedback on a run and returns the run. It replaces earlier
// feedback, including the reason.
//
// Only users may set feedback: call SetFeedback with the token of the user who
// gives it, for example with [WithToken]. With an API key it returns
// [ErrPermissionDenied]. It returns [ErrNotFound] if the organization has no such
// run.
//
// If a call fails without a response, the API may still process its feedback, even
// after that of a later call. If the order matters, repeat the call until there is
// a response.
//
// Endpoint: PATCH /v1/runs/{run_id}/feedback (idempotent), see
// https://docs.runflow.io/api-reference/runs/set-or-clear-customer-feedback-on-a-run.
func (s *RunsService) SetFeedback(ctx context.Context, runID string, feedback Feedback, opts ...CallOption) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.RunsSetFeedback, request{path: []argument{id("runID", runID)}, body: newFeedbackBody(feedback)}, opts)
}

// ClearFeedback removes the feedback on a run, including the reason, and returns
// the run. If the run has no feedback, it stays unchanged.
//
// Only users may clear feedback. The errors are those of [RunsService.SetFeedback].
//
// Endpoint: PATCH /v1/runs/{run_id}/feedback (idempotent), see
// https://docs.runflow.io/api-reference/runs/set-or-clear-customer-feedback-on-a-run.
func (s *RunsService) ClearFeedback(ctx context.Context, runID string, opts ...CallOption) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.RunsClearFeedback, request{path: []argument{id("runID", runID)}, body: feedbackBody{}}, opts)
}

// Feedback returns the feedback on the run, and whether there is any.
func (r *Run) Feedback() (Feedback, bool) {
	if r == nil || r.FeedbackIsPositive == nil {
		return Feedback{}, false
	}
	return Feedback{Rating: RatingOf(*r.FeedbackIsPositive), Reason: r.FeedbackReason}, true
}
