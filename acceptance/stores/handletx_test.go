//go:build unix

package stores_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
)

var errHandle = errors.New("handle failed")

// testHandleTx tests that the result and the mark are both committed or both rolled
// back.
func testHandleTx(t *testing.T, d database) {
	t.Helper()
	db := d.open(t)
	store := d.newStore(t, db, sqlstore.Options{Table: "handletx_events"})
	require.NoError(t, d.exec(t.Context(), db, "CREATE TABLE handletx_results (run_id varchar(20) NOT NULL)"))
	tests := map[string]struct {
		before    func(context.Context, callback.Claim) error
		after     func(cancel func()) error // after the result has been written
		isHandled bool                      // by this call
		isDone    bool                      // at last
		err       error
	}{
		"claimed": {
			before: func(ctx context.Context, claim callback.Claim) error {
				_, err := store.Claim(ctx, claim)
				return err
			},
			isHandled: true, isDone: true,
		},
		"not claimed":  {isHandled: true, isDone: true},
		"done before":  {before: store.MarkDone, isDone: true},
		"error":        {after: func(func()) error { return errHandle }, err: errHandle},
		"context ends": {after: func(cancel func()) error { cancel(); return nil }, err: context.Canceled},
		"panic":        {after: func(func()) error { panic(errHandle) }, err: errHandle},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			event := &callback.Event{RunID: name}
			if tt.before != nil {
				require.NoError(t, tt.before(t.Context(), callback.Claim{Key: event.Key(), Owner: "A"}))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			handle := store.HandleTx(func(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
				if err := d.exec(ctx, tx, "INSERT INTO handletx_results VALUES (?)", event.RunID); err != nil {
					return err
				}
				if tt.after != nil {
					return tt.after(cancel)
				}
				return nil
			})
			require.ErrorIs(t, recovering(handle)(ctx, event), tt.err)
			results := count(t, db, "handletx_results WHERE run_id = '"+name+"'")
			assert.Equal(t, tt.isHandled, results == 1, "%d results", results)
			want := callback.Granted
			if tt.isDone {
				want = callback.Done
			}
			requireState(t, store, event.Key(), "B", want)
		})
	}
}

// recovering returns a function that returns the value of a panic as its error.
func recovering(handle func(context.Context, *callback.Event) error) func(context.Context, *callback.Event) error {
	return func(ctx context.Context, event *callback.Event) (err error) {
		defer func() {
			if value, ok := recover().(error); ok {
				err = value
			}
		}()
		return handle(ctx, event)
	}
}

// testHandleTxConcurrent tests calls for the same event at the same time, as if each
// claim had expired while the event was handled.
func testHandleTxConcurrent(t *testing.T, d database) {
	t.Helper()
	db := d.open(t)
	store := d.newStore(t, db, sqlstore.Options{Table: "concurrent_events"})
	require.NoError(t, d.exec(t.Context(), db, "CREATE TABLE concurrent_results (run_id varchar(20) NOT NULL)"))
	event := &callback.Event{RunID: "run"}
	requireState(t, store, event.Key(), "A", callback.Granted)
	handle := store.HandleTx(func(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
		return d.exec(ctx, tx, "INSERT INTO concurrent_results VALUES (?)", event.RunID)
	})
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() { assert.NoError(t, handle(t.Context(), event)) })
	}
	calls.Wait()
	assert.Equal(t, 1, count(t, db, "concurrent_results"))
}
