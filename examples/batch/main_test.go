package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/runflowtest"
)

const model = "runflow/demo"

// batch runs the example with the state file at path, and returns its output.
func batch(t *testing.T, server *runflowtest.Server, path string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), &out, server.UserToken, server.URL, model, "", "", path)
	return out.String(), err
}

func newServer(t *testing.T) *runflowtest.Server {
	t.Helper()
	server := newFake(model)
	t.Cleanup(server.Close)
	return server
}

// creations returns the number of requests that create a batch.
func creations(server *runflowtest.Server) int {
	n := 0
	for _, request := range server.Requests() {
		if request.Method == http.MethodPost && strings.HasSuffix(request.Path, "/batches") {
			n++
		}
	}
	return n
}

func TestRun_ReportsCostsAndRatings(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	out, err := batch(t, server, "")
	require.NoError(t, err)
	assert.Contains(t, out, "[#########################] 50 of 50\n")
	assert.Contains(t, out, "succeeded, 50 succeeded, 0 failed, 0 cancelled, 7 rated\n")
	assert.Contains(t, out, "cost: 2 US dollars\n")
	assert.Len(t, server.Runs(), 50)
}

// The program ends while the batch is being created.
func TestRun_ContinuesAfterLostResponse(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	path := filepath.Join(t.TempDir(), "batch.json")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server.InjectFault(1, runflowtest.Fault{AfterProcessing: true, Match: func(req *http.Request) bool {
		if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/batches") {
			return false
		}
		cancel()
		return true
	}})
	err := run(ctx, io.Discard, server.UserToken, server.URL, model, "", "", path)
	require.ErrorIs(t, err, context.Canceled)
	_, err = batch(t, server, path)
	require.NoError(t, err)
	assert.Len(t, server.Runs(), 50)
}

func TestRun_ContinuesAfterInterruption(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	path := filepath.Join(t.TempDir(), "batch.json")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := run(ctx, &interrupt{cancel: cancel}, server.UserToken, server.URL, model, "", "", path)
	require.ErrorIs(t, err, context.Canceled)
	out, err := batch(t, server, path)
	require.NoError(t, err)
	assert.Contains(t, out, "50 succeeded")
	again, err := batch(t, server, path)
	require.NoError(t, err)
	_, report, _ := strings.Cut(out, "batch ")
	_, repeated, _ := strings.Cut(again, "batch ")
	assert.Equal(t, report, repeated)
	assert.Equal(t, 1, creations(server))
	assert.Len(t, server.Runs(), 50)
}

// interrupt cancels a context when something is written to it.
type interrupt struct{ cancel func() }

func (i *interrupt) Write(p []byte) (int, error) {
	i.cancel()
	return io.Discard.Write(p)
}
