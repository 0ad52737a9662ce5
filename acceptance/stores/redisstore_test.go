//go:build unix

package stores_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/redisstore"
	"github.com/runflow-io/runflow-go/callback/storetest"
)

func TestStore_Redis(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	t.Run("Interface", func(t *testing.T) {
		t.Parallel()
		testRedisInterface(t, connectRedis(t, url))
	})
	t.Run("ClaimTTL", func(t *testing.T) {
		t.Parallel()
		testRedisClaimTTL(t, connectRedis(t, url))
	})
	t.Run("KeepDone", func(t *testing.T) {
		t.Parallel()
		testRedisKeepDone(t, connectRedis(t, url))
	})
	t.Run("TwoProcesses", func(t *testing.T) {
		t.Parallel()
		runTrial(t, worker{RedisURL: url}, 4)
	})
}

func newRedisStore(t *testing.T, client *redis.Client, opts redisstore.Options) *redisstore.Store {
	t.Helper()
	store, err := redisstore.New(client, opts)
	require.NoError(t, err)
	return store
}

func testRedisInterface(t *testing.T, client *redis.Client) {
	t.Helper()
	storetest.Run(t, storetest.Config{
		New: func(t *testing.T) callback.Store {
			t.Helper()
			return newRedisStore(t, client, redisstore.Options{})
		},
		Expire: func(t *testing.T, _ callback.Store) {
			t.Helper()
			keys := client.Scan(t.Context(), 0, "runflow:callback:storetest:*", 1000).Iterator()
			for keys.Next(t.Context()) {
				value, err := client.Get(t.Context(), keys.Val()).Result()
				require.NoError(t, err)
				if strings.HasPrefix(value, "claimed:") {
					require.NoError(t, client.PExpire(t.Context(), keys.Val(), 0).Err())
				}
			}
			require.NoError(t, keys.Err())
		},
	})
}

func testRedisClaimTTL(t *testing.T, client *redis.Client) {
	t.Helper()
	long := newRedisStore(t, client, redisstore.Options{Prefix: "claim ttl:", ClaimTTL: time.Hour})
	short := newRedisStore(t, client, redisstore.Options{Prefix: "claim ttl:", ClaimTTL: time.Nanosecond})
	requireState(t, long, "long", "A", callback.Granted)
	requireTTL(t, client, "claim ttl:long", time.Hour)
	requireState(t, short, "short", "A", callback.Granted)
	require.Eventually(t, func() bool {
		state, err := long.Claim(t.Context(), callback.Claim{Key: "short", Owner: "B"})
		return err == nil && state == callback.Granted
	}, time.Minute, time.Millisecond)
	requireState(t, short, "long", "B", callback.Held)
}

func testRedisKeepDone(t *testing.T, client *redis.Client) {
	t.Helper()
	long := newRedisStore(t, client, redisstore.Options{Prefix: "keep done:", KeepDone: time.Hour})
	short := newRedisStore(t, client, redisstore.Options{Prefix: "keep done:", KeepDone: time.Nanosecond})
	require.NoError(t, long.MarkDone(t.Context(), callback.Claim{Key: "long", Owner: "A"}))
	requireTTL(t, client, "keep done:long", time.Hour)
	require.NoError(t, short.MarkDone(t.Context(), callback.Claim{Key: "short", Owner: "A"}))
	require.Eventually(t, func() bool {
		return client.Exists(t.Context(), "keep done:short").Val() == 0
	}, time.Minute, time.Millisecond)
	requireState(t, long, "long", "B", callback.Done)
}

// requireTTL checks the remaining lifetime of a key. A slow test may take a minute.
func requireTTL(t *testing.T, client *redis.Client, key string, want time.Duration) {
	t.Helper()
	ttl, err := client.PTTL(t.Context(), key).Result()
	require.NoError(t, err)
	require.Greater(t, ttl, want-time.Minute)
	require.LessOrEqual(t, ttl, want)
}
