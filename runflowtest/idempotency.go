package runflowtest

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
)

// A replay is the response to a request with an idempotency key.
type replay struct {
	request [sha256.Size]byte // hash of the path and the body
	status  int
	body    []byte
}

// once calls serve, unless the server knows the idempotency key of the request. If
// it knows the key, it repeats the response, or responds with 409 if the request is
// a different one.
func (s *Server) once(r *http.Request, c caller, serve func() (int, []byte)) (status int, response []byte) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		return serve()
	}
	body, _ := io.ReadAll(r.Body) // it is in memory
	r.Body = io.NopCloser(bytes.NewReader(body))
	key = c.orgID + " " + key
	request := sha256.Sum256([]byte(r.URL.Path + " " + string(body)))
	if known, ok := s.replays[key]; ok {
		if known.request != request {
			return newProblem(http.StatusConflict, "the idempotency key was used for another request").encode()
		}
		return known.status, known.body
	}
	status, response = serve()
	if status < http.StatusMultipleChoices {
		s.replays[key] = replay{request: request, status: status, body: response}
	}
	return status, response
}
