package transport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

const testToken = "canary-token-0123456789"

// script is a server over a raw socket: it does to each request, in order, what
// the next step says, and to further ones what the last step says.
type script struct {
	url string

	mu    sync.Mutex
	steps []step
	seen  []seen
}

// step does something to a connection whose request has been read.
type step func(conn net.Conn)

type seen struct {
	method, path, body string
	header             http.Header
}

func serve(t *testing.T, steps ...step) *script {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &script{url: "http://" + listener.Addr().String(), steps: steps}
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
				s.handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		conns.Wait()
	})
	return s
}

func (s *script) handle(conn net.Conn) {
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
		s.mu.Lock()
		s.seen = append(s.seen, seen{req.Method, req.URL.RequestURI(), string(body), req.Header})
		next := s.steps[min(len(s.seen), len(s.steps))-1]
		s.mu.Unlock()
		next(conn)
	}
}

// requests returns what the server saw.
func (s *script) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.seen...)
}

// answer answers with a status, header lines ("Name: value") and a body.
func answer(status int, body string, header ...string) step {
	return func(conn net.Conn) {
		text := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", status, http.StatusText(status), len(body))
		for _, h := range header {
			text += h + "\r\n"
		}
		_, _ = io.WriteString(conn, text+"\r\n"+body)
	}
}

// raw writes text as it is, and closes the connection.
func raw(text string) step {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// reset writes text as it is, and resets the connection.
func reset(text string) step {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

// refused returns the URL of a port that nobody listens on.
func refused(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

// outside sends requests over real sockets from outside of a synctest bubble.
// Inside, the clock stands still until the answer is there, and jumps over every
// wait between attempts.
type outside struct {
	requests chan *http.Request
	replies  chan reply
}

type reply struct {
	resp *http.Response
	err  error
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{requests: make(chan *http.Request), replies: make(chan reply)}
	pool := NewPool()
	var worker sync.WaitGroup
	worker.Go(func() {
		for req := range o.requests {
			resp, err := pool.RoundTrip(req)
			if err == nil {
				body, readErr := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				resp.Body = &replay{body: body, err: readErr}
			}
			o.replies <- reply{resp, err}
		}
	})
	t.Cleanup(func() {
		close(o.requests)
		worker.Wait()
		pool.CloseIdleConnections()
	})
	return o
}

func (o *outside) RoundTrip(req *http.Request) (*http.Response, error) {
	detached := req.Clone(context.WithoutCancel(context.Background()))
	detached.Body = req.Body
	o.requests <- detached
	r := <-o.replies
	if r.resp != nil {
		r.resp.Request = req
	}
	return r.resp, r.err
}

// replay is a body that was read elsewhere, with how its reading ended.
type replay struct {
	body []byte
	err  error
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.body) > 0 {
		n := copy(p, r.body)
		r.body = r.body[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

func (*replay) Close() error { return nil }

// settings returns the settings of a client of baseURL, on the connections of
// base.
func settings(t *testing.T, baseURL string, base http.RoundTripper) *Settings {
	t.Helper()
	u, err := url.Parse(baseURL)
	require.NoError(t, err)
	return &Settings{
		BaseURL:          u,
		HTTPClient:       Guarded(&http.Client{}, base),
		Token:            func(context.Context) (string, error) { return testToken, nil },
		Header:           http.Header{"User-Agent": {"test"}},
		MaxRetries:       4,
		BackoffMin:       time.Second,
		BackoffMax:       32 * time.Second,
		AttemptTimeout:   30 * time.Second,
		MaxResponseBytes: 1 << 20,
	}
}

// pool returns connections that end with the test.
func pool(t *testing.T) *http.Transport {
	t.Helper()
	p := NewPool()
	t.Cleanup(p.CloseIdleConnections)
	return p
}

// rating is the request of most tests: a write with a query, so that both its
// body and its query can be looked for where they must not be.
func rating(retry endpoint.Retry) Request {
	return Request{
		Endpoint: endpoint.Endpoint{Operation: "Runs.Rate", Method: http.MethodPatch, Route: "/v1/runs/{run_id}", Retry: retry},
		Path:     "/v1/runs/a%20b",
		Query:    "secret=canary-query",
		Body:     []byte(`{"reason":"canary-body"}`),
	}
}
