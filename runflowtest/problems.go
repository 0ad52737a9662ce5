package runflowtest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// A problem is the body of an error response.
type problem struct {
	status  int
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors"`
}

type fieldError struct {
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
}

// encode returns the status and the body of the response.
func (p *problem) encode() (status int, body []byte) {
	body, _ = json.Marshal(p) // cannot fail: it has only strings
	return p.status, body
}

// write sends the response.
func (p *problem) write(w http.ResponseWriter) {
	status, body := p.encode()
	writeJSON(w, status, body)
}

// writeJSON sends a response. If body is nil, it has no body.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // it is JSON, which browsers do not execute
}

// newProblem returns a problem with the code of its status.
func newProblem(status int, message string) *problem {
	return &problem{status: status, Code: codeOf(status), Message: message}
}

// codeOf returns the documented code of a status, or else a code made from the name
// of the status.
func codeOf(status int) string {
	switch status {
	case http.StatusPaymentRequired:
		return "INSUFFICIENT_CREDIT"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusUnprocessableEntity:
		return "validation_error"
	case http.StatusTooManyRequests:
		return "RATE_LIMITED"
	default: // 401 UNAUTHORIZED, 409 CONFLICT
		name := strings.NewReplacer("-", "_", " ", "_", "'", "").Replace(http.StatusText(status))
		return strings.ToUpper(name)
	}
}

// runNotFound is the code of a 404 of a run.
const runNotFound = "RUN_NOT_FOUND"

// badField describes an invalid field of a part of a request, "body" or "query".
func badField(part, field, msg, kind string) fieldError {
	return fieldError{Loc: []string{part, field}, Msg: msg, Type: kind}
}

func invalid(errs ...fieldError) *problem {
	p := newProblem(http.StatusUnprocessableEntity, "the request is not valid")
	p.Errors = errs
	return p
}

func badRequest(message string) *problem { return newProblem(http.StatusBadRequest, message) }

func notFound(kind string) *problem { return newProblem(http.StatusNotFound, "no such "+kind) }

// internalError is the response if a value or a function of the test fails.
func internalError(message string) *problem {
	return newProblem(http.StatusInternalServerError, message)
}
