package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// send sends a request to a control endpoint, and returns the response.
func send(t *testing.T, env map[string]string, method, path, body string) (status int, response string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, env["RUNFLOW_BASE_URL"]+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, strings.TrimSpace(string(data))
}

func TestControl_InjectFault(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault string
		check func(t *testing.T, err error, server map[string]string)
	}{
		"status": {`{"route": "GET /v1/models", "status": 503, "code": "DOWN"}`, func(t *testing.T, err error, _ map[string]string) {
			t.Helper()
			apiErr, ok := err.(*runflow.APIError) //nolint:errorlint // the client does not wrap it
			require.True(t, ok, err)
			assert.Equal(t, 503, apiErr.StatusCode)
			assert.Equal(t, "DOWN", apiErr.Code)
		}},
		"retry after": {`{"status": 429, "retry_after_seconds": 7}`, func(t *testing.T, err error, _ map[string]string) {
			t.Helper()
			apiErr, ok := err.(*runflow.APIError) //nolint:errorlint // the client does not wrap it
			require.True(t, ok, err)
			assert.Equal(t, 7*time.Second, apiErr.RetryAfter)
		}},
		"closed connection": {`{}`, func(t *testing.T, err error, _ map[string]string) {
			t.Helper()
			require.ErrorContains(t, err, "connection reset")
		}},
		"truncated": {`{"truncate": true}`, func(t *testing.T, err error, _ map[string]string) {
			t.Helper()
			require.Error(t, err)
		}},
		"delay": {`{"delay_ms": 1}`, func(t *testing.T, err error, _ map[string]string) {
			t.Helper()
			require.NoError(t, err)
		}},
		"other route": {`{"route": "POST /v1/models/", "status": 503}`, func(t *testing.T, err error, server map[string]string) {
			t.Helper()
			require.NoError(t, err)
			_, list := send(t, server, "GET", "/_fake/faults", "")
			assert.JSONEq(t, `{"faults": [{"id": 1, "route": "POST /v1/models/", "count": 1, "status": 503}]}`, list)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, _ := start(t)
			status, response := send(t, env, "POST", "/_fake/faults", tt.fault)
			require.Equal(t, 201, status, response)
			client := newClient(t, env, runflow.WithMaxRetries(0))
			_, err := client.Models.List(t.Context(), runflow.ListModelsParams{})
			tt.check(t, err, env)
			_, err = client.Models.List(t.Context(), runflow.ListModelsParams{})
			require.NoError(t, err, "the fault applies to one request")
		})
	}
}

func TestControl_InjectFault_AfterProcessing(t *testing.T) {
	t.Parallel()
	env, _ := start(t)
	send(t, env, "POST", "/_fake/faults", `{"after_processing": true}`)
	client := newClient(t, env)
	_, err := client.Models.CreateRun(t.Context(), "runflow/demo", runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}, ClientRef: "ref-1"})
	require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
	runs, err := client.Runs.FindByClientRef(t.Context(), "ref-1")
	require.NoError(t, err)
	assert.Len(t, runs, 1)
}

func TestControl_InjectFault_Count(t *testing.T) {
	t.Parallel()
	env, _ := start(t)
	client := newClient(t, env, runflow.WithMaxRetries(0))
	list := func() error {
		_, err := client.Models.List(t.Context(), runflow.ListModelsParams{})
		return err
	}
	send(t, env, "POST", "/_fake/faults", `{"status": 500, "count": 2}`)
	require.ErrorIs(t, list(), runflow.ErrServer)
	_, pending := send(t, env, "GET", "/_fake/faults", "")
	assert.JSONEq(t, `{"faults": [{"id": 1, "count": 1, "status": 500}]}`, pending)
	require.ErrorIs(t, list(), runflow.ErrServer)
	_, pending = send(t, env, "GET", "/_fake/faults", "")
	assert.JSONEq(t, `{"faults": []}`, pending)
	require.NoError(t, list())
}

func TestControl_RemoveFault(t *testing.T) {
	t.Parallel()
	env, _ := start(t)
	client := newClient(t, env, runflow.WithMaxRetries(0))
	list := func() error {
		_, err := client.Models.List(t.Context(), runflow.ListModelsParams{})
		return err
	}
	send(t, env, "POST", "/_fake/faults", `{"status": 500, "count": -1}`)
	send(t, env, "POST", "/_fake/faults", `{"status": 404, "count": -1}`)
	for range 3 {
		require.ErrorIs(t, list(), runflow.ErrServer)
	}
	status, _ := send(t, env, "DELETE", "/_fake/faults/1", "")
	require.Equal(t, 204, status)
	require.ErrorIs(t, list(), runflow.ErrNotFound)
	for _, path := range []string{"/_fake/faults/1", "/_fake/faults/first"} {
		status, response := send(t, env, "DELETE", path, "")
		assert.Equal(t, 404, status)
		assert.JSONEq(t, `{"error": "no pending fault has this id"}`, response)
	}
	status, _ = send(t, env, "DELETE", "/_fake/faults", "")
	require.Equal(t, 204, status)
	require.NoError(t, list())
}

func TestControl_InjectFault_Invalid(t *testing.T) {
	t.Parallel()
	env, _ := start(t)
	tests := map[string]struct{ fault, err string }{
		"unknown field":  {`{"stauts": 503}`, `unknown field "stauts"`},
		"not JSON":       {`status=503`, "invalid character"},
		"id":             {`{"id": 1}`, "id: must not be set"},
		"route":          {`{"route": "GET"}`, "route: "},
		"count":          {`{"count": 0}`, "count: must not be 0"},
		"status":         {`{"status": 200}`, "status: must be between 400 and 599"},
		"negative delay": {`{"delay_ms": -1}`, "delay_ms: must not be negative"},
		"negative wait":  {`{"retry_after_seconds": -1}`, "retry_after_seconds: must not be negative"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, response := send(t, env, "POST", "/_fake/faults", tt.fault)
			assert.Equal(t, 400, status)
			var body struct {
				Error string `json:"error"`
			}
			require.NoError(t, json.Unmarshal([]byte(response), &body))
			assert.Contains(t, body.Error, tt.err)
		})
	}
}

func TestControl_ListRequests(t *testing.T) {
	t.Parallel()
	env, _ := start(t)
	_, err := newClient(t, env).Models.CreateRun(t.Context(), "runflow/demo", runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}})
	require.NoError(t, err)
	send(t, env, "GET", "/_fake/faults", "")
	_, response := send(t, env, "GET", "/_fake/requests", "")
	var list struct {
		Requests []request `json:"requests"`
	}
	require.NoError(t, json.Unmarshal([]byte(response), &list))
	require.Len(t, list.Requests, 1, "requests to control endpoints are not listed")
	got := list.Requests[0]
	assert.Equal(t, "POST", got.Method)
	assert.Equal(t, "/v1/models/runflow/demo/runs", got.Path)
	assert.Equal(t, "Bearer "+env["RUNFLOW_USER_TOKEN"], got.Header.Get("Authorization"))
	assert.JSONEq(t, `{"input": {"prompt": "a cat"}}`, got.Body)
}

func TestControl_ExpireLinks(t *testing.T) {
	t.Parallel()
	env, _ := start(t, "-seed", "testdata/seed.json")
	client := newClient(t, env)
	run, err := client.Runs.Get(t.Context(), "run-1", runflow.GetRunParams{})
	require.NoError(t, err)
	link := run.OutputFiles()[0].URL
	assert.Equal(t, 200, statusOf(t, link))
	status, _ := send(t, env, "POST", "/_fake/expired-links", "")
	require.Equal(t, 204, status)
	assert.Equal(t, 403, statusOf(t, link))
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}
