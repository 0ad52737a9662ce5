package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/runflow-io/runflow-go"
)

// limiter is a rate limit that all processes with the same Redis and key share. It
// fails closed: without Redis no call is made.
type limiter struct {
	redis *redis_rate.Limiter
	key   string
	limit redis_rate.Limit
	next  chan struct{} // a semaphore for the goroutine that may query Redis
}

var _ runflow.RateLimiter = (*limiter)(nil)

func newLimiter(client *redis.Client, key string, limit redis_rate.Limit) *limiter {
	return &limiter{redis: redis_rate.NewLimiter(client), key: key, limit: limit, next: make(chan struct{}, 1)}
}

// Wait returns nil when the next attempt may be sent, and an error if ctx ends or
// Redis fails.
func (l *limiter) Wait(ctx context.Context) error {
	// One goroutine at a time, or each of those that wait would query Redis for each
	// call that is allowed.
	select {
	case l.next <- struct{}{}:
		defer func() { <-l.next }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		result, err := l.redis.Allow(ctx, l.key, l.limit)
		switch {
		case err != nil:
			return err // return nil to fail open
		case result.Allowed > 0:
			return nil
		}
		if err := sleep(ctx, result.RetryAfter+l.jitter()); err != nil {
			return err
		}
	}
}

// jitter returns a random part of the interval between two calls, so that the
// processes do not query Redis all at once.
func (l *limiter) jitter() time.Duration {
	return rand.N(l.limit.Period / time.Duration(l.limit.Rate)) //nolint:gosec // not used for security
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
