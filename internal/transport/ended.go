package transport

import (
	"context"
	"errors"
	"fmt"
)

// Explain returns the error of an attempt for which net/http returned err: the
// reason why ctx or the deadline ended it, or err without the parts that quote the
// request or the response.
func Explain(ctx context.Context, deadline *Deadline, err error) error {
	return endedOr(ctx, withoutQuote(deadline.ErrorOr(withoutURL(err))))
}

// Ended returns the reason why ctx ended: context.Canceled or
// context.DeadlineExceeded, together with the cause of ctx.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// endedOr returns the reason why ctx ended, or err if it has not ended.
func endedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return Ended(ctx)
	}
	return err
}
