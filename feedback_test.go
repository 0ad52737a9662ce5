package runflow_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestRunsService_SetFeedback_SendsWholeFeedback(t *testing.T) {
	t.Parallel()
	for body, feedback := range map[string]runflow.Feedback{
		`{"is_positive":true,"reason":"sharp"}`:              {Rating: runflow.ThumbsUp, Reason: "sharp"},
		`{"is_positive":true,"reason":null}`:                 {Rating: runflow.ThumbsUp},
		`{"is_positive":false,"reason":"六 fingers \"<&>\""}`: {Rating: runflow.ThumbsDown, Reason: `六 fingers "<&>"`},
		`{"is_positive":false,"reason":null}`:                {Rating: runflow.ThumbsDown},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, `{"id":"1","feedback_is_positive":true,"feedback_reason":"sharp"}`)
			run, err := server.client(t).Runs.SetFeedback(t.Context(), "1", feedback)
			require.NoError(t, err)
			got := server.only(t)
			assert.Equal(t, "PATCH", got.Method)
			assert.Equal(t, "/v1/runs/1/feedback", got.URI)
			assert.Equal(t, body, got.Body)
			assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
			assert.Empty(t, got.Header.Get("Idempotency-Key"))

			returned, ok := run.Feedback()
			assert.True(t, ok)
			assert.Equal(t, runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp"}, returned)
		})
	}
}

func TestRunsService_ClearFeedback_SendsNull(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1","feedback_is_positive":null,"feedback_reason":null}`)
	run, err := server.client(t).Runs.ClearFeedback(t.Context(), "1")
	require.NoError(t, err)
	got := server.only(t)
	assert.Equal(t, "PATCH", got.Method)
	assert.Equal(t, "/v1/runs/1/feedback", got.URI)
	assert.Equal(t, `{"is_positive":null,"reason":null}`, got.Body)
	_, ok := run.Feedback()
	assert.False(t, ok)
}

func TestRunsService_SetFeedback_BadFeedback(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	for name, tc := range map[string]struct {
		feedback runflow.Feedback
		want     string
	}{
		"no rating":      {runflow.Feedback{Reason: "love it"}, "feedback.Rating: must be ThumbsUp or ThumbsDown"},
		"another rating": {runflow.Feedback{Rating: "love"}, "feedback.Rating: must be ThumbsUp or ThumbsDown"},
		"invalid UTF-8":  {runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "\xff"}, "feedback.Reason: must be valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := server.client(t).Runs.SetFeedback(t.Context(), "1", tc.feedback)
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.EqualError(t, err, "runflow: Runs.SetFeedback: "+tc.want)
			assert.Empty(t, server.seen())
		})
	}
}

func TestRun_Feedback(t *testing.T) {
	t.Parallel()
	down := false
	for name, tc := range map[string]struct {
		run      *runflow.Run
		feedback runflow.Feedback
		ok       bool
	}{
		"nil run":          {},
		"no feedback":      {run: &runflow.Run{FeedbackReason: "of earlier feedback"}},
		"thumbs down":      {&runflow.Run{FeedbackIsPositive: &down}, runflow.Feedback{Rating: runflow.ThumbsDown}, true},
		"down with reason": {&runflow.Run{FeedbackIsPositive: &down, FeedbackReason: "blurred"}, runflow.Feedback{Rating: runflow.ThumbsDown, Reason: "blurred"}, true},
	} {
		feedback, ok := tc.run.Feedback()
		assert.Equal(t, tc.feedback, feedback, name)
		assert.Equal(t, tc.ok, ok, name)
	}
}

func TestFeedback_JSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(runflow.Feedback{Rating: runflow.RatingOf(false), Reason: "blurred"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"rating":"down","reason":"blurred"}`, string(data))
	assert.Equal(t, runflow.ThumbsUp, runflow.RatingOf(true))
}

func TestRunID_IsOnePathSegment(t *testing.T) {
	t.Parallel()
	for method, call := range map[string]func(context.Context, *runflow.Client, string) error{
		"Get": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.Get(ctx, id, runflow.GetRunParams{})
			return err
		},
		"SetFeedback": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.SetFeedback(ctx, id, runflow.Feedback{Rating: runflow.ThumbsUp})
			return err
		},
		"ClearFeedback": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.ClearFeedback(ctx, id)
			return err
		},
		"RedeliverCallback": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.RedeliverCallback(ctx, id)
			return err
		},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, `{"id":"1"}`)
			client := server.client(t)
			for id, reason := range map[string]string{
				"":            "must not be empty",
				".":           "must not be a relative path",
				"..":          "must not be a relative path",
				"a/b":         "must not contain a slash",
				"/":           "must not contain a slash",
				"a\nb":        "must not contain control characters",
				"a\x00":       "must not contain control characters",
				"a\u0085":     "must not contain control characters",
				runflow.AnyID: `must not be AnyID ("any")`,
			} {
				err := call(t.Context(), client, id)
				var argumentErr *runflow.ArgumentError
				require.ErrorAs(t, err, &argumentErr)
				assert.Equal(t, runflow.ArgumentError{Operation: "Runs." + method, Argument: "runID", Reason: reason}, *argumentErr)
			}
			assert.Empty(t, server.seen())
			for id, escaped := range map[string]string{
				"3c90c3cc-0d44-4b50-8888-8dd25736052a": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
				"01J0...":                              "01J0...",
				"a b?c#d%2e%2e":                        "a%20b%3Fc%23d%252e%252e",
				"é\\":                                  "%C3%A9%5C",
				"{run_id}":                             "%7Brun_id%7D",
			} {
				require.NoError(t, call(t.Context(), client, id))
				seen := server.seen()
				assert.Contains(t, seen[len(seen)-1].URI+"/", "/v1/runs/"+escaped+"/")
			}
		})
	}
}
