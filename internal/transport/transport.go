// Package transport makes one API call over HTTP: it sends the request, retries it
// if its retry class and the settings allow that, and reads the response.
//
// go-retryablehttp is the retry loop: it counts the attempts, rewinds the body and
// sleeps. [Do] sets it up; call.go shows the order of a call. Each decision has its
// own file: the time limit of an attempt (deadline.go), whether the server may have
// processed an attempt (processed.go), whether and when another attempt follows
// (retry.go, backoff.go, retryafter.go, budget.go), the redirects to follow
// (redirect.go), the limit of a response (body.go), errors of net/http that must
// not be quoted (quoted.go), the reason why a call ended (ended.go), logging
// (log.go) and the pool of connections (pool.go). Middleware gets the [Attempt] of
// a request from its context (attempt.go).
package transport

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/redact"
)

// Settings are shared by many calls, which do not change them.
type Settings struct {
	HTTPClient       *http.Client                          // from [NewHTTPClient]
	MayQueue         bool                                  // whether an attempt may have to wait for a connection of the pool
	Token            string                                // bearer token; "" sends none
	TokenSource      func(context.Context) (string, error) // returns the token of an attempt in place of Token; may be nil
	Header           http.Header                           // headers of every attempt
	MaxRetries       int
	BackoffMin       time.Duration
	BackoffMax       time.Duration
	AttemptTimeout   time.Duration // 0 means no limit
	MaxResponseBytes int64
	Budget           *Budget                                  // nil means no limit
	Log              func(context.Context, Record)            // nil logs nothing
	Limiter          interface{ Wait(context.Context) error } // nil limits nothing
}

// A Request is the request of one call.
type Request struct {
	Endpoint *endpoint.Endpoint
	Route    string // shown in errors in place of the endpoint's route, if it is not ""
	URL      url.URL
	Body     []byte // JSON; nil sends no body
	Key      string // idempotency key; "" sends none
	// Replayable reports that the server recognizes the key, so that the request
	// can be retried as if it were idempotent.
	Replayable bool
}

func (r *Request) isIdempotent() bool {
	return r.Replayable || r.Endpoint.Retry != endpoint.AtMostOnce
}

// A Result is the result of a call.
type Result struct {
	Request *Request
	// Response is the response to the call if Err is nil. Otherwise it is the last
	// response to an earlier attempt, or nil.
	Response *Response
	Err      error
	// Attempts is the number of attempts that were started.
	Attempts int
	// OutcomeUnknown reports that the server may have processed a request that
	// is not idempotent although no response says so.
	OutcomeUnknown bool

	settings *Settings
	token    string   // token of the last attempt
	tokens   []string // different tokens of earlier attempts
}

// NewResult returns the result of a call that [Do] did not make.
func NewResult(settings *Settings, request *Request) *Result {
	return &Result{Request: request, settings: settings}
}

// maxSecrets is the maximum number of strings of a body that are redacted.
const maxSecrets = 64

// Redactor returns a redactor that removes everything that was sent from a text.
func (r *Result) Redactor() *redact.Redactor {
	secrets := append([]string{r.Request.URL.RawQuery, string(r.Request.Body[:min(len(r.Request.Body), redact.Window)]), r.token}, r.tokens...)
	for _, values := range r.Request.URL.Query() {
		for _, value := range values {
			secrets = append(secrets, value, url.QueryEscape(value), url.PathEscape(value))
		}
	}
	for name, values := range r.settings.Header {
		if name != "Accept" && name != "User-Agent" {
			secrets = append(secrets, values...)
		}
	}
	return redact.New(append(secrets, codec.Strings(r.Request.Body, maxSecrets)...)...)
}
