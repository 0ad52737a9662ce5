package faults

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/leak"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// A Report contains the requests, the log and the result of a call.
type Report struct {
	Requests []wire.Request // requests that the server received
	Response runflow.Response
	Err      error
	Duration time.Duration // duration of the call, in simulated time
	Log      string        // as text and as JSON
}

// Run makes a call in simulated time under a fault. If lasting is true, the fault
// affects all requests, otherwise only the first one.
func Run(t *testing.T, fault Fault, class Class, lasting bool) (r Report) {
	t.Helper()
	server := fault.start(t, lasting)
	synctest.Test(t, func(t *testing.T) {
		r = Call(t, server.url, server.transport(t), class)
		synctest.Wait() // until the server has seen the end of its connection
	})
	r.Requests = server.requests()
	return r
}

// Call makes a call to a URL, with the default options and opts.
func Call(t *testing.T, url string, base http.RoundTripper, class Class, opts ...runflow.ClientOption) (r Report) {
	t.Helper()
	var records bytes.Buffer
	client, err := runflow.NewClient(secretToken, append([]runflow.ClientOption{
		runflow.WithBaseURL(url),
		runflow.WithHTTPClient(&http.Client{Transport: base}),
		runflow.WithHeader("X-Secret", secretHeader),
		runflow.WithMaxResponseBytes(maxBody),
		runflow.WithLogger(slog.New(leak.Handler(&records))),
	}, opts...)...)
	require.NoError(t, err)
	start := time.Now()
	r.Err = class.Call(t.Context(), client, url, runflow.WithResponse(&r.Response))
	r.Duration = time.Since(start)
	r.Log = records.String()
	return r
}

var sentinels = []struct {
	err  error
	name string
}{
	{runflow.ErrBadRequest, "ErrBadRequest"},
	{runflow.ErrNotFound, "ErrNotFound"},
	{runflow.ErrRateLimited, "ErrRateLimited"},
	{runflow.ErrServer, "ErrServer"},
	{runflow.ErrResponseTooLarge, "ErrResponseTooLarge"},
	{runflow.ErrOutcomeUnknown, "ErrOutcomeUnknown"},
}

// Outcome returns the type of the error and the sentinels that it matches, or "ok".
// For an error response whose status has a sentinel, it returns only the sentinels.
func (r *Report) Outcome() string {
	if r.Err == nil {
		return "ok"
	}
	var names []string
	for _, sentinel := range sentinels {
		if errors.Is(r.Err, sentinel.err) {
			names = append(names, sentinel.name)
		}
	}
	kind := fmt.Sprintf("%T", r.Err)
	switch err := r.Err.(type) { //nolint:errorlint // the errors of a method are not wrapped
	case *runflow.APIError:
		kind = "APIError " + strconv.Itoa(err.StatusCode)
		if len(names) > 0 && names[0] != "ErrOutcomeUnknown" {
			kind = ""
		}
	case *runflow.TransportError:
		kind = "TransportError"
	case *runflow.DecodeError:
		kind = "DecodeError"
	}
	return strings.TrimSpace(kind + " " + strings.Join(names, " "))
}

// String returns how many requests the server received, and the outcome. The number
// of requests is inexact if net/http repeats requests by itself.
func (r *Report) String() string {
	requests, attempts := len(r.Requests), r.Response.Attempts
	text := strconv.Itoa(requests)
	if requests > attempts+1 {
		text = fmt.Sprintf("> %d", attempts)
	}
	if requests != attempts {
		text += fmt.Sprintf(" (attempts: %d)", attempts)
	}
	return text + " " + r.Outcome()
}
