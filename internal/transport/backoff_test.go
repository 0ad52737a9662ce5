package transport

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBackoff_UniformUpToDoublingCeiling(t *testing.T) {
	t.Parallel()
	for failed, ceiling := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 32 * time.Second, 7: 32 * time.Second, 64: 32 * time.Second, math.MaxInt: 32 * time.Second,
	} {
		longest := time.Duration(0)
		for range 200 {
			delay := backoff(time.Second, 32*time.Second, failed)
			assert.GreaterOrEqual(t, delay, time.Duration(0))
			assert.LessOrEqual(t, delay, ceiling)
			longest = max(longest, delay)
		}
		assert.Greater(t, longest, ceiling/2, "200 random delays are not all in the lower half")
	}
}

func TestBackoff_NoOverflow(t *testing.T) {
	t.Parallel()
	for _, failed := range []int{1, 2, 62, 63, 64, 1 << 40} {
		assert.GreaterOrEqual(t, backoff(math.MaxInt64, math.MaxInt64, failed), time.Duration(0))
		assert.GreaterOrEqual(t, backoff(1, math.MaxInt64, failed), time.Duration(0))
	}
}
