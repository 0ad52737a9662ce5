package runflow_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// oneImage is the smallest params that are accepted.
var oneImage = runflow.CreateEvaluationParams{GeneratedImageURL: "https://example.com/cat.png", TaskType: "headshot"}

const sampleEvaluation = `{
	"id": "e-1", "org_id": "o-1", "run_id": "r-1", "status_code": "completed", "job_class_code": "standard", "failure_code": "X",
	"target_type_code": "model", "model_id": "m-1", "flow_id": "f-1", "comfyui_workflow_id": "w-1",
	"task_type": "headshot", "task_description": "a headshot", "generation_prompt": "studio lighting",
	"generated_image_url": "https://example.com/cat.png", "input_attributes": {"style": "plain"}, "evaluation_instructions": "look at the eyes",
	"reference_images": [{"url": "https://example.com/ref.png", "kind": "identity", "description": "the person"}],
	"overall_passed": true, "weighted_pass_rate": 0.75, "override_reason": "gate", "top_issues": ["blurred"], "top_strengths": ["sharp", "bright"],
	"check_summary": {"passed": 3}, "analysis_modules_executed": 4, "primary_action_code": "retry", "parent_evaluation_id": "e-0",
	"attempt_number": 2, "superseded_at": "2026-05-06T10:00:03Z", "eval_duration_ms": 4321,
	"feedback_is_positive": true, "feedback_reason": "fair", "client_ref": "row-1", "callback_url": "https://example.com/hook", "cost": "0.0000000000000000000000012",
	"created_at": "2026-05-06T10:00:00Z", "updated_at": "2026-05-06T10:00:01Z", "submitted_at": "2026-05-06T10:00:02Z", "completed_at": "2026-05-06T10:00:04Z",
	"links": {"self": "/v1/evaluations/e-1"},
	"judges": [{
		"id": "j-1", "evaluation_id": "e-1", "name": "eyes", "description": "looks at the eyes", "category": "anatomy", "passed": true,
		"confidence": 0.9, "weight": 0.5, "reasoning": "because", "evidence": ["x"], "sub_point_results": {"a": 1}, "sub_points_evaluated": 3,
		"created_at": "2026-05-06T10:00:05Z",
		"issues": [{"id": "s-1", "evaluation_id": "e-1", "evaluation_judge_id": "j-1", "category": "anatomy", "subcategory": "eyes", "detail": "three eyes"}]
	}],
	"action": {"code": "retry"}, "gate_failures": [{"code": "nsfw"}]
}`

func getEvaluation(ctx context.Context, c *runflow.Client) (*runflow.Evaluation, error) {
	return c.Evaluations.Get(ctx, "e-1", runflow.GetEvaluationParams{})
}

func TestEvaluation_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.Evaluation]{json: sampleEvaluation, call: getEvaluation, strict: []string{"id", "cost"}, required: []string{"id"}}.check(t)
}

func FuzzEvaluation(f *testing.F) {
	fuzzResponse(f, getEvaluation, sampleEvaluation, `{"id":"1","judges":[{"id":"1","issues":[null,7]}],"reference_images":[{}]}`)
}

func TestEvaluationsService_Requests(t *testing.T) {
	t.Parallel()
	const response = `{"id":"e-1","status_code":"completed","overall_passed":false,"feedback_is_positive":false,"feedback_reason":"unfair"}`
	no := false
	want := &runflow.Evaluation{
		ID: "e-1", StatusCode: runflow.EvaluationStatusCompleted, OverallPassed: &no, FeedbackIsPositive: &no, FeedbackReason: "unfair",
	}
	down := runflow.Feedback{Rating: runflow.ThumbsDown, Reason: `"un" <fair>`}
	checkExchanges(t, map[string]exchange{
		"Create": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return c.Evaluations.Create(ctx, oneImage) },
			method: "POST", uri: "/v1/evaluations", hasKey: true,
			body:     `{"generated_image_url":"https://example.com/cat.png","task_type":"headshot"}`,
			response: `{"id":"e-1","status_code":"pending"}`,
			want:     &runflow.Evaluation{ID: "e-1", StatusCode: runflow.EvaluationStatusPending},
		},
		"Create with an empty list": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				params := oneImage
				params.ReferenceImages = []runflow.ReferenceImage{}
				return c.Evaluations.Create(ctx, params)
			},
			method: "POST", uri: "/v1/evaluations", hasKey: true,
			body:     `{"generated_image_url":"https://example.com/cat.png","task_type":"headshot"}`,
			response: `{"id":"e-1"}`, want: &runflow.Evaluation{ID: "e-1"},
		},
		"Create with all params": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Evaluations.Create(ctx, runflow.CreateEvaluationParams{
					GeneratedImageURL: "runflow://assets/a-1", TaskType: "headshot", TaskDescription: "a <head>", GenerationPrompt: "light",
					EvaluationInstructions: "eyes", InputAttributes: map[string]any{"style": 1}, RunID: "r-1", ClientRef: "row-1", JobClass: "standard",
					ReferenceImages: []runflow.ReferenceImage{{URL: "data:image/png;base64,AA==", Kind: "identity", Description: "d"}, {URL: "https://example.com/1.png"}},
					CallbackURL:     "https://example.com/hook",
				})
			},
			method: "POST", uri: "/v1/evaluations", hasKey: true,
			body: `{"generated_image_url":"runflow://assets/a-1","task_type":"headshot","task_description":"a <head>","generation_prompt":"light",` +
				`"evaluation_instructions":"eyes","input_attributes":{"style":1},` +
				`"reference_images":[{"url":"data:image/png;base64,AA==","kind":"identity","description":"d"},{"url":"https://example.com/1.png"}],` +
				`"run_id":"r-1","client_ref":"row-1","job_class":"standard","callback_url":"https://example.com/hook"}`,
			response: `{"id":"e-1"}`, want: &runflow.Evaluation{ID: "e-1"},
		},
		"Get": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return getEvaluation(ctx, c) },
			method: "GET", uri: "/v1/evaluations/e-1", response: response, want: want,
		},
		"Get with embeds and fields": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Evaluations.Get(ctx, "e-1", runflow.GetEvaluationParams{
					Embed:  []runflow.EvaluationEmbed{runflow.EvaluationEmbedJudges, runflow.EvaluationEmbedAction, runflow.EvaluationEmbedGateFailures},
					Fields: []string{"cost"},
				})
			},
			method: "GET", uri: "/v1/evaluations/e-1?embed=judges%2Caction%2Cgate_failures&fields=cost%2Cid", response: response, want: want,
		},
		"SetFeedback": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Evaluations.SetFeedback(ctx, "e-1", down)
			},
			method: "PATCH", uri: "/v1/evaluations/e-1/feedback", body: `{"is_positive":false,"reason":"\"un\" <fair>"}`, response: response, want: want,
		},
		"SetFeedback without a reason": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Evaluations.SetFeedback(ctx, "e-1", runflow.Feedback{Rating: runflow.ThumbsUp})
			},
			method: "PATCH", uri: "/v1/evaluations/e-1/feedback", body: `{"is_positive":true,"reason":null}`, response: response, want: want,
		},
		"ClearFeedback": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Evaluations.ClearFeedback(ctx, "e-1")
			},
			method: "PATCH", uri: "/v1/evaluations/e-1/feedback", body: `{"is_positive":null,"reason":null}`, response: response, want: want,
		},
		"Runs.SetEvaluationFeedback": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Runs.SetEvaluationFeedback(ctx, "r-1", "e-1", down)
			},
			method: "PATCH", uri: "/v1/runs/r-1/evaluations/e-1/feedback", body: `{"is_positive":false,"reason":"\"un\" <fair>"}`, response: response, want: want,
		},
		"Runs.ClearEvaluationFeedback": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Runs.ClearEvaluationFeedback(ctx, "r-1", "e-1")
			},
			method: "PATCH", uri: "/v1/runs/r-1/evaluations/e-1/feedback", body: `{"is_positive":null,"reason":null}`, response: response, want: want,
		},
		"Runs.ListEvaluations, array": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Runs.ListEvaluations(ctx, "r-1", runflow.ListRunEvaluationsParams{})
			},
			method: "GET", uri: "/v1/runs/r-1/evaluations", response: "[" + response + "]",
			want: &runflow.Page[runflow.Evaluation]{Items: []runflow.Evaluation{*want}},
		},
		"Runs.ListEvaluations, envelope": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Runs.ListEvaluations(ctx, "r-1", runflow.ListRunEvaluationsParams{})
			},
			method: "GET", uri: "/v1/runs/r-1/evaluations", response: `{"items":[` + response + `],"next":null,"previous":null,"first":"x"}`,
			want: &runflow.Page[runflow.Evaluation]{Items: []runflow.Evaluation{*want}},
		},
	})
}

func TestEvaluationsService_Create_Images(t *testing.T) {
	t.Parallel()
	for location, isAllowed := range map[string]bool{
		"https://example.com/cat.png?x=1#a":     true,
		"HTTPS://example.com/cat.png":           true,
		"data:image/png;base64,iVBORw0KGgo=":    true,
		"runflow://assets/3c90c3cc-0d44-4b50-8": true,
		"":                                      false,
		"cat.png":                               false,
		"http://example.com/cat.png":            false,
		"https://":                              false,
		"https:":                                false,
		"data:":                                 false,
		"runflow:3c90":                          false,
		"runflow://assets":                      false,
		"runflow://assets/":                     false,
		"runflow://files/3c90":                  false,
		"file:///etc/passwd":                    false,
		"https://example.com/\xff":              false,
		"https://exa mple.com/":                 false,
	} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 202, `{"id":"e-1"}`)
			_, err := server.client(t).Evaluations.Create(t.Context(), runflow.CreateEvaluationParams{GeneratedImageURL: location, TaskType: "x"})
			params := oneImage
			params.ReferenceImages = []runflow.ReferenceImage{{URL: location}}
			_, asReference := server.client(t).Evaluations.Create(t.Context(), params)
			if isAllowed {
				require.NoError(t, err)
				require.NoError(t, asReference)
				return
			}
			const reason = `must be an https URL, a data URL or "runflow://assets/{uuid}"`
			require.EqualError(t, err, "runflow: Evaluations.Create: params.GeneratedImageURL: "+reason)
			require.EqualError(t, asReference, "runflow: Evaluations.Create: params.ReferenceImages[0].URL: "+reason)
			assert.Empty(t, server.seen())
		})
	}
}

func TestEvaluationsService_BadArguments(t *testing.T) {
	t.Parallel()
	create := func(change func(*runflow.CreateEvaluationParams)) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			params := oneImage
			change(&params)
			_, err := c.Evaluations.Create(ctx, params)
			return err
		}
	}
	ignore := func(_ any, err error) error { return err }
	image := runflow.ReferenceImage{URL: "https://example.com/ref.png"}
	const invalid = "\xff"
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		"Evaluations.Create: params.TaskType: must not be empty":           create(func(p *runflow.CreateEvaluationParams) { p.TaskType = "" }),
		"Evaluations.Create: params.TaskType: must be valid UTF-8":         create(func(p *runflow.CreateEvaluationParams) { p.TaskType = invalid }),
		"Evaluations.Create: params.TaskDescription: must be valid":        create(func(p *runflow.CreateEvaluationParams) { p.TaskDescription = invalid }),
		"Evaluations.Create: params.GenerationPrompt: must be valid":       create(func(p *runflow.CreateEvaluationParams) { p.GenerationPrompt = invalid }),
		"Evaluations.Create: params.EvaluationInstructions: must be valid": create(func(p *runflow.CreateEvaluationParams) { p.EvaluationInstructions = invalid }),
		"Evaluations.Create: params.RunID: must be valid UTF-8":            create(func(p *runflow.CreateEvaluationParams) { p.RunID = invalid }),
		"Evaluations.Create: params.JobClass: must be valid UTF-8":         create(func(p *runflow.CreateEvaluationParams) { p.JobClass = invalid }),
		"Evaluations.Create: params.InputAttributes: must be encoded as":   create(func(p *runflow.CreateEvaluationParams) { p.InputAttributes = []int{1} }),
		"Evaluations.Create: params.ClientRef: must be valid UTF-8 of at":  create(func(p *runflow.CreateEvaluationParams) { p.ClientRef = strings.Repeat("x", 256) }),
		"Evaluations.Create: params.CallbackURL: must be an absolute http": create(func(p *runflow.CreateEvaluationParams) { p.CallbackURL = "hook" }),
		"Evaluations.Create: params.ReferenceImages: must have at most 4 elements": create(func(p *runflow.CreateEvaluationParams) {
			p.ReferenceImages = slices.Repeat([]runflow.ReferenceImage{image}, 5)
		}),
		"Evaluations.Create: params.ReferenceImages[1].Kind: must be valid UTF-8": create(func(p *runflow.CreateEvaluationParams) {
			p.ReferenceImages = []runflow.ReferenceImage{image, {URL: image.URL, Kind: invalid}}
		}),
		"Evaluations.Create: params.ReferenceImages[0].Description: must be valid UTF-8": create(func(p *runflow.CreateEvaluationParams) {
			p.ReferenceImages = []runflow.ReferenceImage{{URL: image.URL, Description: invalid}}
		}),
		"Evaluations.Get: evaluationID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.Get(ctx, "", runflow.GetEvaluationParams{}))
		},
		"Evaluations.Get: params.Embed[0]: must be a name": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.Get(ctx, "1", runflow.GetEvaluationParams{Embed: []runflow.EvaluationEmbed{"a,b"}}))
		},
		"Evaluations.SetFeedback: feedback.Rating: must be ThumbsUp or ThumbsDown": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.SetFeedback(ctx, "1", runflow.Feedback{Reason: "love it"}))
		},
		"Evaluations.SetFeedback: feedback.Reason: must have at most 2000 characters": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.SetFeedback(ctx, "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: strings.Repeat("ü", 2001)}))
		},
		"Runs.SetEvaluationFeedback: feedback.Reason: must be valid UTF-8": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Runs.SetEvaluationFeedback(ctx, "1", "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: invalid}))
		},
		"Runs.SetEvaluationFeedback: evaluationID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Runs.SetEvaluationFeedback(ctx, "1", "", runflow.Feedback{Rating: runflow.ThumbsUp}))
		},
		`Runs.ClearEvaluationFeedback: runID: must not be AnyID ("any")`: func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Runs.ClearEvaluationFeedback(ctx, runflow.AnyID, "1"))
		},
		"Runs.ListEvaluations: runID: must not contain a slash": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Runs.ListEvaluations(ctx, "a/b", runflow.ListRunEvaluationsParams{}))
		},
		"Evaluations.Wait: params.Timeout: must not be negative": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.Wait(ctx, "1", runflow.WaitEvaluationParams{Timeout: -1}))
		},
		"Evaluations.Wait: params.Embed[0]: must be a name": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.Wait(ctx, "1", runflow.WaitEvaluationParams{Embed: []runflow.EvaluationEmbed{""}}))
		},
		"Evaluations.Wait: WithMaxRetries: must not be given to a wait": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Evaluations.Wait(ctx, "1", runflow.WaitEvaluationParams{}, runflow.WithMaxRetries(1)))
		},
	})
	server := newAPI(t, 200, `{"id":"e-1"}`)
	params := oneImage
	params.ReferenceImages = slices.Repeat([]runflow.ReferenceImage{image}, 4)
	_, err := server.client(t).Evaluations.Create(t.Context(), params)
	require.NoError(t, err, "4 reference images are allowed")
	_, err = server.client(t).Evaluations.SetFeedback(t.Context(), "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: strings.Repeat("ü", 2000)})
	require.NoError(t, err, "a reason of 2,000 characters is allowed")
}

func TestEvaluationsService_NoID(t *testing.T) {
	t.Parallel()
	feedback := runflow.Feedback{Rating: runflow.ThumbsUp}
	for name, call := range map[string]func(context.Context, *runflow.Client) (*runflow.Evaluation, error){
		"Get": getEvaluation,
		"SetFeedback": func(ctx context.Context, c *runflow.Client) (*runflow.Evaluation, error) {
			return c.Evaluations.SetFeedback(ctx, "1", feedback)
		},
		"ClearFeedback": func(ctx context.Context, c *runflow.Client) (*runflow.Evaluation, error) {
			return c.Evaluations.ClearFeedback(ctx, "1")
		},
		"SetEvaluationFeedback": func(ctx context.Context, c *runflow.Client) (*runflow.Evaluation, error) {
			return c.Runs.SetEvaluationFeedback(ctx, "1", "1", feedback)
		},
		"ClearEvaluationFeedback": func(ctx context.Context, c *runflow.Client) (*runflow.Evaluation, error) {
			return c.Runs.ClearEvaluationFeedback(ctx, "1", "1")
		},
	} {
		evaluation, err := call(t.Context(), newAPI(t, 200, `{"code":"OOPS"}`).client(t))
		requireDecodeError(t, err, "id")
		assert.Nil(t, evaluation, name)
		assert.NotErrorIs(t, err, runflow.ErrOutcomeUnknown)
	}
}

func TestEvaluationStatus_IsTerminal(t *testing.T) {
	t.Parallel()
	for status, isTerminal := range map[runflow.EvaluationStatus]bool{
		runflow.EvaluationStatusPending: false, runflow.EvaluationStatusRunning: false,
		runflow.EvaluationStatusCompleted: true, runflow.EvaluationStatusFailed: true, "a_new_one": false, "": false,
	} {
		assert.Equal(t, isTerminal, status.IsTerminal(), status)
	}
}

func TestEvaluation_Feedback(t *testing.T) {
	t.Parallel()
	up := true
	for name, tc := range map[string]struct {
		evaluation *runflow.Evaluation
		feedback   runflow.Feedback
		ok         bool
	}{
		"nil evaluation": {},
		"no feedback":    {evaluation: &runflow.Evaluation{FeedbackReason: "of earlier feedback"}},
		"thumbs up":      {&runflow.Evaluation{FeedbackIsPositive: &up, FeedbackReason: "fair"}, runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "fair"}, true},
	} {
		feedback, ok := tc.evaluation.Feedback()
		assert.Equal(t, tc.feedback, feedback, name)
		assert.Equal(t, tc.ok, ok, name)
	}
}

func TestEvaluationsService_Wait(t *testing.T) {
	t.Parallel()
	const passed = `{"id":"e-1","status_code":"completed","overall_passed":true,"weighted_pass_rate":0.9,"cost":"0.04"}`
	for name, tc := range map[string]struct {
		states []string
		status runflow.EvaluationStatus
		err    error
	}{
		"ended":            {[]string{passed}, "completed", nil},
		"usual course":     {[]string{"pending", "pending", "running", passed}, "completed", nil},
		"did not pass":     {[]string{`{"id":"e-1","status_code":"completed","overall_passed":false,"cost":"0.04"}`}, "completed", nil},
		"failed":           {[]string{"running", `{"id":"e-1","status_code":"failed","failure_code":"X","cost":"0.04"}`}, "failed", runflow.ErrEvaluationFailed},
		"unknown status":   {[]string{"warming_up", "succeeded", passed}, "completed", nil},
		"temporary errors": {[]string{"503", "429", "{}", "<html>", passed}, "completed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: tc.states}
				embed := []runflow.EvaluationEmbed{runflow.EvaluationEmbedJudges}
				evaluation, err := inBubble(t, c.ServeHTTP).Evaluations.Wait(t.Context(), "e-1", runflow.WaitEvaluationParams{Embed: embed})
				require.ErrorIs(t, err, tc.err)
				require.NotNil(t, evaluation)
				assert.Equal(t, tc.status, evaluation.StatusCode)
				assert.Equal(t, "0.04", evaluation.Cost.Decimal.String())
				assert.Len(t, c.polls, len(tc.states))
				assert.Equal(t, "embed=judges", c.query)
				if tc.err != nil {
					var evaluationErr *runflow.EvaluationError
					require.ErrorAs(t, err, &evaluationErr)
					assert.Same(t, evaluation, evaluationErr.Evaluation)
				}
			})
		})
	}
}

func TestEvaluationsService_Wait_EndsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{"pending", "running"}}
		evaluation, err := inBubble(t, c.ServeHTTP).Evaluations.Wait(t.Context(), "e-1", runflow.WaitEvaluationParams{Timeout: 5 * time.Second})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "runflow: Evaluations.Wait: wait for e-1 ended, last status running: context deadline exceeded")
		assert.Equal(t, runflow.EvaluationStatusRunning, evaluation.StatusCode)

		c = &course{states: []string{"403"}}
		evaluation, err = inBubble(t, c.ServeHTTP).Evaluations.Wait(t.Context(), "e-1", runflow.WaitEvaluationParams{})
		require.ErrorIs(t, err, runflow.ErrPermissionDenied)
		assert.Nil(t, evaluation)
		assert.Len(t, c.polls, 1)
	})
}

func TestEvaluationError_Error(t *testing.T) {
	t.Parallel()
	evaluation := &runflow.Evaluation{ID: "e-1", FailureCode: "IMAGE_NOT\nFOUND", Cost: decimal.NewNullDecimal(decimal.RequireFromString("0.10"))}
	require.EqualError(t, &runflow.EvaluationError{Evaluation: evaluation}, "runflow: evaluation e-1 failed: IMAGE_NOT FOUND, cost 0.1")
	require.EqualError(t, &runflow.EvaluationError{Evaluation: &runflow.Evaluation{ID: "e-1"}}, "runflow: evaluation e-1 failed")
	require.EqualError(t, &runflow.EvaluationError{}, "runflow: the evaluation failed")
	require.NotErrorIs(t, &runflow.EvaluationError{}, runflow.ErrRunFailed)
}
