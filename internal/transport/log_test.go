package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestLogTo_OneRecordPerAttempt(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t,
		wire.Respond(503, "canary-response", "Retry-After: 32", "X-Request-Id: req-1"),
		wire.Reset(""),
		wire.Respond(200, ok, "Runflow-Request-Id: req-3", "X-Request-Id: other"),
	)
	outside := newOutside(t)
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.Log = LogTo(slog.New(slog.NewJSONHandler(&out, nil)))
		require.NoError(t, Do(t.Context(), s, setFeedback(t, server.URL)).Err)
	})
	assert.NotContains(t, out.String(), "canary")

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3)
	records := make([]map[string]any, len(lines))
	for i, line := range lines {
		require.NoError(t, json.Unmarshal([]byte(line), &records[i]))
		assert.Equal(t, "runflow attempt", records[i]["msg"])
		assert.Equal(t, "PATCH", records[i]["method"])
		assert.Equal(t, "/v1/runs/{run_id}", records[i]["route"])
		assert.InEpsilon(t, i+1, records[i]["attempt"], 0)
		assert.Contains(t, records[i], "duration")
	}
	for i, want := range []struct {
		level     string
		status    float64
		requestID string
	}{{"WARN", 503, "req-1"}, {"WARN", 0, ""}, {"INFO", 200, "req-3"}} {
		assert.Equal(t, want.level, records[i]["level"])
		assert.Equal(t, want.status, records[i]["status"]) //nolint:testifylint // 0 has no epsilon
		assert.Equal(t, want.requestID, records[i]["request_id"])
	}
	assert.InEpsilon(t, 32e9, records[0]["delay"], 0)
	assert.Zero(t, records[2]["delay"])
	assert.NotContains(t, records[0], "error")
	assert.Contains(t, records[1], "error")
}

func TestLogTo_NoDelayWithoutRetry(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "{}"))
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.Budget = NewBudget(1)
		var records []Record
		s.Log = func(_ context.Context, r Record) { records = append(records, r) }
		Do(t.Context(), s, setFeedback(t, server.URL))
		require.Len(t, records, 2)
		assert.NotZero(t, records[0].Delay)
		assert.Zero(t, records[1].Delay, "the budget is used up")
	})
}

func TestLogTo_Redacted(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(404, "{}", "X-Request-Id: "+testToken+"\tcanary-tenant"))
	s := newSettings(newPool(t))
	s.Header.Set("X-Tenant", "canary-tenant")
	var records []Record
	s.Log = func(_ context.Context, r Record) { records = append(records, r) }
	require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err)
	require.Len(t, records, 1)
	assert.Equal(t, "[redacted] [redacted]", records[0].RequestID)
}

func TestLogTo_NoAttempt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newSettings(newPool(t))
	s.Log = LogTo(slog.New(slog.NewTextHandler(&out, nil)))
	s.Limiter = limiter(func(context.Context) error { return errTest })
	require.Error(t, Do(t.Context(), s, getRun(t, "http://127.0.0.1:1")).Err)
	assert.Empty(t, out.String())
}
