package transport

import "context"

// An Attempt identifies the attempt that an HTTP request belongs to.
type Attempt struct {
	Operation string
	Method    string
	Route     string
	Number    int // 1 for the first
}

type attemptKey struct{}

// FromContext returns the attempt that ctx carries.
func FromContext(ctx context.Context) (Attempt, bool) {
	if attempt, ok := ctx.Value(attemptKey{}).(*Attempt); ok {
		return *attempt, true
	}
	return Attempt{}, false
}
