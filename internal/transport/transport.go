// Package transport carries one logical call to the API and back: as many
// attempts as its retry class and its settings allow.
//
// go-retryablehttp is the engine that repeats and sleeps. Every decision is
// taken here, one concern a file: what an attempt is (attempt.go), whether it
// may have been taken (guarded.go), whether another may follow (retry.go), after
// which wait (backoff.go, retryafter.go), at whose expense (budget.go),
// where a redirect may lead (redirect.go), how much is read (body.go), what is
// not repeated of an answer (quoted.go), what is logged (log.go) and which
// connections are kept (pool.go).
package transport

import (
	"bytes"
	"context"
	"io"
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
	Budget           *Budget                                  // nil: none
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
	Body       []byte // until the result is released
	TooLarge   bool   // the body was larger than allowed, and is cut off
	Refused    string // why a redirect was not followed

	buffer *bytes.Buffer
	source io.LimitedReader
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

	token        string // of the last attempt
	answersToken string // of the attempt that Answer is of
}

// Redact returns text as one line from which nothing of the request can leak.
func (r *Result) Redact(text string) string {
	secrets := []string{r.token, r.answersToken, r.Request.Query, string(r.Request.Body)}
	if r.Request.Target != nil {
		secrets = append(secrets, r.Request.Target.RawQuery)
	}
	return redact.Line(text, secrets...)
}

// Do carries out one logical call.
func Do(ctx context.Context, settings *Settings, request Request) *Result {
	c := &call{Settings: settings, Result: Result{Request: request}}
	c.run(context.WithValue(ctx, callKey{}, c))
	return &c.Result
}

// call is the state of one logical call. It travels in the request's context,
// since the engine's callbacks see nothing else of a connection that failed.
type call struct {
	*Settings
	Result // if the call were to end here

	inVain   int           // attempts since the last one that brought a download forward
	moved    bool          // the last attempt brought a download forward
	answered bool          // Answer is the last attempt's
	started  time.Time     // of the last attempt
	took     time.Duration // by the last attempt
	logged   int           // attempts that were logged
	delay    time.Duration // before the next attempt
	waiting  bool          // for the next attempt
	final    bool          // another attempt would fail in the same way
	refused  string        // why the last attempt did not follow a redirect
	body     *watchedBody  // of the last attempt; nil where it is of no interest
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

// noHeader is what the engine sends: an attempt has headers of its own.
var noHeader = http.Header{}

// engine repeats attempts for as long as checkRetry says.
var engine = &retryablehttp.Client{
	HTTPClient:   shell,
	RetryMax:     math.MaxInt,
	CheckRetry:   checkRetry,
	Backoff:      func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 }, // checkRetry has waited
	ErrorHandler: retryablehttp.PassthroughErrorHandler,
}

func (c *call) run(ctx context.Context) {
	req := (&http.Request{
		Method: c.Request.Endpoint.Method, URL: c.target(), Header: noHeader,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	// Most calls have only one attempt, and no need of the engine. What comes of
	// the others is in c, too: the engine would only wrap it.
	if c.try(req); c.next(ctx) {
		if resp, err := engine.Do(&retryablehttp.Request{Request: req}); err == nil {
			_ = resp.Body.Close()
		}
	}
	if c.waiting {
		c.Err = Ended(ctx)
	} else if c.answered && !unavailable(c.Answer.StatusCode) {
		c.Budget.earn()
	}
}

func (c *call) target() *url.URL {
	if c.Request.Target != nil {
		return c.Request.Target
	}
	u := *c.BaseURL
	u.RawQuery = c.Request.Query
	path, err := url.PathUnescape(c.Request.Path)
	if path != c.Request.Path || err != nil || u.RawPath != "" {
		u.RawPath = c.BaseURL.EscapedPath() + c.Request.Path
	}
	u.Path += path
	return &u
}
