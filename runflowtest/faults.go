package runflowtest

import (
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A Fault makes a request fail, see [Server.InjectFault]. The zero Fault closes the
// connection without processing the request.
type Fault struct {
	Match           func(*http.Request) bool // to which requests the fault applies, see Route; nil means all
	Status          int                      // respond with this status; 0 closes the connection
	Code            string                   // code of the error response; "" means that of the status
	RetryAfter      time.Duration            // Retry-After header of the error response, rounded up to seconds
	Delay           time.Duration            // wait first; without any other field the request then succeeds
	Truncate        bool                     // process the request, and send half of the response
	AfterProcessing bool                     // process the request before it fails
}

// Route returns a Match for a [Fault]: it reports whether a request matches a pattern
// of [http.ServeMux], such as "GET /v1/runs/{run_id}", "POST /v1/models/", or
// "GET /files/" for downloads. Like [http.ServeMux.Handle] it panics if the pattern is
// not valid.
func Route(pattern string) func(*http.Request) bool {
	mux := http.NewServeMux()
	mux.Handle(pattern, mux) // mux marks the pattern: other handlers are those of errors
	return func(r *http.Request) bool {
		handler, _ := mux.Handler(r)
		return handler == http.Handler(mux)
	}
}

type fault struct {
	Fault

	left atomic.Int64 // how many requests it still applies to
}

// InjectFault makes the next n requests that f matches fail. If several faults match a
// request, the one that was injected first applies. Faults apply to all requests, those
// for files too.
func (s *Server) InjectFault(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	injected := &fault{Fault: f}
	injected.left.Store(int64(n))
	s.faults = append(s.faults, injected)
}

// PendingFaults returns the faults that are not used up, in the order in which they
// were injected: a fault for n requests is pending until it has applied to all of them.
func (s *Server) PendingFaults() []Fault {
	var pending []Fault
	for _, f := range s.activeFaults() {
		pending = append(pending, f.Fault)
	}
	return pending
}

func (s *Server) activeFaults() []*fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(slices.Clone(s.faults), func(f *fault) bool { return f.left.Load() <= 0 })
	return s.faults
}

// nextFault returns the fault that applies to a request, or nil. The server is not
// locked while Match runs.
func (s *Server) nextFault(r *http.Request) *Fault {
	for _, f := range s.activeFaults() {
		if (f.Match == nil || f.Match(r)) && f.left.Add(-1) >= 0 {
			return &f.Fault
		}
	}
	return nil
}

// faulty applies the faults to requests.
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
		if f.isOnlyDelay() {
			next.ServeHTTP(w, r)
			return
		}
		response := httptest.NewRecorder()
		if f.AfterProcessing || f.Truncate {
			next.ServeHTTP(response, r)
		}
		switch {
		case f.Truncate:
			truncate(w, response)
		case f.Status != 0:
			f.refuse(w, r)
		default:
			closeConnection(w)
		}
	}
}

func (f *Fault) isOnlyDelay() bool {
	return f.Delay > 0 && f.Status == 0 && !f.Truncate && !f.AfterProcessing
}

// refuse sends the error response.
func (f *Fault) refuse(w http.ResponseWriter, r *http.Request) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	p := newProblem(f.Status, "a fault that the test injected")
	switch {
	case f.Code != "":
		p.Code = f.Code
	case f.Status == http.StatusNotFound && strings.HasPrefix(r.URL.Path, "/v1/runs/"):
		p.Code = runNotFound
	}
	p.write(w)
}

// truncate sends the first half of the body of a response.
func truncate(w http.ResponseWriter, response *httptest.ResponseRecorder) {
	body := response.Body.Bytes()
	maps.Copy(w.Header(), response.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(response.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	closeConnection(w)
}

// closeConnection resets the connection.
func closeConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
