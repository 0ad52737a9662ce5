// Package claims remembers, within bounds, what is being done and what has been
// done, so that it is done once.
package claims

import (
	"container/list"
	"errors"
	"sync"
	"time"
)

// State is what became of a claim.
type State int

// What can become of a claim.
const (
	Granted State = iota + 1 // it is the owner's
	Held                     // it is another's
	Done                     // there is nothing left to do
)

// ErrFull is a claim for which there is no room.
var ErrFull = errors.New("too many claims at once")

// Store remembers claims. It is safe for concurrent use.
type Store struct {
	size int
	last time.Duration // of a claim

	mu      sync.Mutex
	entries map[string]*entry
	done    *list.List // keys, the oldest first
}

type entry struct {
	owner   string
	expires time.Time
	done    *list.Element // nil while it is claimed
}

// New returns a store of at most size entries, whose claims last for a time.
func New(size int, last time.Duration) *Store {
	return &Store{size: size, last: last, entries: map[string]*entry{}, done: list.New()}
}

// Claim claims key for owner, unless it is done, or held by another whose claim
// has not expired.
func (s *Store) Claim(key, owner string) (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e, known := s.entries[key]
	switch {
	case known && e.done != nil:
		return Done, nil
	case known && now.Before(e.expires):
		return Held, nil
	case !known && !s.makeRoom(now):
		return 0, ErrFull
	}
	s.entries[key] = &entry{owner: owner, expires: now.Add(s.last)}
	return Granted, nil
}

// Done remembers that key is done, whoever holds it. It fails where the claim
// has expired and there is no room any more.
func (s *Store) Done(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.entries[key]
	switch {
	case known && e.done != nil:
		return nil
	case !known && !s.makeRoom(time.Now()):
		return ErrFull
	}
	s.entries[key] = &entry{done: s.done.PushBack(key)}
	return nil
}

// Release gives key up, if owner holds it.
func (s *Store) Release(key, owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, known := s.entries[key]; known && e.done == nil && e.owner == owner {
		delete(s.entries, key)
	}
}

// makeRoom sees to it that there is room for one more: it forgets what was done
// first, or else what was claimed and has expired.
func (s *Store) makeRoom(now time.Time) bool {
	if len(s.entries) < s.size {
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
