package runflow_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestClientOption_Refused(t *testing.T) {
	t.Parallel()
	const inHeader = "must contain only printable ASCII characters"
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t)
	for want, opt := range map[string]runflow.ClientOption{
		"WithToken: must not be empty":                                                runflow.WithToken(""),
		"WithToken: must contain only visible ASCII":                                  runflow.WithToken("canary-1\n"),
		"WithToken: must contain only visible":                                        runflow.WithToken("Bearer canary"),
		"WithToken: must contain only":                                                runflow.WithToken("canary-é"),
		"WithTokenSource: must not be nil":                                            runflow.WithTokenSource(nil),
		"WithBaseURL: must be a URL":                                                  runflow.WithBaseURL("http://[canary"),
		"WithBaseURL: must start with https://":                                       runflow.WithBaseURL("api.runflow.io"),
		"WithBaseURL: must start with https":                                          runflow.WithBaseURL("ftp://api.runflow.io"),
		"WithBaseURL: must have a host":                                               runflow.WithBaseURL("https:///v1"),
		"WithBaseURL: must have a":                                                    runflow.WithBaseURL("https://:443"),
		"WithBaseURL: must have":                                                      runflow.WithBaseURL("https:api.runflow.io"),
		"WithBaseURL: must have a host in ASCII; write other names in the form xn--…": runflow.WithBaseURL("https://b\u00fccher.example"),
		"WithBaseURL: must have a host in ASCII":                                      runflow.WithBaseURL("https://\xf8.example"),
		"WithBaseURL: must not contain user info":                                     runflow.WithBaseURL("https://canary:canary@api.runflow.io"),
		"WithBaseURL: must not contain a query":                                       runflow.WithBaseURL("https://api.runflow.io?key=canary"),
		"WithBaseURL: must not contain a":                                             runflow.WithBaseURL("https://api.runflow.io?"),
		"WithBaseURL: must not contain a fragment":                                    runflow.WithBaseURL("https://api.runflow.io#canary"),
		"WithBaseURL: must not be plain http":                                         runflow.WithBaseURL("http://api.runflow.io"),
		"WithBaseURL: must not be plain":                                              runflow.WithBaseURL("http://127.0.0.1.example.com"),
		"WithHTTPClient: must not be nil":                                             runflow.WithHTTPClient(nil),
		"WithMiddleware: must not be nil":                                             runflow.WithMiddleware(nil),
		"WithMiddleware: must not return nil":                                         runflow.WithMiddleware(func(http.RoundTripper) http.RoundTripper { return nil }),
		"WithOrganization: must not be empty":                                         runflow.WithOrganization(""),
		"WithOrganization: " + inHeader:                                               runflow.WithOrganization("canary\r\nX: y"),
		"WithUserAgent: must not be empty":                                            runflow.WithUserAgent(" "),
		"WithUserAgent: " + inHeader:                                                  runflow.WithUserAgent("canary\n"),
		"WithHeader: must have a valid header name":                                   runflow.WithHeader("", "canary"),
		"WithHeader: must have a valid":                                               runflow.WithHeader("X y", "canary"),
		"WithHeader: " + inHeader:                                                     runflow.WithHeader("X", "canary\x00"),
		"WithHeader: Authorization is set by WithToken":                               runflow.WithHeader("authorization", "canary"),
		"WithHeader: X-Organization-Id is set by WithOrganization":                    runflow.WithHeader("x-organization-id", "canary"),
		"WithHeader: Idempotency-Key is set by WithIdempotencyKey":                    runflow.WithHeader("idempotency-key", "canary"),
		"WithHeader: Host is set by WithBaseURL":                                      runflow.WithHeader("host", "canary"),
		"WithHeader: Expect is set by the connection":                                 runflow.WithHeader("expect", "100-continue"),
		"WithHeader: Te is set by the connection":                                     runflow.WithHeader("TE", "trailers"),
		"WithHeader: Upgrade is set by the connection":                                runflow.WithHeader("upgrade", "h2c"),
		"WithHeader: Trailer is set by the connection":                                runflow.WithHeader("trailer", "X"),
		"WithHeader: Keep-Alive is set by the connection":                             runflow.WithHeader("keep-alive", "1"),
		"WithHeader: Proxy-Connection is set by the connection":                       runflow.WithHeader("proxy-connection", "1"),
		"WithMaxRetries: must not be negative":                                        runflow.WithMaxRetries(-1),
		"WithRetryBudget: must not be negative":                                       runflow.WithRetryBudget(-1),
		"WithRetryBackoff: want 0 < min <= max":                                       runflow.WithRetryBackoff(0, time.Second),
		"WithRetryBackoff: want 0 < min":                                              runflow.WithRetryBackoff(2, 1),
		"WithAttemptTimeout: must not be negative":                                    runflow.WithAttemptTimeout(-1),
		"WithMaxResponseBytes: must be positive":                                      runflow.WithMaxResponseBytes(0),
		"WithLogger: must not be nil":                                                 runflow.WithLogger(nil),
		"WithRateLimiter: must not be nil":                                            runflow.WithRateLimiter(nil),
		"opts[0]: must not be nil":                                                    nil,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			errs := map[string]error{}
			_, errs[""] = runflow.NewClient("token", opt)
			if shared, ok := opt.(runflow.SharedOption); ok || opt == nil {
				_, errs["Runs.Get: "] = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, shared)
			}
			_, err := client.With(opt)
			require.EqualError(t, err, errs[""].Error())
			for operation, err := range errs {
				require.ErrorIs(t, err, runflow.ErrInvalidArgument)
				assert.Contains(t, err.Error(), "runflow: "+operation+want)
				assert.NotContains(t, err.Error(), "canary")
			}
		})
	}
	t.Cleanup(func() { assert.Empty(t, server.seen()) })
}

func TestCallOption_Refused(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t)
	for want, opt := range map[string]runflow.CallOption{
		"WithResponse: must not be nil":                                  runflow.WithResponse(nil),
		"WithQuery: must have a key":                                     runflow.WithQuery("", "x"),
		"WithQuery: must have a key, and be valid UTF-8":                 runflow.WithQuery("x", "\xff"),
		"WithQuery: must not set embed, which the method sets":           runflow.WithQuery("embed", "x"),
		"WithIdempotencyKey: must not be given to an idempotent call":    runflow.WithIdempotencyKey("k"),
		"WithIdempotencyKey: must contain only visible ASCII characters": runflow.WithIdempotencyKey("a b"),
		"WithIdempotencyKey: must contain only visible ASCII":            runflow.WithIdempotencyKey(""),
		"WithIdempotencyKey: must contain only visible":                  runflow.WithIdempotencyKey("ü"),
		"opts[0]: must not be nil":                                       nil,
	} {
		_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, opt)
		require.ErrorIs(t, err, runflow.ErrInvalidArgument, want)
		require.ErrorContains(t, err, "runflow: Runs.Get: "+want)
	}
	assert.Empty(t, server.seen())
}

func TestWithBaseURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                              runflow.DefaultBaseURL,
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
	_, err := runflow.NewClient("token", runflow.WithInsecureHTTP(), runflow.WithBaseURL("http://api.example"))
	require.NoError(t, err)

	server := newAPI(t, 200, `{"id":"1"}`)
	_, err = server.client(t, runflow.WithBaseURL(server.URL+"/a%2Fb/")).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.NoError(t, err)
	assert.Equal(t, "/a%2Fb/v1/runs/1", server.only(t).URI, "the path of the base URL comes first")
}

func TestOptions_LaterOneCounts(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	source := func(context.Context) (string, error) { return "from-source", nil }
	for want, opts := range map[string][]runflow.ClientOption{
		"Bearer second":      {runflow.WithToken("first"), runflow.WithToken("second")},
		"Bearer from-source": {runflow.WithToken("first"), runflow.WithTokenSource(source)},
		"Bearer first":       {runflow.WithTokenSource(source), runflow.WithToken("first")},
	} {
		client, err := runflow.NewClient("", append(opts, runflow.WithBaseURL(server.URL))...)
		require.NoError(t, err)
		_, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		require.NoError(t, err)
		seen := server.seen()
		assert.Equal(t, want, seen[len(seen)-1].Header.Get("Authorization"))
	}
}

func TestWithTokenSource_Fails(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	client := server.client(t)
	sealed := errors.New("vault is sealed")
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{},
		runflow.WithTokenSource(func(context.Context) (string, error) { return "", sealed }))
	var transportErr *runflow.TransportError
	require.ErrorAs(t, err, &transportErr)
	require.ErrorIs(t, err, sealed)
	assert.Zero(t, transportErr.Attempts)
	require.EqualError(t, err, "runflow: Runs.Get: GET /v1/runs/{run_id}: token source: vault is sealed")

	_, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{},
		runflow.WithTokenSource(func(context.Context) (string, error) { return "canary\n", nil }))
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.NotContains(t, err.Error(), "canary")
	assert.Empty(t, server.seen())
}

func TestWithTokenSource_HangsUntilAttemptTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := inBubble(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"1"}`) })
		start := time.Now()
		_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, runflow.WithAttemptTimeout(7*time.Second),
			runflow.WithTokenSource(func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			}))
		var transportErr *runflow.TransportError
		require.ErrorAs(t, err, &transportErr)
		assert.True(t, transportErr.Timeout())
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's context that ended")
		assert.Equal(t, 7*time.Second, time.Since(start))
	})
}

func TestWithHTTPClient_CopiesClient(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	var attempt runflow.Attempt
	var found bool
	given := &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		attempt, found = runflow.AttemptFromContext(req.Context())
		return http.DefaultTransport.RoundTrip(req)
	})}
	client := server.client(t, runflow.WithHTTPClient(given))
	given.Transport = nil // the SDK has a copy
	_, err := client.Runs.ClearFeedback(t.Context(), "1")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, runflow.Attempt{Operation: "Runs.ClearFeedback", Method: "PATCH", Route: "/v1/runs/{run_id}/feedback", Number: 1}, attempt)
	assert.Nil(t, given.CheckRedirect)
	_, found = runflow.AttemptFromContext(t.Context())
	assert.False(t, found)
}

func TestWithMiddleware_Order(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1"}`)
	var trace []string
	calls := map[string]int{}
	named := func(name string) runflow.ClientOption {
		return runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			calls[name]++
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				trace = append(trace, name)
				return next.RoundTrip(req)
			})
		})
	}
	own := &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		trace = append(trace, "transport")
		return http.DefaultTransport.RoundTrip(req)
	})}
	client := server.client(t, named("first"), runflow.WithHTTPClient(own), named("second"))
	derived, err := client.With(named("derived"))
	require.NoError(t, err)
	for _, tc := range []struct {
		client *runflow.Client
		want   []string
	}{{client, []string{"first", "second", "transport"}}, {derived, []string{"first", "second", "derived", "transport"}}} {
		trace = nil
		_, err = tc.client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		require.NoError(t, err)
		assert.Equal(t, tc.want, trace)
	}
	assert.Equal(t, map[string]int{"first": 2, "second": 2, "derived": 1}, calls, "it is called once per client")
}

// A middleware sees attempts, redirects and downloads.
func TestWithMiddleware_SeesEachRequest(t *testing.T) {
	t.Parallel()
	s, _ := newStorage(t)
	var trace []string
	client, err := runflow.NewClient(token, runflow.WithBaseURL(s.URL), runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			attempt, _ := runflow.AttemptFromContext(req.Context())
			trace = append(trace, attempt.Operation+" "+attempt.Route+" "+req.URL.Path)
			return next.RoundTrip(req)
		})
	}))
	require.NoError(t, err)
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/redirect", nil, nil))
	_, err = client.Runs.Download(t.Context(), s.file(), io.Discard, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"Client.Do {path} /v1/redirect", "Client.Do {path} /v1/runs/1", "Runs.Download {output_url} /files/a.webp",
	}, trace)
}

func TestWithQuery(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1","items":[]}`)
	client := server.client(t)
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{AddSignature: true}, runflow.WithQuery("b", "x y"), runflow.WithQuery("b", "&"))
	require.NoError(t, err)
	_, err = client.Runs.ClearFeedback(t.Context(), "1", runflow.WithQuery("limit", "1"))
	require.NoError(t, err)
	require.NoError(t, client.Do(t.Context(), "GET", "/v1/x?a=1", nil, nil, runflow.WithQuery("b", "2")))
	var uris []string
	for _, r := range server.seen() {
		uris = append(uris, r.URI)
	}
	assert.Equal(t, []string{"/v1/runs/1?add_signature=true&b=x+y&b=%26", "/v1/runs/1/feedback?limit=1", "/v1/x?a=1&b=2"}, uris)

	_, err = client.Runs.List(t.Context(), runflow.ListRunsParams{}, runflow.WithQuery("limit", "7"))
	require.EqualError(t, err, "runflow: Runs.List: WithQuery: must not set limit, which the method sets")
	err = client.Do(t.Context(), "GET", "/v1/x?a=1", nil, nil, runflow.WithQuery("a", "2"))
	require.EqualError(t, err, "runflow: Client.Do: WithQuery: must not set a, which the method sets")
}

func TestWithResponse(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{200: `{"id" : "1"}`, 404: `{"code":"RUN_NOT_FOUND"}`, 201: "oops"} {
		server := newAPI(t, status, body, "X-Request-Id", "req-1")
		resp := runflow.Response{StatusCode: 999, Body: []byte("old")}
		_, err := server.client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{}, runflow.WithResponse(&resp))
		assert.Equal(t, status == 200, err == nil)
		assert.Equal(t, status, resp.StatusCode)
		assert.Equal(t, body, string(resp.Body))
		assert.Equal(t, "req-1", resp.RequestID)
		assert.Equal(t, "req-1", resp.Header.Get("X-Request-Id"))
		assert.Equal(t, 1, resp.Attempts)

		_, err = server.client(t).Runs.Get(t.Context(), "", runflow.GetRunParams{}, runflow.WithResponse(&resp))
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		assert.Zero(t, resp, "nothing of an earlier call is left")
	}
}

// Methods that make several calls fill it with the last response.
func TestWithResponse_SeveralCalls(t *testing.T) {
	t.Parallel()
	client, _ := threePages(t)
	var resp runflow.Response
	var bodies []string
	for _, err := range client.Runs.All(t.Context(), runflow.ListRunsParams{}, runflow.WithResponse(&resp)) {
		require.NoError(t, err)
		bodies = append(bodies, string(resp.Body))
	}
	assert.Len(t, bodies, 6)
	assert.Contains(t, bodies[0], `"0.0"`)
	assert.Contains(t, bodies[5], `"2.1"`)

	s, client := newStorage(t)
	_, err := client.Runs.Download(t.Context(), s.file(), io.Discard, runflow.DownloadParams{}, runflow.WithResponse(&resp))
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, `"v1"`, resp.Header.Get("ETag"))
	assert.Nil(t, resp.Body)
	file := s.file()
	file.RunID = ""
	s.signature.Add(1)
	_, err = client.Runs.Download(t.Context(), file, io.Discard, runflow.DownloadParams{}, runflow.WithResponse(&resp))
	require.ErrorIs(t, err, runflow.ErrPermissionDenied)
	assert.Equal(t, 403, resp.StatusCode)
	assert.Nil(t, resp.Body)

	synctest.Test(t, func(t *testing.T) {
		states := &course{states: []string{"queued", "running", "succeeded"}}
		_, err := inBubble(t, states.ServeHTTP).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{}, runflow.WithResponse(&resp))
		require.NoError(t, err)
		assert.Contains(t, string(resp.Body), "succeeded")
	})
}

func TestWithMaxResponseBytes(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"`+strings.Repeat("x", 100)+`"}`)
	_, err := server.client(t, runflow.WithMaxResponseBytes(100)).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, runflow.ErrResponseTooLarge)
	var decodeErr *runflow.DecodeError
	require.ErrorAs(t, err, &decodeErr)
	assert.Equal(t, 200, decodeErr.StatusCode)
	_, err = server.client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{}, runflow.WithMaxResponseBytes(1000))
	require.NoError(t, err)
}

// picked returns the option that each byte of picks stands for.
func picked[O any](picks []byte, all []O) []O {
	var opts []O
	for _, pick := range picks {
		opts = append(opts, all[int(pick)%len(all)])
	}
	return opts
}

func FuzzOptions(f *testing.F) {
	f.Add("token", []byte{1, 9, 10, 11, 12, 13, 14, 15, 16}, []byte{3, 8, 21}, "https://api.runflow.io", "value", int64(1))
	f.Add("", []byte{0, 1, 2, 4, 7, 17, 19, 20}, []byte{0, 22, 22}, "http://[::1", "\x00", int64(-1))
	f.Add("t", []byte{2, 3, 5, 6, 8, 14, 18}, []byte{6, 9, 11, 15, 22}, "a", "b", int64(1<<62))
	f.Fuzz(func(t *testing.T, token string, defaults, overrides []byte, text, value string, n int64) {
		shared := []runflow.SharedOption{
			runflow.WithToken(text),
			runflow.WithTokenSource(nil),
			runflow.WithTokenSource(func(context.Context) (string, error) { return text, nil }),
			runflow.WithOrganization(text),
			runflow.WithHeader(text, value),
			runflow.WithMaxRetries(int(n)),
			runflow.WithRetryBackoff(time.Duration(n), time.Duration(n)*2),
			runflow.WithAttemptTimeout(time.Duration(n)),
			runflow.WithMaxResponseBytes(n),
		}
		ofClients := []runflow.ClientOption{
			nil,
			runflow.WithBaseURL(text),
			runflow.WithBaseURL("http://" + text + "/" + value),
			runflow.WithInsecureHTTP(),
			runflow.WithHTTPClient(nil),
			runflow.WithHTTPClient(&http.Client{}),
			runflow.WithMiddleware(nil),
			runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper { return next }),
			runflow.WithUserAgent(text),
			runflow.WithRetryBudget(int(n)),
			runflow.WithLogger(slog.New(slog.DiscardHandler)),
			runflow.WithRateLimiter(nil),
		}
		ofCalls := []runflow.CallOption{
			nil, runflow.WithResponse(nil), runflow.WithResponse(&runflow.Response{}), runflow.WithIdempotencyKey(text), runflow.WithQuery(text, value),
		}
		for _, opt := range shared {
			ofClients, ofCalls = append(ofClients, opt), append(ofCalls, opt)
		}
		client, err := runflow.NewClient(token, picked(defaults, ofClients)...)
		assert.Equal(t, err != nil, client == nil)
		if err != nil {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			client, err = runflow.NewClient("token")
			require.NoError(t, err)
		}
		// Options that were accepted can be sent.
		client, err = client.With(runflow.WithMaxRetries(0), runflow.WithAttemptTimeout(0),
			runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				assert.NoError(t, req.Write(io.Discard))
				return nil, errors.New("sent")
			})}))
		require.NoError(t, err)
		_, err = client.Models.CreateRun(t.Context(), "a/b", runflow.CreateRunParams{Input: map[string]any{}},
			append(picked(overrides, ofCalls), runflow.WithMaxRetries(0))...)
		if !errors.Is(err, runflow.ErrInvalidArgument) {
			require.ErrorContains(t, err, "sent")
		}
	})
}
