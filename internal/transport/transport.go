// Package transport carries one API call over HTTP: it sends the request, retries
// it as far as its class and the settings allow, and reads the response.
//
// go-retryablehttp is the retry loop: it counts the attempts, rewinds the body and
// sleeps. [Do] sets it up, see call.go, where the order of a call can be read. Each
// decision is made in a file of its own: how long an attempt may take (deadline.go),
// whether the server may have processed it (processed.go), whether another one
// follows and when (retry.go, backoff.go, retryafter.go, budget.go), where a
// redirect may lead (redirect.go), how much of a response is read (body.go), what is
// not quoted of it (quoted.go), why a call ended (ended.go), what is logged (log.go)
// and which connections are used (pool.go). An attempt is known to middleware by its
// [Attempt] (attempt.go).
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
	MayQueue         bool                                  // its pool may let an attempt wait for a connection
	Token            string                                // bearer token; "" sends none
	TokenSource      func(context.Context) (string, error) // returns the token of an attempt in place of Token; may be nil
	Header           http.Header                           // of every attempt
	MaxRetries       int
	BackoffMin       time.Duration
	BackoffMax       time.Duration
	AttemptTimeout   time.Duration // 0 means no limit
	MaxResponseBytes int64
	Budget           *Budget                                  // nil means no limit
	Log              func(context.Context, Record)            // nil logs nothing
	Limiter          interface{ Wait(context.Context) error } // nil limits nothing
}

// A Request is what one call sends.
type Request struct {
	Endpoint *endpoint.Endpoint
	Route    string // for errors, if it is not the endpoint's
	URL      *url.URL
	Body     []byte // JSON; nil sends no body
	Key      string // idempotency key; "" sends none
	// Replayable reports that the server recognizes the key, so that the request
	// can be retried as if it were idempotent.
	Replayable bool
}

func (r *Request) isIdempotent() bool {
	return r.Replayable || r.Endpoint.Retry == endpoint.Idempotent
}

// A Result is how a call ended.
type Result struct {
	Request *Request
	// Response is the response to the call if Err is nil, and else the last
	// response to an earlier attempt, or nil.
	Response *Response
	Err      error
	// Attempts counts the attempts that were started.
	Attempts int
	// OutcomeUnknown reports that the server may have processed a request that
	// is not idempotent although no response says so.
	OutcomeUnknown bool

	settings *Settings
	token    string   // of the last attempt
	tokens   []string // of the attempts before, if they had others
}

// NewResult returns the result of a call that [Do] did not make.
func NewResult(settings *Settings, request *Request) *Result {
	return &Result{Request: request, settings: settings}
}

// maxSecrets is how many strings of a body count as secrets.
const maxSecrets = 64

// Redactor returns what removes from a text everything that was sent.
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
