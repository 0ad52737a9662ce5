package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func TestNewLogger_TraceID(t *testing.T) {
	t.Parallel()
	ctx, span := sdktrace.NewTracerProvider().Tracer("").Start(t.Context(), "test")
	defer span.End()
	want := "trace_id=" + span.SpanContext().TraceID().String()
	var output strings.Builder
	log := newLogger(&output)
	log.InfoContext(ctx, "with a span")
	log.With("a", 1).InfoContext(ctx, "with attributes")
	log.WithGroup("g").InfoContext(ctx, "in a group")
	log.InfoContext(t.Context(), "without a span")
	lines := strings.Split(output.String(), "\n")
	for _, line := range lines[:3] {
		assert.Contains(t, line, want)
	}
	assert.NotContains(t, lines[3], "trace_id")
}

// Not parallel: it sets an environment variable.
func TestTelemetry_ExportsTraces(t *testing.T) {
	paths := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	telemetry, err := newTelemetry(t.Context(), true)
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	telemetry.handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), request)
	require.NoError(t, telemetry.shutdown(context.WithoutCancel(t.Context())))
	assert.Equal(t, "/v1/traces", <-paths)
}

func TestTelemetry_HostIsNotALabel(t *testing.T) {
	t.Parallel()
	telemetry, err := newTelemetry(t.Context(), false)
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://chosen-by-the-client/", http.NoBody)
	telemetry.handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), request)
	metrics := httptest.NewRecorder()
	telemetry.metrics.ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	assert.Contains(t, metrics.Body.String(), "http_server_request_duration_seconds_count")
	assert.NotContains(t, metrics.Body.String(), "chosen-by-the-client")
}
