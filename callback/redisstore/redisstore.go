// Package redisstore keeps a [callback.Store] in Redis, so that several processes can
// receive the same callbacks.
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
//	store, err := redisstore.New(client, redisstore.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	http.Handle("POST /runflow", verifier.Handler(handle, callback.WithStore(store)))
//
// Each event is one key. Redis deletes it when the claim expires, and when an event has
// been done for longer than [Options.KeepDone]. All times are those of Redis, so the clocks
// of the processes may differ.
//
// # Durability
//
// If Redis loses a key, the event is handled again when Runflow redelivers it. Redis
// loses keys if it evicts them, so set maxmemory-policy to noeviction; if it restarts
// without having saved them, so turn on appendonly; and if a replica that is behind
// becomes the primary. If each event must have exactly one result, write the results
// with the package sqlstore, see [github.com/runflow-io/runflow-go/callback/sqlstore.Store.HandleTx].
//
// # Contexts
//
// A client of go-redis ends a call at the deadline of its context only if
// ContextTimeoutEnabled is set. If a context is canceled, a call that waits for Redis
// returns after the timeouts of the client.
package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

const (
	defaultPrefix   = "runflow:callback:"
	defaultClaimTTL = 5 * time.Minute
	defaultKeepDone = 30 * 24 * time.Hour
)

// Options configure a [Store]. Zero or negative values select the defaults.
type Options struct {
	// Prefix is the beginning of the keys in Redis, by default "runflow:callback:".
	Prefix string
	// ClaimTTL is the time after which a claim expires, by default 5 minutes. It
	// must be longer than it takes to handle an event.
	ClaimTTL time.Duration
	// KeepDone is the time for which Redis keeps events that are done, by default 30
	// days. If Runflow redelivers an event after that, the event is handled again.
	KeepDone time.Duration
}

// A Store is a [callback.Store] in Redis. Create it with [New]. It is safe for
// concurrent use.
type Store struct {
	client   redis.UniversalClient
	claim    *redis.Script
	release  *redis.Script
	prefix   string
	claimTTL time.Duration
	keepDone time.Duration
}

var _ callback.Store = (*Store)(nil)

// New returns a Store in the Redis, the cluster or the ring of client. It does not
// connect to it. It returns a [*runflow.ArgumentError] if client is nil.
func New(client redis.UniversalClient, opts Options) (*Store, error) {
	if client == nil {
		return nil, &runflow.ArgumentError{Operation: "redisstore.New", Argument: "client", Reason: "must not be nil"}
	}
	s := &Store{
		client:   client,
		claim:    redis.NewScript(claimScript),
		release:  redis.NewScript(releaseScript),
		prefix:   opts.Prefix,
		claimTTL: opts.ClaimTTL,
		keepDone: opts.KeepDone,
	}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	if s.claimTTL <= 0 {
		s.claimTTL = defaultClaimTTL
	}
	if s.keepDone <= 0 {
		s.keepDone = defaultKeepDone
	}
	return s, nil
}

// The value of a key is claimed followed by the owner, or done.
const (
	claimed = "claimed:"
	done    = "done"
)

// claimScript claims KEYS[1] with the value ARGV[1] for ARGV[2] milliseconds, unless
// another owner has claimed it or the event is done. It returns the value that the key
// has then.
const claimScript = `
local value = redis.call("GET", KEYS[1])
if value and value ~= ARGV[1] then
	return value
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return ARGV[1]`

// releaseScript deletes KEYS[1] if its value is ARGV[1].
const releaseScript = `
if redis.call("GET", KEYS[1]) == ARGV[1] then
	return redis.call("DEL", KEYS[1])
end
return 0`

// Claim implements [callback.Store].
func (s *Store) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	own := claimed + claim.Owner
	value, err := s.claim.Run(ctx, s.client, []string{s.prefix + claim.Key}, own, milliseconds(s.claimTTL)).Text()
	switch {
	case err != nil:
		return 0, fmt.Errorf("redisstore: %w", err)
	case value == own:
		return callback.Granted, nil
	case value == done:
		return callback.Done, nil
	default:
		return callback.Held, nil
	}
}

// milliseconds rounds up, because Redis refuses zero.
func milliseconds(d time.Duration) int64 { return int64((d-1)/time.Millisecond) + 1 }

// MarkDone implements [callback.Store].
func (s *Store) MarkDone(ctx context.Context, claim callback.Claim) error {
	if err := s.client.Set(ctx, s.prefix+claim.Key, done, s.keepDone).Err(); err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	return nil
}

// Release implements [callback.Store].
func (s *Store) Release(ctx context.Context, claim callback.Claim) error {
	if err := s.release.Run(ctx, s.client, []string{s.prefix + claim.Key}, claimed+claim.Owner).Err(); err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	return nil
}
