package acceptance_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/calls"
	"github.com/runflow-io/runflow-go/internal/transport"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// However a call ends, no goroutine outlives it, but for those of the
// connections that are kept.
func TestNoGoroutineIsLeft(t *testing.T) { //nolint:paralleltest // it looks at all goroutines
	for name, end := range map[string]struct { //nolint:paralleltest // as above
		fault runflowtest.Fault
		opts  []runflow.Option
		limit time.Duration
	}{
		"after a success":         {},
		"after a failure":         {fault: runflowtest.Fault{Match: all, Status: 503}},
		"after a lost connection": {fault: runflowtest.Fault{Match: all}},
		"after a truncated body":  {fault: runflowtest.Fault{Match: all, Truncate: true}},
		"after an attempt that took too long": {
			fault: runflowtest.Fault{Match: all, Delay: time.Hour},
			opts:  []runflow.Option{runflow.WithAttemptTimeout(20 * time.Millisecond)},
		},
		"after the end of the context": {fault: runflowtest.Fault{Match: all, Delay: time.Hour}, limit: 20 * time.Millisecond},
		"after it ended between attempts": {
			fault: runflowtest.Fault{Match: all, Status: 503}, limit: 100 * time.Millisecond,
			opts: []runflow.Option{runflow.WithRetryBackoff(time.Hour, time.Hour)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range calls.All() {
				t.Run(call.Name, func(t *testing.T) {
					defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
					server, given := runnable(t)
					defer server.Close()
					if name != "after a success" {
						server.Fail(1<<30, end.fault)
					}
					pool := transport.NewPool()
					defer pool.CloseIdleConnections()
					client, err := runflow.NewClient(server.UserToken, append([]runflow.Option{
						runflow.WithBaseURL(server.URL), runflow.WithHTTPClient(&http.Client{Transport: pool}),
						runflow.WithMaxRetries(1), runflow.WithRetryBackoff(1, 1),
					}, end.opts...)...)
					require.NoError(t, err)
					ctx := t.Context()
					if end.limit > 0 {
						limited, cancel := context.WithTimeout(ctx, end.limit)
						defer cancel()
						ctx = limited
					}
					err = call.Make(ctx, client, given)
					assert.True(t, name == "after a success" || err != nil)
				})
			}
		})
	}
}

func all(*http.Request) bool { return true }

// runnable returns a server with something of everything, and what calls need.
func runnable(t *testing.T) (*runflowtest.Server, *calls.Given) {
	t.Helper()
	server := runflowtest.NewServer()
	server.AddModel("acme/cat", runflow.Model{})
	server.AddWorkflow("acme/swap", runflow.ComfyuiWorkflow{})
	run := server.AddRun(runflow.Run{
		StatusCode: runflow.RunStatusSucceeded,
		Output:     runflow.JSON(`{"image_urls":["` + server.URL + `/files/1.png"]}`),
	})
	return server, calls.New(run.ID, "acme/cat", "acme/swap", run.Outputs()[0])
}
