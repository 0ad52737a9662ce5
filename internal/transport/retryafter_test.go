package transport

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetryAfter_Forms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0":                              0,
		"20":                             20 * time.Second,
		" 20 ":                           20 * time.Second,
		"1.5":                            1500 * time.Millisecond,
		".5":                             500 * time.Millisecond,
		"9223372036":                     9223372036 * time.Second,
		"9223372036.854775808":           math.MaxInt64, // one nanosecond too long
		"9223372037":                     math.MaxInt64,
		"99999999999999999999":           math.MaxInt64,
		"Mon, 23 Nov 2026 12:00:30 GMT":  30 * time.Second,
		"Monday, 23-Nov-26 12:00:30 GMT": 30 * time.Second,
		"Mon Nov 23 12:00:30 2026":       30 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT":  0,
	} {
		got, ok := RetryAfter(http.Header{"Retry-After": {value}}, now)
		assert.True(t, ok, value)
		assert.Equal(t, want, got, value)
	}
	for _, value := range []string{"", " ", "soon", "-1", "1e9", "1.2.3", ".", "+1", "0x10", "NaN", "Inf"} {
		got, ok := RetryAfter(http.Header{"Retry-After": {value}}, now)
		assert.False(t, ok, value)
		assert.Zero(t, got, value)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"1", "1.5", "99999999999999999999999", "Mon, 23 Nov 2026 12:00:30 GMT", "-1", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		delay, ok := RetryAfter(http.Header{"Retry-After": {value}}, time.Unix(0, 0))
		assert.GreaterOrEqual(t, delay, time.Duration(0))
		assert.True(t, ok || delay == 0)
	})
}
