package main

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A user is a user of this service.
type user struct {
	id    string
	token string // of Runflow, to set feedback
}

// everyoneIs returns an authentication without a login: each request is one of u.
// Replace it by your sessions, and store the Runflow token of each user encrypted.
func everyoneIs(u user) func(*http.Request) (user, bool) {
	return func(*http.Request) (user, bool) { return u, true }
}

// maxIdleLimits is the number of users above which the limits of idle users are
// removed.
const maxIdleLimits = 10_000

// userLimits limits the rate of each user. It counts only the requests to this
// process.
type userLimits struct {
	rate  rate.Limit
	burst int

	mu     sync.Mutex
	byUser map[string]*rate.Limiter
}

func newUserLimits(r rate.Limit, burst int) *userLimits {
	return &userLimits{rate: r, burst: burst, byUser: map[string]*rate.Limiter{}}
}

// reserve returns 0 if the user may make a request now, and otherwise the time until
// then.
func (l *userLimits) reserve(userID string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.byUser[userID]
	if limiter == nil {
		l.removeIdle()
		limiter = rate.NewLimiter(l.rate, l.burst)
		l.byUser[userID] = limiter
	}
	reservation := limiter.Reserve()
	delay := reservation.Delay()
	if delay > 0 {
		reservation.Cancel()
	}
	return delay
}

// removeIdle removes the limiters that are in the same state as new ones.
func (l *userLimits) removeIdle() {
	if len(l.byUser) < maxIdleLimits {
		return
	}
	for id, limiter := range l.byUser {
		if limiter.Tokens() >= float64(l.burst) {
			delete(l.byUser, id)
		}
	}
}
