package transport

import (
	"math"
	"sync/atomic"
)

// A Budget limits the number of retries that many calls share, so that they do not
// multiply the load on a server that is down. Each retry uses the budget, and each
// call without a temporary error gives a part of a retry back. First attempts do
// not use it. A nil Budget has no limit.
type Budget struct {
	full int64
	left atomic.Int64
}

// price is the number of calls without a temporary error that give one retry back.
const price = 10

// NewBudget returns a budget of the given number of retries. 0 means no limit.
func NewBudget(retries int) *Budget {
	if retries == 0 {
		return nil
	}
	b := &Budget{full: min(int64(retries), math.MaxInt64/price) * price}
	b.left.Store(b.full)
	return b
}

// Spend takes one retry from the budget and reports whether there was one.
func (b *Budget) Spend() bool {
	if b == nil {
		return true
	}
	if b.left.Add(-price) >= 0 {
		return true
	}
	b.left.Add(price)
	return false
}

// earn adds the part of a retry that a call without a temporary error gives back.
func (b *Budget) earn() {
	if b == nil {
		return
	}
	if left := b.left.Load(); left < b.full {
		b.left.CompareAndSwap(left, left+1) // if another goroutine wins the race, only a tenth of a retry is lost
	}
}
