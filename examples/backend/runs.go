package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/runflow-io/runflow-go"
)

// statusCreating is the status of a run until we know that Runflow has created it.
const statusCreating = "creating"

// A row is a row of the table runs.
type row struct {
	key       string
	userID    string
	prompt    string
	runID     string
	status    string
	ended     bool
	error     string
	files     []runflow.OutputFile
	rating    runflow.Rating
	createdAt time.Time
}

// errNoRun is returned if the user has no such run.
var errNoRun = errors.New("no such run")

// A runTable is the table runs.
type runTable struct{ db *sql.DB }

// An execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (t *runTable) insert(ctx context.Context, r *row) error {
	_, err := t.db.ExecContext(ctx, "INSERT INTO runs (run_key, user_id, prompt, status, created_at) VALUES ($1, $2, $3, $4, $5)",
		r.key, r.userID, r.prompt, r.status, r.createdAt.UnixMilli())
	return err
}

// setCreated records that Runflow has created the run. If the callback came first,
// the row stays as it is.
func (t *runTable) setCreated(ctx context.Context, key, runID string, status runflow.RunStatus) error {
	_, err := t.db.ExecContext(ctx, "UPDATE runs SET run_id = $2, status = $3 WHERE run_key = $1 AND NOT ended", key, runID, string(status))
	return err
}

// An ending is how a run ended.
type ending struct {
	runID  string
	status runflow.RunStatus
	error  string
	files  []runflow.OutputFile
}

// end records how a run ended, and reports whether it did so. An ended run stays as
// it is.
func (t *runTable) end(ctx context.Context, db execer, key string, e ending) (bool, error) {
	files, err := json.Marshal(e.files)
	if err != nil {
		return false, err
	}
	result, err := db.ExecContext(ctx, `UPDATE runs SET run_id = $2, status = $3, error = $4, files = $5, ended = TRUE
		WHERE run_key = $1 AND NOT ended`, key, e.runID, string(e.status), e.error, string(files))
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func (t *runTable) setRating(ctx context.Context, key string, rating runflow.Rating) error {
	_, err := t.db.ExecContext(ctx, "UPDATE runs SET rating = $2 WHERE run_key = $1", key, string(rating))
	return err
}

const columns = "run_key, user_id, prompt, run_id, status, ended, error, files, rating, created_at"

// get returns a run of a user.
func (t *runTable) get(ctx context.Context, userID, key string) (*row, error) {
	runs, err := t.query(ctx, "SELECT "+columns+" FROM runs WHERE user_id = $1 AND run_key = $2", userID, key)
	if err == nil && len(runs) == 0 {
		err = errNoRun
	}
	if err != nil {
		return nil, err
	}
	return &runs[0], nil
}

// list returns the last 50 runs of a user, the newest first.
func (t *runTable) list(ctx context.Context, userID string) ([]row, error) {
	return t.query(ctx, "SELECT "+columns+" FROM runs WHERE user_id = $1 ORDER BY created_at DESC, run_key LIMIT 50", userID)
}

// unfinished returns the runs that were created before a time and have not ended, the
// oldest first.
func (t *runTable) unfinished(ctx context.Context, before time.Time) ([]row, error) {
	return t.query(ctx, "SELECT "+columns+" FROM runs WHERE NOT ended AND created_at <= $1 ORDER BY created_at LIMIT 100", before.UnixMilli())
}

func (t *runTable) query(ctx context.Context, query string, args ...any) ([]row, error) {
	rows, err := t.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var runs []row
	for rows.Next() {
		var r row
		var files, rating string
		var createdAt int64
		if err := rows.Scan(&r.key, &r.userID, &r.prompt, &r.runID, &r.status, &r.ended, &r.error, &files, &rating, &createdAt); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(files), &r.files); err != nil {
			return nil, err
		}
		r.rating, r.createdAt = runflow.Rating(rating), time.UnixMilli(createdAt)
		runs = append(runs, r)
	}
	return runs, rows.Err()
}
