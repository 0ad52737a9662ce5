package runflowtest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestABackendRatesWithItsUsersToken(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded})
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)

	rated, err := client.Runs.SetFeedback(t.Context(), run.ID, runflow.Feedback{IsPositive: true, Reason: "sharp"})
	require.NoError(t, err)
	fb, ok := rated.Feedback()
	assert.True(t, ok)
	assert.Equal(t, runflow.Feedback{IsPositive: true, Reason: "sharp"}, fb)

	rated, err = client.Runs.SetFeedback(t.Context(), run.ID, runflow.Feedback{})
	require.NoError(t, err)
	fb, ok = rated.Feedback()
	assert.True(t, ok)
	assert.Equal(t, runflow.Feedback{}, fb, "the old reason is gone")

	_, err = client.Runs.ClearFeedback(t.Context(), run.ID)
	require.NoError(t, err)
	stored, ok := server.Run(run.ID)
	assert.True(t, ok)
	assert.Equal(t, run, stored)
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
	server.AddRun(runflow.Run{ID: "ours"})
	server.AddRun(runflow.Run{ID: "theirs", OrgID: "org-2"})
	server.AddUser("token-of-both", server.OrgID, "org-2")
	server.AddUser("token-of-nobody")
	server.AddAPIKey("key-of-org-2", "org-2")
	client, err := runflow.NewClient("unknown-token", runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	type opts = []runflow.Option
	for name, tc := range map[string]struct {
		run       string
		opts      opts
		get, rate error
		code      string
	}{
		"unknown token":         {"ours", nil, runflow.ErrUnauthorized, runflow.ErrUnauthorized, "UNAUTHORIZED"},
		"user":                  {"ours", opts{runflow.WithToken(server.UserToken)}, nil, nil, ""},
		"API key":               {"ours", opts{runflow.WithToken(server.APIKey)}, nil, runflow.ErrPermissionDenied, "PERMISSION_DENIED"},
		"foreign run":           {"theirs", opts{runflow.WithToken(server.UserToken)}, runflow.ErrNotFound, runflow.ErrNotFound, "RUN_NOT_FOUND"},
		"no run":                {"none", opts{runflow.WithToken(server.UserToken)}, runflow.ErrNotFound, runflow.ErrNotFound, "RUN_NOT_FOUND"},
		"foreign organization":  {"ours", opts{runflow.WithToken(server.UserToken), runflow.WithOrganization("org-2")}, runflow.ErrPermissionDenied, runflow.ErrPermissionDenied, "ORGANIZATION_MEMBERSHIP_REQUIRED"},
		"no organization":       {"ours", opts{runflow.WithToken("token-of-nobody")}, runflow.ErrPermissionDenied, runflow.ErrPermissionDenied, "ORGANIZATION_MEMBERSHIP_REQUIRED"},
		"first organization":    {"ours", opts{runflow.WithToken("token-of-both")}, nil, nil, ""},
		"second organization":   {"theirs", opts{runflow.WithToken("token-of-both"), runflow.WithOrganization("org-2")}, nil, nil, ""},
		"run of the first only": {"ours", opts{runflow.WithToken("token-of-both"), runflow.WithOrganization("org-2")}, runflow.ErrNotFound, runflow.ErrNotFound, "RUN_NOT_FOUND"},
		"another key":           {"theirs", opts{runflow.WithToken("key-of-org-2")}, nil, runflow.ErrPermissionDenied, "PERMISSION_DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, getErr := client.Runs.Get(t.Context(), tc.run, nil, tc.opts...)
			_, rateErr := client.Runs.SetFeedback(t.Context(), tc.run, runflow.Feedback{}, tc.opts...)
			require.ErrorIs(t, getErr, tc.get)
			require.ErrorIs(t, rateErr, tc.rate)
			if apiErr, ok := errors.AsType[*runflow.APIError](rateErr); ok {
				assert.Equal(t, tc.code, apiErr.Code)
			}
		})
	}
}

func TestGetSendsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
	full := runflow.Run{
		ID: "1", OrgID: server.OrgID, StatusCode: "failed", FailureCode: "X",
		Logs: []runflow.RunLog{{ID: "log"}}, Model: &runflow.Model{ID: "model"},
	}
	server.AddRun(full)
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)

	bare := full
	bare.Logs, bare.Model = nil, nil
	run, err := client.Runs.Get(t.Context(), "1", nil)
	require.NoError(t, err)
	assert.Equal(t, &bare, run)

	run, err = client.Runs.Get(t.Context(), "1", &runflow.RunGetParams{Embed: []runflow.RunEmbed{"logs", "model", "node_runs"}})
	require.NoError(t, err)
	assert.Equal(t, &full, run)

	run, err = client.Runs.Get(t.Context(), "1", &runflow.RunGetParams{Embed: []runflow.RunEmbed{"logs"}, Fields: []string{"id"}})
	require.NoError(t, err)
	assert.Equal(t, &runflow.Run{ID: "1", Logs: full.Logs}, run)
}

func TestRunsAreCopied(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
	up := true
	given := runflow.Run{FeedbackIsPositive: &up, Output: runflow.JSON(`{"a":1}`)}
	first, second := server.AddRun(given), server.AddRun(given)
	assert.NotEqual(t, first.ID, second.ID)
	assert.Equal(t, server.OrgID, first.OrgID)
	assert.Empty(t, given.ID)

	up, given.Output[2] = false, 'x'
	stored, _ := server.Run(first.ID)
	assert.True(t, *stored.FeedbackIsPositive)
	assert.Equal(t, `{"a":1}`, stored.Output.String())
	*stored.FeedbackIsPositive = false
	stored, _ = server.Run(first.ID)
	assert.True(t, *stored.FeedbackIsPositive)
	_, found := server.Run("none")
	assert.False(t, found)
}

func TestBodiesAreValidated(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
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
	run, _ := server.Run("1")
	assert.True(t, *run.FeedbackIsPositive)
	assert.Equal(t, "kept", run.FeedbackReason)

	status, got := send(t, server, http.MethodPatch, "/v1/runs/1/feedback", `{"is_positive":null,"reason":"dropped","unknown":1}`)
	assert.Equal(t, 200, status)
	assert.NotContains(t, got, "dropped")

	status, got = send(t, server, http.MethodGet, "/v1/nothing", "")
	assert.Equal(t, 404, status)
	assert.Contains(t, got, `"NOT_FOUND"`)
}

func TestARunThatIsNoJSONIsTheServersFault(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewServer()
	t.Cleanup(server.Close)
	server.AddRun(runflow.Run{ID: "1", Output: runflow.JSON("{")})
	for method, path := range map[string]string{http.MethodGet: "/v1/runs/1", http.MethodPatch: "/v1/runs/1/feedback"} {
		status, got := send(t, server, method, path, `{"is_positive":true}`)
		assert.Equal(t, 500, status)
		assert.True(t, json.Valid([]byte(got)), got)
	}
}

func send(t *testing.T, server *runflowtest.Server, method, path, body string) (status int, got string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+server.UserToken)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}
