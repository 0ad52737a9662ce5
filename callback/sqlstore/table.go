package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// CreateTable creates the table unless it exists. The columns are:
//
//	event_key   key of the event, as bytes
//	owner       who has the claim, or had it last, as bytes
//	done        whether the event has been handled
//	attempts    how many times the event has been claimed
//	expires_at  when the claim expires, or until when an event that is done is kept;
//	            in milliseconds since 1970 in UTC
//
// Several processes can call it at the same time. If the table exists, the user of the
// database does not need the permission to create it.
func (s *Store) CreateTable(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, s.statements.createTable)
	if err == nil {
		return nil
	}
	// PostgreSQL returns an error if two connections create the table at the same
	// time, or if the table exists and the user must not create one.
	if _, stateErr := s.state(ctx, nil); stateErr == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: create table: %w", err)
}

// maxName is the maximum length of a name in PostgreSQL, which truncates a longer one.
const maxName = 63

var errTable = errors.New("must be a name, or a schema and a name; each has at most 63 letters, digits and underscores, and does not begin with a digit")

// quoteTable quotes the name of a table and the name of its schema, if there is one.
func quoteTable(table, mark string) (string, error) {
	names := strings.Split(table, ".")
	if len(names) > 2 {
		return "", errTable
	}
	for i, name := range names {
		if !isName(name) {
			return "", errTable
		}
		names[i] = mark + name + mark
	}
	return strings.Join(names, "."), nil
}

func isName(s string) bool {
	const digits, others = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return s != "" && len(s) <= maxName && strings.Trim(s, digits+others) == "" && !strings.Contains(digits, s[:1])
}
