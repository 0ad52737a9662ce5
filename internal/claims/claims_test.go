package claims_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/claims"
)

func claim(t *testing.T, s *claims.Store, key, owner string) claims.State {
	t.Helper()
	state, err := s.Claim(key, owner)
	require.NoError(t, err)
	return state
}

func TestAClaimIsHeldUntilItIsReleasedOrDone(t *testing.T) {
	t.Parallel()
	s := claims.New(10, time.Hour)
	assert.Equal(t, claims.Granted, claim(t, s, "a", "1"))
	assert.Equal(t, claims.Held, claim(t, s, "a", "2"))
	assert.Equal(t, claims.Granted, claim(t, s, "b", "2"))
	s.Release("a", "2")
	assert.Equal(t, claims.Held, claim(t, s, "a", "2"), "only the owner may release it")
	s.Release("a", "1")
	assert.Equal(t, claims.Granted, claim(t, s, "a", "2"))
	require.NoError(t, s.Done("a"))
	assert.Equal(t, claims.Done, claim(t, s, "a", "3"))
	s.Release("a", "2")
	assert.Equal(t, claims.Done, claim(t, s, "a", "3"), "what is done stays done")
}

func TestAClaimExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := claims.New(10, time.Minute)
		claim(t, s, "a", "1")
		time.Sleep(time.Minute - time.Nanosecond)
		assert.Equal(t, claims.Held, claim(t, s, "a", "2"))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, claims.Granted, claim(t, s, "a", "2"))
		s.Release("a", "1")
		assert.Equal(t, claims.Held, claim(t, s, "a", "3"), "a late owner releases nobody else's claim")
		require.NoError(t, s.Done("a"))
		require.NoError(t, s.Done("a"))
		assert.Equal(t, claims.Done, claim(t, s, "a", "3"))
	})
}

func TestTheOldestThatIsDoneMakesRoom(t *testing.T) {
	t.Parallel()
	s := claims.New(3, time.Hour)
	for _, key := range []string{"a", "b", "c"} {
		claim(t, s, key, "1")
	}
	_, err := s.Claim("d", "1")
	require.ErrorIs(t, err, claims.ErrFull, "no live claim is forgotten")
	require.ErrorIs(t, s.Done("d"), claims.ErrFull)
	require.NoError(t, s.Done("b"))
	require.NoError(t, s.Done("a"))
	assert.Equal(t, claims.Granted, claim(t, s, "d", "1"))
	assert.Equal(t, claims.Done, claim(t, s, "a", "1"))
	assert.Equal(t, claims.Held, claim(t, s, "c", "2"))
	assert.Equal(t, claims.Granted, claim(t, s, "b", "2"), "b was done first, and forgotten")
}

func TestAnExpiredClaimMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := claims.New(1, time.Minute)
		claim(t, s, "a", "1")
		time.Sleep(time.Minute)
		assert.Equal(t, claims.Granted, claim(t, s, "b", "1"))
		require.ErrorIs(t, s.Done("a"), claims.ErrFull, "too late to be remembered")
		assert.Equal(t, claims.Held, claim(t, s, "b", "2"))
	})
}

func TestOneOfManyGetsTheClaim(t *testing.T) {
	t.Parallel()
	s := claims.New(10, time.Hour)
	var granted atomic.Int32
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if state, err := s.Claim("a", strconv.Itoa(i)); err == nil && state == claims.Granted {
				granted.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, granted.Load())
}
