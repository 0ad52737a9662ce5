package storetest

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/runflow-io/runflow-go/callback"
)

const (
	granted = callback.Granted
	held    = callback.Held
	done    = callback.Done
)

// subtests are the cases that [Run] tests. Each uses its own events.
var subtests = []struct {
	name        string
	needsExpire bool
	run         func(*suite)
}{
	{"ClaimNewEvent", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.wantClaim("another event", "A", granted)
		s.wantClaim("a third event", "B", granted)
	}},
	{"ClaimHeldEvent", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.wantClaim("event", "B", held)
		s.wantClaim("event", "C", held)
		s.wantClaim("event", "A", granted)
	}},
	{"ClaimAgainBySameOwner", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.wantClaim("event", "A", granted)
		s.wantClaim("event", "B", held)
	}},
	{"ClaimDoneEvent", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.markDone("event", "A")
		s.wantClaim("event", "A", done)
		s.wantClaim("event", "B", done)
		s.wantClaim("event", "B", done)
	}},
	{"MarkDoneTwice", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.markDone("event", "A")
		s.markDone("event", "A")
		s.markDone("event", "B")
		s.wantClaim("event", "A", done)
	}},
	{"MarkDoneWithoutClaim", false, func(s *suite) {
		s.markDone("event", "A")
		s.wantClaim("event", "A", done)
		s.wantClaim("event", "B", done)
	}},
	{"MarkDoneWhileHeldByOtherOwner", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.markDone("event", "B")
		s.wantClaim("event", "A", done)
		s.wantClaim("event", "C", done)
	}},
	{"ReleaseByOwner", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.release("event", "A")
		s.wantClaim("event", "B", granted)
		s.wantClaim("event", "A", held)
	}},
	{"ReleaseByOtherOwner", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.release("event", "B")
		s.wantClaim("event", "C", held)
	}},
	{"ReleaseTwice", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.release("event", "A")
		s.release("event", "A")
		s.wantClaim("event", "B", granted)
		s.release("event", "A")
		s.wantClaim("event", "C", held)
	}},
	{"ReleaseAfterMarkDone", false, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.markDone("event", "A")
		s.release("event", "A")
		s.release("event", "B")
		s.wantClaim("event", "B", done)
	}},
	{"ReleaseUnknownEvent", false, func(s *suite) {
		s.release("event", "A")
		s.wantClaim("event", "B", granted)
	}},
	{"ExpiredClaim", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.expireClaims()
		s.wantClaim("event", "B", granted)
		s.wantClaim("event", "A", held)
		s.wantClaim("event", "C", held)
	}},
	{"ExpiredClaimOfSameOwner", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.expireClaims()
		s.wantClaim("event", "A", granted)
		s.wantClaim("event", "B", held)
	}},
	{"DoneEventDoesNotExpire", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.markDone("event", "A")
		s.markDone("event without claim", "A")
		s.expireClaims()
		s.wantClaim("event", "B", done)
		s.wantClaim("event without claim", "B", done)
	}},
	{"MarkDoneAfterExpiry", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.expireClaims()
		s.markDone("event", "A")
		s.wantClaim("event", "B", done)
	}},
	{"MarkDoneAfterTakeover", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.expireClaims()
		s.wantClaim("event", "B", granted)
		s.markDone("event", "A")
		s.wantClaim("event", "C", done)
		s.release("event", "B") // which failed to handle the event
		s.wantClaim("event", "C", done)
	}},
	{"ReleaseAfterExpiry", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.expireClaims()
		s.release("event", "A")
		s.wantClaim("event", "B", granted)
		s.wantClaim("event", "C", held)
	}},
	{"ReleaseAfterTakeover", true, func(s *suite) {
		s.wantClaim("event", "A", granted)
		s.expireClaims()
		s.wantClaim("event", "B", granted)
		s.release("event", "A")
		s.wantClaim("event", "C", held)
	}},
	{"UnusualKeys", false, unusualKeys},
	{"ConcurrentClaims", false, concurrentClaims},
	{"ConcurrentEvents", false, concurrentEvents},
	{"EndedContextClaim", false, endedContextClaim},
	{"EndedContextMarkDone", false, endedContextMarkDone},
	{"EndedContextRelease", false, endedContextRelease},
}

// unusualKeys tests keys that a store confuses if it does not quote them, truncates
// them, or does not compare them byte by byte.
func unusualKeys(s *suite) {
	keys := []string{
		"", " ", "space", "space ", " space", "case", "Case",
		"'single'", `"double"`, "`back`", "'; DROP TABLE callback_events; --", `back\slash`, `back\\slash`,
		"100%", "1000", "a_c", "abc", "a*c", "a?c", "[a]", "{a}", "a:c", "a/c", "$1", "?", "#",
		"line\nbreak", "line\r\nbreak", "tab\t", "\x1b[31m",
		"caf\u00e9", "cafe\u0301", "cafe", "日本語", "عربي", "\u202e", "🦊", "🦊🦊", "\ufffd",
		strings.Repeat("x", 499) + "y", strings.Repeat("x", 499) + "z", strings.Repeat("x", 499),
		strings.Repeat("é", 250),
	}
	owner := func(i int) string { return "owner " + strconv.Itoa(i) }
	for i, key := range keys {
		s.wantClaim(key, owner(i), granted)
	}
	for i, key := range keys {
		s.wantClaim(key, "A", held)
		if i%2 == 0 {
			s.markDone(key, owner(i))
		} else {
			s.release(key, owner(i))
		}
	}
	for i, key := range keys {
		if i%2 == 0 {
			s.wantClaim(key, "B", done)
		} else {
			s.wantClaim(key, "B", granted)
		}
	}
}

// concurrentClaims tests that only one of many owners is granted the claim of an
// event.
func concurrentClaims(s *suite) {
	const owners = 64
	states := make([]callback.State, owners)
	s.concurrently(owners, func(i int) error {
		var err error
		states[i], err = s.store.Claim(s.Context(), s.claim("event", strconv.Itoa(i)))
		return err
	})
	count := map[callback.State]int{}
	for _, state := range states {
		count[state]++
	}
	if count[granted] != 1 || count[held] != owners-1 {
		s.Errorf("of %d concurrent claims %d were Granted and %d Held, want 1 and %d", owners, count[granted], count[held], owners-1)
	}
}

// concurrentEvents tests that many events can be handled at the same time.
func concurrentEvents(s *suite) {
	const events, owners = 32, 4
	var (
		mu    sync.Mutex
		count = map[string]int{}
	)
	s.concurrently(events*owners, func(i int) error {
		claim := s.claim(strconv.Itoa(i%events), strconv.Itoa(i/events))
		state, err := s.store.Claim(s.Context(), claim)
		if err != nil || state != granted {
			return err
		}
		mu.Lock()
		count[claim.Key]++
		mu.Unlock()
		return s.store.MarkDone(s.Context(), claim)
	})
	for i := range events {
		key := strconv.Itoa(i)
		if n := count[s.claim(key, "").Key]; n != 1 {
			s.Errorf("%d owners were granted %q, want 1", n, key)
		}
		s.wantClaim(key, "A", done)
	}
}

// concurrently calls run n times at the same time, and fails if one call returns an
// error.
func (s *suite) concurrently(n int, run func(i int) error) {
	s.Helper()
	start, errs := make(chan struct{}), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			s.Fatal(err)
		}
	}
}

// endedContext returns a context that has ended. A store may ignore that the
// context has ended. If it returns an error, the call may or may not have had an
// effect.
func (s *suite) endedContext() context.Context {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	return ctx
}

func endedContextClaim(s *suite) {
	state, err := s.store.Claim(s.endedContext(), s.claim("event", "A"))
	if err == nil {
		if state != granted {
			s.Fatalf("Claim with an ended context returned %s and no error, want Granted or an error", nameOf(state))
		}
		s.wantClaim("event", "B", held)
	}
	s.release("event", "A")
	s.wantClaim("event", "B", granted)

	state, err = s.store.Claim(s.endedContext(), s.claim("event", "C"))
	if err == nil && state != held {
		s.Errorf("Claim of a held event with an ended context returned %s and no error, want Held or an error", nameOf(state))
	}
	s.release("event", "C")
	s.wantClaim("event", "D", held)
}

func endedContextMarkDone(s *suite) {
	s.wantClaim("event", "A", granted)
	if err := s.store.MarkDone(s.endedContext(), s.claim("event", "A")); err != nil {
		s.markDone("event", "A")
	}
	s.wantClaim("event", "B", done)
}

func endedContextRelease(s *suite) {
	s.wantClaim("event", "A", granted)
	if err := s.store.Release(s.endedContext(), s.claim("event", "A")); err != nil {
		s.release("event", "A")
	}
	s.wantClaim("event", "B", granted)
	s.markDone("event", "B")
	_ = s.store.Release(s.endedContext(), s.claim("event", "B")) // an error is allowed
	s.wantClaim("event", "C", done)
}
