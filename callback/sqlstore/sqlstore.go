// Package sqlstore keeps a [callback.Store] in a table of PostgreSQL, MySQL, MariaDB
// or SQLite, so that several processes can receive the same callbacks. It imports no
// driver; your program imports the driver of its database. The package is tested with
// PostgreSQL, MariaDB and SQLite.
//
//	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
//	if err != nil {
//		log.Fatal(err)
//	}
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	if err := store.CreateTable(ctx); err != nil {
//		log.Fatal(err)
//	}
//	http.Handle("POST /runflow", verifier.Handler(handle, callback.WithStore(store)))
//
// # Results in the same database
//
// With [callback.Verifier.Handler] alone, an event is handled again if the process
// crashes after handle has written its result and before the event is marked as done.
// [Store.HandleTx] writes both in one transaction, so each event has exactly one
// result:
//
//	handle := store.HandleTx(func(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
//		_, err := tx.ExecContext(ctx, "UPDATE orders SET status = $1 WHERE run_id = $2", event.Status, event.RunID)
//		return err
//	})
//
// # Pruning
//
// The store does not start goroutines. Call [Store.Prune] from time to time, for
// example once an hour, to delete events that have been done for longer than
// [Options.KeepDone].
//
// # Time
//
// All times are those of the database server, so the clocks of the processes may
// differ. SQLite uses the clock of the machine, which all its processes share.
//
// # SQLite
//
// SQLite allows one writer at a time. Set a busy timeout, so that the others wait. With
// modernc.org/sqlite:
//
//	sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

const (
	defaultTable    = "runflow_callback_events"
	defaultClaimTTL = 5 * time.Minute
	defaultKeepDone = 30 * 24 * time.Hour
)

// Options configure a [Store]. Zero or negative values select the defaults.
type Options struct {
	// Table is the name of the table, by default "runflow_callback_events". It can
	// begin with the name of a schema, as in "app.callback_events". A name consists
	// of at most 63 letters, digits and underscores. It is quoted, so it can be a
	// keyword, and PostgreSQL distinguishes upper case from lower case.
	Table string
	// ClaimTTL is the time after which a claim expires, by default 5 minutes. It
	// must be longer than it takes to handle an event.
	ClaimTTL time.Duration
	// KeepDone is the minimum time for which events that are done stay in the table,
	// by default 30 days. If Runflow redelivers an event after it has been pruned,
	// the event is handled again.
	KeepDone time.Duration
}

// A Store is a [callback.Store] in a table of a database. Create it with [New]. It is
// safe for concurrent use. The key of an event is at most 1,024 bytes long.
type Store struct {
	db         *sql.DB
	statements statements
	claimTTL   int64 // milliseconds
	keepDone   int64 // milliseconds
}

var _ callback.Store = (*Store)(nil)

// New returns a Store in a database. It does not connect to it.
//
// It returns a [*runflow.ArgumentError] if db is nil, if the dialect is unknown, or if
// the name of the table is invalid.
func New(db *sql.DB, dialect Dialect, opts Options) (*Store, error) {
	const operation = "sqlstore.New"
	if db == nil {
		return nil, &runflow.ArgumentError{Operation: operation, Argument: "db", Reason: "must not be nil"}
	}
	syntax, isKnown := dialect.syntax()
	if !isKnown {
		return nil, &runflow.ArgumentError{Operation: operation, Argument: "dialect", Reason: "must be PostgreSQL, MySQL or SQLite"}
	}
	if opts.Table == "" {
		opts.Table = defaultTable
	}
	table, err := quoteTable(opts.Table, syntax.quote)
	if err != nil {
		return nil, &runflow.ArgumentError{Operation: operation, Argument: "opts.Table", Reason: err.Error()}
	}
	return &Store{
		db:         db,
		statements: newStatements(syntax, table),
		claimTTL:   milliseconds(opts.ClaimTTL, defaultClaimTTL),
		keepDone:   milliseconds(opts.KeepDone, defaultKeepDone),
	}, nil
}

// milliseconds rounds up, so that no duration becomes zero.
func milliseconds(d, byDefault time.Duration) int64 {
	if d <= 0 {
		d = byDefault
	}
	return int64((d-1)/time.Millisecond) + 1
}

// Claim implements [callback.Store].
func (s *Store) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	key, owner, err := encode(claim)
	if err != nil {
		return 0, err
	}
	isGranted, err := affects(ctx, s.db, s.statements.insert, key, owner, false, s.claimTTL)
	if err == nil && !isGranted {
		isGranted, err = affects(ctx, s.db, s.statements.takeOver, owner, s.claimTTL, key, owner)
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("sqlstore: %w", err)
	case isGranted:
		return callback.Granted, nil
	default:
		return s.state(ctx, key)
	}
}

// state returns Done or Held. It returns Held also if the event has been deleted in the
// meantime, so that the sender tries again.
func (s *Store) state(ctx context.Context, key []byte) (callback.State, error) {
	var isDone bool
	err := s.db.QueryRowContext(ctx, s.statements.selectDone, key).Scan(&isDone)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, fmt.Errorf("sqlstore: %w", err)
	case isDone:
		return callback.Done, nil
	default:
		return callback.Held, nil
	}
}

// MarkDone implements [callback.Store].
func (s *Store) MarkDone(ctx context.Context, claim callback.Claim) error {
	key, owner, err := encode(claim)
	if err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, s.statements.upsert, key, owner, true, s.keepDone); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// Release implements [callback.Store].
func (s *Store) Release(ctx context.Context, claim callback.Claim) error {
	key, owner, err := encode(claim)
	if err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, s.statements.release, key, owner); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// maxLength is the maximum length of a key or an owner. MySQL truncates longer ones
// unless it is in strict mode.
const maxLength = 1024

// encode returns a claim as it is stored: as bytes, because databases compare text by
// its collation.
func encode(claim callback.Claim) (key, owner []byte, err error) {
	if len(claim.Key) > maxLength || len(claim.Owner) > maxLength {
		return nil, nil, fmt.Errorf("sqlstore: key has %d bytes and owner has %d, want at most %d",
			len(claim.Key), len(claim.Owner), maxLength)
	}
	return []byte(claim.Key), []byte(claim.Owner), nil
}

// An executor is a [*sql.DB] or a [*sql.Tx].
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// affects executes a statement and reports whether it has inserted or changed a row.
func affects(ctx context.Context, db executor, statement string, args ...any) (bool, error) {
	result, err := db.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}
