package sqlstore

// A Dialect is the SQL of a database system.
type Dialect int

// The dialects.
const (
	PostgreSQL Dialect = iota + 1 // PostgreSQL 9.5 or later
	MySQL                         // MySQL 5.7 or later, and MariaDB
	SQLite                        // SQLite 3.24 or later
)

// A syntax contains the parts of the SQL that differ between the dialects. {table} and
// {row} are the name of the table and a row with the parameters key, owner, done and
// TTL.
type syntax struct {
	quote     string // around the name of a table
	bytes     string // type of the columns with bytes
	engine    string // end of CREATE TABLE
	now       string // time of the database server in milliseconds since 1970
	parameter string // prefix of the number of a parameter; "" if they have no numbers
	insert    string // inserts a row, and ignores a row that exists
	upsert    string // inserts a row, or sets done and expires_at of a row that is not done
}

const (
	insertOrIgnore = "INSERT INTO {table} {row} ON CONFLICT (event_key) DO NOTHING"
	insertOrUpdate = "INSERT INTO {table} {row} ON CONFLICT (event_key) " +
		"DO UPDATE SET done = excluded.done, expires_at = excluded.expires_at WHERE NOT {table}.done"
)

// syntax returns the syntax of a dialect, and whether the dialect is known.
func (d Dialect) syntax() (s syntax, isKnown bool) {
	switch d {
	case PostgreSQL:
		return syntax{
			quote:     `"`,
			bytes:     "bytea",
			now:       "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)", // now() is the start of the transaction
			parameter: "$",
			insert:    insertOrIgnore,
			upsert:    insertOrUpdate,
		}, true
	case MySQL:
		return syntax{
			quote:  "`",
			bytes:  "varbinary(1024)", // maxLength
			engine: " ENGINE = InnoDB",
			now:    "(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6)) DIV 1000)", // independent of the time zone
			insert: "INSERT IGNORE INTO {table} {row}",
			// MySQL assigns the columns in this order: done must be the last.
			upsert: "INSERT INTO {table} {row} ON DUPLICATE KEY " +
				"UPDATE expires_at = if(done, expires_at, values(expires_at)), done = values(done)",
		}, true
	case SQLite:
		return syntax{
			quote:  `"`,
			bytes:  "blob",
			engine: " WITHOUT ROWID", // the rows are in the index of the primary key
			now:    "CAST((julianday('now') - 2440587.5) * 86400000 AS integer)",
			insert: insertOrIgnore,
			upsert: insertOrUpdate,
		}, true
	default:
		return syntax{}, false
	}
}
