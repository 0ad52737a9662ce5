package faults

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/leak"
)

// checkInvariants checks the rules that apply to a class under every fault.
func (r *Report) checkInvariants(t *testing.T, fault Fault, class Class) {
	t.Helper()
	if class.AtMostOnce && class.OwnKey == "" && !class.Keyed && fault.Outcome != NotProcessed && !fault.hides(class) {
		assert.LessOrEqual(t, len(r.Requests), 1+fault.Retryable, "a request that may have been processed was retried")
	}
	r.checkRequests(t, class)
	r.checkError(t, fault, class)
	r.checkSecrets(t)
	if !class.IsDownload { // an attempt of a download may continue while it makes progress
		// The default backoff is at most 15 s in 4 delays.
		wait := fault.Duration + max(fault.RetryAfter, 4*time.Second)
		assert.LessOrEqual(t, r.Duration, time.Duration(r.Response.Attempts)*wait)
	}
	assert.Equal(t, r.Response.Attempts, strings.Count(r.Log, `"msg":"runflow attempt"`), "log records")
}

// hides reports whether the SDK cannot know the outcome of a request of the class.
func (f Fault) hides(class Class) bool { return f.NeedsBody && !class.HasBody }

// checkRequests checks that all requests of a call are the same.
func (r *Report) checkRequests(t *testing.T, class Class) {
	t.Helper()
	key := r.Response.IdempotencyKey
	assert.Equal(t, class.AtMostOnce && class.HasBody, key != "")
	if class.OwnKey != "" {
		assert.Equal(t, class.OwnKey, key)
	}
	for _, request := range r.Requests {
		assert.Equal(t, key, request.Header.Get("Idempotency-Key"))
		assert.Equal(t, r.Requests[0].Method, request.Method)
		assert.Equal(t, r.Requests[0].Body, request.Body)
		assert.Equal(t, class.HasBody, request.Body != "")
		assert.Equal(t, class.IsDownload, request.Header.Get("Authorization") == "")
	}
}

// checkError checks the information about the call in the error.
func (r *Report) checkError(t *testing.T, fault Fault, class Class) {
	t.Helper()
	if r.Err == nil {
		return
	}
	unknown := class.AtMostOnce && (fault.Outcome == Unknown || fault.Outcome == Processed || fault.hides(class))
	assert.Equal(t, unknown, errors.Is(r.Err, runflow.ErrOutcomeUnknown))
	assert.False(t, unknown && errors.Is(r.Err, runflow.ErrRateLimited), "ErrRateLimited would make callers retry the call")
	info, ok := runflow.CallInfoOf(r.Err)
	require.True(t, ok, "%T", r.Err)
	assert.Equal(t, unknown, info.OutcomeUnknown)
	assert.Equal(t, class.Operation, info.Operation)
	assert.Equal(t, r.Response.Attempts, info.Attempts)
	assert.Equal(t, r.Response.IdempotencyKey, info.IdempotencyKey)
}

// checkSecrets looks for the secrets of the call in the log and in every text that
// a program can make of the error.
func (r *Report) checkSecrets(t *testing.T) {
	t.Helper()
	var recorder leak.Recorder
	_, _ = recorder.WriteString(r.Log)
	if r.Err != nil {
		recorder.Chain(errors.Join(fmt.Errorf("cannot do it: %w", r.Err), io.EOF))
	}
	recorder.AssertNoSecret(t)
}
