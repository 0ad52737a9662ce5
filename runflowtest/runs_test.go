package runflowtest_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestAnOutputThatIsNoJSONIsNotPassedOver(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.Script("acme/swap", runflowtest.Succeed(func() {}))
	run, err := client.ComfyuiWorkflows.Run(t.Context(), "acme/swap", &runflow.RunRequest{Input: input})
	require.NoError(t, err)
	for _, path := range []string{"/v1/runs/" + run.ID, "/v1/runs"} {
		status, _ := send(t, server, http.MethodGet, path, "")
		assert.Equal(t, 500, status, path)
	}
}

func TestAllThatIsWrongWithABodyIsTold(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	const path = "/v1/models/acme/cat/2.0/runs"
	status, body := send(t, server, http.MethodPost, path, `{"metadata":[],"callback_url":1,"client_ref":{}}`)
	assert.Equal(t, 422, status)
	assert.JSONEq(t, `{"code":"validation_error","message":"the request is not valid","errors":[
		{"loc":["body","input"],"msg":"Field required","type":"missing"},
		{"loc":["body","metadata"],"msg":"Input should be a valid dictionary","type":"dict_type"},
		{"loc":["body","callback_url"],"msg":"Input should be a valid string","type":"string_type"},
		{"loc":["body","client_ref"],"msg":"Input should be a valid string","type":"string_type"}]}`, body)
	status, _ = send(t, server, http.MethodPost, path, `{"input":{}} {}`)
	assert.Equal(t, 400, status, "there is more than one object")
	assert.Empty(t, server.Runs())
}

func TestARatingAnswersAsTheRunReads(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	link := server.AddFile("a", "text/plain", nil)
	server.AddRun(runflow.Run{ID: "1", Output: runflow.JSON(`"` + link + `"`), Logs: []runflow.RunLog{{ID: "l"}}})
	server.ExpireFiles()
	rated, err := client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{})
	require.NoError(t, err)
	assert.Empty(t, rated.Logs, "they were not asked for")
	require.NoError(t, rated.Output.Decode(&link))
	status, _, _ := fetch(t, link, nil)
	assert.Equal(t, 200, status)
	stored, _ := server.Run("1")
	assert.Len(t, stored.Logs, 1)
}

func TestManyMayUseAServerAtOnce(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			run, err := client.Models.Run(t.Context(), "acme/cat/2.0", &runflow.RunRequest{Input: input})
			if !assert.NoError(t, err) {
				return
			}
			_, err = client.Runs.Wait(t.Context(), run.ID, atOnce)
			assert.NoError(t, err)
			_, err = client.Runs.List(t.Context(), nil)
			assert.NoError(t, err)
			server.AddFile("f", "text/plain", nil)
			server.Advance(time.Second)
			server.ExpireFiles()
			_, _ = server.Runs(), server.Requests()
		})
	}
	group.Wait()
	assert.Len(t, server.Runs(), 8)
}
