package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// TestMain runs the test binary as a worker if a fleet has started it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-worker" {
		main()
		return
	}
	os.Exit(m.Run())
}

// newRedis starts a Redis and returns its URL.
func newRedis(t *testing.T) string {
	t.Helper()
	url, stop, err := startRedis(t.Context())
	if errors.Is(err, errNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(stop)
	return url
}

func TestRunFleet_SharedLimit(t *testing.T) {
	t.Parallel()
	o := options{redisURL: newRedis(t), processes: 3, rate: 200, calls: 100}
	require.NoError(t, runFleet(t.Context(), o))
}

func TestRunFleet_SeparateLimits(t *testing.T) {
	t.Parallel()
	o := options{redisURL: newRedis(t), processes: 3, rate: 200, calls: 100, apart: true}
	require.ErrorContains(t, runFleet(t.Context(), o), "limit exceeded")
}

func TestRunFleet_InvalidOptions(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, runFleet(t.Context(), options{processes: 1, rate: 1}), "at least 1")
}

func TestLimiter_Wait_ContextEnds(t *testing.T) {
	t.Parallel()
	client, err := connect(newRedis(t))
	require.NoError(t, err)
	defer client.Close()
	l := newLimiter(client, t.Name(), redis_rate.Limit{Rate: 1, Burst: 1, Period: time.Hour})
	require.NoError(t, l.Wait(t.Context()), "the burst allows the first call")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	errs := make(chan error, 2)
	for range cap(errs) { // one goroutine waits for the limit, the other for the semaphore
		go func() { errs <- l.Wait(ctx) }()
	}
	for range cap(errs) {
		require.ErrorIs(t, <-errs, context.DeadlineExceeded)
	}
}

func TestLimiter_Wait_RedisUnreachable(t *testing.T) {
	t.Parallel()
	redis, err := connect("redis://127.0.0.1:1")
	require.NoError(t, err)
	defer redis.Close()
	server := runflowtest.New(t)
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL),
		runflow.WithRateLimiter(newLimiter(redis, t.Name(), redis_rate.PerSecond(1))))
	require.NoError(t, err)
	_, err = client.Runs.SetFeedback(t.Context(), server.AddRun(runflow.Run{}).ID, runflow.Feedback{Rating: runflow.ThumbsUp})
	require.ErrorContains(t, err, "connection refused")
	assert.Empty(t, server.Requests())
}

func TestAPI_Check(t *testing.T) {
	t.Parallel()
	limit := redis_rate.Limit{Rate: 10, Burst: 2, Period: time.Second}
	tests := map[string]struct {
		arrivals []time.Duration
		err      string
	}{
		"no calls":         {},
		"burst":            {arrivals: []time.Duration{0, 0}},
		"burst exceeded":   {arrivals: []time.Duration{0, 0, 0}, err: "3 calls within 0s, want at most 2"},
		"at the limit":     {arrivals: []time.Duration{0, 0, 100 * time.Millisecond, 200 * time.Millisecond}},
		"above the limit":  {arrivals: []time.Duration{0, 0, 100 * time.Millisecond, 150 * time.Millisecond}, err: "4 calls within 150ms, want at most 3"},
		"burst after idle": {arrivals: []time.Duration{0, time.Second, time.Second, time.Second}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(100)
			a.begin()
			for _, at := range tt.arrivals {
				a.arrivals = append(a.arrivals, a.start.Add(at))
			}
			err := a.check(limit)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
		})
	}
}

func TestConnect_InvalidURL(t *testing.T) {
	t.Parallel()
	_, err := connect("redis://:secret@[")
	require.ErrorContains(t, err, "must be the URL of a Redis")
	assert.NotContains(t, err.Error(), "secret")
}
