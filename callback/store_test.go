package callback_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/storetest"
)

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Config{
		New: func(*testing.T) callback.Store { return &callback.MemoryStore{} },
		Expire: func(t *testing.T, store callback.Store) {
			t.Helper()
			memory, ok := store.(*callback.MemoryStore)
			require.True(t, ok)
			memory.ExpireClaims()
		},
	})
}

func claim(t *testing.T, s callback.Store, key, owner string) callback.State {
	t.Helper()
	state, err := s.Claim(t.Context(), callback.Claim{Key: key, Owner: owner})
	require.NoError(t, err)
	return state
}

func markDone(t *testing.T, s callback.Store, key string) {
	t.Helper()
	require.NoError(t, s.MarkDone(t.Context(), callback.Claim{Key: key, Owner: "1"}))
}

func TestMemoryStore_Claim_Expires(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ given, want time.Duration }{
		"default":  {0, 5 * time.Minute},
		"negative": {-1, 5 * time.Minute},
		"a minute": {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &callback.MemoryStore{ClaimTTL: tc.given}
				assert.Equal(t, callback.Granted, claim(t, s, "a", "1"))
				time.Sleep(tc.want - time.Nanosecond)
				assert.Equal(t, callback.Held, claim(t, s, "a", "2"))
				time.Sleep(time.Nanosecond)
				assert.Equal(t, callback.Granted, claim(t, s, "a", "2"))
			})
		})
	}
}

func TestMemoryStore_Claim_SameOwnerExtendsClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &callback.MemoryStore{ClaimTTL: time.Minute}
		claim(t, s, "a", "1")
		time.Sleep(time.Minute - time.Nanosecond)
		assert.Equal(t, callback.Granted, claim(t, s, "a", "1"))
		time.Sleep(time.Minute - time.Nanosecond)
		assert.Equal(t, callback.Held, claim(t, s, "a", "2"))
	})
}

func TestMemoryStore_MaxEvents_ReplacesOldestDone(t *testing.T) {
	t.Parallel()
	s := &callback.MemoryStore{MaxEvents: 3}
	for _, key := range []string{"a", "b", "c"} {
		claim(t, s, key, "1")
	}
	_, err := s.Claim(t.Context(), callback.Claim{Key: "d", Owner: "1"})
	require.EqualError(t, err, "callback: the memory store is full")
	err = s.MarkDone(t.Context(), callback.Claim{Key: "d", Owner: "1"})
	require.EqualError(t, err, "callback: the memory store is full")
	assert.Equal(t, callback.Granted, claim(t, s, "a", "1"), "an event that is in the store needs no room")

	markDone(t, s, "b")
	markDone(t, s, "a")
	markDone(t, s, "b") // does not make it newer
	assert.Equal(t, callback.Granted, claim(t, s, "d", "1"), "in place of b, which was done first")
	assert.Equal(t, callback.Done, claim(t, s, "a", "1"))
	assert.Equal(t, callback.Held, claim(t, s, "c", "2"))
	assert.Equal(t, callback.Granted, claim(t, s, "b", "2"), "in place of a")
	assert.Equal(t, callback.Held, claim(t, s, "d", "2"))
	_, err = s.Claim(t.Context(), callback.Claim{Key: "e", Owner: "1"})
	require.Error(t, err, "all events have a claim")
	assert.Equal(t, callback.Held, claim(t, s, "b", "1"))
}

func TestMemoryStore_MaxEvents_Default(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, -1} {
		s := &callback.MemoryStore{MaxEvents: limit}
		for i := range 10_000 {
			key := string(rune('0' + i))
			require.Equal(t, callback.Granted, claim(t, s, key, "1"))
		}
		_, err := s.Claim(t.Context(), callback.Claim{Key: "one more", Owner: "1"})
		require.Error(t, err)
	}
}

func TestMemoryStore_MaxEvents_ReplacesExpiredClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &callback.MemoryStore{MaxEvents: 1, ClaimTTL: time.Minute}
		claim(t, s, "a", "1")
		time.Sleep(time.Minute)
		assert.Equal(t, callback.Granted, claim(t, s, "b", "1"))
		err := s.MarkDone(t.Context(), callback.Claim{Key: "a", Owner: "1"})
		require.Error(t, err, "the claim of a was replaced, and b has a claim")
		assert.Equal(t, callback.Held, claim(t, s, "b", "2"))
		time.Sleep(time.Minute)
		markDone(t, s, "a")
		assert.Equal(t, callback.Done, claim(t, s, "a", "2"))
	})
}

func TestMemoryStore_Release_EmptyOwnerAfterMarkDone(t *testing.T) {
	t.Parallel()
	s := &callback.MemoryStore{}
	markDone(t, s, "a")
	require.NoError(t, s.Release(t.Context(), callback.Claim{Key: "a"}))
	assert.Equal(t, callback.Done, claim(t, s, "a", "1"))
}

func TestClaim_JSON(t *testing.T) {
	t.Parallel()
	claim := callback.Claim{Key: "run:1:run.completed:succeeded", Owner: "o"}
	encoded, err := json.Marshal(claim)
	require.NoError(t, err)
	assert.Equal(t, `{"key":"run:1:run.completed:succeeded","owner":"o"}`, string(encoded))
	var decoded callback.Claim
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	assert.Equal(t, claim, decoded)
}
