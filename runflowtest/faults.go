package runflowtest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// A Fault is what goes wrong with a call, see [Server.Fail]. One that sets no
// more than AfterWork closes the connection without an answer.
type Fault struct {
	Match      func(*http.Request) bool // which calls it is for; nil: any
	Status     int                      // answer with this status
	Code       string                   // the error's code, with Status
	RetryAfter time.Duration            // the error's Retry-After, with Status, in whole seconds
	Delay      time.Duration            // wait for this long first
	Truncate   bool                     // do the work, and break the answer off
	AfterWork  bool                     // do the work before it goes wrong
}

type fault struct {
	Fault

	left int
}

// Fail lets the next n calls that the fault matches meet with it.
func (s *Server) Fail(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{Fault: f, left: n})
}

// nextFault returns the fault that a request meets with, or nil.
func (s *Server) nextFault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.left > 0 && (f.Match == nil || f.Match(r)) {
			f.left--
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
			case <-r.Context().Done():
			case <-time.After(f.Delay):
			}
		}
		answer := httptest.NewRecorder()
		if f.AfterWork || f.Truncate || f.Status == 0 && f.Delay > 0 {
			next.ServeHTTP(answer, r)
		}
		switch {
		case f.Truncate:
			truncate(w, answer)
		case f.Status != 0:
			f.refuse(w)
		case f.Delay > 0 && !f.AfterWork: // it was only slow
			pass(w, answer)
		default:
			drop(w)
		}
	}
}

func (f *Fault) refuse(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	status, body := problem{status: f.Status, Code: f.Code, Message: "a fault that the test asked for"}.written()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// truncate breaks the answer off in the middle of its body.
func truncate(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	body := answer.Body.Bytes()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body[:len(body)/2])
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
