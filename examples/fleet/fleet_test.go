package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// A fleet starts its own program as its workers, which is this one in tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-worker" {
		main()
		return
	}
	os.Exit(m.Run())
}

func redisURL(t *testing.T) string {
	t.Helper()
	url, stop, err := startRedis(t.Context())
	if errors.Is(err, errNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(stop)
	return url
}

func TestProcessesKeepOneLimitTogether(t *testing.T) {
	t.Parallel()
	o := options{redisURL: redisURL(t), processes: 3, rate: 200, calls: 100}
	require.NoError(t, lead(t.Context(), o))
}

func TestProcessesApartBreakTheLimit(t *testing.T) {
	t.Parallel()
	o := options{redisURL: redisURL(t), processes: 3, rate: 200, calls: 100, apart: true}
	require.ErrorContains(t, lead(t.Context(), o), "the limit is broken")
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	client, err := connect(redisURL(t))
	require.NoError(t, err)
	defer client.Close()
	l := newLimiter(client, t.Name(), redis_rate.Limit{Rate: 1, Burst: 1, Period: time.Hour})
	require.NoError(t, l.Wait(t.Context()), "the first may go at once")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	errs := make(chan error, 2)
	for range cap(errs) { // one waits for Redis, the other for its turn
		go func() { errs <- l.Wait(ctx) }()
	}
	for range cap(errs) {
		require.ErrorIs(t, <-errs, context.DeadlineExceeded)
	}
}

func TestWithoutRedisNoCallIsMade(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	redis, err := connect(strings.Replace(gone.URL, "http", "redis", 1))
	require.NoError(t, err)
	defer redis.Close()
	server := runflowtest.NewServer()
	defer server.Close()
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL),
		runflow.WithRateLimiter(newLimiter(redis, t.Name(), redis_rate.PerSecond(1))))
	require.NoError(t, err)
	_, err = client.Runs.SetFeedback(t.Context(), server.AddRun(runflow.Run{}).ID, runflow.Feedback{IsPositive: true})
	require.ErrorContains(t, err, "connection refused")
	assert.Empty(t, server.Requests())
}

func TestArrivalsAreCheckedAgainstTheLimit(t *testing.T) {
	t.Parallel()
	limit := redis_rate.Limit{Rate: 10, Burst: 2, Period: time.Second}
	tests := map[string]struct {
		at     []time.Duration
		broken string
	}{
		"none":                         {},
		"a burst":                      {at: []time.Duration{0, 0}},
		"one more than a burst":        {at: []time.Duration{0, 0, 0}, broken: "3 calls within 0s, in which it allows 2.0"},
		"as fast as the limit":         {at: []time.Duration{0, 0, 100 * time.Millisecond, 200 * time.Millisecond}},
		"faster than the limit":        {at: []time.Duration{0, 0, 100 * time.Millisecond, 150 * time.Millisecond}, broken: "4 calls within 150ms, in which it allows 3.5"},
		"slower, and then all at once": {at: []time.Duration{0, time.Second, time.Second, time.Second}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := newArrivals(100)
			seen.begin()
			for _, at := range tt.at {
				seen.times = append(seen.times, seen.start.Add(at))
			}
			err := seen.check(limit)
			if tt.broken == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.broken)
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, lead(t.Context(), options{processes: 1, rate: 1}), "at least 1")
	_, err := connect("redis://:secret@[") // what cannot be parsed may hold a password
	require.ErrorContains(t, err, "not the URL of a Redis")
	assert.NotContains(t, err.Error(), "secret")
}
