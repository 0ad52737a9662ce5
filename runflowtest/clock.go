package runflowtest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// startTime is the time of the clock of a new server.
var startTime = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Now returns the time of the server's clock. The clock starts at the beginning of
// 2026, and advances by a second with each created run and each step of a run.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// AdvanceClock advances the server's clock by d.
func (s *Server) AdvanceClock(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// SetClock sets the server's clock to t.
func (s *Server) SetClock(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = t.Round(0).UTC() // without the monotonic clock
}

// tick returns the time and advances the clock by a second, so that no two events
// have the same time.
func (s *Server) tick() time.Time {
	now := s.now
	s.now = now.Add(time.Second)
	return now
}

// newIDPrefix returns the random beginning of the IDs of a server: a UUIDv7 without
// its last eight digits.
func newIDPrefix() string {
	var random [5]byte
	_, _ = rand.Read(random[:]) // never fails
	digits := hex.EncodeToString(random[:])
	ms := fmt.Sprintf("%012x", startTime.UnixMilli())
	return fmt.Sprintf("%s-%s-7%s-8%s-%s", ms[:8], ms[8:], digits[:3], digits[3:6], digits[6:])
}

// newID returns a new ID. IDs are UUIDv7, each greater than the one before.
func (s *Server) newID() string {
	s.lastID++
	return fmt.Sprintf("%s%08x", s.idPrefix, s.lastID)
}
