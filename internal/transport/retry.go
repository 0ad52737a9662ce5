package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// decide decides whether another attempt follows the last one, which failed, and
// after which delay. It returns err, and adds the reason if there is no time for
// another attempt.
func (c *call) decide(ctx context.Context, response *Response, err error, processed bool) (bool, time.Duration, error) {
	if !c.mayRetry(response, err, processed) {
		if err == nil && !IsTemporary(response.StatusCode) {
			c.settings.Budget.earn()
		}
		return false, 0, err
	}
	delay, retry, err := c.settings.Delay(ctx, c.Attempts, response, err)
	if !retry || !c.settings.Budget.Spend() {
		return false, 0, err
	}
	return true, delay, err
}

// mayRetry reports whether another attempt may succeed and the request may be sent
// again.
func (c *call) mayRetry(response *Response, err error, processed bool) bool {
	switch {
	case response != nil && c.Request.isIdempotent():
		return IsTemporary(response.StatusCode)
	case response != nil:
		return response.StatusCode == http.StatusTooManyRequests
	default:
		return IsTransient(err) && (c.Request.isIdempotent() || !processed)
	}
}

// IsTemporary reports whether the status is that of a temporary error.
func IsTemporary(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}

// IsTransient reports whether another attempt may succeed after a connection failed
// with err. It returns false if the server has no valid certificate, if the host
// name does not exist, or if the address is not allowed.
func IsTransient(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	return !errors.Is(err, errLinkLocal) && !is[*tls.CertificateVerificationError](err) && !is[tls.RecordHeaderError](err) && !errors.Is(err, http.ErrSchemeMismatch)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// Delay decides whether another attempt may follow the given number of failed
// ones, and returns after which delay. It returns err, and adds the reason if the
// deadline of ctx leaves no time for another attempt.
func (s *Settings) Delay(ctx context.Context, failed int, response *Response, err error) (time.Duration, bool, error) {
	if ctx.Err() != nil || failed > s.MaxRetries {
		return 0, false, err
	}
	delay := backoff(s.BackoffMin, s.BackoffMax, failed)
	if response != nil {
		if after, ok := RetryAfter(response.Header, time.Now()); ok {
			// The caller decides whether to wait for longer.
			if after > s.BackoffMax || outlives(ctx, after) {
				return 0, false, err
			}
			delay = max(delay, after)
		}
	}
	if outlives(ctx, delay) {
		return 0, false, tooLate(err)
	}
	return delay, true, err
}

func outlives(ctx context.Context, delay time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < delay
}

// tooLate returns the error of a call whose next attempt could only start after
// its deadline.
func tooLate(last error) error {
	const text = "no time for another attempt"
	if last == nil {
		return fmt.Errorf("%s: %w", text, context.DeadlineExceeded)
	}
	return fmt.Errorf("%s: %w: %w", text, context.DeadlineExceeded, last)
}

// Sleep returns nil after d. If ctx ends before, it returns the reason.
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
