package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"os"
	"sync"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// A Deadline ends the context of an attempt after a time limit. The time does not
// count while the Deadline is paused. If it has no limit, only Stop ends the
// context.
type Deadline struct {
	attempt Attempt
	started time.Time
	limit   time.Duration
	cancel  context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer   // nil without a limit
	resumed time.Time     // start of the time that counts
	left    time.Duration // remaining time at resumed
	paused  bool
	stopped bool
	expired bool
}

// NewAttempt returns the context of an attempt, which contains the attempt and ends
// with the Deadline. Time for which the attempt waits for a connection of the pool
// does not count, because the server does not cause this wait. It counts while a
// connection is being opened for the attempt.
func (s *Settings) NewAttempt(ctx context.Context, e *endpoint.Endpoint, number int) (context.Context, *Deadline) {
	d := &Deadline{attempt: Attempt{e.Operation, e.Method, e.Route, number}, started: time.Now(), limit: s.AttemptTimeout}
	if own := s.HTTPClient.Timeout; own > 0 && (d.limit == 0 || own < d.limit) {
		d.limit = own
	}
	ctx, d.cancel = context.WithCancelCause(context.WithValue(ctx, attemptKey{}, &d.attempt))
	if d.limit == 0 {
		return ctx, d
	}
	d.resumed, d.left = d.started, d.limit
	d.timer = time.AfterFunc(d.limit, d.expire)
	if s.MayQueue {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GetConn:           func(string) { d.setPaused(true) },
			DNSStart:          func(httptrace.DNSStartInfo) { d.setPaused(false) },
			ConnectStart:      func(string, string) { d.setPaused(false) },
			TLSHandshakeStart: func() { d.setPaused(false) },
			GotConn:           func(httptrace.GotConnInfo) { d.setPaused(false) },
		})
	}
	return ctx, d
}

func (d *Deadline) expire() {
	d.mu.Lock()
	d.expired = !d.stopped
	d.mu.Unlock()
	d.cancel(timeoutError(d.limit)) // so that a middleware sees a timeout
}

// Pause stops the time until Restart.
func (d *Deadline) Pause() { d.setPaused(true) }

func (d *Deadline) setPaused(paused bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.timer == nil || d.stopped || d.paused == paused:
	case !paused:
		d.paused, d.resumed = false, time.Now()
		d.timer.Reset(max(0, d.left))
	case d.timer.Stop():
		d.paused = true
		d.left -= time.Since(d.resumed)
	}
}

// Restart resets the remaining time to the limit, and resumes.
func (d *Deadline) Restart() {
	d.Pause()
	d.mu.Lock()
	d.left = d.limit
	d.mu.Unlock()
	d.setPaused(false)
}

// Stop ends the context and releases its resources. The Deadline can no longer
// expire.
func (d *Deadline) Stop() {
	d.mu.Lock()
	d.stopped = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.cancel(nil)
}

// ErrorOr returns err, or a timeout error if the attempt failed with err because of
// a timeout.
func (d *Deadline) ErrorOr(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expired {
		return timeoutError(d.limit)
	}
	if errors.Is(err, context.DeadlineExceeded) { // a timeout of dialing, or of the caller's transport
		return fmt.Errorf("%w: %v", os.ErrDeadlineExceeded, err) //nolint:errorlint // it is not the end of the caller's context
	}
	return err
}

// A timeoutError is the error of an attempt that took longer than its limit.
type timeoutError time.Duration

// Error returns the text of the error, with the limit.
func (e timeoutError) Error() string {
	return fmt.Sprintf("no complete response within %s", time.Duration(e))
}

// Timeout returns true, like the method of a net.Error.
func (timeoutError) Timeout() bool { return true }

// Is reports whether target is os.ErrDeadlineExceeded, which is not the error of
// the caller's context.
func (timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }
