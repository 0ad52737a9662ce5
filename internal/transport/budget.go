package transport

import "sync/atomic"

// Budget bounds how many retries many calls share, so that in an outage they do
// not multiply the load: each retry takes from it, and each call that the server
// could serve gives a little back. A first attempt is always free.
type Budget struct {
	full int64
	left atomic.Int64
}

// price is how many calls that were served pay for a retry.
const price = 10

// NewBudget returns a budget of as many retries, or nil, which is no bound, for
// none.
func NewBudget(retries int) *Budget {
	if retries == 0 {
		return nil
	}
	b := &Budget{full: int64(retries) * price}
	b.left.Store(b.full)
	return b
}

// spend takes a retry, and reports whether there was one.
func (b *Budget) spend() bool {
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
		b.left.CompareAndSwap(left, left+1) // who loses a race loses next to nothing
	}
}
