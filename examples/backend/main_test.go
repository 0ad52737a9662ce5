package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noVariables(string) string { return "" }

// start starts the program with a fake API. It returns the URLs that it prints, and a
// function that stops it.
func start(t *testing.T) (serviceURL, metricsURL string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	output, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-listen", "127.0.0.1:0", "-metrics", "127.0.0.1:0"}, noVariables, stdout)
		_ = stdout.CloseWithError(err)
		ended <- err
	}()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err // stop can be called again
		return err
	}
	t.Cleanup(func() { _ = stop() })
	lines := bufio.NewReader(output)
	for serviceURL == "" {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if found := regexp.MustCompile(`msg=listening url=(\S+) metrics=(\S+)`).FindStringSubmatch(line); found != nil {
			serviceURL, metricsURL = found[1], found[2]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return serviceURL, metricsURL, stop
}

func get(t *testing.T, method, url, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}

func TestRun_FakeAPI(t *testing.T) {
	t.Parallel()
	serviceURL, metricsURL, stop := start(t)
	status, text := get(t, "POST", serviceURL+"/api/runs", `{"prompt": "hills"}`)
	require.Equal(t, 201, status, text)
	var created runView
	require.NoError(t, json.Unmarshal([]byte(text), &created))
	status, _ = get(t, "GET", strings.Replace(metricsURL, "/metrics", "/healthz", 1), "")
	assert.Equal(t, 200, status)
	_, metrics := get(t, "GET", metricsURL, "")
	assert.Regexp(t, `http_client_request_duration_seconds_count{[^}]*url_template="/v1/models/{owner}/{slug}/runs"`, metrics)
	assert.Regexp(t, `http_server_request_duration_seconds_count{[^}]*http_route="/api/runs"`, metrics)
	assert.Contains(t, metrics, "go_goroutines")
	status, _ = get(t, "GET", serviceURL+"/metrics", "")
	assert.Equal(t, 404, status, "the metrics are not public")
	require.NoError(t, stop())
}

func TestRun_MissingVariables(t *testing.T) {
	t.Parallel()
	getenv := func(name string) string { return map[string]string{"RUNFLOW_TOKEN": "token"}[name] }
	err := run(t.Context(), []string{"-listen", "127.0.0.1:0", "-metrics", "127.0.0.1:0"}, getenv, io.Discard)
	require.EqualError(t, err, "RUNFLOW_CALLBACK_SECRET is not set\nRUNFLOW_MODEL is not set\nPUBLIC_URL is not set")
}

func TestRun_InvalidArguments(t *testing.T) {
	t.Parallel()
	used, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = used.Close() })
	address := used.Addr().String()
	for name, tt := range map[string]struct {
		args []string
		err  string
	}{
		"unknown flag":         {[]string{"-port", "80"}, "flag provided but not defined"},
		"used address":         {[]string{"-listen", address, "-metrics", "127.0.0.1:0"}, "address already in use"},
		"used metrics address": {[]string{"-listen", "127.0.0.1:0", "-metrics", address}, "address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, run(t.Context(), tt.args, noVariables, io.Discard), tt.err)
		})
	}
}

func TestServe_CompletesRequests(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	released := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			<-released
			_, _ = io.WriteString(w, "done")
		}))
	}()
	go func() {
		defer close(released)
		<-ctx.Done()
		for { // until the server has begun to shut down
			conn, err := (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), "tcp", listener.Addr().String())
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	status, text := get(t, "GET", "http://"+listener.Addr().String(), "")
	assert.Equal(t, 200, status)
	assert.Equal(t, "done", text)
	require.NoError(t, <-ended)
}
