package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/runflow-io/runflow-go"
)

// limiter is a rate limit that all processes with the same Redis and key share.
// It fails closed: without Redis no call is made.
type limiter struct {
	redis *redis_rate.Limiter
	key   string
	limit redis_rate.Limit
	turn  chan struct{} // who has put something in may ask Redis
}

var _ runflow.RateLimiter = (*limiter)(nil)

func newLimiter(client *redis.Client, key string, limit redis_rate.Limit) *limiter {
	return &limiter{redis_rate.NewLimiter(client), key, limit, make(chan struct{}, 1)}
}

// Wait returns when the next attempt may be sent, or an error that ends the call.
func (l *limiter) Wait(ctx context.Context) error {
	// One at a time, or else all that wait would ask for each slot.
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		result, err := l.redis.Allow(ctx, l.key, l.limit)
		switch {
		case err != nil:
			return err // to fail open, return nil
		case result.Allowed > 0:
			return nil
		}
		if err := sleep(ctx, result.RetryAfter+l.jitter()); err != nil {
			return err
		}
	}
}

// jitter is up to the time of one slot, so that a fleet does not wake at once.
func (l *limiter) jitter() time.Duration {
	return rand.N(l.limit.Period / time.Duration(l.limit.Rate)) //nolint:gosec // spreads load, keeps no secret
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
