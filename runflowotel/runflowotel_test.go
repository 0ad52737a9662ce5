package runflowotel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowotel"
)

// telemetry keeps what was recorded.
type telemetry struct {
	spans  *tracetest.SpanRecorder
	tracer *sdktrace.TracerProvider
	reader *metric.ManualReader
	meter  *metric.MeterProvider
}

func newTelemetry() *telemetry {
	spans, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	return &telemetry{
		spans, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		reader, metric.NewMeterProvider(metric.WithReader(reader)),
	}
}

func (tel *telemetry) middleware(opts ...runflowotel.Option) runflow.ClientOption {
	return runflow.WithMiddleware(runflowotel.Middleware(append([]runflowotel.Option{
		runflowotel.WithTracerProvider(tel.tracer), runflowotel.WithMeterProvider(tel.meter),
	}, opts...)...))
}

// durations returns how many durations were recorded with each set of attributes.
func (tel *telemetry) durations(t *testing.T) map[string]uint64 {
	t.Helper()
	var metrics metricdata.ResourceMetrics
	require.NoError(t, tel.reader.Collect(context.Background(), &metrics))
	counts := map[string]uint64{}
	for _, scope := range metrics.ScopeMetrics {
		for _, m := range scope.Metrics {
			assert.Equal(t, "http.client.request.duration", m.Name)
			assert.Equal(t, "s", m.Unit)
			histogram, ok := m.Data.(metricdata.Histogram[float64])
			require.True(t, ok)
			for _, point := range histogram.DataPoints {
				counts[point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Count
			}
		}
	}
	return counts
}

// newClient returns a client of a server with the given handler.
func newClient(t *testing.T, handler http.HandlerFunc, opts ...runflow.ClientOption) (*runflow.Client, *url.URL) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := runflow.NewClient("canary-token", append([]runflow.ClientOption{
		runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1),
	}, opts...)...)
	require.NoError(t, err)
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	return client, at
}

func attributes(span sdktrace.ReadOnlySpan) map[attribute.Key]any {
	values := map[attribute.Key]any{}
	for _, attr := range span.Attributes() {
		values[attr.Key] = attr.Value.AsInterface()
	}
	return values
}

func TestMiddleware_SpanPerAttempt(t *testing.T) {
	t.Parallel()
	requests := 0
	tel := newTelemetry()
	client, at := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header.Get("Traceparent"), "nothing is propagated unless asked for")
		if requests++; requests == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}, tel.middleware())
	ctx, parent := tel.tracer.Tracer("test").Start(t.Context(), "parent")
	_, err := client.Runs.Get(ctx, "1", runflow.GetRunParams{})
	require.NoError(t, err)
	parent.End()

	spans := tel.spans.Ended()
	require.Len(t, spans, 3)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	for i, want := range []map[attribute.Key]any{
		{"http.response.status_code": int64(503), "error.type": "503"},
		{"http.response.status_code": int64(200), "http.request.resend_count": int64(1)},
	} {
		want["http.request.method"], want["url.template"] = "GET", "/v1/runs/{run_id}"
		want["server.address"], want["server.port"] = at.Hostname(), int64(port)
		assert.Equal(t, want, attributes(spans[i]))
		assert.Equal(t, "GET /v1/runs/{run_id}", spans[i].Name())
		assert.Equal(t, trace.SpanKindClient, spans[i].SpanKind())
		assert.Equal(t, parent.SpanContext().SpanID(), spans[i].Parent().SpanID())
		assert.Empty(t, spans[i].Events())
	}
	assert.Equal(t, codes.Error, spans[0].Status().Code)
	assert.Equal(t, codes.Unset, spans[1].Status().Code)

	common := "http.request.method=GET,http.response.status_code="
	rest := ",server.address=" + at.Hostname() + ",server.port=" + at.Port() + ",url.template=/v1/runs/{run_id}"
	assert.Equal(t, map[string]uint64{"error.type=503," + common + "503" + rest: 1, common + "200" + rest: 1}, tel.durations(t))
}

func TestMiddleware_Failures(t *testing.T) {
	t.Parallel()
	for kind, tc := range map[string]struct {
		handler http.HandlerFunc
		opts    []runflow.CallOption
	}{
		"404":     {http.NotFound, nil},
		"timeout": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, []runflow.CallOption{runflow.WithAttemptTimeout(20 * time.Millisecond)}},
		"*errors.errorString": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "canary-body")
			panic(http.ErrAbortHandler)
		}, nil},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			tel := newTelemetry()
			client, _ := newClient(t, tc.handler, tel.middleware(), runflow.WithMaxRetries(0))
			_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{}, tc.opts...)
			require.Error(t, err)
			require.Len(t, tel.spans.Ended(), 1)
			assert.Equal(t, kind, attributes(tel.spans.Ended()[0])["error.type"])
			assert.Equal(t, codes.Error, tel.spans.Ended()[0].Status().Code)
			assert.Empty(t, tel.spans.Ended()[0].Status().Description)
			assert.Len(t, tel.durations(t), 1)
		})
	}
}

func TestMiddleware_Canceled(t *testing.T) {
	t.Parallel()
	tel := newTelemetry()
	ctx, cancel := context.WithCancel(t.Context())
	client, _ := newClient(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}, tel.middleware())
	_, err := client.Runs.Get(ctx, "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, tel.spans.Ended(), 1)
	assert.Equal(t, "canceled", attributes(tel.spans.Ended()[0])["error.type"])
}

// The span of an attempt covers the response body.
func TestMiddleware_SpanEndsWithBody(t *testing.T) {
	t.Parallel()
	tel := newTelemetry()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "body") }))
	t.Cleanup(server.Close)
	wrap := runflowotel.Middleware(runflowotel.WithTracerProvider(tel.tracer), runflowotel.WithMeterProvider(tel.meter))
	for name, finish := range map[string]func(io.ReadCloser) error{
		"read":   func(body io.ReadCloser) error { _, err := io.ReadAll(body); return err },
		"closed": io.ReadCloser.Close,
	} {
		before := len(tel.spans.Ended())
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		require.NoError(t, err)
		resp, err := wrap(http.DefaultTransport).RoundTrip(req)
		require.NoError(t, err)
		assert.Len(t, tel.spans.Ended(), before, name)
		require.NoError(t, finish(resp.Body))
		require.NoError(t, resp.Body.Close())
		require.Len(t, tel.spans.Ended(), before+1, name)
		assert.Equal(t, "GET", tel.spans.Ended()[before].Name(), "a request of no client has no route")
	}
}

func TestWithPropagator_OnlyToTheAPI(t *testing.T) {
	t.Parallel()
	tel := newTelemetry()
	var traced []string
	client, at := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Traceparent") != "" {
			traced = append(traced, r.URL.Path)
		}
		if r.URL.Path == "/file" {
			_, _ = io.WriteString(w, "file")
			return
		}
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}, tel.middleware(runflowotel.WithPropagator(propagation.TraceContext{})))
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.NoError(t, err)
	require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/new", nil, nil))
	file := runflow.OutputFile{URL: at.String() + "/file?signature=canary-signature"}
	_, err = client.Runs.Download(t.Context(), file, io.Discard, runflow.DownloadParams{})
	require.NoError(t, err)
	assert.Equal(t, []string{"/v1/runs/1", "/v1/new"}, traced)

	spans := tel.spans.Ended()
	require.Len(t, spans, 3)
	assert.Equal(t, "GET {path}", spans[1].Name())
	assert.Equal(t, "GET {output_url}", spans[2].Name())
	for _, span := range spans {
		for key, value := range attributes(span) {
			assert.NotContains(t, fmt.Sprint(value), "canary", key)
		}
	}
}

func TestMiddleware_GlobalProviders(t *testing.T) { //nolint:paralleltest // it sets the global providers
	tel := newTelemetry()
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	otel.SetTracerProvider(tel.tracer)
	otel.SetMeterProvider(tel.meter)
	t.Cleanup(func() { otel.SetTracerProvider(tracers); otel.SetMeterProvider(meters) })
	client, _ := newClient(t, http.NotFound, runflow.WithMiddleware(runflowotel.Middleware()))
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)
	assert.Len(t, tel.spans.Ended(), 1)
	assert.Len(t, tel.durations(t), 1)
}

// The error of the transport reaches the caller unchanged, and its text no span.
func TestMiddleware_ErrorIsUnchanged(t *testing.T) {
	t.Parallel()
	tel := newTelemetry()
	broken := errors.New("canary https://host/?signature=1")
	client, _ := newClient(t, http.NotFound, tel.middleware(), runflow.WithMaxRetries(0),
		runflow.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken })}))
	_, err := client.Runs.Get(t.Context(), "1", runflow.GetRunParams{})
	require.ErrorIs(t, err, broken)
	require.Len(t, tel.spans.Ended(), 1)
	assert.Equal(t, "*errors.errorString", attributes(tel.spans.Ended()[0])["error.type"])
	assert.Empty(t, tel.spans.Ended()[0].Status().Description)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
