package runflowtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// delivered is a callback as it arrived.
type delivered struct {
	header http.Header
	body   []byte
}

// listen receives callbacks, and answers each with status.
func listen(t *testing.T, status int) (hookURL string, arrived <-chan delivered) {
	t.Helper()
	callbacks := make(chan delivered, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		callbacks <- delivered{r.Header, body}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(hook.Close)
	return hook.URL, callbacks
}

func TestEveryEndHasItsCallback(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		step                  runflowtest.Step
		event, status, output string
	}{
		{runflowtest.Succeed(map[string]int{"a": 1}), "run.completed", "succeeded", `{"a":1}`},
		{runflowtest.Fail("OOM", runflow.FailureStageExecution, "too large"), "run.failed", "failed", `{"code":"OOM","message":"too large","errors":null}`},
		{runflowtest.Cancel(), "run.cancelled", "cancelled", `null`},
		{runflowtest.Status(runflow.RunStatusPartialSucceeded), "run.partial_succeeded", "partial_succeeded", `null`},
	} {
		server, client := start(t)
		hook, arrived := listen(t, 200)
		server.Script("acme/swap", tc.step)
		run, err := client.ComfyuiWorkflows.Run(t.Context(), "acme/swap", &runflow.RunRequest{Input: input, CallbackURL: hook})
		require.NoError(t, err)
		server.Finish(run.ID)
		callback := <-arrived
		assert.Equal(t, `{"event":"`+tc.event+`","run_id":"`+run.ID+`","status":"`+tc.status+`","output":`+tc.output+
			`,"duration_ms":1000,"created_at":"2026-01-01T00:00:00.000+00:00","completed_at":"2026-01-01T00:00:01.000+00:00","metadata":null}`, string(callback.body))
		mac := hmac.New(sha256.New, []byte(server.CallbackSecret))
		_, _ = mac.Write(callback.body)
		assert.Equal(t, hex.EncodeToString(mac.Sum(nil)), callback.header.Get("Runflow-Signature"))
		assert.NotEmpty(t, callback.header.Get("Runflow-Request-Id"))
	}
}

func TestARedirectIsNoSuccess(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	hook, arrived := listen(t, 302)
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded, CallbackURL: hook})
	_, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	server.WaitCallbacks()
	assert.Len(t, arrived, 3)
	deliveries, err := client.Runs.CallbackDeliveries(t.Context(), run.ID)
	require.NoError(t, err)
	assert.Equal(t, 302, *deliveries[0].Attempts[2].StatusCode)
}

func TestACallbackHasLinksThatAreGood(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	hook, arrived := listen(t, 200)
	link := server.AddFile("a", "text/plain", []byte("a"))
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded, CallbackURL: hook, Output: runflow.JSON(`"` + link + `"`)})
	server.ExpireFiles()
	_, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	var callback struct {
		Output string `json:"output"`
	}
	require.NoError(t, json.Unmarshal((<-arrived).body, &callback))
	status, _, _ := fetch(t, callback.Output, nil)
	assert.Equal(t, 200, status)
}

func TestCallbacksMayBeWaitedForWhileRunsEnd(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	hook, arrived := listen(t, 200)
	var group sync.WaitGroup
	for range 10 {
		run, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input, CallbackURL: hook})
		require.NoError(t, err)
		group.Go(func() { server.Finish(run.ID) })
		group.Go(server.WaitCallbacks)
	}
	group.Wait()
	server.Close()
	assert.Len(t, arrived, 10, "Close waits for them")
	server.Close()
}

func TestACallbackMayCallTheAPIWhileTheServerCloses(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	closing, errs := make(chan struct{}), make(chan error, 3)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-closing
		time.Sleep(10 * time.Millisecond)
		_, err := client.Runs.List(r.Context(), nil)
		errs <- err
	}))
	t.Cleanup(hook.Close)
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded, CallbackURL: hook.URL})
	_, err := client.Runs.RedeliverCallback(t.Context(), run.ID)
	require.NoError(t, err)
	close(closing)
	server.Close()
	require.NoError(t, <-errs)
}
