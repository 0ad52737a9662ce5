package runflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// emptyInput is the smallest params that are accepted.
var emptyInput = runflow.CreateRunParams{Input: map[string]any{}}

func TestModelsService_CreateRun_SendsBody(t *testing.T) {
	t.Parallel()
	type input struct {
		Prompt string   `json:"prompt"`
		Seed   int      `json:"seed,omitempty"`
		Images []string `json:"Aux Reference 1"`
	}
	for name, tc := range map[string]struct {
		params runflow.CreateRunParams
		body   string
	}{
		"struct":    {runflow.CreateRunParams{Input: input{Prompt: "a <b> & c"}}, `{"input":{"prompt":"a <b> & c","Aux Reference 1":null}}`},
		"pointer":   {runflow.CreateRunParams{Input: &input{Seed: 1}}, `{"input":{"prompt":"","seed":1,"Aux Reference 1":null}}`},
		"map":       {runflow.CreateRunParams{Input: map[string]any{"b": 1, "A b": "x"}}, `{"input":{"A b":"x","b":1}}`},
		"JSON":      {runflow.CreateRunParams{Input: runflow.JSON(`{"a":1.50}`)}, `{"input":{"a":1.50}}`},
		"empty map": {emptyInput, `{"input":{}}`},
		"all params": {
			runflow.CreateRunParams{Input: map[string]any{}, Metadata: map[string]any{"k": 1}, CallbackURL: "https://example.com/hook?x=1", ClientRef: "order-42"},
			`{"input":{},"metadata":{"k":1},"callback_url":"https://example.com/hook?x=1","client_ref":"order-42"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 201, `{"id":"1","status_code":"queued"}`)
			run, err := server.client(t).Models.CreateRun(t.Context(), "bytedance/seedance/2.0/fast", tc.params)
			require.NoError(t, err)
			assert.Equal(t, &runflow.Run{ID: "1", StatusCode: runflow.RunStatusQueued}, run)
			got := server.only(t)
			assert.Equal(t, "POST", got.Method)
			assert.Equal(t, "/v1/models/bytedance/seedance/2.0/fast/runs", got.URI)
			assert.Equal(t, tc.body, got.Body)
			assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
			assert.GreaterOrEqual(t, len(got.Header.Get("Idempotency-Key")), 20)
		})
	}
	server := newAPI(t, 200, `{"run_id":"1"}`)
	run, err := server.client(t).ComfyuiWorkflows.CreateRun(t.Context(), "acme/face swap", emptyInput)
	require.NoError(t, err)
	assert.Equal(t, "/v1/comfyui-workflows/acme/face%20swap/runs", server.only(t).URI)
	assert.Equal(t, "1", run.ID, "a run_id is used if there is no id")
}

func TestModelsService_CreateRun_BadParams(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 201, `{"id":"1"}`)
	client := server.client(t)
	input := map[string]any{}
	for name, tc := range map[string]struct {
		model  string
		params runflow.CreateRunParams
		want   string
	}{
		"no input":          {"a/b", runflow.CreateRunParams{}, "params.Input: must be encoded as a JSON object"},
		"list":              {"a/b", runflow.CreateRunParams{Input: []int{1}}, "params.Input: must be encoded as a JSON object"},
		"string":            {"a/b", runflow.CreateRunParams{Input: "{}"}, "params.Input: must be encoded as a JSON object"},
		"nil pointer":       {"a/b", runflow.CreateRunParams{Input: (*struct{})(nil)}, "params.Input: must be encoded as a JSON object"},
		"malformed JSON":    {"a/b", runflow.CreateRunParams{Input: runflow.JSON("{")}, "params.Input: "},
		"function":          {"a/b", runflow.CreateRunParams{Input: map[string]any{"f": func() {}}}, "params.Input: f: "},
		"metadata":          {"a/b", runflow.CreateRunParams{Input: input, Metadata: 1}, "params.Metadata: must be encoded as a JSON object"},
		"relative callback": {"a/b", runflow.CreateRunParams{Input: input, CallbackURL: "/hook"}, "params.CallbackURL: must be an absolute"},
		"callback scheme":   {"a/b", runflow.CreateRunParams{Input: input, CallbackURL: "ftp://a/b"}, "params.CallbackURL: must be an absolute"},
		"invalid UTF-8":     {"a/b", runflow.CreateRunParams{Input: input, ClientRef: "\xff"}, "params.ClientRef: must be valid UTF-8"},
		"long ClientRef":    {"a/b", runflow.CreateRunParams{Input: input, ClientRef: strings.Repeat("ü", 256)}, "params.ClientRef: must be valid UTF-8 of at most 255 characters"},
		"quote":             {"a/b", runflow.CreateRunParams{Input: input, ClientRef: "it's"}, "params.ClientRef: must not contain quotes"},
		"double quote":      {"a/b", runflow.CreateRunParams{Input: input, ClientRef: `"`}, "params.ClientRef: must not contain quotes"},
		"backslash":         {"a/b", runflow.CreateRunParams{Input: input, ClientRef: `\`}, "params.ClientRef: must not contain quotes"},
		"control character": {"a/b", runflow.CreateRunParams{Input: input, ClientRef: "\n"}, "params.ClientRef: must not contain quotes"},
		"bare slug":         {"b", emptyInput, `model: must be of the form "owner/slug"`},
		"empty slug":        {"a/", emptyInput, "model: each segment must not be empty"},
		"empty segment":     {"a//b", emptyInput, "model: each segment must not be empty"},
		"path traversal":    {"a/../b", emptyInput, "model: each segment must not be a relative path"},
		"several":           {"", runflow.CreateRunParams{CallbackURL: "x"}, "params.CallbackURL: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Models.CreateRun(t.Context(), tc.model, tc.params)
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.ErrorContains(t, err, "runflow: Models.CreateRun: "+tc.want)
		})
	}
	t.Run("workflow of three segments", func(t *testing.T) {
		t.Parallel()
		_, err := client.ComfyuiWorkflows.CreateRun(t.Context(), "a/b/c", emptyInput)
		require.ErrorContains(t, err, "workflow: must not contain a slash")
	})
	t.Cleanup(func() { assert.Empty(t, server.seen()) })
}

func TestModelsService_CreateRun_LeavesParamsUnchanged(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 201, `{"id":"1"}`)
	input := map[string]any{"b": []any{1, "x"}, "a": map[string]any{"c": nil}}
	params := runflow.CreateRunParams{Input: maps.Clone(input), ClientRef: "x"}
	_, err := server.client(t).Models.CreateRun(t.Context(), "a/b", params)
	require.NoError(t, err)
	assert.Equal(t, runflow.CreateRunParams{Input: input, ClientRef: "x"}, params)
}

// newDropper returns a server that processes each POST and then resets the
// connection, and a function that returns the idempotency keys that it received.
func newDropper(t *testing.T) (url string, keys func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // leaves an idle connection, which the next call reuses
			_, _ = io.WriteString(w, `{"id":"1"}`)
			return
		}
		mu.Lock()
		seen = append(seen, r.Header.Get("Idempotency-Key"))
		mu.Unlock()
		conn, _, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

func TestModelsService_CreateRun_LostResponseIsNotRetried(t *testing.T) {
	t.Parallel()
	url, keys := newDropper(t)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(url))
	require.NoError(t, err)
	_, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.NoError(t, err)

	var resp runflow.Response
	_, err = client.Models.CreateRun(t.Context(), "a/b", emptyInput, runflow.WithResponse(&resp))
	require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
	assert.Contains(t, err.Error(), "attempts 1, the request may have been processed")
	sent := keys()
	require.Len(t, sent, 1)
	assert.Equal(t, sent[0], resp.IdempotencyKey)
	info, ok := runflow.CallInfoOf(err)
	require.True(t, ok)
	assert.Equal(t, runflow.CallInfo{
		Operation: "Models.CreateRun", Method: "POST", Route: "/v1/models/{owner}/{slug}/runs",
		Attempts: 1, IdempotencyKey: sent[0], OutcomeUnknown: true,
	}, info)
}

func TestModelsService_CreateRun_OwnKeyIsRetried(t *testing.T) {
	t.Parallel()
	url, keys := newDropper(t)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(url), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	_, err = client.Models.CreateRun(t.Context(), "a/b", emptyInput, runflow.WithIdempotencyKey("order-42"))
	require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
	assert.Equal(t, slices.Repeat([]string{"order-42"}, 5), keys())
}

func TestModelsService_CreateRun_KeepsKeyAcrossRetries(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 429, `{"code":"RATE_LIMITED","message":"slow down"}`)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	for range 2 {
		_, err = client.Models.CreateRun(t.Context(), "a/b", emptyInput)
		require.ErrorIs(t, err, runflow.ErrRateLimited)
		assert.NotErrorIs(t, err, runflow.ErrOutcomeUnknown)
	}
	keys := map[string]int{}
	for _, r := range server.seen() {
		keys[r.Header.Get("Idempotency-Key")]++
	}
	assert.Len(t, keys, 2, "each call has its own key")
	for _, n := range keys {
		assert.Equal(t, 3, n)
	}
}

func TestModelsService_CreateRun_Outcome(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status    int
		body      string
		isUnknown bool
	}{
		"422":                      {422, `{"code":"validation_error"}`, false},
		"402":                      {402, `{"code":"INSUFFICIENT_CREDIT"}`, false},
		"409":                      {409, `{"code":"CONFLICT"}`, false},
		"301":                      {301, ``, true},
		"302":                      {302, ``, true},
		"303":                      {303, ``, true},
		"307":                      {307, ``, false},
		"308":                      {308, ``, false},
		"408":                      {408, `{}`, true},
		"500":                      {500, `{}`, true},
		"503":                      {503, `<html>`, true},
		"201 with an empty body":   {201, ``, true},
		"201 with a page":          {201, `<html>`, true},
		"201 without an id":        {201, `{}`, true},
		"200 with a null id":       {200, `{"id":null}`, true},
		"200 with an error's code": {200, `{"code":"OOPS"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, tc.status, tc.body)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
			require.NoError(t, err)
			_, err = client.ComfyuiWorkflows.CreateRun(t.Context(), "a/b", emptyInput)
			require.Error(t, err)
			assert.Equal(t, tc.isUnknown, errors.Is(err, runflow.ErrOutcomeUnknown))
			info, ok := runflow.CallInfoOf(err)
			require.True(t, ok)
			assert.Equal(t, server.only(t).Header.Get("Idempotency-Key"), info.IdempotencyKey)
			assert.NotEmpty(t, info.IdempotencyKey)
		})
	}
}

func TestModelsService_CreateRun_AttemptTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := inBubble(t, func(_ http.ResponseWriter, r *http.Request) {
			requests++
			_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice the end of the connection
			<-r.Context().Done()
		})
		_, err := client.Models.CreateRun(t.Context(), "a/b", runflow.CreateRunParams{Input: map[string]any{"x": json.RawMessage("1")}})
		require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 1, requests)
	})
}

func TestModelsService_RunAndWait(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		created  string
		states   []string
		status   runflow.RunStatus
		err      error
		requests int
	}{
		"succeeds":            {"queued", []string{"running", "succeeded"}, "succeeded", nil, 3},
		"ended when created":  {"succeeded", nil, "succeeded", nil, 1},
		"fails":               {"queued", []string{"failed"}, "failed", runflow.ErrRunFailed, 2},
		"poll is refused":     {"queued", []string{"404"}, "queued", runflow.ErrNotFound, 2},
		"failed when created": {"failed", nil, "failed", runflow.ErrRunFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				states := &course{states: tc.states}
				var methods []string
				client := inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					methods = append(methods, r.Method)
					if r.Method == http.MethodPost {
						assert.Equal(t, "order-42", r.Header.Get("Idempotency-Key"))
						_, _ = io.WriteString(w, `{"id":"run-1","status_code":"`+tc.created+`"}`)
						return
					}
					assert.Empty(t, r.Header.Get("Idempotency-Key"))
					states.ServeHTTP(w, r)
				})
				run, err := client.Models.RunAndWait(t.Context(), "a/b", emptyInput, runflow.WaitRunParams{},
					runflow.WithIdempotencyKey("order-42"), runflow.WithMaxRetries(1), runflow.WithRetryBackoff(1, 1))
				require.ErrorIs(t, err, tc.err)
				require.NotNil(t, run, "the created run is returned beside an error")
				assert.Equal(t, "run-1", run.ID)
				assert.Equal(t, tc.status, run.StatusCode)
				assert.Len(t, methods, tc.requests)
			})
		})
	}
}

// After an unknown outcome, the run must be found by its ClientRef.
func TestModelsService_CreateRun_ClientRefCanBeFound(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("a/b", runflow.Model{})
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	for i := range 256 {
		ref := "ref " + string(rune(i)) + "!"
		_, err := client.Models.CreateRun(t.Context(), "a/b", runflow.CreateRunParams{Input: map[string]any{}, ClientRef: ref})
		found, findErr := client.Runs.FindByClientRef(t.Context(), ref)
		if err != nil {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.ErrorIs(t, findErr, runflow.ErrInvalidArgument)
			continue
		}
		require.NoError(t, findErr)
		assert.Len(t, found, 1, "%q", ref)
	}
}

func TestModelsService_RunAndWait_ChecksWaitBeforeCreating(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 201, `{"id":"1"}`)
	client := server.client(t)
	_, err := client.Models.RunAndWait(t.Context(), "a/b", emptyInput, runflow.WaitRunParams{Timeout: -1})
	require.EqualError(t, err, "runflow: Models.RunAndWait: wait.Timeout: must not be negative")
	_, err = client.ComfyuiWorkflows.RunAndWait(t.Context(), "a/b", emptyInput, runflow.WaitRunParams{Fields: []string{","}})
	require.ErrorContains(t, err, "runflow: ComfyuiWorkflows.RunAndWait: wait.Fields[0]: must be a name")
	_, err = client.Models.RunAndWait(t.Context(), "a/b", emptyInput, runflow.WaitRunParams{}, runflow.WithQuery("fields", "id"))
	require.EqualError(t, err, "runflow: Models.RunAndWait: WithQuery: must not set fields, which the method sets")
	_, err = client.Models.RunAndWait(t.Context(), "a", emptyInput, runflow.WaitRunParams{})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.Empty(t, server.seen(), "no run is created if the wait is refused")
}

func TestModelsService_RunAndWait_EndsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"id":"run-1","status_code":"running"}`)
		})
		run, err := client.Models.RunAndWait(t.Context(), "a/b", emptyInput, runflow.WaitRunParams{Timeout: 5 * time.Second})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotNil(t, run)
		var waitErr *runflow.WaitError
		require.ErrorAs(t, err, &waitErr)
		assert.Equal(t, "Models.RunAndWait", waitErr.Operation)
		assert.Equal(t, "run-1", waitErr.ID)
	})
}

func TestRunsService_RedeliverCallback_HasNoBody(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, `{"id":"d"}`))
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	delivery, err := client.Runs.RedeliverCallback(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, "d", delivery.ID)
	got := server.Requests()[0]
	assert.Equal(t, "/v1/runs/1/callback-redeliveries", got.URI)
	assert.Equal(t, []string{"0"}, got.Header["Content-Length"])
	assert.Empty(t, got.Header["Transfer-Encoding"])
	assert.Empty(t, got.Header["Content-Type"])
	assert.Empty(t, got.Header["Idempotency-Key"], "with a key, net/http would send the request again by itself")
	assert.Empty(t, got.Body)

	_, err = client.Runs.RedeliverCallback(t.Context(), "1", runflow.WithIdempotencyKey("k"))
	require.NoError(t, err)
	assert.Equal(t, []string{"k"}, server.Requests()[1].Header["Idempotency-Key"])
}

func TestRunsService_RedeliverCallback_Retries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		url       func(*testing.T) (string, func() int)
		attempts  int
		isUnknown bool
	}{
		"no connection": {func(t *testing.T) (string, func() int) { t.Helper(); return wire.Refused(t), func() int { return 5 } }, 5, false},
		"429": {func(t *testing.T) (string, func() int) {
			t.Helper()
			server := newAPI(t, 429, "{}")
			return server.URL, func() int { return len(server.seen()) }
		}, 5, false},
		"lost response": {func(t *testing.T) (string, func() int) {
			t.Helper()
			url, keys := newDropper(t)
			return url, func() int { return len(keys()) }
		}, 1, true},
		"503": {func(t *testing.T) (string, func() int) {
			t.Helper()
			server := newAPI(t, 503, "{}")
			return server.URL, func() int { return len(server.seen()) }
		}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := tc.url(t)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(url), runflow.WithRetryBackoff(1, 1),
				runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
					return roundTripper(func(req *http.Request) (*http.Response, error) {
						req = req.Clone(req.Context())
						req.Body = http.NoBody // as some middlewares do to an empty body
						return next.RoundTrip(req)
					})
				}))
			require.NoError(t, err)
			_, err = client.Runs.RedeliverCallback(t.Context(), "1")
			require.Error(t, err)
			info, _ := runflow.CallInfoOf(err)
			assert.Equal(t, tc.attempts, info.Attempts)
			assert.Equal(t, tc.isUnknown, errors.Is(err, runflow.ErrOutcomeUnknown))
			assert.Equal(t, tc.attempts, requests())
		})
	}
}
