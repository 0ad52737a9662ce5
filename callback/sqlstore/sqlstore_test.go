package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
)

// The tests against database servers are in acceptance/stores, because they need
// drivers.

// An unreachable database fails each attempt to connect.
type unreachable struct{}

var errUnreachable = errors.New("connection refused")

func (unreachable) Connect(context.Context) (driver.Conn, error) { return nil, errUnreachable }
func (unreachable) Driver() driver.Driver                        { return nil }

func openUnreachable(t *testing.T) *sql.DB {
	t.Helper()
	db := sql.OpenDB(unreachable{})
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func newStore(t *testing.T) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(openUnreachable(t), sqlstore.PostgreSQL, sqlstore.Options{})
	require.NoError(t, err)
	return store
}

func TestNew_InvalidArguments(t *testing.T) {
	t.Parallel()
	db := openUnreachable(t)
	tests := map[string]struct {
		db       *sql.DB
		dialect  sqlstore.Dialect
		table    string
		argument string
	}{
		"nil database":      {nil, sqlstore.SQLite, "", "db"},
		"no dialect":        {db, 0, "", "dialect"},
		"unknown dialect":   {db, sqlstore.SQLite + 1, "", "dialect"},
		"space":             {db, sqlstore.SQLite, " ", "opts.Table"},
		"injection":         {db, sqlstore.SQLite, "events; DROP TABLE orders", "opts.Table"},
		"double quote":      {db, sqlstore.PostgreSQL, `events"`, "opts.Table"},
		"back quote":        {db, sqlstore.MySQL, "events`", "opts.Table"},
		"parameter":         {db, sqlstore.SQLite, "events?", "opts.Table"},
		"placeholder":       {db, sqlstore.SQLite, "{now}", "opts.Table"},
		"leading digit":     {db, sqlstore.SQLite, "1events", "opts.Table"},
		"not ASCII":         {db, sqlstore.SQLite, "événements", "opts.Table"},
		"too long":          {db, sqlstore.SQLite, strings.Repeat("x", 64), "opts.Table"},
		"empty schema":      {db, sqlstore.SQLite, ".events", "opts.Table"},
		"empty name":        {db, sqlstore.SQLite, "app.", "opts.Table"},
		"database and more": {db, sqlstore.SQLite, "db.app.events", "opts.Table"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sqlstore.New(tt.db, tt.dialect, sqlstore.Options{Table: tt.table})
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			argumentErr, ok := errors.AsType[*runflow.ArgumentError](err)
			require.True(t, ok)
			assert.Equal(t, "sqlstore.New", argumentErr.Operation)
			assert.Equal(t, tt.argument, argumentErr.Argument)
		})
	}
}

func TestNew_ValidTables(t *testing.T) {
	t.Parallel()
	db := openUnreachable(t)
	for _, table := range []string{"", "events", "Events_2", "_events", "app.events", strings.Repeat("x", 63)} {
		for _, dialect := range []sqlstore.Dialect{sqlstore.PostgreSQL, sqlstore.MySQL, sqlstore.SQLite} {
			_, err := sqlstore.New(db, dialect, sqlstore.Options{Table: table})
			require.NoError(t, err, table)
		}
	}
}

func TestStore_DatabaseUnreachable(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	ctx, claim := t.Context(), callback.Claim{Key: "event", Owner: "A"}
	calls := map[string]func() error{
		"CreateTable": func() error { return store.CreateTable(ctx) },
		"Claim":       func() error { _, err := store.Claim(ctx, claim); return err },
		"MarkDone":    func() error { return store.MarkDone(ctx, claim) },
		"Release":     func() error { return store.Release(ctx, claim) },
		"Prune":       func() error { _, err := store.Prune(ctx); return err },
		"HandleTx": func() error {
			return store.HandleTx(func(context.Context, *sql.Tx, *callback.Event) error {
				assert.Fail(t, "handle was called without a transaction")
				return nil
			})(ctx, &callback.Event{})
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call()
			require.ErrorIs(t, err, errUnreachable)
			assert.ErrorContains(t, err, "sqlstore: ")
		})
	}
}

func TestStore_TooLong(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	long := strings.Repeat("x", 1025)
	for _, claim := range []callback.Claim{{Key: long}, {Owner: long}} {
		_, err := store.Claim(t.Context(), claim)
		require.ErrorContains(t, err, "want at most 1024")
		require.ErrorContains(t, store.MarkDone(t.Context(), claim), "want at most 1024")
		require.ErrorContains(t, store.Release(t.Context(), claim), "want at most 1024")
	}
	handle := store.HandleTx(func(context.Context, *sql.Tx, *callback.Event) error { return nil })
	require.ErrorContains(t, handle(t.Context(), &callback.Event{RunID: long}), "want at most 1024")
}

func TestStore_HandleTx_Nil(t *testing.T) {
	t.Parallel()
	assert.Nil(t, newStore(t).HandleTx(nil), "a handler without a function responds with 500")
}
