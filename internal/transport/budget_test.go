package transport

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestBudget_Outage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		budget *Budget
		most   int
		least  int
	}{
		"budget":   {NewBudget(50), 150, 101},
		"no limit": {NewBudget(0), 500, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(503, "{}"))
			outside := newOutside(t)
			var attempts atomic.Int64
			synctest.Test(t, func(t *testing.T) {
				s := newSettings(outside)
				s.Budget = tc.budget
				var calls sync.WaitGroup
				for range 100 {
					calls.Go(func() { attempts.Add(int64(Do(t.Context(), s, setFeedback(t, server.URL)).Attempts)) })
				}
				calls.Wait()
			})
			assert.LessOrEqual(t, len(server.Requests()), tc.most)
			assert.GreaterOrEqual(t, len(server.Requests()), tc.least)
			assert.EqualValues(t, len(server.Requests()), attempts.Load())
		})
	}
}

func TestBudget_Recovers(t *testing.T) {
	t.Parallel()
	down, up := wire.Respond(503, "{}"), wire.Respond(200, ok)
	steps := []wire.Step{down, down, down} // the first call uses up the budget, the second has none
	for range price {
		steps = append(steps, up)
	}
	server := wire.Serve(t, append(steps, down, up)...)
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(outside)
		s.Budget = NewBudget(1)
		assert.Equal(t, 2, Do(t.Context(), s, getRun(t, server.URL)).Attempts)
		result := Do(t.Context(), s, getRun(t, server.URL))
		assert.Equal(t, 1, result.Attempts)
		assert.Equal(t, 503, result.Response.StatusCode)
		for range price {
			assert.Equal(t, 1, Do(t.Context(), s, getRun(t, server.URL)).Attempts)
		}
		result = Do(t.Context(), s, getRun(t, server.URL))
		require.NoError(t, result.Err)
		assert.Equal(t, 200, result.Response.StatusCode)
		assert.Equal(t, 2, result.Attempts)
	})
}

func TestBudget_NeverMoreThanFull(t *testing.T) {
	t.Parallel()
	b := NewBudget(2)
	for range 100 {
		b.earn()
	}
	assert.True(t, b.Spend())
	assert.True(t, b.Spend())
	assert.False(t, b.Spend())
}

func TestNewBudget_Extremes(t *testing.T) {
	t.Parallel()
	assert.Nil(t, NewBudget(0))
	var none *Budget
	none.earn()
	assert.True(t, none.Spend())
	assert.True(t, NewBudget(math.MaxInt).Spend())
}
