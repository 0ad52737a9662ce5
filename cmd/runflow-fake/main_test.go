package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

// start starts the program and returns what it prints, by the names of the variables,
// and a function that stops it and waits until it has ended. Each test stops it.
func start(t *testing.T, args ...string) (env map[string]string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	output, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), stdout)
		_ = stdout.CloseWithError(err)
		ended <- err
	}()
	env = map[string]string{}
	lines := bufio.NewScanner(output)
	for len(env) < 5 && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		env[name] = value
	}
	require.NoError(t, lines.Err())
	require.Len(t, env, 5)
	stop = func() {
		cancel()
		assert.NoError(t, <-ended)
		ended <- nil // stop can be called again
	}
	t.Cleanup(stop)
	return env, stop
}

func newClient(t *testing.T, env map[string]string, opts ...runflow.ClientOption) *runflow.Client {
	t.Helper()
	opts = append([]runflow.ClientOption{runflow.WithBaseURL(env["RUNFLOW_BASE_URL"]), runflow.WithRetryBackoff(1, 1)}, opts...)
	client, err := runflow.NewClient(env["RUNFLOW_USER_TOKEN"], opts...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func TestRun_DefaultModel(t *testing.T) {
	t.Parallel()
	env, _ := start(t)
	client := newClient(t, env)
	got, err := client.Models.RunAndWait(t.Context(), "runflow/demo", runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}},
		runflow.WaitRunParams{MinInterval: 100 * time.Millisecond})
	require.NoError(t, err)
	assert.Equal(t, env["RUNFLOW_ORGANIZATION"], got.OrgID)
	require.Len(t, got.OutputFiles(), 1)
	info, err := client.Runs.Download(t.Context(), got.OutputFiles()[0], io.Discard, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, "image/png", info.ContentType)

	feedback := runflow.Feedback{Rating: runflow.ThumbsUp}
	_, err = client.Runs.SetFeedback(t.Context(), got.ID, feedback)
	require.NoError(t, err)
	_, err = client.Runs.SetFeedback(t.Context(), got.ID, feedback, runflow.WithToken(env["RUNFLOW_API_KEY"]))
	require.ErrorIs(t, err, runflow.ErrPermissionDenied)
}

func TestRun_Step_DeliversCallbackWithoutPolls(t *testing.T) {
	t.Parallel()
	env, _ := start(t, "-step", "1ms")
	verifier, err := callback.NewVerifier(env["RUNFLOW_CALLBACK_SECRET"])
	require.NoError(t, err)
	events := make(chan *callback.Event, 1)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	receiver := &http.Server{ReadHeaderTimeout: time.Minute, Handler: verifier.Handler(func(_ context.Context, event *callback.Event) error {
		events <- event
		return nil
	})}
	go func() { _ = receiver.Serve(listener) }()
	defer receiver.Close()

	created, err := newClient(t, env).Models.CreateRun(t.Context(), "runflow/demo", runflow.CreateRunParams{
		Input: map[string]any{"prompt": "a cat"}, CallbackURL: "http://" + listener.Addr().String(),
	})
	require.NoError(t, err)
	event := <-events
	assert.Equal(t, created.ID, event.RunID)
	assert.Equal(t, runflow.RunStatusSucceeded, event.Status)
}

func TestRun_StopsOnCancel(t *testing.T) {
	t.Parallel()
	env, stop := start(t)
	client := newClient(t, env, runflow.WithMaxRetries(0))
	_, err := client.Models.List(t.Context(), runflow.ListModelsParams{})
	require.NoError(t, err)
	stop()
	_, err = client.Models.List(t.Context(), runflow.ListModelsParams{})
	require.Error(t, err)
}

func TestRun_URL(t *testing.T) {
	t.Parallel()
	env, _ := start(t, "-addr", "127.0.0.1:0", "-url", "http://runflow.example/", "-seed", "testdata/seed.json")
	assert.Equal(t, "http://runflow.example", env["RUNFLOW_BASE_URL"])
}

func TestRun_InvalidArguments(t *testing.T) {
	t.Parallel()
	used, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = used.Close() })
	tests := map[string]struct {
		args []string
		err  string
	}{
		"unknown flag":   {[]string{"-port", "80"}, "flag provided but not defined: -port"},
		"used address":   {[]string{"-addr", used.Addr().String()}, "address already in use"},
		"no seed file":   {[]string{"-addr", "127.0.0.1:0", "-seed", "missing.json"}, "missing.json: no such file"},
		"seed not valid": {[]string{"-addr", "127.0.0.1:0", "-seed", "main.go"}, "main.go: invalid character"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, run(t.Context(), tt.args, io.Discard), tt.err)
		})
	}
}

func TestRun_Seed(t *testing.T) {
	t.Parallel()
	env, _ := start(t, "-seed", "testdata/seed.json")
	delete(env, "RUNFLOW_BASE_URL")
	assert.Equal(t, map[string]string{
		"RUNFLOW_API_KEY": "key-1", "RUNFLOW_USER_TOKEN": "token-of-ann",
		"RUNFLOW_CALLBACK_SECRET": "whsec_1", "RUNFLOW_ORGANIZATION": "org-1",
	}, env)
}

func TestRun_Seed_Content(t *testing.T) {
	t.Parallel()
	env, _ := start(t, "-seed", "testdata/seed.json")
	client := newClient(t, env)
	ctx := t.Context()
	wait := runflow.WaitRunParams{MinInterval: 100 * time.Millisecond}
	params := runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}}
	picture, err := os.ReadFile("testdata/cat.svg")
	require.NoError(t, err)

	t.Run("model with steps and price", func(t *testing.T) {
		t.Parallel()
		model, err := client.Models.Get(ctx, "acme/cat", runflow.GetModelParams{Embed: []runflow.ModelEmbed{runflow.ModelEmbedPricing}})
		require.NoError(t, err)
		assert.Equal(t, "Cat", model.Name)
		require.Len(t, model.Pricing, 1)
		assert.Equal(t, "0.04", model.Pricing[0].Price.Decimal.String())

		got, err := client.Models.RunAndWait(ctx, "acme/cat", params, wait)
		require.NoError(t, err)
		assert.Equal(t, "0.04", got.Cost.Decimal.String())
		require.Len(t, got.OutputFiles(), 1)
		var content strings.Builder
		info, err := client.Runs.Download(ctx, got.OutputFiles()[0], &content, runflow.DownloadParams{})
		require.NoError(t, err)
		assert.Equal(t, string(picture), content.String())
		assert.Equal(t, "image/svg+xml", info.ContentType)
	})
	t.Run("model that fails", func(t *testing.T) {
		t.Parallel()
		got, err := client.Models.RunAndWait(ctx, "acme/broken", params, wait)
		require.ErrorIs(t, err, runflow.ErrRunFailed)
		assert.Equal(t, "the picture is too large", got.FailureMessage)
	})
	t.Run("workflow", func(t *testing.T) {
		t.Parallel()
		workflow, err := client.ComfyuiWorkflows.GetBySlug(ctx, "acme/upscale", runflow.GetWorkflowParams{})
		require.NoError(t, err)
		assert.Equal(t, "Upscale", workflow.Name)
	})
	t.Run("run", func(t *testing.T) {
		t.Parallel()
		got, err := client.Runs.Get(ctx, "run-1", runflow.GetRunParams{})
		require.NoError(t, err)
		require.Len(t, got.OutputFiles(), 1)
		assert.Contains(t, got.OutputFiles()[0].URL, "/files/cat.svg?")
	})
	t.Run("balance", func(t *testing.T) {
		t.Parallel()
		_, err := client.Models.CreateRun(ctx, "acme/cat", params, runflow.WithToken("key-2"))
		require.ErrorIs(t, err, runflow.ErrInsufficientCredit)
	})
	t.Run("run of another organization", func(t *testing.T) {
		t.Parallel()
		_, err := client.Runs.Get(ctx, "run-2", runflow.GetRunParams{})
		require.ErrorIs(t, err, runflow.ErrNotFound)
		for _, token := range []string{"token-of-bob", "key-2"} {
			_, err = client.Runs.Get(ctx, "run-2", runflow.GetRunParams{}, runflow.WithToken(token))
			require.NoError(t, err)
		}
	})
}

func TestRun_Seed_Invalid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ seed, err string }{
		"unknown field":              {`{"modells": {}}`, `unknown field "modells"`},
		"unknown field of a model":   {`{"models": {"acme/cat": {"prize": 1}}}`, `unknown field "prize"`},
		"unknown field of a step":    {`{"models": {"acme/cat": {"steps": [{}, {"state": "running"}]}}}`, `models: acme/cat: steps[1]: unknown field "state"`},
		"unknown field of a flow":    {`{"workflows": {"acme/cat": {"steps": [{"state": "running"}]}}}`, `workflows: acme/cat: steps[0]: unknown field "state"`},
		"unknown field of a run":     {`{"runs": [{"status": "running"}]}`, `runs[0]: unknown field "status"`},
		"model without owner":        {`{"models": {"cat": {}}}`, `models: "cat": must be "owner/slug"`},
		"workflow without slug":      {`{"workflows": {"acme/": {}}}`, `workflows: "acme/": must be "owner/slug"`},
		"missing file":               {`{"files": {"cat.png": "missing.png"}}`, "files: open "},
		"data after the JSON object": {`{} {}`, "unexpected data after the JSON value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "seed.json")
			require.NoError(t, os.WriteFile(path, []byte(tt.seed), 0o600))
			err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-seed", path}, io.Discard)
			require.ErrorContains(t, err, path+": "+tt.err)
		})
	}
}
