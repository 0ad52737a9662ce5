package faults

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// checkPromises checks what holds whatever goes wrong.
func (m *Meeting) checkPromises(t *testing.T, fault Fault, class Class) {
	t.Helper()
	guarded := class.Once || class.Key != ""
	if class.Once && fault.Fate != NotTaken {
		assert.LessOrEqual(t, len(m.Requests), 1, "sent again although it may have been taken")
	}
	unclear := guarded && m.Err != nil && (fault.Fate == Unclear || fault.Fate == Taken)
	assert.Equal(t, unclear, errors.Is(m.Err, runflow.ErrAmbiguous))
	assert.Equal(t, guarded, m.Response.IdempotencyKey != "")
	for _, request := range m.Requests {
		assert.Equal(t, m.Response.IdempotencyKey, request.Header.Get("Idempotency-Key"))
		assert.Equal(t, m.Requests[0].Method, request.Method)
		assert.Equal(t, m.Requests[0].Body, request.Body)
		assert.Equal(t, class.Name == "read", request.Body == "")
	}
	if class.Key != "" {
		assert.Equal(t, class.Key, m.Response.IdempotencyKey)
	}
	if m.Err != nil {
		attempts, key := told(t, m.Err)
		assert.Equal(t, m.Response.Attempts, attempts)
		assert.Equal(t, m.Response.IdempotencyKey, key)
	}
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", m.Err, m.Err, m.Err)+m.Log, "canary")
	wait := fault.Takes + max(fault.After, 4*time.Second) // 4 s: 15 s of jitter in 4 waits, at most
	assert.LessOrEqual(t, m.Waited, time.Duration(m.Response.Attempts)*wait)
	assert.Equal(t, m.Response.Attempts, strings.Count(m.Log, "runflow attempt"), "an attempt is a record")
}

// told returns what an error tells of its call.
func told(t *testing.T, err error) (attempts int, key string) {
	t.Helper()
	switch err := err.(type) { //nolint:errorlint // what a method returns is not wrapped
	case *runflow.APIError:
		return err.Attempts, err.IdempotencyKey
	case *runflow.TransportError:
		return err.Attempts, err.IdempotencyKey
	case *runflow.DecodeError:
		return err.Attempts, err.IdempotencyKey
	}
	require.Fail(t, "an error of another type", "%T", err)
	return 0, ""
}
