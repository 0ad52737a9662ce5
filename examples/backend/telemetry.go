package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A telemetry has the traces and metrics of the requests to this service and to
// Runflow.
type telemetry struct {
	tracers *sdktrace.TracerProvider
	meters  *metric.MeterProvider
	metrics http.Handler // for Prometheus
}

// newTelemetry exports traces, if exportTraces is set, as the OTEL_EXPORTER_OTLP_*
// environment variables say.
func newTelemetry(ctx context.Context, exportTraces bool) (*telemetry, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, err
	}
	var opts []sdktrace.TracerProviderOption
	if exportTraces {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, err
		}
		opts = append(opts, sdktrace.WithBatcher(exporter))
	}
	return &telemetry{
		tracers: sdktrace.NewTracerProvider(opts...),
		meters:  metric.NewMeterProvider(metric.WithReader(reader)),
		metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}, nil
}

// handler traces and measures the requests to next.
func (t *telemetry) handler(next http.Handler) http.Handler {
	return otelhttp.NewHandler(next, "backend", otelhttp.WithTracerProvider(t.tracers), otelhttp.WithMeterProvider(t.meters),
		otelhttp.WithServerName("backend")) // otherwise the Host header, which clients choose, is a label of the metrics
}

// shutdown exports the last traces.
func (t *telemetry) shutdown(ctx context.Context) error {
	return errors.Join(t.tracers.Shutdown(ctx), t.meters.Shutdown(ctx))
}

// internalHandler serves the endpoints for the operators of the service.
func internalHandler(db *sql.DB, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := db.PingContext(r.Context()); err != nil {
			http.Error(w, "the database is not available", http.StatusServiceUnavailable)
		}
	})
	return mux
}

// newLogger returns a logger whose records have the ID of the trace.
func newLogger(w io.Writer) *slog.Logger {
	return slog.New(traceHandler{slog.NewTextHandler(w, nil)})
}

type traceHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h traceHandler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}
