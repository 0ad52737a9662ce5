package transport

import (
	"math/rand/v2"
	"time"
)

// backoff returns a delay with full jitter: anything up to shortest, doubled
// for each attempt before the last, but never above longest.
func backoff(shortest, longest time.Duration, attempts int) time.Duration {
	ceiling := longest
	if doublings := attempts - 1; doublings < 63 && shortest <= longest>>doublings {
		ceiling = shortest << doublings
	}
	return time.Duration(rand.Uint64N(uint64(ceiling) + 1)) //nolint:gosec // jitter needs no secrecy; the value fits
}
