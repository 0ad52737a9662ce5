package runflowtest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestAFaultIsForARoute(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string][3]int{
		"GET /v1/runs":            {503, 200, 201},
		"GET /v1/runs/{run_id}":   {200, 503, 201},
		"/v1/runs/":               {200, 503, 201},
		"POST /v1/models/":        {200, 200, 503},
		"/":                       {503, 200, 201},
		"DELETE /v1/runs":         {200, 200, 201},
		"/v1/models/{owner}/runs": {200, 200, 201},
	} {
		server, _ := start(t)
		server.AddRun(runflow.Run{ID: "1"})
		server.Fail(1, runflowtest.Fault{Match: runflowtest.Route(pattern), Status: 503})
		var got [3]int
		got[0], _ = send(t, server, http.MethodGet, "/v1/runs", "")
		got[1], _ = send(t, server, http.MethodGet, "/v1/runs/1", "")
		got[2], _ = send(t, server, http.MethodPost, "/v1/models/acme/cat/2.0/runs", `{"input":{}}`)
		assert.Equal(t, want, got, pattern)
	}
}

func TestFaultsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	ready := func(*http.Request) bool { return len(server.Runs()) == 0 } // it may call the server
	server.Fail(2, runflowtest.Fault{Match: ready, Status: 500})
	server.Fail(1, runflowtest.Fault{Status: 503})
	for _, want := range []int{500, 500, 503, 200} {
		status, _ := send(t, server, http.MethodGet, "/v1/runs", "")
		assert.Equal(t, want, status)
	}
}

func TestCloseEndsADelay(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Fail(1, runflowtest.Fault{Delay: time.Hour})
	answered := make(chan error, 1)
	go func() {
		_, err := client.Runs.List(t.Context(), nil)
		answered <- err
	}()
	require.Eventually(t, func() bool { return len(server.Requests()) == 1 }, 5*time.Second, time.Millisecond)
	server.Close()
	require.NoError(t, <-answered)
}

func TestAPanicOfTheTestIsAnAnswer(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Script("acme/cat/2.0", func(*runflow.Run) { panic("boom") })
	run, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input})
	require.NoError(t, err)
	status, body := send(t, server, http.MethodGet, "/v1/runs/"+run.ID, "")
	assert.Equal(t, 500, status)
	assert.Contains(t, body, "boom")
	server.Fail(1, runflowtest.Fault{Match: func(*http.Request) bool { panic("bang") }})
	status, body = send(t, server, http.MethodGet, "/v1/runs", "")
	assert.Equal(t, 500, status)
	assert.Contains(t, body, "bang")
	assert.Len(t, server.Runs(), 1, "it still works")
}
