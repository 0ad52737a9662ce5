package runflow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestSetFeedbackStatesTheWholeRating(t *testing.T) {
	t.Parallel()
	for body, fb := range map[string]runflow.Feedback{
		`{"is_positive":true,"reason":"sharp"}`:              {IsPositive: true, Reason: "sharp"},
		`{"is_positive":true,"reason":null}`:                 {IsPositive: true},
		`{"is_positive":false,"reason":"六 fingers \"<&>\""}`: {Reason: `六 fingers "<&>"`},
		`{"is_positive":false,"reason":null}`:                {},
	} {
		server := newAPI(t, 200, `{"id":"1","feedback_is_positive":true,"feedback_reason":"sharp"}`)
		run, err := server.client(t).Runs.SetFeedback(t.Context(), "1", fb)
		require.NoError(t, err)
		got := server.only(t)
		assert.Equal(t, "PATCH", got.Method)
		assert.Equal(t, "/v1/runs/1/feedback", got.URI)
		assert.Equal(t, body, got.Body)
		assert.Equal(t, "application/json", got.Header.Get("Content-Type"))

		back, rated := run.Feedback()
		assert.True(t, rated)
		assert.Equal(t, runflow.Feedback{IsPositive: true, Reason: "sharp"}, back)
	}
}

func TestClearFeedbackSendsAnExplicitNull(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1","feedback_is_positive":null,"feedback_reason":null}`)
	run, err := server.client(t).Runs.ClearFeedback(t.Context(), "1")
	require.NoError(t, err)
	got := server.only(t)
	assert.Equal(t, "PATCH", got.Method)
	assert.Equal(t, "/v1/runs/1/feedback", got.URI)
	assert.Equal(t, `{"is_positive":null,"reason":null}`, got.Body)
	_, rated := run.Feedback()
	assert.False(t, rated)
}

func TestFeedbackOfARun(t *testing.T) {
	t.Parallel()
	down := false
	for name, tc := range map[string]struct {
		run   *runflow.Run
		fb    runflow.Feedback
		rated bool
	}{
		"nil":           {},
		"unrated":       {run: &runflow.Run{FeedbackReason: "a leftover"}},
		"down":          {run: &runflow.Run{FeedbackIsPositive: &down}, rated: true},
		"down, and why": {run: &runflow.Run{FeedbackIsPositive: &down, FeedbackReason: "blurred"}, fb: runflow.Feedback{Reason: "blurred"}, rated: true},
	} {
		fb, rated := tc.run.Feedback()
		assert.Equal(t, tc.fb, fb, name)
		assert.Equal(t, tc.rated, rated, name)
	}
}

func TestRunIDIsOneSegmentOfThePath(t *testing.T) {
	t.Parallel()
	calls := map[string]func(context.Context, *runflow.Client, string) error{
		"Get": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.Get(ctx, id, nil)
			return err
		},
		"SetFeedback": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.SetFeedback(ctx, id, runflow.Feedback{})
			return err
		},
		"ClearFeedback": func(ctx context.Context, c *runflow.Client, id string) error {
			_, err := c.Runs.ClearFeedback(ctx, id)
			return err
		},
	}
	for method, call := range calls {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			for id, reason := range map[string]string{
				"":        "must not be empty",
				".":       "must not be a relative path",
				"..":      "must not be a relative path",
				"a/b":     "must not contain a slash",
				"/":       "must not contain a slash",
				"a\nb":    "must not contain control characters",
				"a\x00":   "must not contain control characters",
				"a\u0085": "must not contain control characters",
			} {
				server := newAPI(t, 200, "{}")
				err := call(t.Context(), server.client(t), id)
				require.ErrorIs(t, err, runflow.ErrInvalidArgument)
				var argumentErr *runflow.ArgumentError
				require.ErrorAs(t, err, &argumentErr)
				assert.Equal(t, runflow.ArgumentError{Operation: "Runs." + method, Argument: "runID", Reason: reason}, *argumentErr)
				assert.Empty(t, server.seen())
			}
			for id, escaped := range map[string]string{
				"3c90c3cc-0d44-4b50-8888-8dd25736052a": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
				"01J0...":                              "01J0...",
				"a b?c#d%2e%2e":                        "a%20b%3Fc%23d%252e%252e",
				"é\\":                                  "%C3%A9%5C",
				"{run_id}":                             "%7Brun_id%7D",
			} {
				server := newAPI(t, 200, "{}")
				require.NoError(t, call(t.Context(), server.client(t), id))
				want := "/v1/runs/" + escaped
				if method != "Get" {
					want += "/feedback"
				}
				assert.Equal(t, want, server.only(t).URI)
			}
		})
	}
}

func TestReasonMustBeText(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	_, err := server.client(t).Runs.SetFeedback(t.Context(), "1", runflow.Feedback{Reason: "\xff"})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	require.EqualError(t, err, "runflow: Runs.SetFeedback: fb.Reason: must be valid UTF-8")
	assert.Empty(t, server.seen())
}
