package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// checkRetry is the engine's CheckRetry. The engine passes neither the request
// nor an answer when a connection fails: the call in ctx knows both.
func checkRetry(ctx context.Context, _ *http.Response, _ error) (bool, error) {
	return callFrom(ctx).next(ctx), nil
}

// next reports whether another attempt follows, when it is time for it.
func (c *call) next(ctx context.Context) bool {
	again := c.again(ctx)
	c.log(ctx)
	c.waiting = again // until that attempt has ended
	return again && Sleep(ctx, c.delay) == nil
}

// Sleep returns after d, or as soon as ctx has ended with why it has.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Ended(ctx)
	case <-timer.C:
		return nil
	}
}

// again decides whether another attempt follows, and after which delay.
func (c *call) again(ctx context.Context) bool {
	c.delay = 0
	if ctx.Err() != nil || c.inVain > c.MaxRetries || !c.mayRepeat() {
		return false
	}
	delay := backoff(c.BackoffMin, c.BackoffMax, c.inVain)
	if c.answered {
		if after, ok := RetryAfter(c.Answer.Header, time.Now()); ok {
			// Sooner than told would be rude, and later is for the caller to decide.
			if after > c.BackoffMax || outlives(ctx, after) {
				return false
			}
			delay = max(delay, after)
		}
	}
	if outlives(ctx, delay) {
		c.Err = tooLate(c.Err)
		return false
	}
	if !c.moved && !c.Budget.spend() {
		return false
	}
	c.delay = delay
	return true
}

// mayRepeat reports whether the last attempt failed in a way that another one
// may mend, on an endpoint that may be asked twice.
func (c *call) mayRepeat() bool {
	safe := c.Request.Endpoint.Retry == endpoint.Idempotent || c.Request.Vouched
	switch {
	case !safe && c.Request.Endpoint.Retry != endpoint.Guarded:
		return false
	case c.answered && safe:
		return unavailable(c.Answer.StatusCode)
	case c.answered:
		return c.Answer.StatusCode == http.StatusTooManyRequests
	default:
		return !c.final && transient(c.Err) && (safe || c.body.unsent())
	}
}

// unavailable reports whether a status means that the server may do next time
// what it did not do this time.
func unavailable(status int) bool {
	return status == http.StatusTooManyRequests ||
		status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}

// transient reports whether a failed connection may succeed the next time.
// A peer that cannot prove who it is, and a host without an address, will not.
func transient(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	return !is[*tls.CertificateVerificationError](err) && !is[tls.RecordHeaderError](err) && !errors.Is(err, http.ErrSchemeMismatch)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func outlives(ctx context.Context, delay time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < delay
}

// tooLate ends a call whose next attempt could only start after its deadline.
func tooLate(last error) error {
	const text = "no time for another attempt"
	if last == nil {
		return fmt.Errorf("%s: %w", text, context.DeadlineExceeded)
	}
	return fmt.Errorf("%s: %w: %w", text, context.DeadlineExceeded, last)
}
