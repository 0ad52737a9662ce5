package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Call identifies the attempt that a request belongs to.
type Call struct {
	Method  string
	Route   string
	Attempt int
}

type attemptKey struct{}

// attemptContext is the context of an attempt.
type attemptContext struct {
	context.Context

	call Call
}

// Value returns the attempt's call for its key.
func (c *attemptContext) Value(key any) any {
	if key == (attemptKey{}) {
		return c.call
	}
	return c.Context.Value(key)
}

// CallFromContext returns the attempt whose request carries ctx.
func CallFromContext(ctx context.Context) (Call, bool) {
	call, ok := ctx.Value(attemptKey{}).(Call)
	return call, ok
}

// attempts is the engine's round tripper. Each round trip is one attempt, body
// included, so that an answer that breaks off counts as a failed connection.
type attempts struct{}

func (attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callFrom(req.Context())
	if c.try(req); c.Err != nil {
		return nil, c.Err
	}
	return &http.Response{StatusCode: c.Answer.StatusCode, Body: http.NoBody, Request: req}, nil
}

// try makes an attempt, and keeps what came of it.
func (c *call) try(req *http.Request) {
	answer, err := c.attempt(req)
	c.Err, c.answered = err, err == nil
	if c.answered {
		c.Answer, c.answersToken = answer, c.token
	}
}

func (c *call) attempt(req *http.Request) (*Answer, error) {
	ctx := req.Context()
	if err := c.prepare(ctx); err != nil {
		c.final = true
		return nil, err
	}
	c.Attempts++
	c.inVain++
	c.refused, c.body = "", nil
	c.started = time.Now()
	defer func() { c.took = time.Since(c.started) }()

	limited, cancel := c.limit(ctx)
	defer cancel()
	before := c.Request.Sink.written()
	answer, err := c.send(req.WithContext(&attemptContext{limited, Call{
		Method:  c.Request.Endpoint.Method,
		Route:   c.Request.Endpoint.Route,
		Attempt: c.Attempts,
	}}))
	c.Ambiguous = c.Ambiguous || c.mayHaveBeenTaken(answer)
	if c.moved = c.Request.Sink.written() > before; c.moved {
		c.inVain = 1
	}
	if err == nil {
		return answer, nil
	}
	if timeout, ok := errors.AsType[timeoutError](context.Cause(limited)); ok {
		err = timeout
	} else if errors.Is(err, context.DeadlineExceeded) { // that of dialing, or of the caller's client
		err = fmt.Errorf("%w: %v", os.ErrDeadlineExceeded, err) //nolint:errorlint // it is not the end of the caller's context
	}
	return nil, endedOr(ctx, withoutAnswer(err))
}

// prepare gets what an attempt needs before it may be sent.
func (c *call) prepare(ctx context.Context) error {
	if ctx.Err() != nil {
		return Ended(ctx)
	}
	if c.Request.Target != nil {
		return nil // neither the token nor the rate limit concerns another host
	}
	if c.Limiter != nil {
		if err := c.Limiter.Wait(ctx); err != nil {
			return endedOr(ctx, fmt.Errorf("rate limiter: %w", err))
		}
	}
	token, err := c.Token(ctx)
	if err != nil {
		return endedOr(ctx, fmt.Errorf("token source: %w", err))
	}
	c.token = token
	return nil
}

// limit bounds an attempt: as a whole, or, where it downloads a file, each wait
// for more of it.
func (c *call) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	late := timeoutError(c.AttemptTimeout)
	switch {
	case c.AttemptTimeout == 0:
		return context.WithCancel(ctx)
	case c.Request.Sink == nil:
		return context.WithTimeoutCause(ctx, c.AttemptTimeout, late)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.AttemptTimeout, func() { cancel(late) })
	c.Request.Sink.progress = func() { timer.Reset(c.AttemptTimeout) }
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

func (c *call) send(req *http.Request) (*Answer, error) {
	req.Header = c.header()
	if c.Request.Body != nil {
		req.Body, _ = c.newBody()
		req.GetBody = c.newBody
		req.ContentLength = int64(len(c.Request.Body))
	}
	c.watch(req)
	resp, err := c.HTTPClient.Do(req)
	if err != nil {
		// Both only where the caller's CheckRedirect, or its default, said no.
		c.final = resp != nil
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	return c.read(resp)
}

// payload is a request body.
type payload struct{ bytes.Reader }

func (*payload) Close() error { return nil }

func (c *call) newBody() (io.ReadCloser, error) {
	p := &payload{}
	p.Reset(c.Request.Body)
	return p, nil
}

var jsonContent = []string{"application/json"}

// header returns the headers of an attempt. It shares their values with the
// settings: nobody may change what a request holds.
func (c *call) header() http.Header {
	if c.Request.Target != nil {
		header := http.Header{"User-Agent": c.Header["User-Agent"]}
		c.Request.Sink.ask(header)
		return header
	}
	header := make(http.Header, len(c.Header)+3)
	maps.Copy(header, c.Header)
	header["Authorization"] = []string{"Bearer " + c.token}
	if len(c.Request.Body) > 0 {
		header["Content-Type"] = jsonContent
	}
	if c.Request.Key != "" {
		header["Idempotency-Key"] = []string{c.Request.Key}
	}
	return header
}

// withoutURL unwraps net/http's error, whose text holds the query.
func withoutURL(err error) error {
	for {
		withURL, ok := err.(*url.Error) //nolint:errorlint // what others wrapped stays as it is
		if !ok {
			return err
		}
		err = withURL.Err
	}
}

// Ended returns why ctx ended: always context.Canceled or
// context.DeadlineExceeded, and the cause that the caller gave.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// endedOr returns why ctx ended, or err where it has not.
func endedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return Ended(ctx)
	}
	return err
}

// timeoutError ends an attempt that took longer than it says.
type timeoutError time.Duration

func (e timeoutError) Error() string {
	return fmt.Sprintf("no whole answer within %s", time.Duration(e))
}

// Timeout makes it a net.Error's timeout.
func (timeoutError) Timeout() bool { return true }

// Is keeps it apart from the end of the caller's own context.
func (timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }
