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
	// Match reports whether the fault applies to a request, see [Route]. If it is
	// nil, the fault applies to all requests.
	Match func(*http.Request) bool

	Status     int           // status of the error response; 0 closes the connection instead
	Code       string        // code of the error response; "" selects the code of the status
	RetryAfter time.Duration // Retry-After header of the error response, rounded up to seconds

	// Delay is the delay before the fault. If no other fault is set, the request
	// succeeds after the delay.
	Delay           time.Duration
	Truncate        bool // process the request, and send only half of the response body
	AfterProcessing bool // process the request before it fails
}

// Route returns a Match for a [Fault]: it reports whether a request matches a pattern
// of [http.ServeMux], such as "GET /v1/runs/{run_id}", "POST /v1/models/", or
// "GET /files/" for downloads and "PUT /uploads/" for uploads. Like [http.ServeMux.Handle] it panics if the pattern is
// not valid.
func Route(pattern string) func(*http.Request) bool {
	mux := http.NewServeMux()
	mux.Handle(pattern, mux) // mux is only a marker: requests that do not match have another handler
	return func(r *http.Request) bool {
		handler, _ := mux.Handler(r)
		return handler == http.Handler(mux)
	}
}

type fault struct {
	Fault

	left atomic.Int64 // number of requests to which it still applies
}

// InjectFault makes the next n requests that f matches fail. If several faults
// match a request, the one that was injected first applies. Faults apply to all
// requests, including downloads and uploads of files.
func (s *Server) InjectFault(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	injected := &fault{Fault: f}
	injected.left.Store(int64(n))
	s.faults = append(s.faults, injected)
}

// PendingFaults returns the pending faults in the order in which they were
// injected. A fault for n requests is pending until it has applied to all of them.
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
