package runflowtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

func headshot() runflow.CreateEvaluationParams {
	return runflow.CreateEvaluationParams{GeneratedImageURL: "https://host.test/head.png", TaskType: "headshot"}
}

func TestServer_EvaluationLifecycle(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	verifier, err := callback.NewVerifier(server.CallbackSecret)
	require.NoError(t, err)
	events := make(chan *callback.Event, 1)
	receiver := httptest.NewServer(verifier.Handler(func(_ context.Context, event *callback.Event) error {
		events <- event
		return nil
	}))
	t.Cleanup(receiver.Close)
	run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)

	created, err := client.Evaluations.Create(t.Context(), runflow.CreateEvaluationParams{
		GeneratedImageURL: "https://host.test/head.png", TaskType: "headshot", TaskDescription: "a headshot", GenerationPrompt: "a head",
		EvaluationInstructions: "be strict", InputAttributes: map[string]any{"age": 40}, RunID: run.ID, ClientRef: "order-42", JobClass: "standard",
		ReferenceImages: []runflow.ReferenceImage{{URL: "https://host.test/ref.png", Kind: "identity", Description: "the person"}},
		CallbackURL:     receiver.URL,
	})
	require.NoError(t, err)
	assert.Equal(t, runflow.EvaluationStatusPending, created.StatusCode)
	assert.Equal(t, "order-42", created.ClientRef)
	assert.Equal(t, run.ModelID, created.ModelID)
	assert.Equal(t, runflow.TargetTypeModel, created.TargetTypeCode)
	assert.JSONEq(t, `{"age":40}`, created.InputAttributes.String())
	assert.Equal(t, []runflow.ReferenceImage{{URL: "https://host.test/ref.png", Kind: "identity", Description: "the person"}}, created.ReferenceImages)
	assert.Nil(t, created.OverallPassed)
	assert.False(t, created.Cost.Valid, "it is not billed yet")

	evaluation, err := client.Evaluations.Get(t.Context(), created.ID, runflow.GetEvaluationParams{})
	require.NoError(t, err)
	assert.Equal(t, runflow.EvaluationStatusRunning, evaluation.StatusCode)
	evaluation, err = client.Evaluations.Wait(t.Context(), created.ID, runflow.WaitEvaluationParams{
		Embed: []runflow.EvaluationEmbed{runflow.EvaluationEmbedJudges, runflow.EvaluationEmbedAction, runflow.EvaluationEmbedGateFailures},
	})
	require.NoError(t, err)
	assert.Equal(t, runflow.EvaluationStatusCompleted, evaluation.StatusCode)
	assert.True(t, *evaluation.OverallPassed)
	assert.InDelta(t, 1, *evaluation.WeightedPassRate, 0)
	assert.Equal(t, "0.05", evaluation.Cost.Decimal.String())
	require.Len(t, evaluation.Judges, 1)
	assert.Equal(t, created.ID, evaluation.Judges[0].EvaluationID)
	assert.NotEmpty(t, evaluation.Judges[0].ID)
	assert.JSONEq(t, `{"code":"accept"}`, evaluation.Action.String())
	assert.JSONEq(t, `[]`, evaluation.GateFailures.String())

	evaluation, err = client.Evaluations.Get(t.Context(), created.ID, runflow.GetEvaluationParams{})
	require.NoError(t, err)
	assert.Empty(t, evaluation.Judges, "judges are sent only if they are embedded")
	assert.True(t, evaluation.Action.IsNull(), "the action is sent only if it is embedded")

	event := <-events
	assert.Equal(t, "evaluation.completed", event.Event)
	assert.Contains(t, event.Raw.String(), `"evaluation_id":"`+created.ID+`"`)

	run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{Embed: []runflow.RunEmbed{runflow.RunEmbedCurrentEvaluationSummary}})
	require.NoError(t, err)
	require.NotNil(t, run.CurrentEvaluationSummary)
	assert.True(t, *run.CurrentEvaluationSummary.Passed)

	other, err := client.Evaluations.Create(t.Context(), headshot())
	require.NoError(t, err)
	page, err := client.Runs.ListEvaluations(t.Context(), run.ID, runflow.ListRunEvaluationsParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, created.ID, page.Items[0].ID)
	_, err = client.Runs.SetEvaluationFeedback(t.Context(), run.ID, other.ID, runflow.Feedback{Rating: runflow.ThumbsUp})
	require.ErrorIs(t, err, runflow.ErrNotFound, "it is not an evaluation of this run")
}

func TestServer_ScriptEvaluations(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.ScriptEvaluations(func(e *runflow.Evaluation) {
		e.StatusCode, e.OverallPassed = runflow.EvaluationStatusCompleted, new(false)
		e.Judges = []runflow.EvaluationJudge{{Name: "hands", Passed: new(false), Issues: []runflow.EvaluationIssue{{Detail: "six fingers"}}}}
	})
	rejected, err := client.Evaluations.Create(t.Context(), headshot())
	require.NoError(t, err)
	server.ScriptEvaluations(func(e *runflow.Evaluation) {
		e.StatusCode, e.FailureCode = runflow.EvaluationStatusFailed, "IMAGE_UNREADABLE"
	})
	failed, err := client.Evaluations.Create(t.Context(), headshot())
	require.NoError(t, err)
	server.ScriptEvaluations()
	endless, err := client.Evaluations.Create(t.Context(), headshot())
	require.NoError(t, err)

	got, err := client.Evaluations.Wait(t.Context(), rejected.ID, runflow.WaitEvaluationParams{Embed: []runflow.EvaluationEmbed{runflow.EvaluationEmbedJudges}})
	require.NoError(t, err, "an image that does not pass is not an error")
	assert.False(t, *got.OverallPassed)
	require.Len(t, got.Judges, 1)
	require.Len(t, got.Judges[0].Issues, 1)
	issue := got.Judges[0].Issues[0]
	assert.Equal(t, "six fingers", issue.Detail)
	assert.Equal(t, [...]string{rejected.ID, got.Judges[0].ID}, [...]string{issue.EvaluationID, issue.EvaluationJudgeID})

	finished, ok := server.FinishEvaluation(failed.ID)
	assert.True(t, ok)
	assert.Equal(t, runflow.EvaluationStatusFailed, finished.StatusCode)
	got, err = client.Evaluations.Wait(t.Context(), failed.ID, runflow.WaitEvaluationParams{})
	require.ErrorIs(t, err, runflow.ErrEvaluationFailed)
	assert.Equal(t, "IMAGE_UNREADABLE", got.FailureCode)
	assert.False(t, got.Cost.Valid, "a failed evaluation is not billed")

	pending, _ := server.FinishEvaluation(endless.ID)
	assert.Equal(t, runflow.EvaluationStatusPending, pending.StatusCode)
	_, ok = server.FinishEvaluation("none")
	assert.False(t, ok)
}

func TestServer_Evaluation_Feedback(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	run := server.AddRun(runflow.Run{})
	params := headshot()
	params.RunID = run.ID
	evaluation, err := client.Evaluations.Create(t.Context(), params)
	require.NoError(t, err)
	check := func(e *runflow.Evaluation, err error, want runflow.Feedback, isSet bool) {
		t.Helper()
		require.NoError(t, err)
		for _, e := range []*runflow.Evaluation{e, stored(t, client, evaluation.ID)} {
			got, ok := e.Feedback()
			assert.Equal(t, isSet, ok)
			assert.Equal(t, want, got)
		}
	}
	down := runflow.Feedback{Rating: runflow.ThumbsDown, Reason: "six fingers"}
	up := runflow.Feedback{Rating: runflow.ThumbsUp}
	got, err := client.Evaluations.SetFeedback(t.Context(), evaluation.ID, down, runflow.WithToken(server.APIKey))
	check(got, err, down, true)
	got, err = client.Evaluations.ClearFeedback(t.Context(), evaluation.ID)
	check(got, err, runflow.Feedback{}, false)
	got, err = client.Runs.SetEvaluationFeedback(t.Context(), run.ID, evaluation.ID, up)
	check(got, err, up, true)
	got, err = client.Runs.ClearEvaluationFeedback(t.Context(), run.ID, evaluation.ID)
	check(got, err, runflow.Feedback{}, false)

	path := "/v1/evaluations/" + evaluation.ID + "/feedback"
	for body, want := range map[string]int{
		`{"is_positive":true,"reason":"` + strings.Repeat("ä", 2000) + `"}`: 200,
		`{"is_positive":true,"reason":"` + strings.Repeat("ä", 2001) + `"}`: 422,
		`{"is_positive":1}`: 422,
		`{}`:                422,
		`[]`:                400,
	} {
		status, _ := send(t, server, http.MethodPatch, path, body)
		assert.Equal(t, want, status, "%.40s", body)
	}
}

// stored returns an evaluation.
func stored(t *testing.T, client *runflow.Client, id string) *runflow.Evaluation {
	t.Helper()
	evaluation, err := client.Evaluations.Get(t.Context(), id, runflow.GetEvaluationParams{})
	require.NoError(t, err)
	return evaluation
}

func TestServer_CreateEvaluation_IdempotencyKey(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	first, err := client.Evaluations.Create(t.Context(), headshot(), runflow.WithIdempotencyKey("k"))
	require.NoError(t, err)
	stored(t, client, first.ID)
	second, err := client.Evaluations.Create(t.Context(), headshot(), runflow.WithIdempotencyKey("k"))
	require.NoError(t, err)
	assert.Equal(t, first, second)
	other := headshot()
	other.TaskType = "product"
	_, err = client.Evaluations.Create(t.Context(), other, runflow.WithIdempotencyKey("k"))
	require.ErrorIs(t, err, runflow.ErrConflict)
}

func TestServer_CreateEvaluation_Validation(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	const image = `"generated_image_url":"https://host.test/a.png"`
	const ref = `{"url":"https://host.test/b.png"},`
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{`[]`, 400, "BAD_REQUEST"},
		{`{"task_type":"x"}`, 422, `"loc":["body","generated_image_url"]`},
		{`{"task_type":"x","generated_image_url":"http://host.test/a.png"}`, 422, `"loc":["body","generated_image_url"]`},
		{`{` + image + `}`, 422, `"loc":["body","task_type"]`},
		{`{` + image + `,"task_type":"x"}`, 202, `"status_code":"pending"`},
		{`{` + image + `,"task_type":"x","input_attributes":[]}`, 422, `"loc":["body","input_attributes"]`},
		{`{` + image + `,"task_type":"x","reference_images":[` + strings.Repeat(ref, 4) + ref[:len(ref)-1] + `]}`, 422, `"loc":["body","reference_images"]`},
		{`{` + image + `,"task_type":"x","reference_images":[` + strings.Repeat(ref, 3) + ref[:len(ref)-1] + `]}`, 202, `"reference_images":[{`},
		{`{` + image + `,"task_type":"x","reference_images":[{"url":"ftp://host.test"}]}`, 422, `"loc":["body","reference_images","0","url"]`},
		{`{` + image + `,"task_type":"x","job_class":"premium"}`, 422, `"loc":["body","job_class"]`},
		{`{` + image + `,"task_type":"x","client_ref":1}`, 422, `"loc":["body","client_ref"]`},
		{`{` + image + `,"task_type":"x","callback_url":"x"}`, 422, `"loc":["body","callback_url"]`},
		{`{` + image + `,"task_type":"x","run_id":"none"}`, 404, "RUN_NOT_FOUND"},
	} {
		status, got := send(t, server, http.MethodPost, "/v1/evaluations", tc.body)
		assert.Equal(t, tc.status, status, tc.body)
		assert.Contains(t, got, tc.want)
	}
}

func TestServer_ReferenceLists(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	type list = func(context.Context, ...runflow.CallOption) (*runflow.Page[runflow.ReferenceItem], error)
	for name, tc := range map[string]struct {
		list list
		want []string
	}{
		"runs":        {client.Runs.ListStatuses, []string{"queued", "dispatching", "running", "succeeded", "failed", "cancelled", "partial_succeeded"}},
		"evaluations": {client.Evaluations.ListStatuses, []string{"pending", "running", "completed", "failed"}},
		"job classes": {client.Evaluations.ListJobClasses, []string{"standard"}},
		"event types": {client.Webhooks.ListEventTypes, []string{"run.completed", "run.failed", "run.cancelled"}},
	} {
		page, err := tc.list(t.Context())
		require.NoError(t, err, name)
		var codes []string
		for _, item := range page.Items {
			codes = append(codes, item.Code)
		}
		assert.Equal(t, tc.want, codes, name)
	}
	item, err := client.Webhooks.GetEventType(t.Context(), "run.failed")
	require.NoError(t, err)
	assert.Equal(t, "run.failed", item.Code)
	_, err = client.Webhooks.GetEventType(t.Context(), "run.exploded")
	require.ErrorIs(t, err, runflow.ErrNotFound)
}

func TestServer_CreateEvaluation_Balance(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.SetBalance(server.OrgID, decimal.RequireFromString("0.07"))
	created, err := client.Evaluations.Create(t.Context(), headshot())
	require.NoError(t, err)
	server.FinishEvaluation(created.ID)
	balance, err := client.Billing.GetBalance(t.Context())
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprintf("%+v", balance.Balance), "0.02")
	_, err = client.Evaluations.Create(t.Context(), headshot())
	require.ErrorIs(t, err, runflow.ErrInsufficientCredit)
}

func TestServer_CreateEvaluation_Assets(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	create := func(image, reference string) (*runflow.Evaluation, error) {
		return client.Evaluations.Create(t.Context(), runflow.CreateEvaluationParams{
			GeneratedImageURL: image, TaskType: "headshot", ReferenceImages: []runflow.ReferenceImage{{URL: reference}},
		})
	}
	const data, missing = "data:image/png;base64,aGVhZA==", "runflow://assets/none"
	evaluation, err := create(data, data)
	require.NoError(t, err)
	for _, url := range []string{evaluation.GeneratedImageURL, evaluation.ReferenceImages[0].URL} {
		resp, err := http.Get(url) //nolint:noctx // a download of a file
		require.NoError(t, err)
		content, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, "head", string(content))
	}
	_, err = create(missing, data)
	require.ErrorIs(t, err, runflow.ErrValidation)
	_, err = create(data, missing)
	require.ErrorIs(t, err, runflow.ErrValidation)
	require.ErrorContains(t, err, "reference_images.0")
}
