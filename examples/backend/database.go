package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/runflow-io/runflow-go/callback/sqlstore"
)

// schema is understood by PostgreSQL and by SQLite. A service with more than one
// version of its schema uses a tool for migrations.
const schema = `
CREATE TABLE IF NOT EXISTS runs (
	run_key    TEXT PRIMARY KEY,             -- our own key, which is also the ClientRef of the run
	user_id    TEXT NOT NULL,
	prompt     TEXT NOT NULL,
	run_id     TEXT NOT NULL DEFAULT '',     -- the ID of Runflow; empty until we know it
	status     TEXT NOT NULL,                -- "creating", or the status of Runflow
	ended      BOOLEAN NOT NULL DEFAULT FALSE,
	error      TEXT NOT NULL DEFAULT '',
	files      TEXT NOT NULL DEFAULT '[]',   -- the output files, as JSON
	rating     TEXT NOT NULL DEFAULT '',     -- "up", "down" or empty
	created_at BIGINT NOT NULL               -- milliseconds since 1970
);
CREATE INDEX IF NOT EXISTS runs_of_user ON runs (user_id, created_at);
CREATE INDEX IF NOT EXISTS runs_by_end ON runs (ended, created_at);`

// openDatabase opens a PostgreSQL database, "postgres://…", or an SQLite file, and
// creates the tables of this service.
func openDatabase(ctx context.Context, dsn string) (*sql.DB, sqlstore.Dialect, error) {
	driver, dialect := "sqlite", sqlstore.SQLite
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		driver, dialect = "pgx", sqlstore.PostgreSQL
	} else {
		// Writers wait for each other instead of failing, see package sqlstore.
		dsn = (&url.URL{Scheme: "file", Opaque: url.PathEscape(dsn), RawQuery: "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate"}).String()
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, 0, fmt.Errorf("open database: %w", err)
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		_ = db.Close()
		return nil, 0, fmt.Errorf("create tables: %w", err)
	}
	return db, dialect, nil
}
