package transport

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

func TestResult_Next(t *testing.T) {
	t.Parallel()
	failure := errors.New("reset")
	for name, tc := range map[string]struct {
		ending          Ending
		isSpent, isLeft bool // whether the retry of the budget is spent before, and left afterwards
		want            bool // also whether there was a delay
	}{
		"final":               {Ending{Err: failure, Failed: 1}, false, true, false},
		"retried":             {Ending{Err: failure, Failed: 1, MayRetry: true}, false, false, true},
		"no budget":           {Ending{Err: failure, Failed: 1, MayRetry: true}, true, false, false},
		"free":                {Ending{Err: failure, Failed: 1, MayRetry: true, IsFree: true}, true, false, true},
		"too many failed":     {Ending{Err: failure, Failed: 3, MayRetry: true}, false, true, false},
		"response is retried": {Ending{Response: &Response{StatusCode: 503}, Failed: 1, MayRetry: true}, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var logged []Record
				s := &Settings{
					MaxRetries: 2, BackoffMin: time.Second, BackoffMax: time.Second, Budget: NewBudget(1),
					Log: func(_ context.Context, r Record) { logged = append(logged, r) },
				}
				if tc.isSpent {
					require.True(t, s.Budget.Spend())
				}
				result := NewResult(s, &Request{Endpoint: endpoint.AssetsSend})
				started := time.Now()
				assert.Equal(t, tc.want, result.Next(t.Context(), tc.ending))
				assert.Equal(t, tc.want, time.Now().After(started))
				require.Len(t, logged, 1)
				assert.Equal(t, time.Since(started), logged[0].Delay)
				assert.Same(t, tc.ending.Response, result.Response)
				if tc.want {
					require.NoError(t, result.Err)
				} else {
					require.ErrorIs(t, result.Err, tc.ending.Err)
				}
				assert.Equal(t, tc.isLeft, s.Budget.Spend())
			})
		})
	}
}

func TestResult_Next_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		s := &Settings{MaxRetries: 2, BackoffMin: time.Hour, BackoffMax: time.Hour}
		result := NewResult(s, &Request{Endpoint: endpoint.AssetsSend})
		assert.False(t, result.Next(ctx, Ending{Err: errors.New("reset"), Failed: 1, MayRetry: true}))
		require.ErrorIs(t, result.Err, context.Canceled)
	})
}
