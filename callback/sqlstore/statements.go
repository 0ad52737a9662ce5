package sqlstore

import (
	"strconv"
	"strings"
)

// Statements are the SQL of a store. The comments list the parameters.
type statements struct {
	createTable string
	insert      string           // key, owner, done, TTL
	takeOver    string           // owner, TTL, key, owner
	selectDone  string           // key
	upsert      string           // key, owner, done, TTL
	markClaimed string           // TTL, key
	release     string           // key, owner
	selectOld   string           // maximum number of keys
	deleteOld   func(int) string // keys
}

// newStatements returns the statements for a table, whose name is quoted.
//
// Each statement that changes a row gives a column a different value. Otherwise MySQL
// would not count the row. This is why takeOver counts the attempts.
func newStatements(s syntax, table string) statements {
	row := strings.ReplaceAll("(event_key, owner, done, attempts, expires_at) VALUES (?, ?, ?, 1, {now} + ?)", "{now}", s.now)
	parts := strings.NewReplacer("{table}", table, "{row}", row, "{bytes}", s.bytes, "{now}", s.now)
	complete := func(statement string) string { return number(parts.Replace(statement), s.parameter) }
	return statements{
		createTable: complete("CREATE TABLE IF NOT EXISTS {table} (" +
			"event_key {bytes} NOT NULL PRIMARY KEY, " +
			"owner {bytes} NOT NULL, " +
			"done boolean NOT NULL, " +
			"attempts integer NOT NULL, " +
			"expires_at bigint NOT NULL)" + s.engine),
		insert: complete(s.insert),
		takeOver: complete("UPDATE {table} SET owner = ?, attempts = attempts + 1, expires_at = {now} + ? " +
			"WHERE event_key = ? AND NOT done AND (owner = ? OR expires_at <= {now})"),
		selectDone:  complete("SELECT done FROM {table} WHERE event_key = ?"),
		upsert:      complete(s.upsert),
		markClaimed: complete("UPDATE {table} SET done = TRUE, expires_at = {now} + ? WHERE event_key = ? AND NOT done"),
		release:     complete("DELETE FROM {table} WHERE event_key = ? AND owner = ? AND NOT done"),
		selectOld:   complete("SELECT event_key FROM {table} WHERE expires_at <= {now} LIMIT ?"),
		deleteOld: func(keys int) string {
			list := strings.TrimSuffix(strings.Repeat("?, ", keys), ", ")
			return complete("DELETE FROM {table} WHERE event_key IN (" + list + ") AND expires_at <= {now}")
		},
	}
}

// number replaces each ? by the prefix and the number of the parameter.
func number(statement, prefix string) string {
	if prefix == "" {
		return statement
	}
	var numbered strings.Builder
	for i, part := range strings.Split(statement, "?") {
		if i > 0 {
			numbered.WriteString(prefix + strconv.Itoa(i))
		}
		numbered.WriteString(part)
	}
	return numbered.String()
}
