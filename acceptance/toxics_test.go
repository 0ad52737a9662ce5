package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/faults"
	"github.com/runflow-io/runflow-go/internal/wire"
)

// Time is real here: attempts are short, and waits shorter.
func hasty(fate faults.Fate) []runflow.Option {
	attempt := 2 * time.Second
	if fate == faults.Harmless { // however slow the machine is
		attempt = time.Minute
	}
	return []runflow.Option{runflow.WithAttemptTimeout(attempt), runflow.WithRetryBackoff(time.Millisecond, time.Millisecond)}
}

// A toxic is what a proxy does to the connections that go through it.
type toxic struct {
	faults.Fault

	kind       string
	stream     string // which direction it is for: "upstream" is that of requests
	attributes map[string]any
}

// The answer has 130 bytes of headers or so, and 4 KB of body.
var toxics = []toxic{
	{faults.Fault{Name: "no network", Fate: faults.NotTaken}, "", "", nil},
	{faults.Fault{Name: "the answer is delayed by 20 ms", Fate: faults.Harmless}, "latency", "downstream", map[string]any{"latency": 20, "jitter": 5}},
	{faults.Fault{Name: "the answer comes in slices of a few bytes", Fate: faults.Harmless}, "slicer", "downstream", map[string]any{"average_size": 40, "size_variation": 20, "delay": 10}},
	{faults.Fault{Name: "the request comes in slices of a few bytes", Fate: faults.Harmless}, "slicer", "upstream", map[string]any{"average_size": 5, "size_variation": 2, "delay": 10}},
	{faults.Fault{Name: "connections are slow to close", Fate: faults.Harmless}, "slow_close", "downstream", map[string]any{"delay": 50}},
	{faults.Fault{Name: "the answer is delayed for too long", Fate: faults.Unclear}, "latency", "downstream", map[string]any{"latency": 20000}},
	{faults.Fault{Name: "the answer comes at 1 KB a second", Fate: faults.Unclear}, "bandwidth", "downstream", map[string]any{"rate": 1}},
	{faults.Fault{Name: "the answer is swallowed", Fate: faults.Unclear}, "timeout", "downstream", map[string]any{"timeout": 0}},
	{faults.Fault{Name: "the request is swallowed", Fate: faults.Unclear}, "timeout", "upstream", map[string]any{"timeout": 0}},
	{faults.Fault{Name: "the answer is swallowed, then the connection closed", Fate: faults.Unclear}, "timeout", "downstream", map[string]any{"timeout": 300}},
	{faults.Fault{Name: "reset when the answer comes", Fate: faults.Unclear}, "reset_peer", "downstream", map[string]any{"timeout": 0}},
	{faults.Fault{Name: "reset when the request comes", Fate: faults.Unclear}, "reset_peer", "upstream", map[string]any{"timeout": 0}},
	{faults.Fault{Name: "cut off amid the headers of the answer", Fate: faults.Unclear}, "limit_data", "downstream", map[string]any{"bytes": 60}},
	{faults.Fault{Name: "cut off amid the body of the answer", Fate: faults.Unclear}, "limit_data", "downstream", map[string]any{"bytes": 2000}},
	{faults.Fault{Name: "cut off amid the headers of the request", Fate: faults.Unclear}, "limit_data", "upstream", map[string]any{"bytes": 60}},
}

// recorder answers every request, and remembers it.
type recorder struct {
	mu   sync.Mutex
	seen []wire.Request
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.seen = append(r.seen, wire.Request{Method: req.Method, URI: req.RequestURI, Body: string(body), Header: req.Header})
	r.mu.Unlock()
	_, _ = io.WriteString(w, `{"id":"1","output":{"text":"`+strings.Repeat("canary", 700)+`"}}`)
}

func (r *recorder) requests() []wire.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// through sends attempts through a proxy: the first, or all.
type through struct {
	http.Transport

	sent atomic.Int64
}

func newThrough(proxy, server string, lasting bool) *through {
	x := &through{}
	x.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		if x.sent.Load() == 1 || lasting {
			return (&net.Dialer{}).DialContext(ctx, network, proxy)
		}
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}
	return x
}

func (x *through) RoundTrip(req *http.Request) (*http.Response, error) {
	x.sent.Add(1)
	return x.Transport.RoundTrip(req)
}

// meet lets a call go through a proxy with a toxic.
func meet(t *testing.T, poison toxic, class faults.Class, lasting bool) faults.Meeting {
	t.Helper()
	handler := &recorder{}
	server := httptest.NewServer(handler)
	logger := zerolog.Nop()
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), logger), "runflow", "127.0.0.1:0", server.Listener.Addr().String())
	require.NoError(t, proxy.Start())
	base := newThrough(proxy.Listen, proxy.Upstream, lasting)
	if poison.kind == "" {
		proxy.Stop()
	} else {
		data, err := json.Marshal(map[string]any{"type": poison.kind, "stream": poison.stream, "attributes": poison.attributes})
		require.NoError(t, err)
		_, err = proxy.Toxics.AddToxicJson(bytes.NewReader(data))
		require.NoError(t, err)
	}
	met := faults.At(t, server.URL, base, class, hasty(poison.Fate)...)
	base.CloseIdleConnections()
	proxy.Stop()
	server.Close()                                   // waits for the requests that have arrived
	met.Requests, met.Waited = handler.requests(), 0 // which is not simulated
	return met
}

func TestCallsGoThroughAToxicNetworkAsDocumented(t *testing.T) {
	t.Parallel()
	var all []faults.Fault
	kinds := map[string]toxic{}
	for _, poison := range toxics {
		all = append(all, poison.Fault)
		kinds[poison.Name] = poison
	}
	faults.Tabulate(t, "../FAULTS.md", "through a proxy", all,
		func(t *testing.T, fault faults.Fault, class faults.Class, lasting bool) faults.Meeting {
			t.Helper()
			return meet(t, kinds[fault.Name], class, lasting)
		})
}
