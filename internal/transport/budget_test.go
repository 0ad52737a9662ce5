package transport

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

func TestInAnOutageAFleetDoesNotMultiplyTheLoad(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		budget *Budget
		most   int
		least  int
	}{
		"with a budget": {NewBudget(50), 150, 101},
		"without one":   {NewBudget(0), 500, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Answer(503, "{}"))
			base := newOutside(t)
			var attempts atomic.Int64
			synctest.Test(t, func(t *testing.T) {
				s := settings(t, server.URL, base)
				s.Budget = tc.budget
				var fleet sync.WaitGroup
				for range 100 {
					fleet.Go(func() { attempts.Add(int64(Do(t.Context(), s, rating(endpoint.Idempotent)).Attempts)) })
				}
				fleet.Wait()
			})
			assert.LessOrEqual(t, len(server.Requests()), tc.most)
			assert.GreaterOrEqual(t, len(server.Requests()), tc.least)
			assert.EqualValues(t, len(server.Requests()), attempts.Load())
		})
	}
}

func TestABudgetRecoversByItself(t *testing.T) {
	t.Parallel()
	down, up := wire.Answer(503, "{}"), wire.Answer(200, ok)
	steps := []wire.Step{down, down, down} // the first call takes the whole budget, the second gets nothing
	for range price {
		steps = append(steps, up)
	}
	server := wire.Serve(t, append(steps, down, up)...)
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		s.Budget = NewBudget(1)
		assert.Equal(t, 2, Do(t.Context(), s, getRun).Attempts)
		result := Do(t.Context(), s, getRun)
		assert.Equal(t, 1, result.Attempts)
		assert.Equal(t, 503, result.Answer.StatusCode)
		for range price {
			assert.Equal(t, 1, Do(t.Context(), s, getRun).Attempts)
		}
		result = Do(t.Context(), s, getRun)
		require.NoError(t, result.Err)
		assert.Equal(t, 200, result.Answer.StatusCode)
		assert.Equal(t, 2, result.Attempts)
	})
}

func TestABudgetIsNeverMoreThanFull(t *testing.T) {
	t.Parallel()
	b := NewBudget(2)
	for range 100 {
		b.earn()
	}
	assert.True(t, b.spend())
	assert.True(t, b.spend())
	assert.False(t, b.spend())
	assert.Nil(t, NewBudget(0))
}
