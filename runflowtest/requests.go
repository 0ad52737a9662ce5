package runflowtest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// defaultMaxRequests is how many requests a server keeps by default.
const defaultMaxRequests = 10_000

// A Request is a request that the server has received.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte
}

// Requests returns the last [Server.MaxRequests] requests to the API that the server
// has received, the oldest first. Downloads and uploads of files are not among them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// recorded records each request before next serves it.
func (s *Server) recorded(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has closed the connection
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !isStorage(r) {
			s.record(Request{r.Method, r.URL.Path, r.URL.Query(), r.Header.Clone(), body})
		}
		next.ServeHTTP(w, r)
	}
}

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.MaxRequests
	if limit <= 0 {
		limit = defaultMaxRequests
	}
	s.requests = append(s.requests, r)
	if excess := len(s.requests) - limit; excess > 0 {
		clear(s.requests[:excess]) // so that their memory is released
		s.requests = s.requests[excess:]
	}
}
