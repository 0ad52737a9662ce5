package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"os"
	"sync"
	"time"
)

// A Deadline ends the context of an attempt when its time is up. The time does
// not run while the Deadline is paused. A Deadline without a limit is ended by Stop
// only.
type Deadline struct {
	limit  time.Duration
	cancel context.CancelFunc

	mu      sync.Mutex
	timer   *time.Timer   // nil without a limit
	resumed time.Time     // when the time began to run
	left    time.Duration // at that time
	paused  bool
	stopped bool
	expired bool
}

// NewAttempt returns the context of an attempt, which carries the attempt and ends
// with the Deadline. The time for which the attempt waits for a connection of the
// pool does not count, unless a connection is being opened for it: the wait is not a
// failure of the server.
func (s *Settings) NewAttempt(ctx context.Context, attempt Attempt) (context.Context, *Deadline) {
	d := &Deadline{limit: s.AttemptTimeout, resumed: time.Now()}
	if own := s.HTTPClient.Timeout; own > 0 && (d.limit == 0 || own < d.limit) {
		d.limit = own
	}
	ctx, d.cancel = context.WithCancel(context.WithValue(ctx, attemptKey{}, attempt))
	if d.limit == 0 {
		return ctx, d
	}
	d.left = d.limit
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
	d.cancel()
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

// Restart gives the attempt its whole time again.
func (d *Deadline) Restart() {
	d.Pause()
	d.mu.Lock()
	d.left = d.limit
	d.mu.Unlock()
	d.setPaused(false)
}

// Stop releases the context's resources. The time can no longer be up.
func (d *Deadline) Stop() {
	d.mu.Lock()
	d.stopped = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.cancel()
}

// ErrorOr returns err, or a timeout if that is why the attempt failed with err.
func (d *Deadline) ErrorOr(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expired {
		return timeoutError(d.limit)
	}
	if errors.Is(err, context.DeadlineExceeded) { // of dialing, or of a transport of the caller
		return fmt.Errorf("%w: %v", os.ErrDeadlineExceeded, err) //nolint:errorlint // it is not the end of the caller's context
	}
	return err
}

// timeoutError ends an attempt that took longer than its limit.
type timeoutError time.Duration

// Error returns the limit.
func (e timeoutError) Error() string {
	return fmt.Sprintf("no complete response within %s", time.Duration(e))
}

// Timeout makes it a timeout, as a net.Error has it.
func (timeoutError) Timeout() bool { return true }

// Is distinguishes it from the end of the caller's own context.
func (timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }
