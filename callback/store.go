package callback

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// A Claim identifies an event and the delivery that handles it.
type Claim struct {
	Key   string `json:"key"`   // key of the event; the same for each delivery
	Owner string `json:"owner"` // owner of the claim; different for each delivery
}

// A State is the result of [Store.Claim].
type State int

// The states of an event.
const (
	Granted State = iota + 1 // the owner has the claim and handles the event
	Held                     // another owner has the claim
	Done                     // the event has been handled
)

// A Store remembers which events have been handled. Processes that receive the same
// callbacks share a store.
//
// A Store must be safe for concurrent use, and compare keys byte by byte. Its
// methods must return when their context ends. [MemoryStore] implements it. Test
// your own store with the package storetest.
type Store interface {
	// Claim returns Done if the event has been handled, and Held if another owner
	// has a claim that has not expired. Otherwise it gives the claim to the owner
	// and returns Granted. Claims expire because the process of an owner may crash.
	Claim(ctx context.Context, claim Claim) (State, error)
	// MarkDone records that the event has been handled. It does so even if the
	// owner does not have the claim: it may have expired, and another owner may
	// have claimed the event.
	MarkDone(ctx context.Context, claim Claim) error
	// Release removes the claim. It does nothing if the owner does not have the
	// claim, or if the event is done. It is also called after Claim failed, because
	// the store may have granted the claim before the error.
	Release(ctx context.Context, claim Claim) error
}

const (
	defaultMaxEvents = 10_000
	defaultClaimTTL  = 5 * time.Minute
)

// A MemoryStore is a [Store] in memory, for a single process. The zero value is
// ready to use. A MemoryStore must not be copied after first use. Set its fields
// before use; zero or negative values select the defaults.
type MemoryStore struct {
	// MaxEvents is the maximum number of events in the store, by default 10,000. If
	// the store is full, a new event replaces the event that was the first to be
	// marked as done. If no event is done, it replaces an event whose claim has
	// expired. If there is none, Claim and MarkDone fail.
	MaxEvents int
	// ClaimTTL is the time after which a claim expires, by default 5 minutes. It
	// must be longer than it takes to handle an event.
	ClaimTTL time.Duration

	mu      sync.Mutex
	entries map[string]*entry
	done    list.List // keys of the events that are done, the oldest first
}

// An entry is a claim, or an event that is done.
type entry struct {
	owner   string
	expires time.Time
	done    *list.Element // nil until the event is done
}

var errFull = errors.New("callback: the memory store is full")

// Claim implements [Store].
func (s *MemoryStore) Claim(_ context.Context, claim Claim) (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e, isKnown := s.entries[claim.Key]
	switch {
	case isKnown && e.done != nil:
		return Done, nil
	case isKnown && e.owner != claim.Owner && now.Before(e.expires):
		return Held, nil
	case !isKnown && !s.makeRoom(now):
		return 0, errFull
	}
	ttl := s.ClaimTTL
	if ttl <= 0 {
		ttl = defaultClaimTTL
	}
	s.put(claim.Key, &entry{owner: claim.Owner, expires: now.Add(ttl)})
	return Granted, nil
}

// MarkDone implements [Store].
func (s *MemoryStore) MarkDone(_ context.Context, claim Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, isKnown := s.entries[claim.Key]
	switch {
	case isKnown && e.done != nil:
		return nil
	case !isKnown && !s.makeRoom(time.Now()):
		return errFull
	}
	s.put(claim.Key, &entry{done: s.done.PushBack(claim.Key)})
	return nil
}

// Release implements [Store].
func (s *MemoryStore) Release(_ context.Context, claim Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, isKnown := s.entries[claim.Key]; isKnown && e.done == nil && e.owner == claim.Owner {
		delete(s.entries, claim.Key)
	}
	return nil
}

func (s *MemoryStore) put(key string, e *entry) {
	if s.entries == nil {
		s.entries = map[string]*entry{}
	}
	s.entries[key] = e
}

// makeRoom reports whether there is room for one more event. If the store is full,
// it removes the event that was marked as done first, or else an expired claim.
func (s *MemoryStore) makeRoom(now time.Time) bool {
	limit := s.MaxEvents
	if limit <= 0 {
		limit = defaultMaxEvents
	}
	if len(s.entries) < limit {
		return true
	}
	if oldest := s.done.Front(); oldest != nil {
		key, _ := s.done.Remove(oldest).(string)
		delete(s.entries, key)
		return true
	}
	for key, e := range s.entries {
		if !now.Before(e.expires) {
			delete(s.entries, key)
			return true
		}
	}
	return false
}
