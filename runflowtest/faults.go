package runflowtest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// A Fault is what goes wrong with a call, see [Server.Fail]. One that sets no
// more than AfterWork closes the connection without an answer.
type Fault struct {
	Match      func(*http.Request) bool // which calls it is for, see Route; nil: any
	Status     int                      // answer with this status
	Code       string                   // the error's code, with Status
	RetryAfter time.Duration            // the error's Retry-After, with Status, in whole seconds
	Delay      time.Duration            // wait for this long first
	Truncate   bool                     // do the work, and break the answer off
	AfterWork  bool                     // do the work before it goes wrong
}

// Route matches the calls that a pattern of [http.ServeMux] fits, such as
// "GET /v1/runs/{run_id}" or "POST /v1/models/". It is for the Match of a
// [Fault], and panics as a ServeMux does where there is no such pattern.
func Route(pattern string) func(*http.Request) bool {
	mux := http.NewServeMux()
	mux.Handle(pattern, mux) // to tell it from what a ServeMux answers by itself
	return func(r *http.Request) bool {
		handler, _ := mux.Handler(r)
		return handler == http.Handler(mux)
	}
}

type fault struct {
	Fault

	left atomic.Int64
}

// Fail lets the next n calls that the fault matches meet with it.
func (s *Server) Fail(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := &fault{Fault: f}
	added.left.Store(int64(n))
	s.faults = append(s.faults, added)
}

// nextFault returns the fault that a request meets with, or nil. Match may call
// the server: it runs while that is not locked.
func (s *Server) nextFault(r *http.Request) *Fault {
	s.mu.Lock()
	s.faults = slices.DeleteFunc(slices.Clone(s.faults), func(f *fault) bool { return f.left.Load() <= 0 })
	faults := s.faults
	s.mu.Unlock()
	for _, f := range faults {
		if (f.Match == nil || f.Match(r)) && f.left.Add(-1) >= 0 {
			return &f.Fault
		}
	}
	return nil
}

// faulty lets calls meet with their faults.
func (s *Server) faulty(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := s.nextFault(r)
		if f == nil {
			next.ServeHTTP(w, r)
			return
		}
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-r.Context().Done():
			case <-s.closing.Done():
			}
		}
		if f.isSlow() {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		if f.AfterWork || f.Truncate {
			next.ServeHTTP(answer, r)
		}
		switch {
		case f.Truncate:
			truncate(w, answer)
		case f.Status != 0:
			f.refuse(w)
		default:
			drop(w)
		}
	}
}

// isSlow reports whether a call only takes its time.
func (f *Fault) isSlow() bool { return f.Delay > 0 && f.Status == 0 && !f.Truncate && !f.AfterWork }

func (f *Fault) refuse(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	status, body := problem{status: f.Status, Code: f.Code, Message: "a fault that the test asked for"}.written()
	write(w, status, body)
}

// truncate breaks the answer off in the middle of its body.
func truncate(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	body := answer.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	write(w, answer.Code, body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	drop(w)
}

// drop resets the connection.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
