package runflow_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/wire"
)

func TestRunSendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	type input struct {
		Prompt string   `json:"prompt"`
		Seed   int      `json:"seed,omitempty"`
		Images []string `json:"Aux Reference 1"`
	}
	for name, tc := range map[string]struct {
		req  runflow.RunRequest
		body string
	}{
		"a struct":     {runflow.RunRequest{Input: input{Prompt: "a <b> & c"}}, `{"input":{"prompt":"a <b> & c","Aux Reference 1":null}}`},
		"a pointer":    {runflow.RunRequest{Input: &input{Seed: 1}}, `{"input":{"prompt":"","seed":1,"Aux Reference 1":null}}`},
		"a map":        {runflow.RunRequest{Input: map[string]any{"b": 1, "A b": "x"}}, `{"input":{"A b":"x","b":1}}`},
		"a JSON":       {runflow.RunRequest{Input: runflow.JSON(`{"a":1.50}`)}, `{"input":{"a":1.50}}`},
		"an empty map": {runflow.RunRequest{Input: map[string]any{}}, `{"input":{}}`},
		"everything": {
			runflow.RunRequest{Input: map[string]any{}, Metadata: map[string]any{"k": 1}, CallbackURL: "https://example.com/hook?x=1", ClientRef: "order-42"},
			`{"input":{},"metadata":{"k":1},"callback_url":"https://example.com/hook?x=1","client_ref":"order-42"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 201, `{"id":"1","status_code":"queued"}`)
			run, err := server.client(t).Models.Run(t.Context(), "bytedance/seedance/2.0/fast", &tc.req)
			require.NoError(t, err)
			assert.Equal(t, &runflow.Run{ID: "1", StatusCode: runflow.RunStatusQueued}, run)
			got := server.only(t)
			assert.Equal(t, "POST", got.Method)
			assert.Equal(t, "/v1/models/bytedance/seedance/2.0/fast/runs", got.URI)
			assert.Equal(t, tc.body, got.Body)
			assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
		})
	}
	server := newAPI(t, 200, `{"id":"1"}`)
	_, err := server.client(t).ComfyuiWorkflows.Run(t.Context(), "acme/face swap", &runflow.RunRequest{Input: map[string]any{}})
	require.NoError(t, err)
	assert.Equal(t, "/v1/comfyui-workflows/acme/face%20swap/runs", server.only(t).URI)
}

func TestRunRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 201, `{"id":"1"}`)
	client := server.client(t)
	good := runflow.RunRequest{Input: map[string]any{}}
	for name, tc := range map[string]struct {
		model string
		req   *runflow.RunRequest
		want  string
	}{
		"no request":          {"a/b", nil, "req: must not be nil"},
		"no input":            {"a/b", &runflow.RunRequest{}, "req.Input: must be written as a JSON object"},
		"a list":              {"a/b", &runflow.RunRequest{Input: []int{1}}, "req.Input: must be written as a JSON object"},
		"a text":              {"a/b", &runflow.RunRequest{Input: "{}"}, "req.Input: must be written as a JSON object"},
		"a nil pointer":       {"a/b", &runflow.RunRequest{Input: (*struct{})(nil)}, "req.Input: must be written as a JSON object"},
		"no JSON":             {"a/b", &runflow.RunRequest{Input: runflow.JSON("{")}, "req.Input: "},
		"a function":          {"a/b", &runflow.RunRequest{Input: map[string]any{"f": func() {}}}, "req.Input: f: "},
		"metadata":            {"a/b", &runflow.RunRequest{Input: good.Input, Metadata: 1}, "req.Metadata: must be written as a JSON object"},
		"a relative callback": {"a/b", &runflow.RunRequest{Input: good.Input, CallbackURL: "/hook"}, "req.CallbackURL: must be an absolute"},
		"another scheme":      {"a/b", &runflow.RunRequest{Input: good.Input, CallbackURL: "ftp://a/b"}, "req.CallbackURL: must be an absolute"},
		"invalid UTF-8":       {"a/b", &runflow.RunRequest{Input: good.Input, ClientRef: "\xff"}, "req.ClientRef: must be valid UTF-8"},
		"a bare slug":         {"b", &good, `model: must be of the form "owner/slug"`},
		"an empty slug":       {"a/", &good, "model: each segment must not be empty"},
		"an empty segment":    {"a//b", &good, "model: each segment must not be empty"},
		"a way out":           {"a/../b", &good, "model: each segment must not be a relative path"},
		"several":             {"", &runflow.RunRequest{CallbackURL: "x"}, "req.CallbackURL: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Models.Run(t.Context(), tc.model, tc.req)
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.ErrorContains(t, err, "runflow: Models.Run: "+tc.want)
		})
	}
	_, err := client.ComfyuiWorkflows.Run(t.Context(), "a/b/c", &good)
	require.ErrorContains(t, err, "workflow: must not contain a slash")
	assert.Empty(t, server.seen())
}

func TestTheCallersValuesAreNotChanged(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 201, `{"id":"1"}`)
	input := map[string]any{"b": []any{1, "x"}, "a": map[string]any{"c": nil}}
	req := runflow.RunRequest{Input: maps.Clone(input), ClientRef: "x"}
	_, err := server.client(t).Models.Run(t.Context(), "a/b", &req)
	require.NoError(t, err)
	assert.Equal(t, runflow.RunRequest{Input: input, ClientRef: "x"}, req)
}

// worker takes a dispatch and then drops the connection, as often as it is
// asked. It tells under which keys it was asked.
func worker(t *testing.T) (url string, keys func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // leaves a connection that is used again
			_, _ = w.Write([]byte("{}"))
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

func TestADispatchIsSeenOnceByAServerThatDoesTheWorkAndDropsTheConnection(t *testing.T) {
	t.Parallel()
	url, keys := worker(t)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(url))
	require.NoError(t, err)
	_, err = client.Runs.Get(t.Context(), "1", nil)
	require.NoError(t, err)

	var resp runflow.Response
	_, err = client.Models.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{}}, runflow.WithResponse(&resp))
	require.ErrorIs(t, err, runflow.ErrAmbiguous)
	var transportErr *runflow.TransportError
	require.ErrorAs(t, err, &transportErr)
	assert.Contains(t, err.Error(), "attempts 1, the API may have taken it")
	sent := keys()
	assert.Equal(t, []string{transportErr.IdempotencyKey}, sent)
	assert.Equal(t, sent[0], resp.IdempotencyKey)
	assert.GreaterOrEqual(t, len(sent[0]), 20)
}

func TestADispatchUnderTheCallersKeyIsRetried(t *testing.T) {
	t.Parallel()
	url, keys := worker(t)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(url), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	_, err = client.Models.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{}}, runflow.WithIdempotencyKey("order-42"))
	require.ErrorIs(t, err, runflow.ErrAmbiguous)
	assert.GreaterOrEqual(t, len(keys()), 5)
	for _, key := range keys() {
		assert.Equal(t, "order-42", key)
	}
}

func TestEachDispatchHasAKeyOfItsOwnAndKeepsIt(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 429, `{"code":"RATE_LIMITED","message":"slow down"}`)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	for range 2 {
		_, err = client.Models.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{}})
		require.ErrorIs(t, err, runflow.ErrRateLimited)
		assert.NotErrorIs(t, err, runflow.ErrAmbiguous)
	}
	seen := server.seen()
	require.Len(t, seen, 6)
	keys := map[string]int{}
	for _, r := range seen {
		keys[r.Header.Get("Idempotency-Key")]++
	}
	assert.Len(t, keys, 2)
	for _, n := range keys {
		assert.Equal(t, 3, n)
	}
}

func TestWhatIsUnclearIsAmbiguous(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status    int
		body      string
		ambiguous bool
	}{
		"422":               {422, `{"code":"validation_error"}`, false},
		"402":               {402, `{"code":"INSUFFICIENT_CREDIT"}`, false},
		"409":               {409, `{"code":"CONFLICT"}`, false},
		"500":               {500, `{}`, true},
		"503":               {503, `<html>`, true},
		"201 without a run": {201, ``, true},
		"201 with a page":   {201, `<html>`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, tc.status, tc.body)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
			require.NoError(t, err)
			_, err = client.ComfyuiWorkflows.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{}})
			require.Error(t, err)
			assert.Equal(t, tc.ambiguous, errors.Is(err, runflow.ErrAmbiguous))
			assert.Len(t, server.seen(), 1)
			sent := server.only(t).Header.Get("Idempotency-Key")
			assert.NotEmpty(t, sent)
			switch err := err.(type) { //nolint:errorlint // the outermost
			case *runflow.APIError:
				assert.Equal(t, sent, err.IdempotencyKey)
			case *runflow.DecodeError:
				assert.Equal(t, sent, err.IdempotencyKey)
			default:
				assert.Fail(t, "unexpected type")
			}
		})
	}
}

func TestAnAttemptTimeoutLeavesADispatchAmbiguous(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := 0
		client := inBubble(t, func(_ http.ResponseWriter, r *http.Request) {
			taken++
			_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection goes unnoticed
			<-r.Context().Done()
		})
		_, err := client.Models.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{"x": json.RawMessage("1")}})
		require.ErrorIs(t, err, runflow.ErrAmbiguous)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 1, taken)
	})
}

func TestAKeyIsForOneCallThatHasAUseForIt(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t)
	key := runflow.WithIdempotencyKey("k")
	_, err := runflow.NewClient(token, key)
	require.EqualError(t, err, "runflow: WithIdempotencyKey: is for one call only")
	_, err = client.With(key)
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	_, err = client.Runs.Get(t.Context(), "1", nil, key)
	require.EqualError(t, err, "runflow: Runs.Get: WithIdempotencyKey: is of no use to this call")
	_, err = client.Runs.Wait(t.Context(), "1", nil, key)
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	for _, bad := range []string{"", "a b", "a\n", "ü"} {
		_, err = client.Models.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{}}, runflow.WithIdempotencyKey(bad))
		require.EqualError(t, err, "runflow: Models.Run: WithIdempotencyKey: must hold only visible ASCII characters")
	}
	_, err = client.With(runflow.WithHeader("idempotency-key", "k"))
	require.EqualError(t, err, "runflow: WithHeader: Idempotency-Key is set by WithIdempotencyKey")
	assert.Empty(t, server.seen())

	_, err = client.Runs.RedeliverCallback(t.Context(), "1", key)
	require.NoError(t, err)
	assert.Equal(t, "k", server.only(t).Header.Get("Idempotency-Key"))
}

func TestARedeliveryThatWasNotSentIsSentAgain(t *testing.T) {
	t.Parallel()
	client, err := runflow.NewClient(token, runflow.WithBaseURL(wire.Refused(t)), runflow.WithRetryBackoff(1, 1))
	require.NoError(t, err)
	_, err = client.Runs.RedeliverCallback(t.Context(), "1")
	failed, ok := errors.AsType[*runflow.TransportError](err)
	require.True(t, ok)
	assert.Equal(t, 5, failed.Attempts)
	assert.NotErrorIs(t, err, runflow.ErrAmbiguous)
}

func TestARedeliveryHasNoBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Empty(t, body)
		assert.Empty(t, r.Header.Values("Content-Type"))
		assert.Empty(t, r.Header.Values("Idempotency-Key"))
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.Runs.RedeliverCallback(t.Context(), "1")
	require.NoError(t, err)
}
