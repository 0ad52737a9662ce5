package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
)

func Example() {
	verifier, err := callback.NewVerifier(os.Getenv("RUNFLOW_CALLBACK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL")) // import _ "github.com/jackc/pgx/v5/stdlib"
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.CreateTable(context.Background()); err != nil {
		log.Fatal(err)
	}
	handle := func(_ context.Context, event *callback.Event) error {
		log.Print(event.RunID, " ", event.Status)
		return nil
	}
	http.Handle("POST /runflow", verifier.Handler(handle, callback.WithStore(store)))
	log.Fatal((&http.Server{Addr: ":8080", ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}

func ExampleStore_HandleTx() {
	var verifier *callback.Verifier
	var store *sqlstore.Store

	handle := store.HandleTx(func(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
		_, err := tx.ExecContext(ctx, "UPDATE orders SET status = $1 WHERE run_id = $2", event.Status, event.RunID)
		return err
	})
	http.Handle("POST /runflow", verifier.Handler(handle, callback.WithStore(store)))
}

func ExampleStore_Prune() {
	var store *sqlstore.Store

	ctx := context.Background()
	for range time.Tick(time.Hour) {
		pruned, err := store.Prune(ctx)
		if err != nil {
			log.Print(err) // the next call prunes the rest
		}
		log.Print("pruned ", pruned, " events")
	}
}
