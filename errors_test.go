package runflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

var sentinels = map[int]error{
	400: runflow.ErrBadRequest, 401: runflow.ErrUnauthorized, 402: runflow.ErrInsufficientCredit,
	403: runflow.ErrPermissionDenied, 404: runflow.ErrNotFound, 409: runflow.ErrConflict,
	422: runflow.ErrValidation, 429: runflow.ErrRateLimited, 500: runflow.ErrServer,
}

func TestEachStatusIsItsSentinelAndNoOther(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 400, 401, 402, 403, 404, 405, 409, 418, 422, 429, 500, 501, 503, 599} {
		server := newAPI(t, status, `{"code":"SOME_CODE","message":"some message","errors":null}`)
		_, err := server.client(t).Runs.Get(t.Context(), "1", nil)
		for of, sentinel := range sentinels {
			want := status == of || of == 500 && status >= 500
			assert.Equal(t, want, errors.Is(err, sentinel), "%d is %v", status, sentinel)
		}
		require.NotErrorIs(t, err, runflow.ErrInvalidArgument)
		var apiErr *runflow.APIError
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, status, apiErr.StatusCode)
		assert.Equal(t, "SOME_CODE", apiErr.Code)
	}
}

func TestErrorBodiesOfEveryForm(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body, code, message string
		details             []runflow.ErrorDetail
	}{
		"flat":           {body: `{"code":"RUN_NOT_FOUND","message":"No such run","errors":null}`, code: "RUN_NOT_FOUND", message: "No such run"},
		"nested":         {body: `{"error":{"code":"X","message":"nested"}}`, code: "X", message: "nested"},
		"flat text":      {body: `{"error":"text"}`, message: "text"},
		"FastAPI text":   {body: `{"detail":"Not Found"}`, message: "Not Found"},
		"HTML":           {body: `<html><body>canary</body></html>`},
		"empty":          {},
		"another schema": {body: `[{"canary":1}]`, details: []runflow.ErrorDetail{{}}},
		"FastAPI details": {
			body:    `{"detail":[{"loc":["body","is_positive"],"msg":"Field required","type":"missing","input":"canary"}]}`,
			message: "body.is_positive: Field required",
			details: []runflow.ErrorDetail{{Loc: []string{"body", "is_positive"}, Msg: "Field required", Type: "missing"}},
		},
		"several lines": {body: `{"code":"X","message":"a\n\tb\u0000c ` + strings.Repeat("x", 1000) + `"}`, code: "X", message: "a b c " + strings.Repeat("x", 290) + "…"},
		"an echo":       {body: `{"code":"X","message":"bad token ` + token + `"}`, code: "X", message: "bad token [redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 404, tc.body, "X-Request-Id", "req-1")
			_, err := server.client(t).Runs.Get(t.Context(), "1", nil)
			var apiErr *runflow.APIError
			require.ErrorAs(t, err, &apiErr)
			assert.Equal(t, &runflow.APIError{
				StatusCode: 404, Code: tc.code, Message: tc.message, Details: tc.details, RequestID: "req-1",
				Operation: "Runs.Get", Method: "GET", Route: "/v1/runs/{run_id}", Attempts: 1,
			}, apiErr)
			assert.NotContains(t, err.Error(), "canary")
			assert.NotContains(t, err.Error(), "\n")
			require.ErrorIs(t, err, runflow.ErrNotFound)
		})
	}
	assert.Equal(t, "body.is_positive", runflow.ErrorDetail{Loc: []string{"body", "is_positive"}}.Field())
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	last := &runflow.APIError{StatusCode: 503, Code: "DOWN", Message: "later", RequestID: "req-1", Operation: "Runs.Get", Attempts: 2}
	for want, err := range map[string]error{
		"runflow: Runs.Get: GET /v1/runs/{run_id}: 404 RUN_NOT_FOUND: No such run, request id req-1, attempts 1": &runflow.APIError{
			StatusCode: 404, Code: "RUN_NOT_FOUND", Message: "No such\nrun", RequestID: "req-1",
			Operation: "Runs.Get", Method: "GET", Route: "/v1/runs/{run_id}", Attempts: 1,
		},
		"runflow: 502 Bad Gateway": &runflow.APIError{StatusCode: 502},
		"runflow: 599":             &runflow.APIError{StatusCode: 599},
		"runflow: Runs.Get: GET /v1/runs/{run_id}: EOF, attempts 3; the last answer was 503 DOWN: later, request id req-1": &runflow.TransportError{
			Operation: "Runs.Get", Method: "GET", Route: "/v1/runs/{run_id}", Attempts: 3, Err: io.EOF, Last: last,
		},
		"runflow: cannot read the JSON":                                          &runflow.DecodeError{},
		"runflow: Runs.Get: runID: must not be empty":                            &runflow.ArgumentError{Operation: "Runs.Get", Argument: "runID", Reason: "must not be empty"},
		"runflow: WithToken: must not be empty":                                  &runflow.ArgumentError{Argument: "WithToken", Reason: "must not be empty"},
		"runflow: Runs.Get: 200 with a body that cannot be read: unexpected EOF": &runflow.DecodeError{Operation: "Runs.Get", StatusCode: 200, Err: io.ErrUnexpectedEOF},
	} {
		assert.Equal(t, want, err.Error())
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			assert.Equal(t, want, fmt.Sprintf(verb, err), verb)
		}
		assert.Equal(t, fmt.Sprintf("%q", want), fmt.Sprintf("%q", err))
		data, marshalErr := json.Marshal(map[string]error{"err": err})
		require.NoError(t, marshalErr)
		quoted, marshalErr := json.Marshal(want)
		require.NoError(t, marshalErr)
		assert.JSONEq(t, `{"err":`+string(quoted)+`}`, string(data))
	}
}

func TestAnAnswerThatIsNoRunIsADecodeError(t *testing.T) {
	t.Parallel()
	for body, reason := range map[string]string{
		"":              "nothing where an object should be",
		" null ":        "nothing where an object should be",
		"[]":            "want an object, got a list",
		`"canary"`:      "want an object, got a string",
		"<html>canary":  "not valid JSON",
		`{"id":"canar`:  "id: the JSON ends too early",
		`{"id":"1"} {}`: "not valid JSON",
	} {
		server := newAPI(t, 200, body)
		_, err := server.client(t).Runs.Get(t.Context(), "1", nil)
		var decodeErr *runflow.DecodeError
		require.ErrorAs(t, err, &decodeErr, body)
		require.EqualError(t, err, "runflow: Runs.Get: GET /v1/runs/{run_id}: 200 with a body that cannot be read: "+reason+", attempts 1")
		assert.Equal(t, strings.HasSuffix(body, "canar"), errors.Is(err, io.ErrUnexpectedEOF))
		assert.Len(t, server.seen(), 1)
	}
}

func TestRetryAfterIsReported(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 429, `{"code":"RATE_LIMITED"}`, "Retry-After", "3600")
	client := server.client(t, runflow.WithMaxRetries(4))
	_, err := client.Runs.SetFeedback(t.Context(), "1", runflow.Feedback{})
	require.ErrorIs(t, err, runflow.ErrRateLimited)
	var apiErr *runflow.APIError
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, time.Hour, apiErr.RetryAfter)
	assert.Equal(t, 1, apiErr.Attempts)
}

func TestRedirectsAreReported(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 302, "", "Location", "https://example.com/?canary")
	_, err := server.client(t).Runs.SetFeedback(t.Context(), "1", runflow.Feedback{})
	require.EqualError(t, err, "runflow: Runs.SetFeedback: PATCH /v1/runs/{run_id}/feedback: 302 Found: a redirect to another origin was not followed, attempts 1")
}

func TestTheEndOfTheContextKeepsTheLastAnswer(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 503, `{"code":"DOWN","message":"back soon"}`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := server.client(t, runflow.WithMaxRetries(50), runflow.WithRetryBackoff(1000*time.Hour, 1000*time.Hour)).Runs.Get(ctx, "1", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, runflow.ErrServer)
	var (
		transportErr *runflow.TransportError
		apiErr       *runflow.APIError
	)
	require.ErrorAs(t, err, &transportErr)
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, "DOWN", apiErr.Code)
	assert.True(t, transportErr.Timeout())
	assert.Contains(t, err.Error(), "503 DOWN: back soon")
}

func TestAFailedConnectionIsATransportError(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, "{}")
	client := server.client(t)
	server.Close()
	_, err := client.Runs.Get(t.Context(), "1", nil)
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

func TestNothingIsWrittenToStderr(t *testing.T) { //nolint:paralleltest // it looks at what the process writes
	read, write, err := os.Pipe()
	require.NoError(t, err)
	before := os.Stderr
	os.Stderr = write
	t.Cleanup(func() { os.Stderr = before })
	server := newAPI(t, 503, "{}")
	_, err = server.client(t, runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1)).Runs.Get(t.Context(), "1", nil)
	require.Error(t, err)
	require.NoError(t, write.Close())
	written, err := io.ReadAll(read)
	require.NoError(t, err)
	assert.Empty(t, written)
}
