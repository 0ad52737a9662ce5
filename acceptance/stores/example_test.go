//go:build unix

package stores_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
)

// Callbacks are kept in SQLite. Each result is in the same transaction as the mark of
// its event.
func Example_sqlite() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (run_id text PRIMARY KEY, status text)"); err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
	verifier, err := callback.NewVerifier(secret)
	if err != nil {
		log.Fatal(err)
	}
	handle := store.HandleTx(func(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
		fmt.Println("handle", event.RunID)
		_, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?, ?)", event.RunID, event.Status)
		return err
	})
	server := httptest.NewServer(verifier.Handler(handle, callback.WithStore(store)))
	defer server.Close()

	for range 2 { // Runflow may deliver an event several times
		req, err := newDelivery(ctx, server.URL, `{"event":"run.completed","run_id":"run-1","status":"succeeded"}`)
		if err != nil {
			log.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		_ = resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// handle run-1
	// 200 OK
	// 200 OK
}
