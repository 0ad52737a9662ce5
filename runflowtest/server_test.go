package runflowtest_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// do sends a request with a JSON body. The default headers are the user's token and
// the type of the body; header replaces them.
func do(t *testing.T, server *runflowtest.Server, method, path, body string, header http.Header) (status int, got http.Header, response string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+server.UserToken)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	maps.Copy(req.Header, header)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(data)
}

func send(t *testing.T, server *runflowtest.Server, method, path, body string) (status int, response string) {
	t.Helper()
	status, _, response = do(t, server, method, path, body, nil)
	return status, response
}

func TestNew_ClosesServer(t *testing.T) {
	t.Parallel()
	var server *runflowtest.Server
	t.Cleanup(func() { // called after the cleanup that New has registered
		client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL), runflow.WithMaxRetries(0))
		require.NoError(t, err)
		_, err = client.Runs.List(context.WithoutCancel(t.Context()), runflow.ListRunsParams{})
		_, ok := errors.AsType[*runflow.TransportError](err)
		assert.True(t, ok, "want no connection, got %v", err)
	})
	server = runflowtest.New(t)
	status, _ := send(t, server, http.MethodGet, "/v1/runs", "")
	assert.Equal(t, 200, status)
}

func TestNewServer_NothingIsShared(t *testing.T) {
	t.Parallel()
	first, second := runflowtest.New(t), runflowtest.New(t)
	assert.NotEqual(t, first.OrgID, second.OrgID)
	assert.NotEqual(t, first.UserToken, second.UserToken)
	assert.NotEqual(t, first.APIKey, second.APIKey)
	assert.NotEqual(t, first.CallbackSecret, second.CallbackSecret)
	seen := map[string]bool{}
	for range 100 {
		seen[first.AddRun(runflow.Run{}).ID] = true
		seen[second.AddRun(runflow.Run{}).ID] = true
	}
	assert.Len(t, seen, 200)
}

func TestServer_IDs(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	previous := server.OrgID
	for range 100 {
		id := server.AddRun(runflow.Run{}).ID
		assert.Regexp(t, "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$", id)
		assert.Greater(t, id, previous)
		previous = id
	}
}

func TestServer_Authorization(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddUser("", server.OrgID)
	token := server.UserToken
	for header, want := range map[string]int{
		"Bearer " + token:   200,
		"bearer " + token:   200,
		"BEARER " + token:   200,
		"Bearer   " + token: 200,
		token:               401,
		"Basic " + token:    401,
		"Bearer" + token:    401,
		"Bearer":            401,
		"Bearer ":           401,
		"":                  401,
	} {
		status, _, body := do(t, server, http.MethodGet, "/v1/runs", "", http.Header{"Authorization": {header}})
		assert.Equal(t, want, status, "%q", header)
		if want == 401 {
			assert.JSONEq(t, `{"code":"UNAUTHORIZED","message":"missing or invalid bearer token","errors":null}`, body)
		}
	}
}

func TestServer_Permissions(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddRun(runflow.Run{ID: "ours"})
	server.AddRun(runflow.Run{ID: "theirs", OrgID: "org-2"})
	server.AddUser("token-of-both", server.OrgID, "org-2")
	server.AddUser("token-of-nobody")
	server.AddAPIKey("key-of-org-2", "org-2")
	client, err := runflow.NewClient("unknown-token", runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	type opts = []runflow.CallOption
	for name, tc := range map[string]struct {
		run    string
		opts   opts
		getErr error
		setErr error
		code   string
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
		"key of another":        {"theirs", opts{runflow.WithToken("key-of-org-2")}, nil, runflow.ErrPermissionDenied, "PERMISSION_DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, getErr := client.Runs.Get(t.Context(), tc.run, runflow.GetRunParams{}, tc.opts...)
			_, setErr := client.Runs.SetFeedback(t.Context(), tc.run, runflow.Feedback{Rating: runflow.ThumbsUp}, tc.opts...)
			require.ErrorIs(t, getErr, tc.getErr)
			require.ErrorIs(t, setErr, tc.setErr)
			if apiErr, ok := errors.AsType[*runflow.APIError](setErr); ok {
				assert.Equal(t, tc.code, apiErr.Code)
			}
		})
	}
}

func TestServer_MethodNotAllowed(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	server.AddRun(runflow.Run{ID: "1"})
	server.Handle("PUT /v1/other", http.NotFoundHandler())
	for _, tc := range []struct{ method, path, allow string }{
		{"DELETE", "/v1/runs/1", "GET, HEAD"},
		{"POST", "/v1/runs", "GET, HEAD"},
		{"POST", "/v1/runs/statuses", "GET, HEAD"},
		{"GET", "/v1/runs/1/feedback", "PATCH"},
		{"PUT", "/v1/runs/1/feedback", "PATCH"},
		{"GET", "/v1/runs/1/callback-redeliveries", "POST"},
		{"POST", "/v1/models", "GET, HEAD"},
		{"POST", "/v1/models/cat/runs", "GET, HEAD"}, // the path has no owner
		{"POST", "/v1/models/acme/cat/2.0", "GET, HEAD"},
		{"GET", "/v1/models/acme/cat/2.0/runs", "POST"},
		{"DELETE", "/v1/models/id/pricing", "GET, HEAD"},
		{"DELETE", "/v1/models/id/examples/id", "GET, HEAD"},
		{"DELETE", "/v1/comfyui-workflows/acme/swap/runs", "GET, HEAD, POST"},
		{"POST", "/files/a", "GET, HEAD"},
		{"POST", "/v1/other", "PUT"},
	} {
		status, header, body := do(t, server, tc.method, tc.path, `{"input":{}}`, nil)
		assert.Equal(t, 405, status, "%s %s", tc.method, tc.path)
		assert.Equal(t, tc.allow, header.Get("Allow"), "%s %s", tc.method, tc.path)
		assert.Contains(t, body, `"METHOD_NOT_ALLOWED"`)
	}
	for _, path := range []string{"/", "/v1/nothing", "/v1/models/acme", "/files/", "/v1/runs/1/nothing"} {
		status, body := send(t, server, http.MethodPost, path, "{}")
		assert.Equal(t, 404, status, path)
		assert.Contains(t, body, `"NOT_FOUND"`)
	}
	status, body := send(t, server, http.MethodHead, "/v1/runs/1", "")
	assert.Equal(t, 200, status)
	assert.Empty(t, body)
}

func TestServer_UnsupportedMediaType(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	server.AddRun(runflow.Run{ID: "1"})
	for _, endpoint := range []struct{ method, path, body string }{
		{"POST", "/v1/models/acme/cat/2.0/runs", `{"input":{}}`},
		{"POST", "/v1/comfyui-workflows/acme/swap/runs", `{"input":{}}`},
		{"PATCH", "/v1/runs/1/feedback", `{"is_positive":true}`},
	} {
		for mediaType, isJSON := range map[string]bool{
			"application/json": true, "Application/JSON; charset=utf-8": true, "application/merge-patch+json": true,
			"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "application/jsonp": false, "application/": false,
		} {
			status, _, body := do(t, server, endpoint.method, endpoint.path, endpoint.body, http.Header{"Content-Type": {mediaType}})
			if isJSON {
				assert.Less(t, status, 300, "%s %q: %s", endpoint.path, mediaType, body)
				continue
			}
			assert.Equal(t, 415, status, "%s %q", endpoint.path, mediaType)
			assert.Contains(t, body, `"UNSUPPORTED_MEDIA_TYPE"`)
		}
	}
}

func TestServer_RequestID(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	link := strings.TrimPrefix(server.AddFile("a", "text/plain", nil), server.URL)
	server.AddRun(runflow.Run{ID: "1"})
	server.Handle("GET /v1/other", http.NotFoundHandler())
	fault := runflowtest.Route("GET /v1/comfyui-workflows")
	server.InjectFault(1, runflowtest.Fault{Match: fault, Status: 503})
	seen := map[string]bool{}
	paths := []string{
		"/v1/runs", "/v1/runs/1", "/v1/runs/none", "/v1/nothing", "/v1/runs?q=x", "/v1/runs/1/feedback",
		"/v1/other", "/v1/comfyui-workflows", link, "/files/none",
	}
	for _, path := range paths {
		_, header, _ := do(t, server, http.MethodGet, path, "", nil)
		assert.NotEmpty(t, header.Get("X-Request-Id"), path)
		seen[header.Get("X-Request-Id")] = true
	}
	assert.Len(t, seen, len(paths))

	var response runflow.Response
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, runflow.WithResponse(&response))
	require.NoError(t, err)
	assert.NotEmpty(t, response.RequestID)
	_, err = client.Runs.Get(t.Context(), "none", runflow.GetRunParams{})
	info, _ := runflow.CallInfoOf(err)
	assert.NotEmpty(t, info.RequestID)
}

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	_, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	_, err = client.Runs.List(t.Context(), runflow.ListRunsParams{Limit: 7})
	require.NoError(t, err)
	fetch(t, server.AddFile("a", "text/plain", nil), nil)
	requests := server.Requests()
	require.Len(t, requests, 2, "downloads are not recorded")
	assert.Equal(t, "POST", requests[0].Method)
	assert.Equal(t, "/v1/models/acme/cat/2.0/runs", requests[0].Path)
	assert.Equal(t, `{"input":{"prompt":"a cat"}}`, string(requests[0].Body))
	assert.NotEmpty(t, requests[0].Header.Get("Idempotency-Key"))
	assert.Equal(t, "7", requests[1].Query.Get("limit"))
}

func TestServer_Requests_MaxRequests(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.MaxRequests = 3
	for _, path := range []string{"/1", "/2", "/3", "/4", "/5"} {
		send(t, server, http.MethodGet, path, "")
	}
	var paths []string
	for _, request := range server.Requests() {
		paths = append(paths, request.Path)
	}
	assert.Equal(t, []string{"/3", "/4", "/5"}, paths)
}

func TestServer_Handle_AddsEndpoint(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Handle("POST /v1/batches/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"id":"`+r.PathValue("id")+`","runs":`+map[int]string{0: "0"}[len(server.Runs())]+`,"body":`+string(body)+`}`)
	}))
	var got runflow.JSON
	err := client.Do(t.Context(), "POST", "/v1/batches/b1", map[string]int{"a": 1}, &got, runflow.WithToken("unknown"))
	require.NoError(t, err, "it is not authenticated")
	assert.JSONEq(t, `{"id":"b1","runs":0,"body":{"a":1}}`, got.String())
	requests := server.Requests()
	require.Len(t, requests, 1)
	assert.Equal(t, "/v1/batches/b1", requests[0].Path)

	server.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route("/v1/batches/"), Status: 402})
	require.ErrorIs(t, client.Do(t.Context(), "POST", "/v1/batches/b1", nil, nil), runflow.ErrInsufficientCredit)
}

func TestServer_Handle_ReplacesEndpoint(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	respond := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	server.AddRun(runflow.Run{ID: "1"})
	server.Handle("GET /v1/runs/{id}", respond("first"))
	_, body := send(t, server, http.MethodGet, "/v1/runs/1", "")
	assert.Equal(t, "first", body)
	server.Handle("GET /v1/runs/{id}", respond("second"))
	_, body = send(t, server, http.MethodGet, "/v1/runs/1", "")
	assert.Equal(t, "second", body)
	status, _ := send(t, server, http.MethodPatch, "/v1/runs/1/feedback", `{"is_positive":true}`)
	assert.Equal(t, 200, status, "other endpoints stay")

	assert.Panics(t, func() { server.Handle("GET /v1/runs/{other}", respond("")) }, "it conflicts")
	_, body = send(t, server, http.MethodGet, "/v1/runs/1", "")
	assert.Equal(t, "second", body, "the server can still be used")
}

func TestServer_PanicOfTest(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Script("acme/cat/2.0", func(*runflow.Run) { panic("in the step") })
	run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	server.Handle("/v1/panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("in the handler") }))
	for path, want := range map[string]string{"/v1/runs/" + run.ID: "in the step", "/v1/panic": "in the handler"} {
		status, body := send(t, server, http.MethodGet, path, "")
		assert.Equal(t, 500, status)
		assert.Contains(t, body, want)
	}
	server.InjectFault(1, runflowtest.Fault{Match: func(*http.Request) bool { panic("in Match") }})
	status, body := send(t, server, http.MethodGet, "/v1/runs", "")
	assert.Equal(t, 500, status)
	assert.Contains(t, body, "in Match")
	assert.Len(t, server.Runs(), 1, "the server can still be used")
}

func TestServer_Handle_AbortHandler(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Handle("GET /v1/abort", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	err := client.Do(t.Context(), "GET", "/v1/abort", nil, nil, runflow.WithMaxRetries(0))
	_, ok := errors.AsType[*runflow.TransportError](err)
	assert.True(t, ok, "want a lost connection, got %v", err)
}
