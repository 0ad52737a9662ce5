package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

var sentinels = map[int]error{
	400: runflow.ErrBadRequest, 401: runflow.ErrUnauthorized, 402: runflow.ErrInsufficientCredit,
	403: runflow.ErrPermissionDenied, 404: runflow.ErrNotFound, 409: runflow.ErrConflict,
	422: runflow.ErrValidation, 429: runflow.ErrRateLimited, 500: runflow.ErrServer,
}

func TestAPIError_Is(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 400, 401, 402, 403, 404, 405, 409, 418, 422, 429, 500, 501, 503, 599} {
		server := newAPI(t, status, `{"code":"SOME_CODE","message":"some message","errors":null}`)
		_, err := server.client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		for of, sentinel := range sentinels {
			want := status == of || of == 500 && status >= 500
			assert.Equal(t, want, errors.Is(err, sentinel), "%d is %v", status, sentinel)
		}
		require.NotErrorIs(t, err, runflow.ErrInvalidArgument)
		require.NotErrorIs(t, err, runflow.ErrOutcomeUnknown)
		var apiErr *runflow.APIError
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, status, apiErr.StatusCode)
		assert.Equal(t, "SOME_CODE", apiErr.Code)
	}
	assert.NotErrorIs(t, &runflow.APIError{StatusCode: 418}, nil)
}

// A caller that repeats a call after ErrRateLimited must not pay twice.
func TestErrors_RateLimitedOrUnknown(t *testing.T) {
	t.Parallel()
	unknown := runflow.CallInfo{OutcomeUnknown: true}
	limited := &runflow.APIError{StatusCode: 429}
	for _, err := range []error{
		&runflow.TransportError{CallInfo: unknown, Err: io.EOF, Last: limited},
		&runflow.APIError{CallInfo: unknown, StatusCode: 429},
		&runflow.DecodeError{CallInfo: unknown},
	} {
		assert.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
		assert.NotErrorIs(t, err, runflow.ErrRateLimited)
	}
	assert.ErrorIs(t, limited, runflow.ErrRateLimited)
}

func TestAPIError_Bodies(t *testing.T) {
	t.Parallel()
	required := runflow.FieldError{Path: []string{"body", "is_positive"}, Message: "Field required", Type: "missing"}
	for name, tc := range map[string]struct {
		body, code, message string
		fields              []runflow.FieldError
		text                string
	}{
		"flat":         {body: `{"code":"RUN_NOT_FOUND","message":"No such run","errors":null}`, code: "RUN_NOT_FOUND", message: "No such run", text: "404 RUN_NOT_FOUND: No such run"},
		"nested":       {body: `{"error":{"code":"X","message":"nested"}}`, code: "X", message: "nested", text: "404 X: nested"},
		"flat text":    {body: `{"error":"text"}`, message: "text", text: "404 Not Found: text"},
		"FastAPI text": {body: `{"detail":"Not Found"}`, message: "Not Found", text: "404 Not Found: Not Found"},
		"HTML":         {body: `<html><body>canary</body></html>`, text: "404 Not Found"},
		"empty":        {text: "404 Not Found"},
		"unknown list": {body: `[7,{"canary":1}]`, fields: []runflow.FieldError{{Message: "7"}}, text: "404 Not Found: 7"},
		"FastAPI details": {
			body:   `{"detail":[{"loc":["body","is_positive"],"msg":"Field required","type":"missing","input":"canary"}]}`,
			fields: []runflow.FieldError{required}, text: "404 Not Found: body.is_positive: Field required",
		},
		"one field": {
			body: `{"code":"VALIDATION_ERROR","message":"the request is not valid","errors":[{"loc":["body","reason"],"msg":"too long"}]}`,
			code: "VALIDATION_ERROR", message: "the request is not valid", fields: []runflow.FieldError{{Path: []string{"body", "reason"}, Message: "too long"}},
			text: "404 VALIDATION_ERROR: the request is not valid: body.reason: too long",
		},
		"several lines": {
			body: `{"code":"X","message":"a\n\tb\u0000c ` + strings.Repeat("x", 2000) + `"}`, code: "X", message: "a b c " + strings.Repeat("x", 290) + "…",
			text: "404 X: a b c " + strings.Repeat("x", 290) + "…",
		},
		"echo of the token": {body: `{"code":"X","message":"bad token ` + token + `"}`, code: "X", message: "bad token [redacted]", text: "404 X: bad token [redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 404, tc.body, "X-Request-Id", "req-1")
			_, err := server.client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
			var apiErr *runflow.APIError
			require.ErrorAs(t, err, &apiErr)
			assert.Equal(t, &runflow.APIError{
				CallInfo:   runflow.CallInfo{RequestID: "req-1", Operation: "Runs.Get", Method: "GET", Route: "/v1/runs/{run_id}", Attempts: 1},
				StatusCode: 404, Code: tc.code, Message: tc.message, Fields: tc.fields,
			}, apiErr)
			require.EqualError(t, err, "runflow: Runs.Get: GET /v1/runs/{run_id}: "+tc.text+", request ID req-1, attempts 1")
			require.ErrorIs(t, err, runflow.ErrNotFound)
		})
	}
	assert.Equal(t, "body.is_positive: Field required", required.Error())
}

func TestAPIError_ManyFields(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		2:    "422 X: f: bad, f: bad, ",
		3:    "422 X: f: bad, f: bad, f: bad, ",
		4:    "422 X: f: bad, f: bad, f: bad and 1 more, ",
		1000: "422 X: f: bad, f: bad, f: bad and 997 more, ",
	} {
		body := `{"code":"X","errors":[` + strings.TrimSuffix(strings.Repeat(`{"loc":["f"],"msg":"bad"},`, n), ",") + `]}`
		_, err := newAPI(t, 422, body).client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		var apiErr *runflow.APIError
		require.ErrorAs(t, err, &apiErr)
		assert.Contains(t, err.Error(), want)
		assert.Len(t, apiErr.Fields, min(n, 32))
	}
}

// The time to build an error must not grow with the size of the request multiplied
// by the size of the response.
func TestAPIError_WorkIsBounded(t *testing.T) { //nolint:paralleltest // it measures allocations
	secret := strings.Repeat("x", 10<<20)
	details := strings.TrimSuffix(strings.Repeat(`{"loc":["body","reason"],"msg":"`+strings.Repeat("y", 5000)+`"},`, 100), ",")
	parts := strings.TrimSuffix(strings.Repeat(`"part",`, 20_000), ",")
	for name, body := range map[string]string{
		"many details": `{"detail":[` + details + `]}`,
		"many parts":   `{"detail":[{"loc":[` + parts + `],"msg":"x"}]}`,
	} {
		client, err := runflow.NewClient(token, runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, req.Body)
			return &http.Response{StatusCode: 422, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		})}))
		require.NoError(t, err)
		const n = 3
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			_, err = client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: secret})
		}
		runtime.ReadMemStats(&after)
		allocated := int(after.TotalAlloc-before.TotalAlloc) / n
		var apiErr *runflow.APIError
		require.ErrorAs(t, err, &apiErr, name)
		assert.LessOrEqual(t, len(apiErr.Fields[0].Path), 16)
		assert.Less(t, allocated, 6*len(secret), "%s: the request is encoded, but not copied for each field", name)
	}
}

func TestErrors_Text(t *testing.T) {
	t.Parallel()
	get := runflow.CallInfo{Operation: "Runs.Get", Method: "GET", Route: "/v1/runs/{run_id}", Attempts: 3}
	last := &runflow.APIError{CallInfo: runflow.CallInfo{RequestID: "req-1", Operation: "Runs.Get"}, StatusCode: 503, Code: "DOWN", Message: "later"}
	for want, err := range map[string]error{
		"runflow: Runs.Get: GET /v1/runs/{run_id}: 404 RUN_NOT_FOUND: No such run, attempts 3": &runflow.APIError{CallInfo: get, StatusCode: 404, Code: "RUN_NOT_FOUND", Message: "No such\nrun"},
		"runflow: 502 Bad Gateway": &runflow.APIError{StatusCode: 502},
		"runflow: 599":             &runflow.APIError{StatusCode: 599},
		"runflow: Runs.Get: GET /v1/runs/{run_id}: EOF, attempts 3; the last response was 503 DOWN: later, request ID req-1": &runflow.TransportError{CallInfo: get, Err: io.EOF, Last: last},
		"runflow: cannot decode the JSON":                                                   &runflow.DecodeError{},
		"runflow: Runs.Get: the response is too large":                                      &runflow.DecodeError{CallInfo: runflow.CallInfo{Operation: "Runs.Get"}, StatusCode: 200, Err: runflow.ErrResponseTooLarge},
		"runflow: Runs.Get: runID: must not be empty":                                       &runflow.ArgumentError{Operation: "Runs.Get", Argument: "runID", Reason: "must not be empty"},
		"runflow: WithToken: must not be empty":                                             &runflow.ArgumentError{Argument: "WithToken", Reason: "must not be empty"},
		"runflow: Runs.Get: 200: cannot decode the response body: model.id: unexpected EOF": &runflow.DecodeError{CallInfo: runflow.CallInfo{Operation: "Runs.Get"}, StatusCode: 200, Field: "model.id", Err: io.ErrUnexpectedEOF},
	} {
		assert.Equal(t, want, err.Error())
		for _, verb := range []string{"%v", "%+v", "%s"} {
			assert.Equal(t, want, fmt.Sprintf(verb, err), verb)
		}
	}
}

func TestCallInfoOf(t *testing.T) {
	t.Parallel()
	get := runflow.CallInfo{Operation: "Runs.Get", Method: "GET", Route: "/v1/runs/{run_id}", Attempts: 3, RequestID: "req-1"}
	waited := get
	waited.Operation = "Runs.Wait"
	apiErr := &runflow.APIError{CallInfo: get, StatusCode: 404}
	for name, tc := range map[string]struct {
		err  error
		want runflow.CallInfo
		ok   bool
	}{
		"API error":       {fmt.Errorf("load: %w", apiErr), get, true},
		"transport error": {&runflow.TransportError{CallInfo: get, Err: io.EOF}, get, true},
		"decode error":    {errors.Join(io.EOF, &runflow.DecodeError{CallInfo: get}), get, true},
		"wait error":      {&runflow.WaitError{Operation: "Runs.Wait", ID: "1", Err: apiErr}, waited, true},
		"argument error":  {&runflow.ArgumentError{Operation: "Runs.Get", Argument: "runID"}, runflow.CallInfo{Operation: "Runs.Get"}, true},
		"error of a run":  {&runflow.RunError{Run: &runflow.Run{}}, runflow.CallInfo{}, false},
		"JSON.Decode":     {runflow.JSON(`{`).Decode(new(any)), runflow.CallInfo{}, false},
		"another error":   {io.EOF, runflow.CallInfo{}, false},
		"nil":             {nil, runflow.CallInfo{}, false},
	} {
		info, ok := runflow.CallInfoOf(tc.err)
		assert.Equal(t, tc.want, info, name)
		assert.Equal(t, tc.ok, ok, name)
	}
}

func TestDecodeError_Response(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":              "empty, want a JSON value",
		"null":          "empty, want a JSON value",
		"<html>canary":  "not valid JSON",
		`{"id":"1"`:     "the JSON ends too early",
		`[]`:            "want an object, got a list",
		`{"id":"1"} {}`: "not valid JSON",
	} {
		_, err := newAPI(t, 200, body).client(t).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
		require.EqualError(t, err, "runflow: Runs.Get: GET /v1/runs/{run_id}: 200: cannot decode the response body: "+want+", attempts 1", body)
	}
}

// Decoding stops when the context ends.
func TestDecodeError_ContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	body := `{"items":[` + strings.TrimSuffix(strings.Repeat(`{"id":"1"},`, 5000), ",") + `]}`
	client, err := runflow.NewClient(token, runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: endless{strings.NewReader(body), cancel}, Request: req}, nil
	})}))
	require.NoError(t, err)
	_, err = client.Runs.List(ctx, runflow.ListRunsParams{})
	require.ErrorIs(t, err, context.Canceled)
}

// endless is a body that ends the context when it has been read.
type endless struct {
	io.Reader

	cancel context.CancelFunc
}

func (e endless) Close() error { e.cancel(); return nil }

func TestAPIError_RetryAfter(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 429, `{"code":"RATE_LIMITED"}`, "Retry-After", "3600")
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.Runs.ClearFeedback(t.Context(), "1")
	require.ErrorIs(t, err, runflow.ErrRateLimited)
	var apiErr *runflow.APIError
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, time.Hour, apiErr.RetryAfter)
	assert.Equal(t, 1, apiErr.Attempts)
}

func TestAPIError_Redirect(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"https://example.com/?canary": "a redirect to another origin was not followed",
		"/elsewhere?canary":           "a redirect that would replace the PATCH by a GET was not followed",
		"http://[canary":              "a redirect without a valid URL was not followed",
	} {
		server := newAPI(t, 302, "", "Location", location)
		_, err := server.client(t).Runs.ClearFeedback(t.Context(), "1")
		require.EqualError(t, err, "runflow: Runs.ClearFeedback: PATCH /v1/runs/{run_id}/feedback: 302 Found: "+want+", attempts 1")
	}
}

func TestTransportError_ContextEndsBetweenAttempts(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 503, `{"code":"DOWN","message":"back soon"}`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := server.client(t, runflow.WithMaxRetries(50), runflow.WithRetryBackoff(1000*time.Hour, 1000*time.Hour)).Runs.Get(ctx, "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, runflow.ErrServer, "the error does not unwrap to an earlier response")
	var transportErr *runflow.TransportError
	require.ErrorAs(t, err, &transportErr)
	require.NotNil(t, transportErr.Last)
	assert.Equal(t, "DOWN", transportErr.Last.Code)
	assert.True(t, transportErr.Timeout())
	assert.Contains(t, err.Error(), "503 DOWN: back soon")
}

func TestTransportError_NoConnection(t *testing.T) {
	t.Parallel()
	client, err := runflow.NewClient(token, runflow.WithBaseURL(wire.Refused(t)), runflow.WithMaxRetries(0))
	require.NoError(t, err)
	_, err = client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	var (
		transportErr *runflow.TransportError
		opErr        *net.OpError
		apiErr       *runflow.APIError
	)
	require.ErrorAs(t, err, &transportErr)
	require.ErrorAs(t, err, &opErr)
	assert.NotErrorAs(t, err, &apiErr)
	assert.Nil(t, transportErr.Last)
	assert.False(t, transportErr.Timeout())
	assert.Equal(t, 1, transportErr.Attempts)
}

func TestClient_WritesNothingToStderr(t *testing.T) { //nolint:paralleltest // it replaces os.Stderr
	read, write, err := os.Pipe()
	require.NoError(t, err)
	before := os.Stderr
	os.Stderr = write
	t.Cleanup(func() { os.Stderr = before })
	server := newAPI(t, 503, "{}")
	_, err = server.client(t, runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1)).Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.Error(t, err)
	require.NoError(t, write.Close())
	written, err := io.ReadAll(read)
	require.NoError(t, err)
	assert.Empty(t, written)
}
