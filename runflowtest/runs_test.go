package runflowtest_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// embeds are the members of a run that are sent only on request.
var embeds = []string{"node_runs", "logs", "model", "flow", "comfyui_workflow", "current_evaluation_summary"}

func TestServer_GetRun_AllMembers(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddRun(runflow.Run{ID: "1", StatusCode: "queued"})
	_, body := send(t, server, http.MethodGet, "/v1/runs/1", "")
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	want := map[string]any{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[runflow.Run]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		want[name] = nil
	}
	for _, name := range embeds {
		delete(want, name)
	}
	want["id"], want["status_code"], want["org_id"] = "1", "queued", server.OrgID
	want["has_logs"], want["has_node_runs"] = false, false
	assert.Equal(t, want, got)
	assert.Less(t, strings.Index(body, `"id"`), strings.Index(body, `"feedback_reason"`), "the members have the order of the type")
}

func TestServer_GetRun_AllMembersOfEmbeds(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	score := 0.5
	server.AddRun(runflow.Run{
		ID: "1", Logs: []runflow.RunLog{{ID: "l"}}, Model: &runflow.Model{ID: "m"},
		CurrentEvaluationSummary: &runflow.EvaluationSummary{Score: &score},
	})
	_, body := send(t, server, http.MethodGet, "/v1/runs/1?fields=id&embed="+strings.Join(embeds, ","), "")
	var got struct {
		Logs  []map[string]any `json:"logs"`
		Model map[string]any   `json:"model"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.Equal(t, []map[string]any{{
		"id": "l", "run_id": "1", "level_code": nil, "message": nil, "timestamp": nil, "meta": nil,
	}}, got.Logs)
	assert.Contains(t, got.Model, "deleted_at")
	assert.Nil(t, got.Model["deleted_at"])
	assert.NotContains(t, got.Model, "pricing")
	assert.Contains(t, body, `"current_evaluation_summary":{"passed":null,"status_code":null,"score":0.5}`)
	assert.Contains(t, body, `"node_runs":[]`)
	assert.Contains(t, body, `"flow":null`)
	assert.Contains(t, body, `"comfyui_workflow":null`)
}

func TestServer_GetRun_EmbedAndFields(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	full := server.AddRun(runflow.Run{
		ID: "1", StatusCode: "failed", FailureCode: "X", Input: runflow.JSON("{}"),
		Logs: []runflow.RunLog{{ID: "log"}}, Model: &runflow.Model{ID: "model"},
	})
	run, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.NoError(t, err)
	assert.Empty(t, run.Logs)
	assert.Nil(t, run.Model)
	assert.Equal(t, "X", run.FailureCode)

	run, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{Embed: []runflow.RunEmbed{"logs", "model", "node_runs"}})
	require.NoError(t, err)
	require.Len(t, run.Logs, 1)
	assert.Equal(t, "log", run.Logs[0].ID)
	assert.Equal(t, "model", run.Model.ID)
	assert.Empty(t, run.NodeRuns)

	run, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{Fields: []string{"id", "input"}})
	require.NoError(t, err)
	assert.Equal(t, &runflow.Run{ID: "1", Input: full.Input}, run)
}

func TestServer_GetRun_EmbedsRelatedObjects(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	model := server.AddModel("acme/dog", runflow.Model{Name: "Dog", Pricing: []runflow.ModelPricing{{ID: "p"}}})
	workflow := server.AddWorkflow("acme/blend", runflow.ComfyuiWorkflow{Name: "Blend"})
	server.AddRun(runflow.Run{ID: "of-model", ModelID: model.ID})
	server.AddRun(runflow.Run{ID: "of-workflow", ComfyuiWorkflowID: workflow.ID})
	server.AddRun(runflow.Run{ID: "of-unknown", ModelID: "none"})
	created, err := client.Models.CreateRun(t.Context(), "acme/dog", params())
	require.NoError(t, err)
	assert.Equal(t, model.ID, created.ModelID)
	assert.Nil(t, created.Model, "parts are sent only on request")

	both := runflow.GetRunParams{Embed: []runflow.RunEmbed{runflow.RunEmbedModel, runflow.RunEmbedComfyuiWorkflow}}
	for _, id := range []string{"of-model", created.ID} {
		run, err := client.Runs.Get(t.Context(), id, both)
		require.NoError(t, err)
		require.NotNil(t, run.Model)
		assert.Equal(t, "Dog", run.Model.Name)
		assert.Empty(t, run.Model.Pricing, "an embedded model has no parts")
		assert.Nil(t, run.ComfyuiWorkflow)
	}
	run, err := client.Runs.Get(t.Context(), "of-workflow", both)
	require.NoError(t, err)
	require.NotNil(t, run.ComfyuiWorkflow)
	assert.Equal(t, "Blend", run.ComfyuiWorkflow.Name)
	run, err = client.Runs.Get(t.Context(), "of-unknown", both)
	require.NoError(t, err)
	assert.Nil(t, run.Model)

	page, err := client.Runs.List(t.Context(), runflow.ListRunsParams{
		Filter: runflow.Where("id").Eq("of-model"), Embed: []runflow.RunEmbed{runflow.RunEmbedModel},
	})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, "Dog", page.Items[0].Model.Name)
}

func TestServer_GetRun_UnknownNames(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddRun(runflow.Run{ID: "1", Logs: []runflow.RunLog{{ID: "l"}}})
	for query, want := range map[string]int{
		"fields=id,output": 200, "fields=id,outputs": 400, "fields=id,": 400, "embed=logs,model": 200, "embed=log": 400, "embed=output": 400,
	} {
		for _, path := range []string{"/v1/runs/1?", "/v1/runs?"} {
			status, body := send(t, server, http.MethodGet, path+query, "")
			assert.Equal(t, want, status, "%s%s: %s", path, query, body)
		}
	}
	status, body := send(t, server, http.MethodGet, "/v1/runs/1?fields=logs", "")
	assert.Equal(t, 200, status)
	assert.Equal(t, "{}", body, "a part must be embedded")
	status, _ = send(t, server, http.MethodPatch, "/v1/runs/1/feedback?embed=log", `{"is_positive":true}`)
	assert.Equal(t, 400, status)
	run, _ := server.GetRun("1")
	assert.Nil(t, run.FeedbackIsPositive, "a refused request changes nothing")
	status, _ = send(t, server, http.MethodGet, "/v1/runs/1/logs/l?embed=run", "")
	assert.Equal(t, 200, status)
	status, _ = send(t, server, http.MethodGet, "/v1/runs/1/logs/l?embed=logs", "")
	assert.Equal(t, 400, status)
}

func TestServer_ListRunStatuses(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	status, body := send(t, server, http.MethodGet, "/v1/runs/statuses", "")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"items":[{"code":"queued"},{"code":"dispatching"},{"code":"running"},{"code":"succeeded"},
		{"code":"failed"},{"code":"cancelled"},{"code":"partial_succeeded"}],"first":null,"next":null,"previous":null}`, body)
}

func TestServer_AddRun_Copies(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	up := true
	given := runflow.Run{
		FeedbackIsPositive: &up, Output: runflow.JSON(`{"a":1}`), CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC),
		Logs: []runflow.RunLog{{Message: "m"}}, NodeRuns: []runflow.NodeRun{{ID: "n"}},
	}
	first, second := server.AddRun(given), server.AddRun(given)
	assert.NotEqual(t, first.ID, second.ID)
	assert.Equal(t, server.OrgID, first.OrgID)
	assert.NotEmpty(t, first.Logs[0].ID)
	assert.Equal(t, first.ID, first.Logs[0].RunID)
	assert.Equal(t, runflow.NodeRun{ID: "n", RunID: first.ID}, first.NodeRuns[0])
	assert.Empty(t, given.ID)
	assert.Empty(t, given.Logs[0].ID)
	stored, ok := server.GetRun(first.ID)
	assert.True(t, ok)
	assert.Equal(t, first, stored)

	up, given.Output[2] = false, 'x'
	stored, _ = server.GetRun(first.ID)
	assert.True(t, *stored.FeedbackIsPositive)
	assert.Equal(t, `{"a":1}`, stored.Output.String())
	*stored.FeedbackIsPositive = false
	stored, _ = server.GetRun(first.ID)
	assert.True(t, *stored.FeedbackIsPositive)
	_, ok = server.GetRun("none")
	assert.False(t, ok)
}

func TestServer_GetRun_TakesNoStep(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	for range 2 {
		stored, _ := server.GetRun(run.ID)
		assert.Equal(t, runflow.RunStatusQueued, stored.StatusCode)
		assert.Equal(t, runflow.RunStatusQueued, server.Runs()[0].StatusCode)
	}
}

func TestServer_SetFeedback(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded})
	for _, want := range []runflow.Feedback{
		{Rating: runflow.ThumbsUp, Reason: "sharp"},
		{Rating: runflow.ThumbsDown}, // without the reason before
	} {
		got, err := client.Runs.SetFeedback(t.Context(), run.ID, want)
		require.NoError(t, err)
		feedback, ok := got.Feedback()
		assert.True(t, ok)
		assert.Equal(t, want, feedback)
	}
	_, err := client.Runs.ClearFeedback(t.Context(), run.ID)
	require.NoError(t, err)
	stored, ok := server.GetRun(run.ID)
	assert.True(t, ok)
	assert.Equal(t, run, stored)
}

func TestServer_SetFeedback_RespondsWithRun(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	link := server.AddFile("a", "text/plain", nil)
	server.AddRun(runflow.Run{ID: "1", Output: runflow.JSON(`"` + link + `"`), Logs: []runflow.RunLog{{ID: "l"}}})
	server.ExpireFiles()
	run, err := client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{Rating: runflow.ThumbsUp})
	require.NoError(t, err)
	assert.Empty(t, run.Logs, "parts are sent only on request")
	require.NoError(t, run.Output.Decode(&link))
	status, _, _ := fetch(t, link, nil)
	assert.Equal(t, 200, status, "the link was signed again")
	stored, _ := server.GetRun("1")
	assert.Len(t, stored.Logs, 1)
}

func TestServer_SetFeedback_Validation(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	up := true
	server.AddRun(runflow.Run{ID: "1", FeedbackIsPositive: &up, FeedbackReason: "kept"})
	for body, want := range map[string]string{
		`not JSON`:                         `{"code":"BAD_REQUEST","message":"the body is not a JSON object","errors":null}`,
		`[]`:                               `{"code":"BAD_REQUEST","message":"the body is not a JSON object","errors":null}`,
		`{}`:                               `{"code":"validation_error","message":"the request is not valid","errors":[{"loc":["body","is_positive"],"msg":"Field required","type":"missing"}]}`,
		`{"is_positive":"yes"}`:            `{"code":"validation_error","message":"the request is not valid","errors":[{"loc":["body","is_positive"],"msg":"Input should be a valid boolean","type":"bool_type"}]}`,
		`{"is_positive":false,"reason":1}`: `{"code":"validation_error","message":"the request is not valid","errors":[{"loc":["body","reason"],"msg":"Input should be a valid string","type":"string_type"}]}`,
	} {
		status, got := send(t, server, http.MethodPatch, "/v1/runs/1/feedback", body)
		assert.JSONEq(t, want, got)
		assert.Equal(t, map[bool]int{true: 400, false: 422}[strings.Contains(want, "BAD_REQUEST")], status)
	}
	run, _ := server.GetRun("1")
	assert.True(t, *run.FeedbackIsPositive)
	assert.Equal(t, "kept", run.FeedbackReason)

	status, got := send(t, server, http.MethodPatch, "/v1/runs/1/feedback", `{"is_positive":null,"reason":"dropped","unknown":1}`)
	assert.Equal(t, 200, status)
	assert.NotContains(t, got, "dropped")
}

func TestServer_RunThatIsNotJSON(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Script("acme/swap", runflowtest.StepSucceed(func() {}))
	run, err := client.ComfyuiWorkflows.CreateRun(t.Context(), "acme/swap", params())
	require.NoError(t, err)
	server.FinishRun(run.ID)
	for _, request := range []struct{ method, path string }{
		{"GET", "/v1/runs/" + run.ID}, {"GET", "/v1/runs"}, {"PATCH", "/v1/runs/" + run.ID + "/feedback"},
	} {
		status, body := send(t, server, request.method, request.path, `{"is_positive":true}`)
		assert.Equal(t, 500, status, request.path)
		assert.Contains(t, body, run.ID+" cannot be encoded as JSON")
	}
}
