//go:build unix

package stores_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
	"github.com/runflow-io/runflow-go/callback/storetest"
)

// A database is a database system, and a server that the test has started.
type database struct {
	dialect     sqlstore.Dialect
	driver, dsn string
	options     []string  // of the driver, which testInterface uses
	timeZones   [2]string // options of the driver
	schema      string
	writers     int // number of handlers that are running when a process is killed
}

func TestStore_PostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := newPostgreSQL(t)
	testSQLStore(t, database{
		dialect: sqlstore.PostgreSQL, driver: "pgx", dsn: dsn, schema: "public", writers: 4,
		options:   []string{"", " default_query_exec_mode=simple_protocol", " default_query_exec_mode=exec"},
		timeZones: [2]string{" timezone=Asia/Tokyo", " timezone=America/Los_Angeles"},
	})
}

func TestStore_MariaDB(t *testing.T) {
	t.Parallel()
	dsn := newMariaDB(t)
	testSQLStore(t, database{
		dialect: sqlstore.MySQL, driver: "mysql", dsn: dsn, schema: "test", writers: 4,
		options:   []string{"", "?clientFoundRows=true", "?interpolateParams=true"},
		timeZones: [2]string{"?time_zone=%27%2B09:00%27", "?time_zone=%27-08:00%27"},
	})
}

func TestStore_SQLite(t *testing.T) {
	t.Parallel()
	testSQLStore(t, database{ // each test creates a file
		dialect: sqlstore.SQLite, driver: "sqlite", schema: "main",
		writers: 1, // SQLite allows one transaction at a time
		options: []string{""},
	})
}

func testSQLStore(t *testing.T, d database) {
	t.Helper()
	tests := map[string]func(*testing.T, database){
		"Interface":            testInterface,
		"ClaimTTL":             testClaimTTL,
		"Context":              testContext,
		"CreateTable":          testCreateTable,
		"EmptyKey":             testEmptyKey,
		"HandleTx":             testHandleTx,
		"HandleTxConcurrent":   testHandleTxConcurrent,
		"Prune":                testPrune,
		"TwoProcesses":         testTwoProcesses,
		"TwoProcessesHandleTx": testTwoProcessesHandleTx,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := d
			if d.dialect == sqlstore.SQLite {
				own.dsn = newSQLite(t)
			}
			test(t, own)
		})
	}
}

func (d database) open(t *testing.T) *sql.DB {
	t.Helper()
	return openDatabase(t, d.driver, d.dsn)
}

func (d database) newStore(t *testing.T, db *sql.DB, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, d.dialect, opts)
	require.NoError(t, err)
	require.NoError(t, store.CreateTable(t.Context()))
	return store
}

// exec executes a statement, in which each ? is a parameter.
func (d database) exec(ctx context.Context, db executor, statement string, args ...any) error {
	if d.dialect == sqlstore.PostgreSQL {
		for i := range args {
			statement = strings.Replace(statement, "?", fmt.Sprint("$", i+1), 1)
		}
	}
	_, err := db.ExecContext(ctx, statement, args...)
	return err
}

// An executor is a [*sql.DB] or a [*sql.Tx].
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func count(t *testing.T, db *sql.DB, table string) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func requireState(t *testing.T, store callback.Store, key, owner string, want callback.State) {
	t.Helper()
	state, err := store.Claim(t.Context(), callback.Claim{Key: key, Owner: owner})
	require.NoError(t, err)
	require.Equal(t, want, state)
}

func testInterface(t *testing.T, d database) {
	t.Helper()
	for _, options := range d.options {
		t.Run("options"+options, func(t *testing.T) {
			db := openDatabase(t, d.driver, d.dsn+options)
			storetest.Run(t, storetest.Config{
				New: func(t *testing.T) callback.Store {
					t.Helper()
					return d.newStore(t, db, sqlstore.Options{})
				},
				Expire: func(t *testing.T, _ callback.Store) {
					t.Helper()
					require.NoError(t, d.exec(t.Context(), db, "UPDATE runflow_callback_events SET expires_at = 0"))
				},
			})
		})
	}
}

// testClaimTTL tests that the time of the database counts, and not that of the
// connection's time zone.
func testClaimTTL(t *testing.T, d database) {
	t.Helper()
	var stores [2]*sqlstore.Store // with different time zones
	for i := range stores {
		db := openDatabase(t, d.driver, d.dsn+d.timeZones[i])
		stores[i] = d.newStore(t, db, sqlstore.Options{Table: "claim_ttl", ClaimTTL: time.Hour})
	}
	for i, store := range stores {
		key := fmt.Sprint("long ", i)
		requireState(t, store, key, "A", callback.Granted)
		requireState(t, stores[1-i], key, "B", callback.Held)
	}
	short := d.newStore(t, d.open(t), sqlstore.Options{Table: "claim_ttl", ClaimTTL: time.Nanosecond})
	requireState(t, short, "short", "A", callback.Granted)
	require.Eventually(t, func() bool {
		state, err := stores[0].Claim(t.Context(), callback.Claim{Key: "short", Owner: "B"})
		return err == nil && state == callback.Granted
	}, time.Minute, time.Millisecond)
}

// testContext tests that a call that waits for a lock ends with its context.
func testContext(t *testing.T, d database) {
	t.Helper()
	db := d.open(t)
	store := d.newStore(t, db, sqlstore.Options{Table: "context"})
	requireState(t, store, "event", "A", callback.Granted)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	require.NoError(t, d.exec(t.Context(), tx, "UPDATE context SET attempts = 2"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, store.MarkDone(ctx, callback.Claim{Key: "event", Owner: "A"}), context.DeadlineExceeded)
}

func testCreateTable(t *testing.T, d database) {
	t.Helper()
	db := d.open(t)
	for _, table := range []string{"order", "Events", d.schema + ".in_schema"} { // ORDER is a keyword
		var processes sync.WaitGroup
		for range 8 {
			processes.Go(func() {
				store, err := sqlstore.New(db, d.dialect, sqlstore.Options{Table: table})
				if assert.NoError(t, err) {
					assert.NoError(t, store.CreateTable(t.Context()), table)
				}
			})
		}
		processes.Wait()
		store := d.newStore(t, db, sqlstore.Options{Table: table})
		requireState(t, store, "event", "A", callback.Granted)
		require.NoError(t, store.MarkDone(t.Context(), callback.Claim{Key: "event", Owner: "A"}))
		requireState(t, store, "event", "B", callback.Done)
	}
	store, err := sqlstore.New(db, d.dialect, sqlstore.Options{Table: "missing.events"})
	require.NoError(t, err)
	require.ErrorContains(t, store.CreateTable(t.Context()), "sqlstore: create table: ")
}

// testEmptyKey tests the shortest and the longest claims, and bytes that are not text.
func testEmptyKey(t *testing.T, d database) {
	t.Helper()
	store := d.newStore(t, d.open(t), sqlstore.Options{Table: "empty_key"})
	for _, value := range []string{"", "\x00", "\x00\x00", "\xff", strings.Repeat("\xff", 1024)} {
		claim := callback.Claim{Key: value, Owner: value}
		requireState(t, store, value, value, callback.Granted)
		requireState(t, store, value, value, callback.Granted)
		requireState(t, store, value, "B", callback.Held)
		require.NoError(t, store.Release(t.Context(), claim))
		requireState(t, store, value, "B", callback.Granted)
		require.NoError(t, store.MarkDone(t.Context(), claim))
		requireState(t, store, value, "B", callback.Done)
	}
}

func testPrune(t *testing.T, d database) {
	t.Helper()
	const old, batch = 10_500, 500 // Prune selects 10,000 keys at a time
	db := d.open(t)
	db.SetMaxOpenConns(10)
	kept := d.newStore(t, db, sqlstore.Options{Table: "prune"})
	short := d.newStore(t, db, sqlstore.Options{Table: "prune", ClaimTTL: time.Nanosecond, KeepDone: time.Nanosecond})
	requireState(t, kept, "claimed", "A", callback.Granted)
	require.NoError(t, kept.MarkDone(t.Context(), callback.Claim{Key: "done", Owner: "A"}))
	for first := 0; first < old; first += batch {
		keys := make([]any, batch)
		for i := range keys {
			keys[i] = fmt.Append(nil, first+i)
		}
		rows := strings.Repeat(", (?, '', true, 1, 0)", batch)[2:]
		require.NoError(t, d.exec(t.Context(), db, "INSERT INTO prune VALUES "+rows, keys...))
	}
	requireState(t, short, "claimed for a short time", "A", callback.Granted)
	for _, store := range []*sqlstore.Store{short, kept} { // the first call counts
		require.NoError(t, store.MarkDone(t.Context(), callback.Claim{Key: "done for a short time", Owner: "A"}))
	}

	var pruned atomic.Int64
	var processes sync.WaitGroup
	for range 2 {
		processes.Go(func() {
			n, err := kept.Prune(t.Context())
			assert.NoError(t, err)
			pruned.Add(n)
		})
	}
	processes.Wait()
	require.GreaterOrEqual(t, pruned.Load(), int64(old))
	require.Eventually(t, func() bool { // the others expire after a millisecond
		n, err := kept.Prune(t.Context())
		require.NoError(t, err)
		return pruned.Add(n) == old+2
	}, time.Minute, time.Millisecond)
	requireState(t, kept, "claimed", "B", callback.Held)
	requireState(t, kept, "done", "B", callback.Done)
	require.Equal(t, 2, count(t, db, "prune"))
}

func testTwoProcesses(t *testing.T, d database) {
	t.Helper()
	results := runTwoProcesses(t, d, worker{Table: "plain"})
	assert.Greater(t, results, events, "killed handlers have written results, so there must be more results than events")
}

func testTwoProcessesHandleTx(t *testing.T, d database) {
	t.Helper()
	assert.Equal(t, events, runTwoProcesses(t, d, worker{Table: "tx", InTx: true}))
}

// runTwoProcesses returns how many results the processes have written.
func runTwoProcesses(t *testing.T, d database, w worker) (results int) {
	t.Helper()
	db := d.open(t)
	d.newStore(t, db, sqlstore.Options{Table: w.Table + "_events"})
	require.NoError(t, d.exec(t.Context(), db, "CREATE TABLE "+w.Table+"_results (run_id varchar(20) NOT NULL)"))
	w.Driver, w.DSN, w.Dialect = d.driver, d.dsn, d.dialect
	runTrial(t, w, d.writers)
	results = count(t, db, w.Table+"_results")
	runs := count(t, db, "(SELECT DISTINCT run_id FROM "+w.Table+"_results) AS runs")
	t.Logf("results %d, of %d runs", results, runs)
	assert.Equal(t, events, runs)
	return results
}
