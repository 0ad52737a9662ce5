package transport

import (
	"context"
	"errors"
	"fmt"
)

// Explain returns the error of an attempt that net/http returned as err: why ctx or
// the deadline ended it, or err without what was sent or received.
func Explain(ctx context.Context, deadline *Deadline, err error) error {
	return endedOr(ctx, withoutQuote(deadline.ErrorOr(withoutURL(err))))
}

// Ended returns why ctx ended: context.Canceled or context.DeadlineExceeded, with
// the cause that the caller gave.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// endedOr returns why ctx ended, or err if it has not.
func endedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return Ended(ctx)
	}
	return err
}
