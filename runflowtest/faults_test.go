package runflowtest_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestServer_InjectFault_CreateRun(t *testing.T) {
	t.Parallel()
	posts := func(r *http.Request) bool { return r.Method == http.MethodPost }
	for name, tc := range map[string]struct {
		fault     runflowtest.Fault
		n         int
		opts      []runflow.CallOption
		err       error
		isUnknown bool
		runs      int
	}{
		"status":                    {runflowtest.Fault{Match: posts, Status: 402}, 1, nil, runflow.ErrInsufficientCredit, false, 0},
		"429 twice":                 {runflowtest.Fault{Match: posts, Status: 429}, 2, nil, nil, false, 1},
		"429 with long Retry-After": {runflowtest.Fault{Match: posts, Status: 429, RetryAfter: time.Hour}, 1, nil, runflow.ErrRateLimited, false, 0},
		"lost connection":           {runflowtest.Fault{}, 1, nil, runflow.ErrOutcomeUnknown, true, 0},
		"lost response":             {runflowtest.Fault{AfterProcessing: true}, 1, nil, runflow.ErrOutcomeUnknown, true, 1},
		"500 after processing":      {runflowtest.Fault{AfterProcessing: true, Status: 500}, 1, nil, runflow.ErrServer, true, 1},
		"truncated response":        {runflowtest.Fault{Truncate: true}, 1, nil, runflow.ErrOutcomeUnknown, true, 1},
		"lost response with key":    {runflowtest.Fault{AfterProcessing: true}, 3, []runflow.CallOption{runflow.WithIdempotencyKey("k")}, nil, false, 1},
		"delay":                     {runflowtest.Fault{Delay: time.Millisecond}, 1, nil, nil, false, 1},
		"delay and lost response":   {runflowtest.Fault{Delay: time.Millisecond, AfterProcessing: true}, 1, nil, runflow.ErrOutcomeUnknown, true, 1},
		"no match":                  {runflowtest.Fault{Match: func(*http.Request) bool { return false }}, 1, nil, nil, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			server.InjectFault(tc.n, tc.fault)
			_, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params(), tc.opts...)
			require.ErrorIs(t, err, tc.err)
			assert.Equal(t, tc.isUnknown, errors.Is(err, runflow.ErrOutcomeUnknown))
			assert.Len(t, server.Runs(), tc.runs)
			if tc.err == nil {
				return
			}
			_, err = client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
			require.NoError(t, err, "the fault is used up")
		})
	}
}

func TestServer_InjectFault_DefaultCode(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	for status, want := range map[int]string{
		400: "BAD_REQUEST", 401: "UNAUTHORIZED", 402: "INSUFFICIENT_CREDIT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
		409: "CONFLICT", 415: "UNSUPPORTED_MEDIA_TYPE", 422: "validation_error", 429: "RATE_LIMITED",
		500: "INTERNAL_SERVER_ERROR", 503: "SERVICE_UNAVAILABLE",
	} {
		server.InjectFault(1, runflowtest.Fault{Status: status})
		_, err := client.Runs.List(t.Context(), runflow.ListRunsParams{}, runflow.WithMaxRetries(0))
		apiErr, ok := errors.AsType[*runflow.APIError](err)
		require.True(t, ok, "%d: %v", status, err)
		assert.Equal(t, status, apiErr.StatusCode)
		assert.Equal(t, want, apiErr.Code)
	}

	server.InjectFault(1, runflowtest.Fault{Status: 404})
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	apiErr, ok := errors.AsType[*runflow.APIError](err)
	require.True(t, ok)
	assert.Equal(t, "RUN_NOT_FOUND", apiErr.Code)

	server.InjectFault(1, runflowtest.Fault{Status: 403, Code: "EMAIL_NOT_VERIFIED", RetryAfter: 1500 * time.Millisecond})
	_, err = client.Runs.List(t.Context(), runflow.ListRunsParams{})
	apiErr, ok = errors.AsType[*runflow.APIError](err)
	require.True(t, ok)
	assert.Equal(t, "EMAIL_NOT_VERIFIED", apiErr.Code)
	assert.Equal(t, 2*time.Second, apiErr.RetryAfter, "it is rounded up")
}

func TestServer_InjectFault_Order(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	match := func(*http.Request) bool { return len(server.Runs()) == 0 } // it may call the server
	server.InjectFault(2, runflowtest.Fault{Match: match, Status: 500})
	server.InjectFault(1, runflowtest.Fault{Status: 503})
	for _, want := range []int{500, 500, 503, 200} {
		status, _ := send(t, server, http.MethodGet, "/v1/runs", "")
		assert.Equal(t, want, status)
	}
}

func TestServer_PendingFaults(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	assert.Empty(t, server.PendingFaults())
	server.InjectFault(2, runflowtest.Fault{Match: runflowtest.Route("GET /v1/runs"), Status: 500})
	server.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route("GET /v1/models"), Status: 503})
	server.InjectFault(0, runflowtest.Fault{Status: 504})
	pending := func() (statuses []int) {
		for _, f := range server.PendingFaults() {
			statuses = append(statuses, f.Status)
		}
		return statuses
	}
	assert.Equal(t, []int{500, 503}, pending())
	send(t, server, http.MethodGet, "/v1/runs", "")
	assert.Equal(t, []int{500, 503}, pending(), "one request of two")
	send(t, server, http.MethodGet, "/v1/runs", "")
	assert.Equal(t, []int{503}, pending())
	send(t, server, http.MethodGet, "/v1/models", "")
	assert.Empty(t, pending())
}

func TestServer_InjectFault_Download(t *testing.T) {
	t.Parallel()
	const content = "0123456789"
	for name, tc := range map[string]struct {
		fault runflowtest.Fault
		err   error
	}{
		"status":             {runflowtest.Fault{Status: 404}, runflow.ErrNotFound},
		"temporary status":   {runflowtest.Fault{Status: 503}, nil},
		"lost connection":    {runflowtest.Fault{}, nil},
		"truncated response": {runflowtest.Fault{Truncate: true}, nil},
		"delay":              {runflowtest.Fault{Delay: time.Millisecond}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			link := server.AddFile("a.txt", "text/plain", []byte(content))
			tc.fault.Match = runflowtest.Route("GET /files/")
			server.InjectFault(1, tc.fault)
			var got bytes.Buffer
			_, err := client.Runs.Download(t.Context(), runflow.OutputFile{URL: link}, &got, runflow.DownloadParams{})
			require.ErrorIs(t, err, tc.err)
			assert.Empty(t, server.PendingFaults())
			if tc.err == nil {
				assert.Equal(t, content, got.String())
			}
		})
	}
}

func TestServer_Close_EndsDelay(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	delayed := make(chan struct{})
	server.InjectFault(1, runflowtest.Fault{Delay: time.Hour, Match: func(*http.Request) bool {
		close(delayed)
		return true
	}})
	result := make(chan error, 1)
	go func() {
		_, err := client.Runs.List(t.Context(), runflow.ListRunsParams{})
		result <- err
	}()
	<-delayed
	server.Close()
	require.NoError(t, <-result)
}

func TestRoute(t *testing.T) {
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
		server.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route(pattern), Status: 503})
		var got [3]int
		got[0], _ = send(t, server, http.MethodGet, "/v1/runs", "")
		got[1], _ = send(t, server, http.MethodGet, "/v1/runs/1", "")
		got[2], _ = send(t, server, http.MethodPost, modelRuns, `{"input":{}}`)
		assert.Equal(t, want, got, pattern)
	}
	assert.Panics(t, func() { runflowtest.Route("GET") })
}
