// All clients of this process trust the fallback roots instead of those of the
// system, so that each of them can be measured with its default transport.
//
//go:debug x509usefallbackroots=1

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// A protocol is how clients and servers of a table communicate.
type protocol string

const (
	plainHTTP1 protocol = "HTTP/1.1"
	tlsHTTP1   protocol = "HTTP/1.1 over TLS"
	tlsHTTP2   protocol = "HTTP/2 over TLS"
)

// serve starts a server. If wrap is not nil, it wraps the server's listener. A
// request of another version of HTTP is refused, so that no table shows the wrong
// protocol.
func (p protocol) serve(h http.Handler, wrap func(net.Listener) net.Listener) (*httptest.Server, error) {
	major := 1
	if p == tlsHTTP2 {
		major = 2
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != major {
			http.Error(w, "want "+string(p), http.StatusHTTPVersionNotSupported)
			return
		}
		h.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that open a connection and do not use it
	if wrap != nil {
		server.Listener = wrap(server.Listener)
	}
	if p == plainHTTP1 {
		server.Start()
		return server, nil
	}
	certificate, err := trustedCertificate()
	if err != nil {
		return nil, err
	}
	server.EnableHTTP2 = p == tlsHTTP2
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	return server, nil
}

// trustedCertificate returns a certificate for loopback that all clients of this
// process trust. Like most certificates of public APIs it has an ECDSA key: the
// server's part of the handshake, which is measured too, is cheap.
var trustedCertificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	x509.SetFallbackRoots(roots)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
})
