package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/runflow-io/runflow-go/callback"
)

var errChanged = errors.New("sqlstore: another delivery has changed the event in the meantime")

// HandleTx returns a function for [callback.Verifier.Handler]. It begins a transaction,
// calls handle, marks the event as done in the same transaction, and commits it. If
// handle writes its results only in the transaction, each event has the results of
// exactly one call: the database discards those of a process that crashes, and the
// transaction is rolled back if handle fails or panics, if ctx ends, or if another
// delivery has marked the event as done in the meantime.
//
// Also pass the store to [callback.WithStore]. Otherwise handle is called for each
// delivery, although only one of them is committed.
func (s *Store) HandleTx(handle func(ctx context.Context, tx *sql.Tx, event *callback.Event) error) func(context.Context, *callback.Event) error {
	if handle == nil {
		return nil
	}
	return func(ctx context.Context, event *callback.Event) error {
		key, noOwner, err := encode(callback.Claim{Key: event.Key()})
		if err != nil {
			return err
		}
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("sqlstore: begin: %w", err)
		}
		defer func() { _ = tx.Rollback() }() // has no effect after Commit
		if err := handle(ctx, tx, event); err != nil {
			return err
		}
		// After handle, because the row is locked from here to the commit.
		isFirst, err := affects(ctx, tx, s.statements.markClaimed, s.keepDone, key)
		if err == nil && !isFirst {
			isFirst, err = affects(ctx, tx, s.statements.insert, key, noOwner, true, s.keepDone)
		}
		if err != nil {
			return fmt.Errorf("sqlstore: mark event as done: %w", err)
		}
		if !isFirst {
			return s.requireDone(ctx, tx, key)
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("sqlstore: commit: %w", err)
		}
		return nil
	}
}

// requireDone rolls tx back, and then returns nil if the event is done. It does not
// use tx, which may not see the changes of other transactions.
func (s *Store) requireDone(ctx context.Context, tx *sql.Tx, key []byte) error {
	if err := tx.Rollback(); err != nil {
		return fmt.Errorf("sqlstore: roll back: %w", err)
	}
	state, err := s.state(ctx, key)
	if err == nil && state != callback.Done {
		err = errChanged
	}
	return err
}
