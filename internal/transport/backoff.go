package transport

import (
	"math/rand/v2"
	"time"
)

// backoff returns a delay with full jitter: a random time below a limit. The limit
// is shortest after the first failed attempt, doubles with each further one, and is
// never above longest.
func backoff(shortest, longest time.Duration, failed int) time.Duration {
	ceiling := longest
	if doublings := failed - 1; doublings < 63 && shortest <= longest>>doublings {
		ceiling = shortest << doublings
	}
	return time.Duration(rand.Uint64N(uint64(ceiling) + 1)) //nolint:gosec // jitter needs no secrecy; the value fits
}
