package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// A call is the state of one call to the API. The loop calls begin before each
// attempt and end after it. Only the methods in this file change the call.
type call struct {
	Result

	ctx    context.Context
	client http.Client
	loop   retryablehttp.Client

	// The current attempt:
	attemptCtx context.Context
	deadline   *Deadline
	body       *bodyState // nil if the request has no body or is idempotent
}

// Do makes one call to the API.
func Do(ctx context.Context, settings *Settings, request *Request) *Result {
	c := &call{ctx: ctx, Result: Result{Request: request, settings: settings}}
	c.client = *settings.HTTPClient
	c.client.Transport = c
	c.client.Timeout = 0 // the Deadline includes this timeout
	c.loop = retryablehttp.Client{
		HTTPClient:   &c.client,
		RetryMax:     settings.MaxRetries,
		PrepareRetry: c.begin,
		CheckRetry:   c.end,
		Backoff:      waitAsDecided,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	req := &retryablehttp.Request{Request: (&http.Request{
		Method: request.Endpoint.Method, URL: &request.URL, Host: request.URL.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)}
	if len(request.Body) > 0 {
		_ = req.SetBody(request.Body) // cannot fail for a slice
	}
	defer func() {
		if c.deadline != nil { // the caller's transport may have panicked
			c.deadline.Stop()
		}
	}()
	if c.Err = c.begin(req.Request); c.Err == nil {
		_, c.Err = c.loop.Do(req) //nolint:bodyclose // end has read and closed it
	}
	if c.Err != nil && c.Err == ctx.Err() { //nolint:errorlint // it ended while the loop slept
		c.Err = Ended(ctx)
	}
	return &c.Result
}

// begin starts the next attempt: it waits for the rate limiter, asks for the
// token and sets the headers. Its errors end the call.
func (c *call) begin(req *http.Request) error {
	if c.ctx.Err() != nil {
		return Ended(c.ctx)
	}
	s, e := c.settings, c.Request.Endpoint
	if s.Limiter != nil {
		if err := s.Limiter.Wait(c.ctx); err != nil {
			return endedOr(c.ctx, fmt.Errorf("rate limiter: %w", err))
		}
	}
	c.attemptCtx, c.deadline = s.NewAttempt(c.ctx, e, c.Attempts+1)
	token := s.Token
	if s.TokenSource != nil {
		var err error
		if token, err = s.TokenSource(c.attemptCtx); err != nil {
			err = fmt.Errorf("token source: %w", c.deadline.ErrorOr(err))
			c.deadline.Stop()
			return endedOr(c.ctx, err)
		}
	}
	if c.token != "" && c.token != token {
		c.tokens = append(c.tokens, c.token)
	}
	c.token = token
	// The caller's redirect policy sees these headers, and may change them.
	req.Header = maps.Clone(s.Header) // the values are shared, so they must not be changed
	if token != "" {
		req.Header["Authorization"] = []string{"Bearer " + token}
	}
	c.body = nil
	if len(c.Request.Body) > 0 {
		req.Header["Content-Type"] = jsonContent
		if e.Retry != endpoint.Idempotent {
			c.body = new(bodyState)
		}
	}
	if c.Request.Key != "" {
		req.Header["Idempotency-Key"] = []string{c.Request.Key}
	}
	c.Attempts++
	return nil
}

var jsonContent = []string{"application/json"}

// RoundTrip sends one HTTP request of the attempt: its first one, or one that
// follows a redirect.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	once := req.WithContext(c.attemptCtx)
	// Without GetBody, net/http cannot send the request again by itself, without
	// the knowledge of the SDK and its retry budget.
	once.GetBody = nil
	if once.Body != nil && c.body != nil {
		once.Body = &watchedBody{once.Body, c.body}
	}
	if len(c.Request.Body) == 0 && !c.Request.isIdempotent() {
		once = once.WithContext(sentOnce(once.Context()))
	}
	resp, err := c.settings.HTTPClient.Transport.RoundTrip(once)
	if errors.Is(context.Cause(once.Context()), errRepeated) {
		err = errRepeated
	}
	if resp != nil && resp.StatusCode/100 == 3 {
		DropInvalidLocation(req, resp)
	}
	return resp, err
}

// end ends the attempt, for which net/http returned resp and err. It returns
// whether another attempt follows.
func (c *call) end(ctx context.Context, resp *http.Response, err error) (retry bool, _ error) {
	var response *Response
	stopped := resp != nil && err != nil // by the caller's redirect policy
	if err == nil {
		response, err = Read(resp, c.settings.MaxResponseBytes)
	}
	if err != nil {
		err = Explain(ctx, c.deadline, err)
	} else {
		c.Response = response
	}
	c.deadline.Stop()
	took, delay := time.Since(c.deadline.started), time.Duration(0)
	if err != nil || response.StatusCode/100 != 2 {
		processed := c.mayHaveBeenProcessed(response, err, resp != nil, stopped)
		c.OutcomeUnknown = c.OutcomeUnknown || processed
		if !stopped {
			retry, delay, err = c.decide(ctx, response, err, processed)
		}
	} else if budget := c.settings.Budget; budget != nil && budget.left.Load() < budget.full {
		budget.earn()
	}
	c.loop.RetryWaitMin = delay
	if c.settings.Log != nil {
		c.Log(ctx, response, err, took, delay)
	}
	return retry, err
}

// waitAsDecided is the Backoff of the loop: end has set the delay.
func waitAsDecided(delay, _ time.Duration, _ int, _ *http.Response) time.Duration { return delay }
