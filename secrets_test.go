package runflow_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/leak"
)

// The acceptance module also looks for secrets under each fault.
func TestSecrets_ExportedValues(t *testing.T) {
	t.Parallel()
	var out leak.Recorder
	server := newAPI(t, 200, `{"id":"1","status_code":"failed","output":{"secret":"canary"},"failure_code":"X"}`)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithHeader("X-Secret", "canary-header"),
		runflow.WithOrganization("canary-organization"), runflow.WithHTTPClient(&http.Client{}))
	require.NoError(t, err)
	for _, v := range []any{
		client, *client, client.Runs, *client.Runs, client.Models, *client.Models, client.ComfyuiWorkflows, *client.ComfyuiWorkflows,
		runflow.WithToken(token), runflow.WithHeader("X-Secret", "canary-header"), runflow.WithIdempotencyKey("canary-key"),
	} {
		out.Value(v)
	}
	_, err = client.Runs.Wait(t.Context(), "1", runflow.WaitRunParams{})
	require.ErrorIs(t, err, runflow.ErrRunFailed)
	out.Chain(err)
	_, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, runflow.WithToken("canary with space"), runflow.WithHeader("canary\n", "canary\n"),
		runflow.WithOrganization("canary\n"))
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.Chain(err)
	_, err = client.With(runflow.WithBaseURL("https://canary:canary@host"))
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.Chain(err)
	_, err = client.Runs.Get(t.Context(), "canary/..\n", runflow.GetRunParams{Fields: []string{"canary,canary"}})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.Chain(err)
	_, err = client.Models.CreateRun(t.Context(), "canary", runflow.CreateRunParams{Input: "canary", CallbackURL: "canary", Metadata: []string{"canary"}})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.Chain(err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Runs.Get(ended, "1", runflow.GetRunParams{})
	out.Chain(err)
	_, err = client.Runs.Wait(ended, "1", runflow.WaitRunParams{})
	out.Chain(err)
	out.AssertNoSecret(t)
}

// An error response may echo what was sent, in any form.
func TestSecrets_Echoes(t *testing.T) {
	t.Parallel()
	for name, echo := range map[string]string{
		"token":            token,
		"header":           "canary-header",
		"decoded query":    "order canary query",
		"encoded query":    "order+canary+query",
		"escaped query":    "order%20canary%20query",
		"value of body":    "because canary",
		"re-spaced body":   `{ \"is_positive\" : true , \"reason\" : \"because canary\" }`,
		"URL":              "https://storage/file?X-Signature=canary",
		"URL, apostrophe":  "https://storage/it's?a='canary",
		"URL, quote":       `https://storage/file?a=\"canary`,
		"URL, space":       "https://storage/a file?a=b canary&sig=canary",
		"query alone":      "file.png?X-Signature=canary",
		"user info":        "https://user:canary@storage/file",
		"fragment":         "https://storage/file#access_token=canary",
		"escaped URL":      "https%3A%2F%2Fstorage%2Ffile%3Fsig%3Dcanary",
		"JSON's slashes":   `https:\\/\\/storage\\/file?sig=canary`,
		"control sequence": `\u001b[31mhttps://storage/file?sig=canary`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 422, `{"code":"X","message":"bad: `+echo+`","errors":[{"loc":["`+echo+`"],"msg":"`+echo+`","type":"`+echo+`"}]}`, "X-Request-Id", "req-1")
			var log bytes.Buffer
			client := server.client(t, runflow.WithHeader("X-Secret", "canary-header"), runflow.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			_, err := client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "because canary"},
				runflow.WithQuery("q", "order canary query"))
			var apiErr *runflow.APIError
			require.ErrorAs(t, err, &apiErr)
			var out leak.Recorder
			out.Chain(err)
			out.Value(apiErr.Fields)
			out.WriteString(log.String())
			if name == "URL, space" {
				return // see TestSecrets_URLWithSpace
			}
			out.AssertNoSecret(t)
			assert.NotContains(t, err.Error(), "\x1b")
		})
	}
}

// In a text, a space ends a URL, so the words after it look like prose. A part
// after the space is still removed if it looks like a query.
func TestSecrets_URLWithSpace(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 422, `{"code":"X","message":"https://storage/a file?a=b c&sig=canary"}`)
	_, err := server.client(t).Runs.ClearFeedback(t.Context(), "1")
	require.ErrorContains(t, err, "https://storage/a file?[redacted] c?[redacted]")
}

// The SDK does not recover a panic of a caller's function. The client still works
// after it.
func TestClient_PanicsOfCallersFunctions(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	boom := &struct{ text string }{"boom"}
	for name, opt := range map[string]runflow.ClientOption{
		"token source": runflow.WithTokenSource(func(context.Context) (string, error) { panic(boom) }),
		"rate limiter": runflow.WithRateLimiter(limiter(func(context.Context) error { panic(boom) })),
		"transport": runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			panic(boom)
		})}),
		"logger": runflow.WithLogger(slog.New(panicking{slog.DiscardHandler, boom})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := server.client(t)
			derived, err := client.With(opt)
			require.NoError(t, err)
			for range 100 {
				assert.PanicsWithValue(t, boom, func() { _, _ = derived.Runs.ClearFeedback(t.Context(), "1") })
			}
			_, err = client.Runs.ClearFeedback(t.Context(), "1")
			require.NoError(t, err)
		})
	}
}

// The text of the call's error contains the error of the limiter, and the call's
// error unwraps to it.
func TestWithRateLimiter_Fails(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	closed := errors.New("the limiter is closed")
	client := server.client(t, runflow.WithRateLimiter(limiter(func(context.Context) error { return closed })))
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, closed)
	require.EqualError(t, err, "runflow: Runs.Get: GET /v1/runs/{run_id}: rate limiter: the limiter is closed")
	assert.Empty(t, server.seen())
}

type panicking struct {
	slog.Handler

	value any
}

func (panicking) Enabled(context.Context, slog.Level) bool { return true }

func (p panicking) Handle(context.Context, slog.Record) error { panic(p.value) }

type limiter func(context.Context) error

func (l limiter) Wait(ctx context.Context) error { return l(ctx) }
