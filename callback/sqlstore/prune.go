package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	pruneKeys  = 10_000 // maximum number of keys in memory
	pruneBatch = 500    // maximum number of rows that a statement deletes, and locks meanwhile
)

// Prune deletes the events that have been done for longer than [Options.KeepDone], and
// the claims that have expired. It returns how many it has deleted, also if it fails.
// Prune reads the whole table. Several processes can call it at the same time.
func (s *Store) Prune(ctx context.Context) (int64, error) {
	var pruned int64
	for {
		keys, err := s.oldKeys(ctx)
		if err != nil {
			return pruned, fmt.Errorf("sqlstore: select old events: %w", err)
		}
		for batch := range slices.Chunk(keys, pruneBatch) {
			result, err := s.db.ExecContext(ctx, s.statements.deleteOld(len(batch)), batch...)
			if err != nil {
				return pruned, fmt.Errorf("sqlstore: delete old events: %w", err)
			}
			rows, err := result.RowsAffected()
			if err != nil {
				return pruned, fmt.Errorf("sqlstore: delete old events: %w", err)
			}
			pruned += rows
		}
		if len(keys) < pruneKeys {
			return pruned, nil
		}
	}
}

// oldKeys returns keys of old events. It does not lock their rows.
func (s *Store) oldKeys(ctx context.Context) (keys []any, err error) {
	rows, err := s.db.QueryContext(ctx, s.statements.selectOld, pruneKeys)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
