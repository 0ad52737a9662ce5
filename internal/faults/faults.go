package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/bubble"
	"github.com/runflow-io/runflow-go/internal/transport"
	"github.com/runflow-io/runflow-go/internal/wire"
)

// A Fault is something that goes wrong with a request.
type Fault struct {
	Name  string
	Fate  Fate
	After time.Duration // which the server asks the client to wait
	Takes time.Duration // until an attempt has ended

	open func(t *testing.T, lasting bool) *Site
}

// A Fate is what is known of a request that met with a fault.
type Fate int

// What can be known.
const (
	NotTaken Fate = iota // it had no effect, and may have one the next time
	Unclear              // it may have had its effect
	Taken                // it had its effect
	Refused              // it had none, and would have none the next time
	Harmless             // it had its effect, and the caller learns of it
)

// A Site is where calls meet with a fault.
type Site struct {
	URL       string
	Transport func(*testing.T) http.RoundTripper // within the bubble
	Requests  func() []wire.Request
}

const (
	maxBody = 1 << 20
	success = `{"id":"1"}`
	failure = `{"code":"FAULT","message":"it went wrong","secret":"` + Response + `"}`
)

// All returns all faults.
func All() []Fault {
	return slices.Concat(connections(), answers(), slow(), statuses(), redirects(), peers())
}

func connections() []Fault {
	cut := func(name, text string) []Fault {
		return []Fault{
			{Name: name + ", reset", Fate: Unclear, open: script(wire.Reset(text))},
			{Name: name + ", closed", Fate: Unclear, open: script(wire.Close(text))},
		}
	}
	const (
		head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		kept = head + "Content-Length: 2\r\n\r\n{}"
	)
	return slices.Concat(
		[]Fault{
			{Name: "connection refused", Fate: NotTaken, open: refused},
			{Name: "connection closed while idle", Fate: Harmless, open: whileIdle(wire.Close(kept), nil)},
			{Name: "idle connection reset by the request", Fate: Unclear, open: whileIdle(wire.Send(kept), wire.Reset(""))},
		},
		cut("before the headers", ""),
		cut("amid the headers", head+"Content-Le"),
		cut("before the body", head+"Content-Length: 99\r\n\r\n"),
		cut("amid the body", head+"Content-Length: 99\r\n\r\n{\"id\":\""+Response),
		cut("amid a chunk", head+"Transfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":\""+Response),
		cut("between chunks", head+"Transfer-Encoding: chunked\r\n\r\nA\r\n{\"id\":\"1\"}\r\n"),
		cut("amid gzip", head+"Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b\x08\x00\x00\x00"),
		cut("after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"),
		[]Fault{{Name: "amid the body of a 404", Fate: Refused, open: script(wire.Close("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n{\"code\":\"" + Response))}},
	)
}

func answers() []Fault {
	const json = "Content-Type: application/json"
	return []Fault{
		{Name: "not HTTP", Fate: Unclear, open: script(wire.Close(Response + "\r\n\r\n"))},
		{Name: "a status that is no number", Fate: Unclear, open: script(wire.Close("HTTP/1.1 " + Response + " OK\r\n\r\n"))},
		{Name: "a header without a colon", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\n" + Response + "\r\n\r\n"))},
		{Name: "a Content-Length that is no number", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nContent-Length: " + Response + "\r\n\r\n"))},
		{Name: "an unknown Transfer-Encoding", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + Response + "\r\n\r\n"))},
		{Name: "a chunk without a length", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Response + "\r\n"))},
		{Name: "a trailer without a colon", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + Response + "\r\n\r\n"))},
		{Name: "no gzip", Fate: Unclear, open: script(wire.Answer(200, Response, "Content-Encoding: gzip"))},
		{Name: "no JSON", Fate: Taken, open: script(wire.Answer(200, "<html>"+Response))},
		{Name: "JSON of another shape", Fate: Taken, open: script(wire.Answer(200, `{"id":{"secret":"`+Response+`"}}`, json))},
		{Name: "an empty success", Fate: Taken, open: script(wire.Answer(200, "", json))},
		{Name: "no content", Fate: Taken, open: script(wire.Send("HTTP/1.1 204 No Content\r\n\r\n"))},
		{Name: "Content-Length too short", Fate: Taken, open: script(wire.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{\"id\":\"1\"}"))},
		{Name: "Content-Length too long", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"id\":\"1\"}"))},
		{Name: "two Content-Lengths", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n{\"id\":\"1\"}"))},
		{Name: "one byte at a time", Fate: Harmless, open: script(drip)},
		{Name: "oversized body", Fate: Taken, open: script(wire.Answer(200, `{"id":"`+strings.Repeat(Response, maxBody/10)+`"}`))},
		{Name: "gzip bomb", Fate: Taken, open: script(wire.Answer(200, bomb(), "Content-Encoding: gzip"))},
		{Name: "endless headers", Fate: Unclear, open: script(wire.Close("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat(Response, 1<<17)))},
		{Name: "a page of HTML, 502", Fate: Unclear, open: script(wire.Answer(502, "<html><h1>"+Response+"</h1></html>", "Content-Type: text/html"))},
		{Name: "an empty error, 500", Fate: Unclear, open: script(wire.Answer(500, ""))},
		{Name: "an error that echoes everything, 400", Fate: Refused, open: script(echo(400))},
		{Name: "an error that echoes everything, 503", Fate: Unclear, open: script(echo(503))},
	}
}

func slow() []Fault {
	whole := 30 * time.Second // of an attempt
	return []Fault{
		{Name: "slow headers", Fate: Unclear, Takes: whole, open: inBubble(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})},
		{Name: "slow body", Fate: Unclear, Takes: whole, open: inBubble(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":"`+Response)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})},
		{Name: "a byte every 5 s, for too long", Fate: Unclear, Takes: whole, open: inBubble(every(5 * time.Second))},
		{Name: "a byte every 2 s, in time", Fate: Harmless, Takes: 20 * time.Second, open: inBubble(every(2 * time.Second))},
	}
}

// statuses are the errors that a server tells, with everything that they may say
// of when to come back. A bubble's clock starts with the year 2000.
func statuses() []Fault {
	forms := []struct {
		value string
		after time.Duration
		final bool
	}{
		{},
		{"20", 20 * time.Second, false},
		{"20.5", 20500 * time.Millisecond, false},
		{"0", 0, false},
		{"Sat, 01 Jan 2000 00:00:25 GMT", 25 * time.Second, false},
		{"Saturday, 01-Jan-00 00:00:25 GMT", 25 * time.Second, false},
		{"Sat Jan  1 00:00:25 2000", 25 * time.Second, false},
		{"Fri, 31 Dec 1999 00:00:00 GMT", 0, false},
		{"33", 0, true},
		{"9223372037", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 0, true},
		{"soon", 0, false},
		{"-1", 0, false},
	}
	var all []Fault
	for _, status := range []int{429, 500, 501, 502, 503, 504} {
		for _, form := range forms {
			f := Fault{Name: strconv.Itoa(status), Fate: Unclear, After: form.after}
			var header []string
			if form.value != "" {
				f.Name += ", Retry-After: " + form.value
				header = []string{"Retry-After: " + form.value}
			}
			switch {
			case status == 429 && form.final:
				f.Fate = Refused
			case status == 429:
				f.Fate = NotTaken
			}
			f.open = script(wire.Answer(status, failure, header...))
			all = append(all, f)
		}
	}
	return all
}

func redirects() []Fault {
	to := func(status int, location string) wire.Step {
		return wire.Answer(status, "", "Location: "+location)
	}
	return []Fault{
		{Name: "redirect within the origin, 307", Fate: Refused, open: script(to(307, "/elsewhere"))},
		{Name: "redirect within the origin, 302", Fate: Refused, open: script(to(302, "/elsewhere"))},
		{Name: "redirect to another origin", Fate: Refused, open: func(t *testing.T, lasting bool) *Site {
			t.Helper()
			return script(to(307, elsewhere(t).URL+"/?"+Response))(t, lasting)
		}},
		{Name: "redirect to plain http", Fate: Refused, open: func(t *testing.T, lasting bool) *Site {
			t.Helper()
			certificate, authorities := wire.Certificate(t, "", time.Now().Add(time.Hour))
			server := wire.ServeTLS(t, certificate, steps(to(307, elsewhere(t).URL+"/"), lasting)...)
			return trusting(t, server.URL, authorities, server.Requests)
		}},
		{Name: "redirect to no URL", Fate: Refused, open: script(to(307, "http://["+Response))},
	}
}

// elsewhere is where no request may go.
func elsewhere(t *testing.T) *wire.Script {
	t.Helper()
	server := wire.Serve(t, wire.Answer(200, success))
	t.Cleanup(func() { assert.Empty(t, server.Requests(), "the request went elsewhere") })
	return server
}

// peers are those who cannot prove who they are.
func peers() []Fault {
	secure := func(host string, expires time.Duration, trusted bool) func(*testing.T, bool) *Site {
		return func(t *testing.T, _ bool) *Site {
			t.Helper()
			certificate, authorities := wire.Certificate(t, host, time.Now().Add(expires))
			if !trusted {
				authorities = x509.NewCertPool()
			}
			server := wire.ServeTLS(t, certificate, wire.Answer(200, success))
			return trusting(t, server.URL, authorities, server.Requests)
		}
	}
	return []Fault{
		{Name: "certificate of another name", Fate: Refused, open: secure("other.test", time.Hour, true)},
		{Name: "certificate that has expired", Fate: Refused, open: secure("", -time.Hour, true)},
		{Name: "certificate of an unknown authority", Fate: Refused, open: secure("", time.Hour, false)},
		{Name: "no TLS at all", Fate: Refused, open: func(t *testing.T, _ bool) *Site {
			t.Helper()
			server := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(server.Close)
			return at(t, strings.Replace(server.URL, "http:", "https:", 1), transport.NewPool(), nothing)
		}},
	}
}

// steps returns what a server does: what goes wrong once or always, and then
// what is right.
func steps(wrong wire.Step, lasting bool) []wire.Step {
	if wrong == nil {
		return []wire.Step{wire.Answer(200, success)}
	}
	if lasting {
		return []wire.Step{wrong}
	}
	return []wire.Step{wrong, wire.Answer(200, success)}
}

func script(wrong wire.Step) func(*testing.T, bool) *Site {
	return func(t *testing.T, lasting bool) *Site {
		t.Helper()
		server := wire.Serve(t, steps(wrong, lasting)...)
		return at(t, server.URL, transport.NewPool(), server.Requests)
	}
}

func trusting(t *testing.T, url string, authorities *x509.CertPool, requests func() []wire.Request) *Site {
	t.Helper()
	pool := transport.NewPool()
	pool.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	return at(t, url, pool, requests)
}

func at(t *testing.T, url string, pool *http.Transport, requests func() []wire.Request) *Site {
	t.Helper()
	outside := wire.NewOutside(t, pool)
	return &Site{URL: url, Transport: func(*testing.T) http.RoundTripper { return outside }, Requests: requests}
}

func refused(t *testing.T, _ bool) *Site {
	t.Helper()
	return at(t, wire.Refused(t), transport.NewPool(), nothing)
}

func nothing() []wire.Request { return nil }

// whileIdle makes a connection ready before the call comes, to which something
// happens while it is idle, or, by the next step, when it is used again.
func whileIdle(ready, wrong wire.Step) func(*testing.T, bool) *Site {
	return func(t *testing.T, lasting bool) *Site {
		t.Helper()
		server := wire.Serve(t, append([]wire.Step{ready}, steps(wrong, lasting)...)...)
		pool := transport.NewPool()
		closed := make(chan struct{})
		tell := sync.OnceFunc(func() { close(closed) })
		dial := pool.DialContext
		pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &watched{conn, tell}, err
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		require.NoError(t, err)
		resp, err := pool.RoundTrip(req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		if wrong == nil {
			<-closed
		}
		return at(t, server.URL, pool, func() []wire.Request { return server.Requests()[1:] })
	}
}

// watched is a connection that tells when the client has closed it.
type watched struct {
	net.Conn

	tell func()
}

func (w *watched) Close() error {
	w.tell()
	return w.Conn.Close()
}

// inBubble serves a handler that takes its time, which costs none in a bubble.
func inBubble(wrong http.HandlerFunc) func(*testing.T, bool) *Site {
	return func(_ *testing.T, lasting bool) *Site {
		var mu sync.Mutex
		var seen []wire.Request
		handler := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // else the end of the connection goes unnoticed
			mu.Lock()
			seen = append(seen, wire.Request{Method: r.Method, URI: r.RequestURI, Body: string(body), Header: r.Header})
			first := len(seen) == 1
			mu.Unlock()
			if first || lasting {
				wrong(w, r)
				return
			}
			_, _ = io.WriteString(w, success)
		}
		return &Site{
			URL:       "http://localhost",
			Transport: func(t *testing.T) http.RoundTripper { t.Helper(); return bubble.Serve(t, http.HandlerFunc(handler)) },
			Requests:  func() []wire.Request { mu.Lock(); defer mu.Unlock(); return seen },
		}
	}
}

// every answers with a byte at a time.
func every(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := range success {
			select {
			case <-time.After(d):
			case <-r.Context().Done():
				return
			}
			_, _ = io.WriteString(w, success[i:i+1])
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func drip(conn net.Conn, _ wire.Request) {
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + success) {
		_, _ = conn.Write([]byte{b})
	}
}

// echo answers with everything that was sent.
func echo(status int) wire.Step {
	return func(conn net.Conn, r wire.Request) {
		_, query, _ := strings.Cut(r.URI, "?")
		sent := r.Header.Get("Authorization") + " " + query + " " + r.Body
		body := fmt.Sprintf(`{"code":%q,"message":%q,"detail":[{"loc":[%q],"msg":%q,"type":%q}],"secret":%q}`,
			sent, sent, sent, sent, sent, Response)
		wire.Answer(status, body, "X-Request-Id: "+r.Header.Get("Authorization"))(conn, r)
	}
}

// bomb is a few kilobytes of gzip that become many megabytes.
func bomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, maxBody)
	for range 32 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return b.String()
}
