package faults

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"testing"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

const (
	// success is a response to every class of calls.
	success = `{"id":"1"}`
	failure = `{"code":"FAULT","message":"it went wrong","secret":"` + secretResponse + `"}`
)

// A server is a server under a fault.
type server struct {
	url       string
	transport func(*testing.T) http.RoundTripper // called inside the synctest bubble
	requests  func() []wire.Request
}

// scripted returns a server that takes the given steps, and then succeeds. If the
// fault lasts, it repeats the last step.
func scripted(wrong ...wire.Step) func(*testing.T, bool) *server {
	return func(t *testing.T, lasting bool) *server {
		t.Helper()
		script := wire.Serve(t, steps(lasting, wrong...)...)
		return outside(t, script.URL, transport.NewPool(), script.Requests)
	}
}

func steps(lasting bool, wrong ...wire.Step) []wire.Step {
	if lasting {
		return wrong
	}
	return append(slices.Clip(wrong), wire.Respond(200, success))
}

// outside returns a server that is reached over real sockets.
func outside(t *testing.T, url string, pool *http.Transport, requests func() []wire.Request) *server {
	t.Helper()
	connections := wire.NewOutside(t, pool)
	return &server{url: url, transport: func(*testing.T) http.RoundTripper { return connections }, requests: requests}
}

// trusting is like outside, for a client that trusts the given certificate
// authorities.
func trusting(t *testing.T, url string, authorities *x509.CertPool, requests func() []wire.Request) *server {
	t.Helper()
	pool := transport.NewPool()
	pool.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	return outside(t, url, pool, requests)
}

func noRequests() []wire.Request { return nil }
