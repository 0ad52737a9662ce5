// Package storetest tests implementations of [callback.Store].
//
//	func TestStore(t *testing.T) {
//		db := openTestDatabase(t)
//		storetest.Run(t, storetest.Config{
//			New: func(t *testing.T) callback.Store { return NewStore(db) },
//			Expire: func(t *testing.T, _ callback.Store) {
//				_, err := db.ExecContext(t.Context(), "UPDATE callback_events SET expires_at = now()")
//				if err != nil {
//					t.Fatal(err)
//				}
//			},
//		})
//	}
package storetest

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/runflow-io/runflow-go/callback"
)

// A Config contains the functions that Run needs to test a store.
type Config struct {
	// New returns the store to test. It is called once per subtest, with the
	// subtest's t. The stores may share data and need not be empty, because each
	// subtest uses its own keys.
	New func(*testing.T) callback.Store
	// Expire makes all claims in the store expire, for example by changing their
	// times in the database. Events that are done must stay done. If Expire is nil,
	// the subtests that need it are skipped.
	Expire func(*testing.T, callback.Store)
}

// Run tests whether a store implements the interface [callback.Store] correctly. Each
// case is a subtest.
func Run(t *testing.T, config Config) {
	t.Helper()
	if config.New == nil {
		t.Fatal("storetest: Config.New is nil")
	}
	for _, test := range subtests {
		t.Run(test.name, func(t *testing.T) {
			if test.needsExpire && config.Expire == nil {
				t.Skip("storetest: Config.Expire is nil")
			}
			test.run(&suite{T: t, store: config.New(t), expire: config.Expire, prefix: "storetest:" + rand.Text() + ":"})
		})
	}
}

// A suite is the state of one subtest. Its methods end the subtest on errors.
type suite struct {
	*testing.T

	store  callback.Store
	expire func(*testing.T, callback.Store)
	prefix string // of the keys
}

func (s *suite) claim(key, owner string) callback.Claim {
	return callback.Claim{Key: s.prefix + key, Owner: owner}
}

// wantClaim claims an event and checks the state that Claim returns.
func (s *suite) wantClaim(key, owner string, want callback.State) {
	s.Helper()
	state, err := s.store.Claim(s.Context(), s.claim(key, owner))
	if err != nil {
		s.Fatalf("Claim of %q by %s: %v", key, owner, err)
	}
	if state != want {
		s.Fatalf("Claim of %q by %s returned %s, want %s", key, owner, nameOf(state), nameOf(want))
	}
}

func (s *suite) markDone(key, owner string) {
	s.Helper()
	if err := s.store.MarkDone(s.Context(), s.claim(key, owner)); err != nil {
		s.Fatalf("MarkDone of %q by %s: %v", key, owner, err)
	}
}

func (s *suite) release(key, owner string) {
	s.Helper()
	if err := s.store.Release(s.Context(), s.claim(key, owner)); err != nil {
		s.Fatalf("Release of %q by %s: %v", key, owner, err)
	}
}

func (s *suite) expireClaims() {
	s.Helper()
	s.expire(s.T, s.store)
}

func nameOf(state callback.State) string {
	switch state {
	case callback.Granted:
		return "Granted"
	case callback.Held:
		return "Held"
	case callback.Done:
		return "Done"
	default:
		return fmt.Sprintf("the unknown state %d", state)
	}
}
