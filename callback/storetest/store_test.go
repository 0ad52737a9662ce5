package storetest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"

	"github.com/runflow-io/runflow-go/callback"
)

// A store is a correct [callback.Store].
type store struct {
	mu     sync.Mutex
	events map[string]event
}

type event struct {
	owner           string
	expired, isDone bool
}

func (s *store) Claim(_ context.Context, claim callback.Claim) (callback.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, isKnown := s.events[claim.Key]
	switch {
	case e.isDone:
		return callback.Done, nil
	case isKnown && e.owner != claim.Owner && !e.expired:
		return callback.Held, nil
	}
	s.events[claim.Key] = event{owner: claim.Owner}
	return callback.Granted, nil
}

func (s *store) MarkDone(_ context.Context, claim callback.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events[claim.Key] = event{isDone: true}
	return nil
}

func (s *store) Release(_ context.Context, claim callback.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, isKnown := s.events[claim.Key]; isKnown && e.owner == claim.Owner && !e.isDone {
		delete(s.events, claim.Key)
	}
	return nil
}

func (s *store) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, e := range s.events {
		e.expired = true
		s.events[key] = e
	}
}

// get and set are helpers of the faults. Unlike a correct method, a fault need not
// be atomic.
func (s *store) get(key string) (e event, isKnown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, isKnown = s.events[key]
	return e, isKnown
}

func (s *store) set(key string, e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events[key] = e
}

// A faultyStore is a store with a fault.
type faultyStore struct {
	store

	fault fault
}

func newStore(fault fault) *faultyStore {
	return &faultyStore{store: store{events: map[string]event{}}, fault: fault}
}

// A fault has functions that replace correct methods. If a function is nil, the
// correct method is used.
type fault struct {
	fails    []string // subtests that must fail
	key      func(string) string
	claim    func(*store, context.Context, callback.Claim) (callback.State, error)
	markDone func(*store, context.Context, callback.Claim) error
	release  func(*store, context.Context, callback.Claim) error
	expire   func(*store)
}

func (s *faultyStore) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	if s.fault.key != nil {
		claim.Key = s.fault.key(claim.Key)
	}
	if s.fault.claim != nil {
		return s.fault.claim(&s.store, ctx, claim)
	}
	return s.store.Claim(ctx, claim)
}

func (s *faultyStore) MarkDone(ctx context.Context, claim callback.Claim) error {
	if s.fault.key != nil {
		claim.Key = s.fault.key(claim.Key)
	}
	if s.fault.markDone != nil {
		return s.fault.markDone(&s.store, ctx, claim)
	}
	return s.store.MarkDone(ctx, claim)
}

func (s *faultyStore) Release(ctx context.Context, claim callback.Claim) error {
	if s.fault.key != nil {
		claim.Key = s.fault.key(claim.Key)
	}
	if s.fault.release != nil {
		return s.fault.release(&s.store, ctx, claim)
	}
	return s.store.Release(ctx, claim)
}

func (s *faultyStore) expireClaims() {
	if s.fault.expire != nil {
		s.fault.expire(&s.store)
		return
	}
	s.expire()
}

var errFault = errors.New("an error that the store must not return")

// faults are the faults that the suite must find. For each subtest there is one that
// makes it fail.
var faults = map[string]fault{
	"one claim for all events": {
		fails: []string{"ClaimNewEvent", "UnusualKeys", "ConcurrentEvents"},
		key:   func(string) string { return "all" },
	},
	"keys are not case-sensitive": {
		fails: []string{"UnusualKeys"},
		key:   strings.ToLower,
	},
	"trailing spaces of keys are removed": {
		fails: []string{"UnusualKeys"},
		key:   strings.TrimSpace,
	},
	"keys are truncated after 255 bytes": {
		fails: []string{"UnusualKeys"},
		key:   func(key string) string { return key[:min(len(key), 255)] },
	},
	"Claim never returns Held": {
		fails: []string{"ClaimHeldEvent", "ReleaseByOtherOwner", "ConcurrentClaims"},
		claim: func(s *store, ctx context.Context, claim callback.Claim) (callback.State, error) {
			if e, _ := s.get(claim.Key); !e.isDone {
				_ = s.Release(ctx, callback.Claim{Key: claim.Key, Owner: e.owner})
			}
			return s.Claim(ctx, claim)
		},
	},
	"Claim returns Held and replaces the owner": {
		fails: []string{"ClaimHeldEvent"},
		claim: func(s *store, ctx context.Context, claim callback.Claim) (callback.State, error) {
			state, err := s.Claim(ctx, claim)
			if state == callback.Held {
				s.set(claim.Key, event{owner: claim.Owner})
			}
			return state, err
		},
	},
	"Claim returns Held to the owner": {
		fails: []string{"ClaimAgainBySameOwner"},
		claim: func(s *store, ctx context.Context, claim callback.Claim) (callback.State, error) {
			if e, isKnown := s.get(claim.Key); isKnown && !e.isDone && e.owner == claim.Owner {
				return callback.Held, nil
			}
			return s.Claim(ctx, claim)
		},
	},
	"Claim by the owner does not extend the claim": {
		fails: []string{"ExpiredClaimOfSameOwner"},
		claim: func(s *store, ctx context.Context, claim callback.Claim) (callback.State, error) {
			if e, isKnown := s.get(claim.Key); isKnown && !e.isDone && e.owner == claim.Owner {
				return callback.Granted, nil
			}
			return s.Claim(ctx, claim)
		},
	},
	"Claim is not atomic": {
		fails: []string{"ConcurrentClaims", "ConcurrentEvents"},
		claim: func(s *store, ctx context.Context, claim callback.Claim) (callback.State, error) {
			e, isKnown := s.get(claim.Key)
			for range 100 {
				runtime.Gosched() // so that other goroutines get the event before this one sets it
			}
			if isKnown && (e.isDone || e.owner != claim.Owner && !e.expired) {
				return s.Claim(ctx, claim)
			}
			s.set(claim.Key, event{owner: claim.Owner})
			return callback.Granted, nil
		},
	},
	"Claim with an ended context returns Granted without effect": {
		fails: []string{"EndedContextClaim"},
		claim: func(s *store, ctx context.Context, claim callback.Claim) (callback.State, error) {
			if ctx.Err() != nil {
				return callback.Granted, nil
			}
			return s.Claim(ctx, claim)
		},
	},
	"MarkDone removes the claim": {
		fails:    []string{"ClaimDoneEvent"},
		markDone: (*store).Release,
	},
	"MarkDone fails if the event is done": {
		fails: []string{"MarkDoneTwice"},
		markDone: func(s *store, ctx context.Context, claim callback.Claim) error {
			if e, _ := s.get(claim.Key); e.isDone {
				return errFault
			}
			return s.MarkDone(ctx, claim)
		},
	},
	"MarkDone needs a claim": {
		fails: []string{"MarkDoneWithoutClaim"},
		markDone: func(s *store, ctx context.Context, claim callback.Claim) error {
			if _, isKnown := s.get(claim.Key); !isKnown {
				return nil
			}
			return s.MarkDone(ctx, claim)
		},
	},
	"MarkDone needs the owner's claim": {
		fails: []string{"MarkDoneWhileHeldByOtherOwner", "MarkDoneAfterTakeover"},
		markDone: func(s *store, ctx context.Context, claim callback.Claim) error {
			if e, isKnown := s.get(claim.Key); isKnown && e.owner != claim.Owner {
				return nil
			}
			return s.MarkDone(ctx, claim)
		},
	},
	"MarkDone needs a claim that has not expired": {
		fails: []string{"MarkDoneAfterExpiry"},
		markDone: func(s *store, ctx context.Context, claim callback.Claim) error {
			if e, _ := s.get(claim.Key); e.expired {
				return nil
			}
			return s.MarkDone(ctx, claim)
		},
	},
	"MarkDone with an ended context returns nil without effect": {
		fails: []string{"EndedContextMarkDone"},
		markDone: func(s *store, ctx context.Context, claim callback.Claim) error {
			if ctx.Err() != nil {
				return nil
			}
			return s.MarkDone(ctx, claim)
		},
	},
	"Release does nothing": {
		fails:   []string{"ReleaseByOwner"},
		release: func(*store, context.Context, callback.Claim) error { return nil },
	},
	"Release removes the claim of another owner": {
		fails: []string{"ReleaseByOtherOwner", "ReleaseTwice", "ReleaseAfterTakeover"},
		release: func(s *store, ctx context.Context, claim callback.Claim) error {
			e, _ := s.get(claim.Key)
			return s.Release(ctx, callback.Claim{Key: claim.Key, Owner: e.owner})
		},
	},
	"Release removes events that are done": {
		fails: []string{"ReleaseAfterMarkDone"},
		release: func(s *store, ctx context.Context, claim callback.Claim) error {
			if e, _ := s.get(claim.Key); e.isDone {
				s.set(claim.Key, event{owner: claim.Owner})
			}
			return s.Release(ctx, claim)
		},
	},
	"Release fails without a claim": {
		fails: []string{"ReleaseUnknownEvent"},
		release: func(s *store, ctx context.Context, claim callback.Claim) error {
			if _, isKnown := s.get(claim.Key); !isKnown {
				return errFault
			}
			return s.Release(ctx, claim)
		},
	},
	"Release fails after the claim has expired": {
		fails: []string{"ReleaseAfterExpiry"},
		release: func(s *store, ctx context.Context, claim callback.Claim) error {
			if e, _ := s.get(claim.Key); e.expired {
				return errFault
			}
			return s.Release(ctx, claim)
		},
	},
	"Release with an ended context returns nil without effect": {
		fails: []string{"EndedContextRelease"},
		release: func(s *store, ctx context.Context, claim callback.Claim) error {
			if ctx.Err() != nil {
				return nil
			}
			return s.Release(ctx, claim)
		},
	},
	"claims never expire": {
		fails:  []string{"ExpiredClaim"},
		expire: func(*store) {},
	},
	"events that are done expire": {
		fails: []string{"DoneEventDoesNotExpire"},
		expire: func(s *store) {
			s.mu.Lock()
			defer s.mu.Unlock()
			clear(s.events)
		},
	},
}
