// Package transport carries one logical call to the API and back: as many
// attempts as its retry class and its settings allow.
//
// go-retryablehttp is the engine that repeats and sleeps. Every decision is
// taken here, one concern a file: what an attempt is (attempt.go), whether it
// may have been taken (guarded.go), whether another may follow (retry.go), after
// which wait (backoff.go, retryafter.go),
// where a redirect may lead (redirect.go), how much is read (body.go), what is
// logged (log.go) and which connections are kept (pool.go).
package transport

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/redact"
)

// Settings is what a call runs under. Calls share it and do not change it.
type Settings struct {
	BaseURL          *url.URL
	HTTPClient       *http.Client // from [Guarded]
	Token            func(context.Context) (string, error)
	Header           http.Header // sent with every attempt
	MaxRetries       int
	BackoffMin       time.Duration
	BackoffMax       time.Duration
	AttemptTimeout   time.Duration // 0: none
	MaxResponseBytes int64
	Log              func(context.Context, Record)            // nil: none; see [LogTo]
	Limiter          interface{ Wait(context.Context) error } // nil: none
}

// Request is what a call asks for.
type Request struct {
	Endpoint endpoint.Endpoint
	Path     string // escaped, below the base URL
	Query    string // encoded
	Body     []byte // JSON, or nil
	Key      string // the idempotency key of a guarded endpoint
	// Vouched says that the caller chose the key, and thereby that the request
	// may be repeated under it.
	Vouched bool
	// Target, in place of Path and Query, is a file on another host, which is
	// not told who asks.
	Target *url.URL
	Sink   *Sink // where the file goes
}

// Answer is an HTTP response, read to its end.
type Answer struct {
	StatusCode int
	Header     http.Header
	Body       []byte
	TooLarge   bool   // the body was larger than allowed, and is cut off
	Refused    string // why a redirect was not followed
}

// RequestID returns the id that the API gave the request, as it sent it, or "".
func (a *Answer) RequestID() string {
	for _, name := range []string{"Runflow-Request-Id", "X-Request-Id"} {
		if id := a.Header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// Result is how a call ended.
type Result struct {
	Request Request
	// Answer is the last answer that came: the call's answer where Err is nil,
	// that of an earlier attempt, or nil, where it is not.
	Answer *Answer
	// Attempts counts the requests that were sent.
	Attempts int
	// Err says why the last attempt brought no answer.
	Err error
	// Ambiguous says that the API may have taken a guarded request without
	// saying so.
	Ambiguous bool

	secrets []string
}

// Redact returns text as one line from which nothing of the request can leak.
func (r *Result) Redact(text string) string { return redact.Line(text, r.secrets...) }

// Do carries out one logical call.
func Do(ctx context.Context, settings *Settings, request Request) *Result {
	c := &call{Settings: settings, request: request}
	c.run(context.WithValue(ctx, callKey{}, c))
	return &Result{Request: request, Answer: c.answer, Attempts: c.attempts, Err: c.err, Ambiguous: c.ambiguous, secrets: c.secrets()}
}

// call is the state of one logical call. It travels in the request's context,
// since the engine's callbacks see nothing else of a connection that failed.
type call struct {
	*Settings

	request Request

	attempts int
	inVain   int           // attempts since the last one that brought a download forward
	token    string        // of the last attempt
	answer   *Answer       // the last that came
	answered bool          // answer is the last attempt's
	err      error         // why the call would end here without an answer
	started  time.Time     // of the last attempt
	took     time.Duration // by the last attempt
	logged   int           // attempts that were logged
	delay    time.Duration // before the next attempt
	waiting  bool          // for the next attempt
	final    bool          // another attempt would fail in the same way
	refused  string        // why the last attempt did not follow a redirect
	body     *watchedBody  // of the last attempt; nil where it is of no interest

	ambiguous bool // some attempt may have been taken
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// shell is what the engine sees as its HTTP client. It owns no connections, so
// that the engine, which closes the idle ones whenever a call fails, has none
// to close.
var shell = &http.Client{
	Transport:     attempts{},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c *call) run(ctx context.Context) {
	var body any
	if c.request.Body != nil {
		body = c.request.Body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, c.request.Endpoint.Method, c.target(), body)
	if err != nil {
		c.err = errors.New("the request could not be built")
		return
	}
	engine := &retryablehttp.Client{
		HTTPClient:   shell,
		RetryMax:     math.MaxInt, // checkRetry knows
		CheckRetry:   checkRetry,
		Backoff:      c.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	// What came of it is in c: the engine would only wrap it.
	resp, _ := engine.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if c.waiting {
		c.err = Ended(ctx)
	}
}

func (c *call) target() string {
	switch {
	case c.request.Target != nil:
		return c.request.Target.String()
	case c.request.Query != "":
		return c.BaseURL.String() + c.request.Path + "?" + c.request.Query
	default:
		return c.BaseURL.String() + c.request.Path
	}
}

func (c *call) secrets() []string {
	secrets := []string{c.token, c.request.Query, string(c.request.Body)}
	if c.request.Target != nil {
		secrets = append(secrets, c.request.Target.RawQuery)
	}
	return secrets
}
