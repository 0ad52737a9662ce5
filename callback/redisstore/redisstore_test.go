package redisstore_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/redisstore"
)

// The tests against a Redis server are in acceptance/stores.

// listen returns the address of a server that accepts connections and sends nothing.
func listen(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// refused returns an address that refuses connections. It is the local address of an
// open connection, so that no server can listen on its port.
func refused(t *testing.T) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listen(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

func newStore(t *testing.T, addr string) *redisstore.Store {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1,
		ReadTimeout: -1, // none, so that only the context ends a call
	})
	t.Cleanup(func() { _ = client.Close() })
	store, err := redisstore.New(client, redisstore.Options{})
	require.NoError(t, err)
	return store
}

// callsOf returns the methods of a store by their names.
func callsOf(store *redisstore.Store) map[string]func(context.Context) error {
	claim := callback.Claim{Key: "event", Owner: "A"}
	return map[string]func(context.Context) error{
		"Claim":    func(ctx context.Context) error { _, err := store.Claim(ctx, claim); return err },
		"MarkDone": func(ctx context.Context) error { return store.MarkDone(ctx, claim) },
		"Release":  func(ctx context.Context) error { return store.Release(ctx, claim) },
	}
}

func TestNew_NilClient(t *testing.T) {
	t.Parallel()
	_, err := redisstore.New(nil, redisstore.Options{})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.ErrorContains(t, err, "redisstore.New: client: must not be nil")
}

func TestStore_ServerUnreachable(t *testing.T) {
	t.Parallel()
	for name, call := range callsOf(newStore(t, refused(t))) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, call(t.Context()), "redisstore: dial tcp")
		})
	}
}

func TestStore_Deadline(t *testing.T) {
	t.Parallel()
	for name, call := range callsOf(newStore(t, listen(t))) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, call(ctx), os.ErrDeadlineExceeded)
		})
	}
}
