// Package wire serves HTTP byte by byte over real sockets, and sends requests to
// such servers from within a synctest bubble. It is for tests only.
package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Script is a server that takes the next of its steps for each request. For
// further requests it repeats the last step.
type Script struct {
	URL string

	mu    sync.Mutex
	steps []Step
	seen  []Request
}

// A Step does something to a connection whose request has been read.
type Step func(net.Conn, Request)

// A Request is a request that the server received.
type Request struct {
	Method, URI, Body string
	Header            http.Header
}

// Serve serves a script until the test ends.
func Serve(t *testing.T, steps ...Step) *Script {
	t.Helper()
	return serve(t, "http", listen(t), steps)
}

// ServeTLS serves a script under a certificate until the test ends.
func ServeTLS(t *testing.T, certificate tls.Certificate, steps ...Step) *Script {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return serve(t, "https", tls.NewListener(listen(t), config), steps)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func serve(t *testing.T, scheme string, listener net.Listener, steps []Step) *Script {
	t.Helper()
	s := &Script{URL: scheme + "://" + listener.Addr().String(), steps: steps}
	serveConns(t, listener, s.handle)
	return s
}

// serveConns handles the connections of listener until the test ends.
func serveConns(t *testing.T, listener net.Listener, handle func(net.Conn)) {
	t.Helper()
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			conns.Go(func() {
				defer stop()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		conns.Wait()
	})
}

func (s *Script) handle(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		request := Request{req.Method, req.URL.RequestURI(), string(body), req.Header}
		s.mu.Lock()
		s.seen = append(s.seen, request)
		step := s.steps[min(len(s.seen), len(s.steps))-1]
		s.mu.Unlock()
		step(conn, request)
	}
}

// Requests returns the requests that the server received.
func (s *Script) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Respond sends a response with a status, header lines ("Name: value") and a body.
func Respond(status int, body string, header ...string) Step {
	head := []string{fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status)), fmt.Sprintf("Content-Length: %d", len(body))}
	return Send(strings.Join(append(head, header...), "\r\n") + "\r\n\r\n" + body)
}

// Send writes text unchanged.
func Send(text string) Step {
	return func(conn net.Conn, _ Request) { _, _ = io.WriteString(conn, text) }
}

// Close writes text unchanged, and closes the connection.
func Close(text string) Step {
	return func(conn net.Conn, r Request) {
		Send(text)(conn, r)
		_ = conn.Close()
	}
}

// Reset writes text unchanged, and resets the connection.
func Reset(text string) Step {
	return func(conn net.Conn, r Request) {
		Send(text)(conn, r)
		raw := conn
		if secure, ok := conn.(*tls.Conn); ok {
			raw = secure.NetConn()
		}
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = raw.Close()
	}
}

// Refused returns a URL that refuses connections until the test ends. The URL has
// the local address of an open connection, so that no server can listen on its
// port.
func Refused(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	t.Cleanup(func() { _ = listener.Close() })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return "http://" + conn.LocalAddr().String()
}
