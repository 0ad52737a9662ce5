package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter returns the delay that the server asks for. It understands seconds,
// with or without a fraction, and the three forms of a date in HTTP. If the delay
// is too long for a time.Duration, it returns the longest one; for a date in the
// past it returns 0.
func RetryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, ".0123456789") == "" {
		return seconds(value)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, date.Sub(now)), true
}

func seconds(value string) (time.Duration, bool) {
	n, err := strconv.ParseFloat(value, 64)
	switch nanoseconds := n * float64(time.Second); {
	case nanoseconds >= math.MaxInt64: // also +Inf, with a range error
		return math.MaxInt64, true
	case err != nil:
		return 0, false
	default:
		return time.Duration(nanoseconds), true
	}
}
