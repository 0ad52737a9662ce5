package faults

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/runflow-io/runflow-go/internal/testing/bubble"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// attemptTimeout is the default of runflow.WithAttemptTimeout.
const attemptTimeout = 30 * time.Second

// slow returns faults that take time. The time is simulated.
func slow() []Fault {
	return []Fault{
		{Name: "no headers within the attempt timeout", Outcome: Unknown, Duration: attemptTimeout,
			start: simulated(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		{Name: "body stops within the attempt timeout", Outcome: Unknown, Duration: attemptTimeout,
			start: simulated(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, `{"id":"`+secretResponse)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})},
		{Name: "one byte every 5 s, longer than the attempt timeout", Outcome: Unknown, Duration: attemptTimeout, start: simulated(byteEvery(5 * time.Second))},
		{Name: "one byte every 2 s, within the attempt timeout", Outcome: Success, Duration: 20 * time.Second, start: simulated(byteEvery(2 * time.Second))},
	}
}

// byteEvery sends one byte of the response at a time.
func byteEvery(d time.Duration) http.HandlerFunc {
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

// simulated returns a server inside the synctest bubble.
func simulated(wrong http.HandlerFunc) func(*testing.T, bool) *server {
	return func(_ *testing.T, lasting bool) *server {
		var mu sync.Mutex
		var seen []wire.Request
		handler := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // before that, net/http does not notice the end of the connection
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
		return &server{
			url: "http://localhost",
			transport: func(t *testing.T) http.RoundTripper {
				t.Helper()
				return bubble.Serve(t, http.HandlerFunc(handler))
			},
			requests: func() []wire.Request {
				mu.Lock()
				defer mu.Unlock()
				return seen
			},
		}
	}
}
