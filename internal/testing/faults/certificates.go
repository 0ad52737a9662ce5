package faults

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// certificates returns faults of servers that cannot prove their identity. These
// faults affect all requests.
func certificates() []Fault {
	presenting := func(host string, expires time.Duration, trusted bool) func(*testing.T, bool) *server {
		return func(t *testing.T, _ bool) *server {
			t.Helper()
			certificate, authorities := wire.Certificate(t, host, time.Now().Add(expires))
			if !trusted {
				authorities = x509.NewCertPool()
			}
			script := wire.ServeTLS(t, certificate, wire.Respond(200, success))
			return trusting(t, script.URL, authorities, script.Requests)
		}
	}
	return []Fault{
		{Name: "certificate of another host", Outcome: Rejected, start: presenting("other.test", time.Hour, true)},
		{Name: "expired certificate", Outcome: Rejected, start: presenting("", -time.Hour, true)},
		{Name: "certificate of an unknown authority", Outcome: Rejected, start: presenting("", time.Hour, false)},
		{Name: "server without TLS", Outcome: Rejected, NeedsBody: true, start: func(t *testing.T, _ bool) *server {
			t.Helper()
			plain := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(plain.Close)
			return outside(t, strings.Replace(plain.URL, "http:", "https:", 1), transport.NewPool(), noRequests)
		}},
	}
}
