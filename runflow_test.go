package runflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestNewClientAcceptsAnyKindOfToken(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"rf_live_0123", "rf_svc_0123", "rfk_0123", "x",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "with+/=~",
	} {
		server := newAPI(t, 200, "{}")
		client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
		require.NoError(t, err)
		_, err = client.Runs.Get(t.Context(), "1", nil)
		require.NoError(t, err)
		assert.Equal(t, "Bearer "+token, server.only(t).Header.Get("Authorization"))
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	const inHeader = "must hold only printable ASCII characters"
	server := newAPI(t, 200, "{}")
	for want, opt := range map[string]runflow.Option{
		"WithToken: must not be empty":                             runflow.WithToken(""),
		"WithToken: must hold only visible ASCII":                  runflow.WithToken("canary-1\n"),
		"WithToken: must hold only visible":                        runflow.WithToken("Bearer canary"),
		"WithToken: must hold only":                                runflow.WithToken("canary-é"),
		"WithTokenSource: must not be nil":                         runflow.WithTokenSource(nil),
		"WithBaseURL: is not a URL":                                runflow.WithBaseURL("http://[canary"),
		"WithBaseURL: must start with https://":                    runflow.WithBaseURL("api.runflow.io"),
		"WithBaseURL: must start with https":                       runflow.WithBaseURL("ftp://api.runflow.io"),
		"WithBaseURL: must start with":                             runflow.WithBaseURL(""),
		"WithBaseURL: must name a host":                            runflow.WithBaseURL("https:///v1"),
		"WithBaseURL: must name a":                                 runflow.WithBaseURL("https://:443"),
		"WithBaseURL: must name":                                   runflow.WithBaseURL("https:api.runflow.io"),
		"WithBaseURL: must name its host in ASCII, as xn--":        runflow.WithBaseURL("https://b\u00fccher.example"),
		"WithBaseURL: must name its host in ASCII":                 runflow.WithBaseURL("https://\xf8.example"),
		"WithBaseURL: must not hold user info":                     runflow.WithBaseURL("https://canary:canary@api.runflow.io"),
		"WithBaseURL: must not hold a query":                       runflow.WithBaseURL("https://api.runflow.io?key=canary"),
		"WithBaseURL: must not hold a":                             runflow.WithBaseURL("https://api.runflow.io?"),
		"WithBaseURL: must not hold a fragment":                    runflow.WithBaseURL("https://api.runflow.io#canary"),
		"WithBaseURL: must not be plain http":                      runflow.WithBaseURL("http://api.runflow.io"),
		"WithBaseURL: must not be plain":                           runflow.WithBaseURL("http://127.0.0.1.example.com"),
		"WithHTTPClient: must not be nil":                          runflow.WithHTTPClient(nil),
		"WithOrganization: must not be empty":                      runflow.WithOrganization(""),
		"WithOrganization: " + inHeader:                            runflow.WithOrganization("canary\r\nX: y"),
		"WithUserAgent: must not be empty":                         runflow.WithUserAgent(" "),
		"WithUserAgent: " + inHeader:                               runflow.WithUserAgent("canary\n"),
		"WithHeader: is not a header's name":                       runflow.WithHeader("", "canary"),
		"WithHeader: is not a header's":                            runflow.WithHeader("X y", "canary"),
		"WithHeader: " + inHeader:                                  runflow.WithHeader("X", "canary\x00"),
		"WithHeader: Authorization is set by WithToken":            runflow.WithHeader("authorization", "canary"),
		"WithHeader: X-Organization-Id is set by WithOrganization": runflow.WithHeader("x-organization-id", "canary"),
		"WithHeader: Host is set by WithBaseURL":                   runflow.WithHeader("host", "canary"),
		"WithMaxRetries: must not be negative":                     runflow.WithMaxRetries(-1),
		"WithRetryBudget: must not be negative":                    runflow.WithRetryBudget(-1),
		"WithRetryBackoff: must be a positive duration":            runflow.WithRetryBackoff(0, time.Second),
		"WithRetryBackoff: must be a positive":                     runflow.WithRetryBackoff(2, 1),
		"WithAttemptTimeout: must not be negative":                 runflow.WithAttemptTimeout(-1),
		"WithMaxResponseBytes: must be positive":                   runflow.WithMaxResponseBytes(0),
		"WithLogger: must not be nil":                              runflow.WithLogger(nil),
		"WithRateLimiter: must not be nil":                         runflow.WithRateLimiter(nil),
		"WithResponse: must not be nil":                            runflow.WithResponse(nil),
		"opts[0]: must not be nil":                                 nil,
	} {
		client := server.client(t)
		_, newErr := runflow.NewClient("token", opt)
		_, withErr := client.With(opt)
		_, callErr := client.Runs.Get(t.Context(), "1", nil, opt)
		for prefix, err := range map[string]error{"": newErr, " ": withErr, "Runs.Get: ": callErr} {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument, want)
			assert.Contains(t, err.Error(), "runflow: "+strings.TrimLeft(prefix, " ")+want)
			assert.NotContains(t, err.Error(), "canary")
		}
	}
	assert.Empty(t, server.seen())
}

func TestNewClientReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := runflow.NewClient("", runflow.WithMaxRetries(-1), nil, runflow.WithResponse(&runflow.Response{}), runflow.WithBaseURL("http://example.com"))
	require.EqualError(t, err, `runflow: WithMaxRetries: must not be negative
runflow: opts[1]: must not be nil
runflow: token: must not be empty, unless WithTokenSource is given
runflow: WithBaseURL: must not be plain http to a host that is not loopback, unless WithPlaintext is given
runflow: WithResponse: is for one call only`)

	_, err = runflow.NewClient("two words")
	require.EqualError(t, err, `runflow: token: must hold only visible ASCII characters: no space, no line break, no leading "Bearer"`)
}

func TestBaseURLsThatAreAccepted(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://api.runflow.io":        "https://api.runflow.io",
		"https://api.runflow.io//":      "https://api.runflow.io",
		"https://proxy.example/runflow": "https://proxy.example/runflow",
		"http://localhost:8080/":        "http://localhost:8080",
		"http://127.0.0.2":              "http://127.0.0.2",
		"http://[::1]:80":               "http://[::1]:80",
		"HTTPS://API.runflow.io":        "https://API.runflow.io",
	} {
		client, err := runflow.NewClient("token", runflow.WithBaseURL(given))
		require.NoError(t, err, given)
		assert.Equal(t, "runflow.Client("+want+")", client.String())
	}
	_, err := runflow.NewClient("token", runflow.WithPlaintext(), runflow.WithBaseURL("http://api.example"))
	require.NoError(t, err)
	client, err := runflow.NewClient("token")
	require.NoError(t, err)
	assert.Equal(t, "runflow.Client(https://api.runflow.io)", client.String())
}

func TestBaseURLPathComesFirst(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	_, err := server.client(t, runflow.WithBaseURL(server.URL+"/a%2Fb/")).Runs.Get(t.Context(), "1", nil)
	require.NoError(t, err)
	assert.Equal(t, "/a%2Fb/v1/runs/1", server.only(t).URI)
}

func TestAnOptionOfACallOverridesTheClients(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	client := server.client(t,
		runflow.WithOrganization("org-1"), runflow.WithUserAgent("app/1"), runflow.WithHeader("X-Team", "a"))
	derived, err := client.With(runflow.WithToken("derived-token"), runflow.WithOrganization("org-2"), runflow.WithHeader("X-Other", "b"))
	require.NoError(t, err)
	get := func(c *runflow.Client, opts ...runflow.Option) http.Header {
		_, err := c.Runs.Get(t.Context(), "1", nil, opts...)
		require.NoError(t, err)
		seen := server.seen()
		return seen[len(seen)-1].Header
	}

	header := get(client)
	assert.Equal(t, "Bearer "+token, header.Get("Authorization"))
	assert.Equal(t, "org-1", header.Get("X-Organization-Id"))
	assert.Equal(t, "app/1 runflow-go/"+runflow.Version, header.Get("User-Agent"))
	assert.Equal(t, "a", header.Get("X-Team"))

	header = get(client, runflow.WithToken("user-token"), runflow.WithOrganization("org-3"), runflow.WithHeader("x-team", "c"), runflow.WithUserAgent("job/2"))
	assert.Equal(t, "Bearer user-token", header.Get("Authorization"))
	assert.Equal(t, "org-3", header.Get("X-Organization-Id"))
	assert.Equal(t, "job/2 runflow-go/"+runflow.Version, header.Get("User-Agent"))
	assert.Equal(t, "c", header.Get("X-Team"))

	header = get(derived)
	assert.Equal(t, "Bearer derived-token", header.Get("Authorization"))
	assert.Equal(t, "org-2", header.Get("X-Organization-Id"))
	assert.Equal(t, "a", header.Get("X-Team"))
	assert.Equal(t, "b", header.Get("X-Other"))

	header = get(client)
	assert.Equal(t, "Bearer "+token, header.Get("Authorization"), "neither a call nor a derived client changes the client")
	assert.Equal(t, "org-1", header.Get("X-Organization-Id"))
	assert.Empty(t, header.Get("X-Other"))
}

func TestTheLaterOfTwoOptionsCounts(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	source := func(context.Context) (string, error) { return "from-source", nil }
	for want, opts := range map[string][]runflow.Option{
		"Bearer second":      {runflow.WithToken("first"), runflow.WithToken("second")},
		"Bearer from-source": {runflow.WithToken("first"), runflow.WithTokenSource(source)},
		"Bearer first":       {runflow.WithTokenSource(source), runflow.WithToken("first")},
	} {
		client, err := runflow.NewClient("", append(opts, runflow.WithBaseURL(server.URL))...)
		require.NoError(t, err)
		_, err = client.Runs.Get(t.Context(), "1", nil)
		require.NoError(t, err)
		seen := server.seen()
		assert.Equal(t, want, seen[len(seen)-1].Header.Get("Authorization"))
	}
}

func TestDerivedClientsShareTheBudgetOfRetries(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 503, "{}")
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1), runflow.WithRetryBudget(6))
	require.NoError(t, err)
	derived, err := client.With(runflow.WithOrganization("org"))
	require.NoError(t, err)
	for _, tc := range []struct {
		client *runflow.Client
		opts   []runflow.Option
		want   int
	}{
		{client, nil, 5},
		{derived, nil, 3}, // the two that are left
		{client, nil, 1},
		{derived, []runflow.Option{runflow.WithRetryBudget(0)}, 5},
	} {
		var resp runflow.Response
		_, err = tc.client.Runs.Get(t.Context(), "1", nil, append(tc.opts, runflow.WithResponse(&resp))...)
		require.ErrorIs(t, err, runflow.ErrServer)
		assert.Equal(t, tc.want, resp.Attempts)
	}
}

func TestTokenSourcesThatFail(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	broken := errors.New("vault is sealed")
	_, err := server.client(t).Runs.Get(t.Context(), "1", nil,
		runflow.WithTokenSource(func(context.Context) (string, error) { return "", broken }))
	var transportErr *runflow.TransportError
	require.ErrorAs(t, err, &transportErr)
	require.ErrorIs(t, err, broken)
	assert.Zero(t, transportErr.Attempts)
	require.EqualError(t, err, "runflow: Runs.Get: GET /v1/runs/{run_id}: token source: vault is sealed")

	_, err = server.client(t).Runs.Get(t.Context(), "1", nil,
		runflow.WithTokenSource(func(context.Context) (string, error) { return "canary\n", nil }))
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.NotContains(t, err.Error(), "canary")
	assert.Empty(t, server.seen())
}

func TestResponseIsFilledOnSuccessAndOnFailure(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{200: `{"id" : "1"}`, 404: `{"code":"RUN_NOT_FOUND"}`, 201: "oops"} {
		server := newAPI(t, status, body, "X-Request-Id", "req-1")
		resp := runflow.Response{StatusCode: 999, Body: []byte("old")}
		_, err := server.client(t).Runs.Get(t.Context(), "1", nil, runflow.WithResponse(&resp))
		assert.Equal(t, status == 200, err == nil)
		assert.Equal(t, status, resp.StatusCode)
		assert.Equal(t, body, string(resp.Body))
		assert.Equal(t, "req-1", resp.RequestID)
		assert.Equal(t, "req-1", resp.Header.Get("X-Request-Id"))
		assert.Equal(t, 1, resp.Attempts)

		_, err = server.client(t).Runs.Get(t.Context(), "", nil, runflow.WithResponse(&resp))
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		assert.Zero(t, resp, "nothing of an earlier call is left")
	}
}

func TestResponsesMayBeTooLarge(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"`+strings.Repeat("x", 100)+`"}`)
	_, err := server.client(t, runflow.WithMaxResponseBytes(100)).Runs.Get(t.Context(), "1", nil)
	require.ErrorIs(t, err, runflow.ErrResponseTooLarge)
	var decodeErr *runflow.DecodeError
	require.ErrorAs(t, err, &decodeErr)
	assert.Equal(t, 200, decodeErr.StatusCode)
	_, err = server.client(t, runflow.WithMaxResponseBytes(1000)).Runs.Get(t.Context(), "1", nil)
	require.NoError(t, err)
}

func TestClientsWithoutAConstructorAreRefused(t *testing.T) {
	t.Parallel()
	var client runflow.Client
	var none *runflow.Client
	_, err := client.Runs.Get(t.Context(), "1", nil)
	require.EqualError(t, err, "runflow: Runs.Get: client: must be made by NewClient")
	_, err = new(runflow.RunsService).Get(t.Context(), "1", nil)
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	_, err = client.With()
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	_, err = none.With()
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.Equal(t, "runflow.Client()", client.String())
}

func TestAContextIsNeeded(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	_, err := server.client(t).Runs.Get(nil, "1", nil) //nolint:staticcheck // what must not panic
	require.EqualError(t, err, "runflow: Runs.Get: ctx: must not be nil")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestTheCallersHTTPClientIsUsedAndLeftAlone(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	var call runflow.Call
	var found bool
	given := &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		call, found = runflow.CallFromContext(req.Context())
		return http.DefaultTransport.RoundTrip(req)
	})}
	before := *given
	client := server.client(t, runflow.WithHTTPClient(given))
	given.Transport = nil // the client has its own copy
	_, err := client.Runs.ClearFeedback(t.Context(), "1")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, runflow.Call{Method: "PATCH", Route: "/v1/runs/{run_id}/feedback", Attempt: 1}, call)
	assert.Nil(t, before.CheckRedirect)
	assert.Nil(t, given.CheckRedirect)
	_, found = runflow.CallFromContext(t.Context())
	assert.False(t, found)
}

func TestAClientPrintsWithoutItsToken(t *testing.T) {
	t.Parallel()
	client, err := runflow.NewClient(token, runflow.WithHeader("X-Secret", "canary-header"))
	require.NoError(t, err)
	var printed strings.Builder
	for _, v := range []any{client, *client, client.Runs, *client.Runs, struct{ C *runflow.Client }{client}, []any{client}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T", "%p"} {
			fmt.Fprintf(&printed, verb+"\n", v)
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		printed.Write(data)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("client", "c", v)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("client", "c", v)
	}
	assert.NotContains(t, printed.String(), "canary")
	assert.Contains(t, printed.String(), `"runflow.Client(https://api.runflow.io)"`)
}

func TestAClientIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	var log bytes.Buffer
	client := server.client(t, runflow.WithHeader("X-A", "a"), runflow.WithHeader("X-B", "b"),
		runflow.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	var workers sync.WaitGroup
	for i := range 64 {
		workers.Go(func() {
			user := fmt.Sprintf("user-%d", i)
			derived, err := client.With(runflow.WithToken(user))
			assert.NoError(t, err)
			for _, opts := range [][]runflow.Option{nil, {runflow.WithHeader("X-Call", user)}} {
				_, err = derived.Runs.SetFeedback(t.Context(), user, runflow.Feedback{}, opts...)
				assert.NoError(t, err)
			}
			_, err = client.Runs.SetFeedback(t.Context(), user, runflow.Feedback{}, runflow.WithToken(user))
			assert.NoError(t, err)
		})
	}
	workers.Wait()
	seen := server.seen()
	require.Len(t, seen, 192)
	for _, r := range seen {
		assert.Equal(t, "/v1/runs/"+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+"/feedback", r.URI)
	}
}

// picked returns the options that each byte of picks stands for, in this order.
func picked(picks []byte, text, value string, n int64) []runflow.Option {
	all := []runflow.Option{
		nil,
		runflow.WithBaseURL(text),
		runflow.WithBaseURL("http://" + text + "/" + value),
		runflow.WithPlaintext(),
		runflow.WithHTTPClient(nil),
		runflow.WithHTTPClient(&http.Client{}),
		runflow.WithToken(text),
		runflow.WithTokenSource(nil),
		runflow.WithTokenSource(func(context.Context) (string, error) { return text, nil }),
		runflow.WithOrganization(text),
		runflow.WithUserAgent(text),
		runflow.WithHeader(text, value),
		runflow.WithMaxRetries(int(n)),
		runflow.WithRetryBackoff(time.Duration(n), time.Duration(n)*2),
		runflow.WithRetryBudget(int(n)),
		runflow.WithAttemptTimeout(time.Duration(n)),
		runflow.WithMaxResponseBytes(n),
		runflow.WithLogger(nil),
		runflow.WithLogger(slog.New(slog.DiscardHandler)),
		runflow.WithRateLimiter(nil),
		runflow.WithResponse(nil),
		runflow.WithResponse(&runflow.Response{}),
		runflow.WithIdempotencyKey(text),
	}
	var opts []runflow.Option
	for _, pick := range picks {
		opts = append(opts, all[int(pick)%len(all)])
	}
	return opts
}

func FuzzNoOptionsPanic(f *testing.F) {
	f.Add("token", []byte{1, 9, 10, 11, 12, 13, 14, 15, 16}, []byte{3, 8, 21}, "https://api.runflow.io", "value", int64(1))
	f.Add("", []byte{0, 1, 2, 4, 7, 17, 19, 20}, []byte{0, 22, 22}, "http://[::1", "\x00", int64(-1))
	f.Add("t", []byte{2, 3, 5, 6, 8, 14, 18}, []byte{6, 9, 11, 15, 22}, "a", "b", int64(1<<62))
	f.Fuzz(func(t *testing.T, token string, defaults, overrides []byte, text, value string, n int64) {
		client, err := runflow.NewClient(token, picked(defaults, text, value, n)...)
		assert.Equal(t, err != nil, client == nil)
		if err != nil {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			client, err = runflow.NewClient("token")
			require.NoError(t, err)
		}
		derived, err := client.With(picked(overrides, text, value, n)...)
		assert.Equal(t, err != nil, derived == nil)
		if err != nil {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			derived = client
		}
		// What was accepted can be sent.
		opts := append(picked(overrides, text, value, n), runflow.WithMaxRetries(0), runflow.WithAttemptTimeout(0),
			runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				assert.NoError(t, req.Write(io.Discard))
				return nil, errors.New("sent")
			})}))
		_, err = derived.Models.Run(t.Context(), "a/b", &runflow.RunRequest{Input: map[string]any{}}, opts...)
		if !errors.Is(err, runflow.ErrInvalidArgument) {
			require.ErrorContains(t, err, "sent")
		}
	})
}
