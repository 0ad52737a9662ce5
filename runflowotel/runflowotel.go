// Package runflowotel traces and measures the HTTP requests of a Runflow client with
// OpenTelemetry:
//
//	client, err := runflow.NewClient(token, runflow.WithMiddleware(runflowotel.Middleware()))
//
// Each request has a client span named after its method and route, such as
// "PATCH /v1/runs/{run_id}/feedback", in the span of the caller. A call that is retried
// has several. The histogram http.client.request.duration has the same attributes.
// They follow the semantic conventions of OpenTelemetry for HTTP, and have few values:
//
//	http.request.method        "PATCH"
//	url.template               "/v1/runs/{run_id}/feedback"; "{output_url}" for a download
//	server.address             "api.runflow.io"
//	server.port                443
//	http.response.status_code  200; absent if there was no response
//	http.request.resend_count  number of attempts before this one; absent for the first; spans only
//	error.type                 "503", "timeout", "canceled" or the type of the error; absent on success
//
// No URL, query, header, body or error text is recorded.
package runflowotel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/runflow-io/runflow-go"
)

// scope is the name of the instrumentation.
const scope = "github.com/runflow-io/runflow-go/runflowotel"

// An Option configures a [Middleware].
type Option func(*middleware)

// WithTracerProvider sets the provider of the tracer. The default is the global one.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return func(m *middleware) { m.tracers = provider }
}

// WithMeterProvider sets the provider of the meter. The default is the global one.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return func(m *middleware) { m.meters = provider }
}

// WithPropagator adds the trace context of each request to its headers, if the request
// is sent to the API. The default is not to. Storage hosts never receive it.
func WithPropagator(propagator propagation.TextMapPropagator) Option {
	return func(m *middleware) { m.propagator = propagator }
}

// Middleware returns a middleware for [runflow.WithMiddleware].
func Middleware(opts ...Option) func(next http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		m := &middleware{next: next, tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider()}
		for _, opt := range opts {
			opt(m)
		}
		m.tracer = m.tracers.Tracer(scope, trace.WithInstrumentationVersion(runflow.Version), trace.WithSchemaURL(semconv.SchemaURL))
		meter := m.meters.Meter(scope, metric.WithInstrumentationVersion(runflow.Version), metric.WithSchemaURL(semconv.SchemaURL))
		var err error
		m.duration, err = meter.Float64Histogram("http.client.request.duration",
			metric.WithUnit("s"),
			metric.WithDescription("Duration of HTTP client requests."),
			metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10))
		if err != nil {
			otel.Handle(err)
		}
		return m
	}
}

type middleware struct {
	next       http.RoundTripper
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator // nil propagates nothing

	tracer   trace.Tracer
	duration metric.Float64Histogram
}

// RoundTrip sends the request. The span ends with the body of the response.
func (m *middleware) RoundTrip(req *http.Request) (*http.Response, error) {
	attempt, _ := runflow.AttemptFromContext(req.Context())
	attrs := attributesOf(req, attempt)
	name := strings.TrimSpace(req.Method + " " + attempt.Route)
	r := &request{middleware: m, attrs: attrs, started: time.Now()}
	r.ctx, r.span = m.tracer.Start(req.Context(), name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	if attempt.Number > 1 {
		r.span.SetAttributes(semconv.HTTPRequestResendCount(attempt.Number - 1))
	}
	req = req.WithContext(r.ctx)
	if m.propagator != nil && isForAPI(attempt) {
		req.Header = req.Header.Clone()
		m.propagator.Inject(r.ctx, propagation.HeaderCarrier(req.Header))
	}
	resp, err := m.next.RoundTrip(req)
	if err != nil {
		r.end(err)
		return resp, err
	}
	r.status = resp.StatusCode
	resp.Body = &body{resp.Body, r}
	return resp, nil
}

// isForAPI reports whether the request of an attempt is sent to the API. Others are
// downloads and uploads, whose routes have the form "{output_url}".
func isForAPI(attempt runflow.Attempt) bool {
	return attempt.Route == "{path}" || strings.HasPrefix(attempt.Route, "/")
}

func attributesOf(req *http.Request, attempt runflow.Attempt) []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(req.Method),
		semconv.ServerAddress(req.URL.Hostname()),
	}
	if attempt.Route != "" {
		attrs = append(attrs, semconv.URLTemplate(attempt.Route))
	}
	if port := portOf(req.URL); port > 0 {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	return attrs
}

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	switch u.Scheme {
	case "https":
		return 443
	case "http":
		return 80
	}
	return 0
}

// A request is one that has been sent.
type request struct {
	*middleware

	ctx     context.Context
	span    trace.Span
	attrs   []attribute.KeyValue
	started time.Time
	status  int // 0 without a response
	once    sync.Once
}

// end ends the span and records the duration. An err says why there is no response,
// or not all of it.
func (r *request) end(err error) {
	r.once.Do(func() {
		attrs := r.attrs
		if r.status != 0 {
			attrs = append(attrs, semconv.HTTPResponseStatusCode(r.status))
		}
		if kind := errorType(r.status, err); kind != "" {
			attrs = append(attrs, semconv.ErrorTypeKey.String(kind))
			r.span.SetStatus(codes.Error, "")
		}
		r.span.SetAttributes(attrs[len(r.attrs):]...)
		r.span.End()
		r.duration.Record(r.ctx, time.Since(r.started).Seconds(), metric.WithAttributes(attrs...))
	})
}

// errorType classifies a failure, with few values.
func errorType(status int, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil && status < http.StatusBadRequest:
		return ""
	case err == nil:
		return strconv.Itoa(status)
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		err = dns
	}
	return fmt.Sprintf("%T", err)
}

// A body ends the span when it has been read or is closed.
type body struct {
	io.ReadCloser

	request *request
}

// Read reads the next part.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.request.end(nil)
	case err != nil:
		b.request.end(err)
	}
	return n, err
}

// Close closes the body.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.request.end(nil)
	return err
}
