package runflow_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/faults"
)

// emitted collects everything that can be made of what the SDK gives away.
type emitted struct{ bytes.Buffer }

// value prints a value in every way that a program may print it in.
func (e *emitted) value(v any) {
	for _, flag := range []string{"", "+", "#", " ", "99", ".3"} {
		for _, verb := range "vsqdxXtboOcUeEfFgGpTw" {
			_, _ = fmt.Fprintf(e, "%"+flag+string(verb)+"\n", v)
		}
	}
	within := []any{[]any{v}, map[string]any{"v": v}, struct{ V any }{v}}
	_, _ = fmt.Fprintf(e, "%v %+v %#v %s %q %x\n", within, within, within, within, within, within)
	for _, v := range append(within, v) {
		if data, err := json.Marshal(v); err == nil {
			e.Write(data)
		} else {
			e.WriteString(err.Error())
		}
	}
	logger := slog.New(handlers(e))
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		logger.With("key", v).WithGroup("group").Log(context.Background(), level, "message", "key", v, slog.Group("group", "key", v), "within", within)
	}
}

// handlers returns a handler that writes as text and as JSON, at every level.
func handlers(w io.Writer) slog.Handler {
	opts := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	return slog.NewMultiHandler(slog.NewTextHandler(w, opts), slog.NewJSONHandler(w, opts))
}

// chain prints an error, what it points to, and all that it wraps.
func (e *emitted) chain(err error) {
	if err == nil {
		return
	}
	e.value(err)
	e.WriteString(err.Error())
	switch err := err.(type) { //nolint:errorlint // each link of the chain is of interest
	case *runflow.APIError:
		e.value(*err)
	case *runflow.TransportError:
		e.value(*err)
	case *runflow.DecodeError:
		e.value(*err)
	case *runflow.ArgumentError:
		e.value(*err)
	}
	switch err := err.(type) { //nolint:errorlint // each link of the chain is of interest
	case interface{ Unwrap() error }:
		e.chain(err.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range err.Unwrap() {
			e.chain(err)
		}
	}
}

// holdsNoSecret fails where a secret was emitted, as it is or in a usual
// encoding.
func (e *emitted) holdsNoSecret(t *testing.T) {
	t.Helper()
	text := e.String()
	for name, canary := range map[string]string{
		"as it is":    "canary",
		"upper case":  "CANARY",
		"hex":         hex.EncodeToString([]byte("canary")),
		"HEX":         strings.ToUpper(hex.EncodeToString([]byte("canary"))),
		"spaced hex":  "63 61 6e 61 72 79",
		"as a list":   "99 97 110 97 114 121",
		"in JSON":     "99,97,110,97,114,121",
		"base64":      base64.StdEncoding.EncodeToString([]byte("canary")),
		"base64, + 1": base64.StdEncoding.EncodeToString([]byte("xcanar"))[2:7],
		"base64, + 2": base64.StdEncoding.EncodeToString([]byte("xxcana"))[3:7],
	} {
		if at := strings.Index(text, canary); at >= 0 {
			assert.Fail(t, "a secret leaks, "+name, "%s", text[max(0, at-300):min(len(text), at+100)])
		}
	}
}

// Whatever goes wrong, nothing that the SDK emits holds what is secret: the
// token, a header, the query, the body, what the API answered beyond its code
// and message, or the signature of a file's URL.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	for _, fault := range faults.All() {
		for _, class := range append(faults.Classes(), faults.Download()) {
			t.Run(fault.Name+"/"+class.Name, func(t *testing.T) {
				t.Parallel()
				var out emitted
				met := faults.Meet(t, fault, class, true, runflow.WithLogger(slog.New(handlers(&out))))
				if met.Err != nil {
					out.chain(errors.Join(fmt.Errorf("cannot do it: %w", met.Err), io.EOF))
				}
				require.NotEmpty(t, out.String())
				out.holdsNoSecret(t)
			})
		}
	}
}

func TestNoSecretLeaksFromWhatIsExported(t *testing.T) {
	t.Parallel()
	var out emitted
	server := newAPI(t, 200, `{"id":"1","status_code":"failed","output":{"secret":"canary"},"failure_code":"X"}`)
	client, err := runflow.NewClient(faults.Token, runflow.WithBaseURL(server.URL), runflow.WithHeader("X-Secret", faults.Header),
		runflow.WithOrganization("canary-organization"), runflow.WithHTTPClient(&http.Client{}))
	require.NoError(t, err)
	verifier, err := runflow.NewCallbackVerifier("canary-secret")
	require.NoError(t, err)
	option := runflow.WithToken(faults.Token)
	for _, v := range []any{
		client, *client, client.Runs, *client.Runs, client.Models, *client.Models, client.ComfyuiWorkflows, *client.ComfyuiWorkflows,
		verifier, *verifier, option, verifier.Handler(nil), runflow.NewCallbackStore(0, 0),
	} {
		out.value(v)
	}
	_, err = client.Runs.Wait(t.Context(), "1", nil)
	require.ErrorIs(t, err, runflow.ErrRunFailed)
	out.chain(err)
	_, err = client.Runs.Wait(t.Context(), "1", nil, runflow.WithToken("canary with space"), runflow.WithHeader("canary\n", "canary\n"),
		runflow.WithBaseURL("https://canary:canary@host"), runflow.WithOrganization("canary\n"))
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.chain(err)
	_, err = client.Runs.Get(t.Context(), "canary/..\n", &runflow.RunGetParams{Fields: []string{"canary,canary"}})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.chain(err)
	_, err = client.Models.Run(t.Context(), "canary", &runflow.RunRequest{Input: "canary", CallbackURL: "canary", Metadata: []string{"canary"}})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	out.chain(err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Runs.Get(ended, "1", nil)
	out.chain(err)
	_, err = client.Runs.Wait(ended, "1", nil)
	out.chain(err)
	out.holdsNoSecret(t)
}

func TestNoSecretLeaksFromCallbacks(t *testing.T) {
	t.Parallel()
	const secret = "canary-secret"
	verifier, err := runflow.NewCallbackVerifier(secret)
	require.NoError(t, err)
	var (
		mu  sync.Mutex
		out emitted
	)
	handler := verifier.Handler(func(context.Context, *runflow.CallbackEvent) error { panic("the handler's own words") },
		runflow.WithCallbackErrors(func(_ context.Context, err error) {
			mu.Lock()
			defer mu.Unlock()
			out.chain(err)
		}))
	server := httptest.NewUnstartedServer(handler)
	panics := make(chan string, 1)
	server.Config.ErrorLog = log.New(writer(func(p []byte) { panics <- string(p) }), "", 0)
	server.Start()
	for body, signatures := range map[string][]string{
		`{"event":"run.succeeded","run_id":"canary","status":"succeeded","output":"canary"}`: {"", "canary", "sha256=canary", "sha256=" + strings.Repeat("0", 64), sign(secret, `{"event":"run.succeeded","run_id":"canary","status":"succeeded","output":"canary"}`)},
		`{"event":"canary`:                {sign(secret, `{"event":"canary`)},
		`{"event":{"canary":"canary"}}`:   {sign(secret, `{"event":{"canary":"canary"}}`)},
		strings.Repeat("canary", 1<<18):   {""},
		`canary`:                          {sign(secret, `canary`)},
		`{"run_id":"canary","run_id":""}`: {sign(secret, `{"run_id":"canary","run_id":""}`)},
	} {
		for _, signature := range signatures {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"?canary", strings.NewReader(body))
			require.NoError(t, err)
			req.Header.Set("Runflow-Signature", signature)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // the panic, after the answer
			}
			mu.Lock()
			_, _ = io.Copy(&out, resp.Body)
			mu.Unlock()
			require.NoError(t, resp.Body.Close())
		}
	}
	out.WriteString(<-panics)
	server.Close()
	assert.Contains(t, out.String(), "the handler's own words")
	out.holdsNoSecret(t)
}

// A panic of a function of the caller's is the caller's: it passes through as it
// is, and leaves a client behind that works.
func TestPanicsOfTheCallersFunctionsPassThrough(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t)
	boom := &struct{ text string }{"boom"}
	for name, opt := range map[string]runflow.Option{
		"token source": runflow.WithTokenSource(func(context.Context) (string, error) { panic(boom) }),
		"rate limiter": runflow.WithRateLimiter(waiter(func(context.Context) error { panic(boom) })),
		"round trip": runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			panic(boom)
		})}),
		"logger": runflow.WithLogger(slog.New(panicking{slog.DiscardHandler, boom})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				assert.PanicsWithValue(t, boom, func() { _, _ = client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{}, opt) })
			}
			_, err := client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{})
			require.NoError(t, err)
		})
	}
}

type panicking struct {
	slog.Handler

	value any
}

func (panicking) Enabled(context.Context, slog.Level) bool { return true }

func (p panicking) Handle(context.Context, slog.Record) error { panic(p.value) }

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

type waiter func(context.Context) error

func (w waiter) Wait(ctx context.Context) error { return w(ctx) }
