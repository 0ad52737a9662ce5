package runflow_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestClient_Do_Request(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, path string
		body         any
		uri, sent    string
	}{
		"GET":            {"GET", "/v1/batches?limit=10&q=a%20b", nil, "/base/v1/batches?limit=10&q=a%20b", ""},
		"struct":         {"POST", "/v1/batches", struct{ A string }{"<b>"}, "/base/v1/batches", `{"A":"<b>"}`},
		"map":            {"PUT", "/v1/x", map[string]any{"b": 1, "a": nil}, "/base/v1/x", `{"a":null,"b":1}`},
		"bytes":          {"PATCH", "/v1/x", []byte(` {"a": 1.50} `), "/base/v1/x", ` {"a": 1.50} `},
		"JSON":           {"PATCH", "/v1/x", runflow.JSON(`{"a" :1}`), "/base/v1/x", `{"a" :1}`},
		"raw message":    {"PATCH", "/v1/x", json.RawMessage(`[1, 2]`), "/base/v1/x", `[1, 2]`},
		"no body":        {"POST", "/v1/x", nil, "/base/v1/x", ""},
		"DELETE":         {"DELETE", "/v1/x/a%2Fb", nil, "/base/v1/x/a%2Fb", ""},
		"escaped":        {"GET", "/v1/ü/a b", nil, "/base/v1/%C3%BC/a%20b", ""},
		"dots in a name": {"GET", "/v1/...", nil, "/base/v1/...", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, `{}`)
			client := server.client(t, runflow.WithBaseURL(server.URL+"/base"))
			require.NoError(t, client.Do(t.Context(), tc.method, tc.path, tc.body, nil))
			got := server.only(t)
			assert.Equal(t, tc.method, got.Method)
			assert.Equal(t, tc.uri, got.URI)
			assert.Equal(t, tc.sent, got.Body)
			assert.Equal(t, tc.sent != "", got.Header.Get("Content-Type") == "application/json")
			assert.Equal(t, tc.sent != "", got.Header.Get("Idempotency-Key") != "", "without a body, net/http would send a request with a key again by itself")
			assert.Equal(t, "Bearer "+token, got.Header.Get("Authorization"))
		})
	}
}

func TestClient_Do_BadArguments(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{}`)
	client := server.client(t)
	var run runflow.Run
	for name, tc := range map[string]struct {
		method, path string
		body, out    any
		want         string
	}{
		"no method":          {"", "/v1/x", nil, nil, "method: "},
		"lower case":         {"get", "/v1/x", nil, nil, "method: must be an HTTP method in upper case"},
		"CONNECT":            {"CONNECT", "/v1/x", nil, nil, "method: "},
		"space in method":    {"GET X", "/v1/x", nil, nil, "method: "},
		"no path":            {"GET", "", nil, nil, "path: "},
		"relative path":      {"GET", "v1/x", nil, nil, "path: "},
		"scheme":             {"GET", "https://canary.example/v1", nil, nil, "path: "},
		"host":               {"GET", "//canary.example/v1", nil, nil, "path: "},
		"dots":               {"GET", "/v1/../x", nil, nil, `path: must not contain ".."`},
		"dots at the end":    {"GET", "/v1/..", nil, nil, `path: must not contain ".."`},
		"escaped dots":       {"GET", "/v1/%2e%2E/x", nil, nil, `path: must not contain ".."`},
		"escaped slash":      {"GET", "/v1/..%2fx", nil, nil, `path: must not contain ".."`},
		"backslash":          {"GET", `/v1\x`, nil, nil, "path: must not contain a backslash"},
		"escaped backslash":  {"GET", "/v1/..%5cx", nil, nil, "path: must not contain a backslash"},
		"fragment":           {"GET", "/v1/x#canary", nil, nil, "path: must not contain a fragment"},
		"control character":  {"GET", "/v1/x%0a", nil, nil, "path: must not contain control characters"},
		"line break":         {"GET", "/v1/x\n", nil, nil, "path: "},
		"space in the query": {"GET", "/v1/x?a=b c", nil, nil, "path: must have an escaped query"},
		"body of a GET":      {"GET", "/v1/x", map[string]any{}, nil, "body: must be nil for GET"},
		"body of a HEAD":     {"HEAD", "/v1/x", map[string]any{}, nil, "body: must be nil for HEAD"},
		"reader":             {"POST", "/v1/x", strings.NewReader("{}"), nil, "body: must not be an io.Reader"},
		"malformed bytes":    {"POST", "/v1/x", []byte("canary"), nil, "body: must be valid JSON"},
		"malformed JSON":     {"POST", "/v1/x", runflow.JSON("{"), nil, "body: must be valid JSON"},
		"function":           {"POST", "/v1/x", func() {}, nil, "body: "},
		"out not a pointer":  {"GET", "/v1/x", nil, run, "out: must be nil or a non-nil pointer"},
		"nil pointer":        {"GET", "/v1/x", nil, (*runflow.Run)(nil), "out: must be nil or a non-nil pointer"},
		"writer":             {"GET", "/v1/x", nil, new(bytes.Buffer), "out: must not be an io.Writer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := client.Do(t.Context(), tc.method, tc.path, tc.body, tc.out)
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.ErrorContains(t, err, "runflow: Client.Do: "+tc.want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
	err := client.Do(t.Context(), "GET", "/v1/x", nil, nil, runflow.WithIdempotencyKey("k"))
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	t.Cleanup(func() { assert.Empty(t, server.seen()) })
}

func TestClient_Do_Out(t *testing.T) {
	t.Parallel()
	client := newAPI(t, 200, `{"id" : "1","new_field":"new","duration_ms":"odd"}`).client(t)
	var raw runflow.JSON
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x", nil, &raw))
	assert.Equal(t, `{"id" : "1","new_field":"new","duration_ms":"odd"}`, raw.String())
	var data []byte
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x", nil, &data))
	assert.Equal(t, raw.String(), string(data))
	var own struct {
		runflow.Run

		NewField string `json:"new_field"`
	}
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x", nil, &own))
	assert.Equal(t, "1", own.ID)
	assert.Equal(t, "new", own.NewField)
	var loose map[string]any
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x", nil, &loose))
	assert.Equal(t, "new", loose["new_field"])

	var page runflow.Page[struct {
		runflow.Run

		NewField string `json:"new_field"`
	}]
	client = newAPI(t, 200, `{"items":[{"id":"1","new_field":"x"}],"next":"n","previous":"p"}`).client(t)
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x", nil, &page))
	assert.Equal(t, "x", page.Items[0].NewField)
	assert.Equal(t, "1", page.Items[0].ID)
	assert.Equal(t, "n", page.Next)
	assert.Equal(t, "?from_prev=true&pq=p", page.Previous)
}

func TestClient_Do_WithoutBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/205":
			w.WriteHeader(http.StatusResetContent)
			_, _ = io.WriteString(w, "content that must not be there")
		}
	}))
	t.Cleanup(server.Close)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	for _, request := range [][2]string{{"GET", "/204"}, {"POST", "/205"}, {"DELETE", "/empty"}, {"HEAD", "/empty"}} {
		run := runflow.Run{ID: "before"}
		require.NoError(t, client.Do(t.Context(), request[0], request[1], nil, &run))
		assert.Equal(t, "before", run.ID)
	}
}

func TestClient_Do_NotJSON(t *testing.T) {
	t.Parallel()
	client := newAPI(t, 200, "<html>canary").client(t)
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x", nil, nil), "nothing is decoded")
	for _, out := range []any{new(runflow.JSON), new([]byte), new(runflow.Run), new(any), new(runflow.Page[runflow.Run])} {
		err := client.Do(t.Context(), "POST", "/v1/x?secret=canary", map[string]any{}, out)
		var decodeErr *runflow.DecodeError
		require.ErrorAs(t, err, &decodeErr)
		require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
		assert.NotContains(t, err.Error(), "canary")
		assert.Equal(t, "/v1/x", decodeErr.Route)
	}
}

func TestClient_Do_Retries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method    string
		opts      []runflow.CallOption
		requests  int
		isUnknown bool
	}{
		"GET":              {"GET", nil, 3, false},
		"HEAD":             {"HEAD", nil, 3, false},
		"PUT":              {"PUT", nil, 1, true},
		"DELETE":           {"DELETE", nil, 1, true},
		"POST":             {"POST", nil, 1, true},
		"POST with a key":  {"POST", []runflow.CallOption{runflow.WithIdempotencyKey("k")}, 3, true},
		"PATCH with a key": {"PATCH", []runflow.CallOption{runflow.WithIdempotencyKey("k")}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 503, `{"code":"DOWN"}`)
			client := server.client(t, runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1))
			err := client.Do(t.Context(), tc.method, "/v1/x/1?a=canary", nil, nil, tc.opts...)
			require.ErrorIs(t, err, runflow.ErrServer)
			assert.Len(t, server.seen(), tc.requests)
			info, ok := runflow.CallInfoOf(err)
			require.True(t, ok)
			assert.Equal(t, tc.isUnknown, info.OutcomeUnknown)
			assert.Equal(t, "Client.Do", info.Operation)
			assert.Equal(t, "/v1/x/1", info.Route)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func FuzzClient_Do_Path(f *testing.F) {
	f.Add("/v1/runs?limit=1")
	f.Add("/v1/%2e%2e/x")
	f.Add("//host/x")
	f.Add(`/\x`)
	f.Fuzz(func(t *testing.T, path string) {
		client, err := runflow.NewClient(token, runflow.WithBaseURL("https://api.example/base"), runflow.WithMaxRetries(0),
			runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, "https://api.example", req.URL.Scheme+"://"+req.URL.Host)
				assert.True(t, strings.HasPrefix(req.URL.EscapedPath(), "/base/"), req.URL.EscapedPath())
				assert.NotContains(t, strings.Split(req.URL.Path, "/"), "..")
				assert.NoError(t, req.Write(new(bytes.Buffer)))
				return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
			})}))
		require.NoError(t, err)
		if err := client.Do(t.Context(), "GET", path, nil, nil); err != nil {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		}
	})
}
