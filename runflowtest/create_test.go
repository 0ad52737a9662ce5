package runflowtest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

const modelRuns, workflowRuns = "/v1/models/acme/cat/2.0/runs", "/v1/comfyui-workflows/acme/swap/runs"

func TestServer_CreateRun_Validation(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	created := 0
	for _, tc := range []struct {
		path, body string
		status     int
		want       string
	}{
		{modelRuns, ``, 400, "BAD_REQUEST"},
		{modelRuns, `[]`, 400, "BAD_REQUEST"},
		{modelRuns, `null`, 400, "BAD_REQUEST"},
		{modelRuns, `{"input":{}} {}`, 400, "BAD_REQUEST"},
		{modelRuns, `{}`, 422, `"loc":["body","input"],"msg":"Field required"`},
		{modelRuns, `{"input":[]}`, 422, `"loc":["body","input"]`},
		{modelRuns, `{"input":{},"metadata":1}`, 422, `"loc":["body","metadata"]`},
		{modelRuns, `{"input":{},"client_ref":1}`, 422, `"loc":["body","client_ref"]`},
		{modelRuns, `{"input":{},"client_ref":"` + strings.Repeat("ä", 256) + `"}`, 422, `"loc":["body","client_ref"]`},
		{modelRuns, `{"input":{},"client_ref":"` + strings.Repeat("ä", 255) + `"}`, 201, `"client_ref":"ä`},
		{modelRuns, `{"input":{},"callback_url":"callbacks"}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":""}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":"/callbacks"}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":"//host/callbacks"}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":"ftp://host/"}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":"https://:80/"}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":"https://ho st/"}`, 422, `"loc":["body","callback_url"]`},
		{modelRuns, `{"input":{},"callback_url":"HTTPS://host/a?b=c"}`, 201, `"callback_url":"HTTPS://host/a?b=c"`},
		{modelRuns, `{"input":{},"metadata":null,"callback_url":null,"client_ref":null}`, 201, `"status_code":"queued"`},
		{"/v1/models/acme/dog/runs", `{"input":{}}`, 404, "MODEL_UNAVAILABLE"},
		{"/v1/comfyui-workflows/acme/none/runs", `{"input":{}}`, 404, "NOT_FOUND"},
		{workflowRuns, `{"input":{},"callback_url":"x"}`, 422, `"loc":["body","callback_url"]`},
	} {
		status, got := send(t, server, http.MethodPost, tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%s %s", tc.path, tc.body)
		assert.Contains(t, got, tc.want)
		if status == 201 {
			created++
		}
	}
	assert.Len(t, server.Runs(), created)
}

func TestServer_CreateRun_ReportsAllBadFields(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	status, body := send(t, server, http.MethodPost, modelRuns, `{"metadata":[],"callback_url":1,"client_ref":{}}`)
	assert.Equal(t, 422, status)
	assert.JSONEq(t, `{"code":"validation_error","message":"the request is not valid","errors":[
		{"loc":["body","input"],"msg":"Field required","type":"missing"},
		{"loc":["body","metadata"],"msg":"Input should be a valid dictionary","type":"dict_type"},
		{"loc":["body","callback_url"],"msg":"Input should be a valid string","type":"string_type"},
		{"loc":["body","client_ref"],"msg":"Input should be a valid string","type":"string_type"}]}`, body)
	assert.Empty(t, server.Runs())
}

func TestServer_CreateRun_IDs(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for path, hasRunID := range map[string]bool{modelRuns: false, workflowRuns: true} {
		_, body := send(t, server, http.MethodPost, path, `{"input":{}}`)
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		assert.NotEmpty(t, got["id"])
		runID, ok := got["run_id"]
		assert.Equal(t, hasRunID, ok, path)
		if hasRunID {
			assert.Equal(t, got["id"], runID)
		}
	}
}

func TestServer_CreateRun_DefaultOutput(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	server.FinishRun(run.ID)
	run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
	require.NoError(t, err)
	files := run.OutputFiles()
	require.Len(t, files, 1)
	assert.Equal(t, "image", files[0].Type)
	url, err := json.Marshal(files[0].URL)
	require.NoError(t, err)
	assert.Equal(t, `{"outputs":[{"url":`+string(url)+`,"type":"image"}],"seed":null,"timing":null,"nsfw_detected":null}`, run.Output.String())
}

func TestServer_CreateRun_IdempotencyKey(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.AddUser("other", "org-2")
	create := func(prompt string, opts ...runflow.CallOption) (*runflow.Run, error) {
		opts = append(opts, runflow.WithIdempotencyKey("k"))
		return client.Models.CreateRun(t.Context(), "acme/cat/2.0", runflow.CreateRunParams{Input: map[string]any{"prompt": prompt}}, opts...)
	}
	first, err := create("a")
	require.NoError(t, err)
	server.FinishRun(first.ID)
	second, err := create("a")
	require.NoError(t, err)
	assert.Equal(t, first, second)
	_, err = create("b")
	require.ErrorIs(t, err, runflow.ErrConflict)
	_, err = client.ComfyuiWorkflows.CreateRun(t.Context(), "acme/swap",
		runflow.CreateRunParams{Input: map[string]any{"prompt": "a"}}, runflow.WithIdempotencyKey("k"))
	require.ErrorIs(t, err, runflow.ErrConflict, "it is another path")
	assert.Len(t, server.Runs(), 1)

	other, err := create("b", runflow.WithToken("other"))
	require.NoError(t, err, "it is another organization")
	assert.Equal(t, "org-2", other.OrgID)
}

func TestServer_CreateRun_RefusedRequestIsNotReplayed(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	_, err := client.Models.CreateRun(t.Context(), "acme/new", params(), runflow.WithIdempotencyKey("k"))
	require.ErrorIs(t, err, runflow.ErrNotFound)
	server.AddModel("acme/new", runflow.Model{})
	_, err = client.Models.CreateRun(t.Context(), "acme/new", params(), runflow.WithIdempotencyKey("k"))
	require.NoError(t, err)
}
