package transport

import (
	"math"
	"sync/atomic"
)

// A Budget limits how many retries many calls share, so that they do not multiply
// the load on a server that is down. Each retry takes from the budget, and each
// call that the server could serve gives a little back. First attempts are free.
// A nil Budget has no limit.
type Budget struct {
	full int64
	left atomic.Int64
}

// price is how many served calls pay for a retry.
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

// earn gives back what a served call is worth.
func (b *Budget) earn() {
	if b == nil {
		return
	}
	if left := b.left.Load(); left < b.full {
		b.left.CompareAndSwap(left, left+1) // a lost race loses next to nothing
	}
}
