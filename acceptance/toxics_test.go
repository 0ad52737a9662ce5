package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/faults"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// realTime returns options for calls in real time: a short attempt timeout and even
// shorter delays.
func realTime(outcome faults.Outcome) []runflow.ClientOption {
	timeout := 3 * time.Second
	if outcome == faults.Success { // also on a slow machine
		timeout = time.Minute
	}
	return []runflow.ClientOption{runflow.WithAttemptTimeout(timeout), runflow.WithRetryBackoff(time.Millisecond, time.Millisecond)}
}

// A toxic is the effect of a proxy on the connections through it.
type toxic struct {
	faults.Fault

	kind       string // name of the toxic in Toxiproxy; "" if the proxy cannot be reached
	stream     string // "upstream" for requests, "downstream" for responses
	attributes map[string]any
}

func newToxic(name string, outcome faults.Outcome, kind, stream string, attributes map[string]any) toxic {
	return toxic{faults.Fault{Name: name, Outcome: outcome}, kind, stream, attributes}
}

const (
	requests  = "upstream"
	responses = "downstream"
)

// A response has about 130 bytes of headers, and 4 KB of body.
var toxics = []toxic{
	newToxic("no network", faults.NotProcessed, "", "", nil),
	newToxic("response delayed by 20 ms", faults.Success, "latency", responses, map[string]any{"latency": 20, "jitter": 5}),
	newToxic("response in slices of a few bytes", faults.Success, "slicer", responses, map[string]any{"average_size": 40, "size_variation": 20, "delay": 10}),
	newToxic("request in slices of a few bytes", faults.Success, "slicer", requests, map[string]any{"average_size": 5, "size_variation": 2, "delay": 10}),
	newToxic("connections close slowly", faults.Success, "slow_close", responses, map[string]any{"delay": 50}),
	newToxic("response delayed for longer than the attempt timeout", faults.Unknown, "latency", responses, map[string]any{"latency": 20000}),
	newToxic("response at 1 KB per second", faults.Unknown, "bandwidth", responses, map[string]any{"rate": 1}),
	newToxic("response lost", faults.Unknown, "timeout", responses, map[string]any{"timeout": 0}),
	newToxic("request lost", faults.Unknown, "timeout", requests, map[string]any{"timeout": 0}),
	newToxic("response lost, then the connection closed", faults.Unknown, "timeout", responses, map[string]any{"timeout": 1500}),
	newToxic("connection reset at the response", faults.Unknown, "reset_peer", responses, map[string]any{"timeout": 0}),
	newToxic("connection reset at the request", faults.Unknown, "reset_peer", requests, map[string]any{"timeout": 0}),
	newToxic("connection closed during the headers of the response", faults.Unknown, "limit_data", responses, map[string]any{"bytes": 60}),
	newToxic("connection closed during the body of the response", faults.Unknown, "limit_data", responses, map[string]any{"bytes": 2000}),
	newToxic("connection closed during the headers of the request", faults.Unknown, "limit_data", requests, map[string]any{"bytes": 60}),
}

func TestFaults_ThroughProxy(t *testing.T) {
	t.Parallel()
	var all []faults.Fault
	byName := map[string]toxic{}
	for _, toxic := range toxics {
		all = append(all, toxic.Fault)
		byName[toxic.Name] = toxic
	}
	faults.Tabulate(t, document, "through a proxy", all,
		func(t *testing.T, fault faults.Fault, class faults.Class, lasting bool) faults.Report {
			t.Helper()
			return callThroughProxy(t, byName[fault.Name], class, lasting)
		})
}

func callThroughProxy(t *testing.T, toxic toxic, class faults.Class, lasting bool) faults.Report {
	t.Helper()
	handler := &recorder{}
	server := httptest.NewServer(handler)
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "runflow", "127.0.0.1:0", server.Listener.Addr().String())
	require.NoError(t, proxy.Start())
	address := proxy.Listen
	if toxic.kind == "" {
		address = strings.TrimPrefix(wire.Refused(t), "http://")
	} else {
		data, err := json.Marshal(map[string]any{"type": toxic.kind, "stream": toxic.stream, "attributes": toxic.attributes})
		require.NoError(t, err)
		_, err = proxy.Toxics.AddToxicJson(bytes.NewReader(data))
		require.NoError(t, err)
	}
	base := newDetour(address, proxy.Upstream, lasting)
	report := faults.Call(t, server.URL, base, class, realTime(toxic.Outcome)...)
	base.CloseIdleConnections()
	proxy.Stop()
	server.Close()                                           // waits for the requests that have arrived
	report.Requests, report.Duration = handler.requests(), 0 // real time is not reproducible
	return report
}

// A recorder records the requests to which it responds.
type recorder struct {
	mu   sync.Mutex
	seen []wire.Request
}

// ServeHTTP responds to a request.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.seen = append(r.seen, wire.Request{Method: req.Method, URI: req.RequestURI, Body: string(body), Header: req.Header})
	r.mu.Unlock()
	response := `{"id":"1","output":{"text":"` + strings.Repeat("canary", 700) + `"}}`
	w.Header().Set("Content-Length", strconv.Itoa(len(response))) // so that net/http returns each part of it immediately
	_, _ = io.WriteString(w, response)
}

func (r *recorder) requests() []wire.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// A detour sends only the first attempt, or all attempts, through a proxy.
type detour struct {
	http.Transport

	sent atomic.Int64
}

func newDetour(proxy, server string, lasting bool) *detour {
	d := &detour{}
	d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		if d.sent.Load() == 1 || lasting {
			return (&net.Dialer{}).DialContext(ctx, network, proxy)
		}
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}
	return d
}

// RoundTrip sends a request.
func (d *detour) RoundTrip(req *http.Request) (*http.Response, error) {
	d.sent.Add(1)
	return d.Transport.RoundTrip(req)
}
