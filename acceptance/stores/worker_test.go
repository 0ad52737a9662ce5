//go:build unix

package stores_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/redisstore"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
)

// A worker is the configuration of a process that receives callbacks. The test starts
// its own binary as a worker.
type worker struct {
	Driver      string           `json:"driver"`
	DSN         string           `json:"dsn"`
	Dialect     sqlstore.Dialect `json:"dialect"`
	RedisURL    string           `json:"redis_url"` // instead of a database
	Table       string           `json:"table"`     // beginning of the names of the tables
	InTx        bool             `json:"in_tx"`     // whether the worker uses HandleTx
	ObserverURL string           `json:"observer_url"`
}

const (
	workerVariable = "STORES_TEST_WORKER"
	secret         = "whsec_stores"
	// claimTTL is much longer than a handler takes, because a test cannot tell an
	// expired claim of a slow process from one of a killed process.
	claimTTL = 10 * time.Second
)

func TestMain(m *testing.M) {
	config, isWorker := os.LookupEnv(workerVariable)
	if !isWorker {
		os.Exit(m.Run())
	}
	var w worker
	if err := json.Unmarshal([]byte(config), &w); err != nil {
		log.Fatal(err)
	}
	if err := w.serve(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// serve receives callbacks until stdin is closed. It prints its URL.
func (w worker) serve(ctx context.Context) error {
	verifier, err := callback.NewVerifier(secret)
	if err != nil {
		return err
	}
	handle, store, err := w.handler()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	handler := verifier.Handler(handle, callback.WithStore(store), callback.WithErrorHandler(func(_ context.Context, err error) { log.Print(err) }))
	go func() { log.Fatal((&http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}).Serve(listener)) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// handler returns the function that handles events, and the store.
func (w worker) handler() (func(context.Context, *callback.Event) error, callback.Store, error) {
	if w.RedisURL != "" {
		opts, err := redis.ParseURL(w.RedisURL)
		if err != nil {
			return nil, nil, err
		}
		store, err := redisstore.New(redis.NewClient(opts), redisstore.Options{ClaimTTL: claimTTL})
		handle := func(ctx context.Context, event *callback.Event) error {
			return w.observe(ctx, event, func() error { return nil })
		}
		return handle, store, err
	}
	db, err := sql.Open(w.Driver, w.DSN)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	store, err := sqlstore.New(db, w.Dialect, sqlstore.Options{Table: w.Table + "_events", ClaimTTL: claimTTL})
	if w.InTx {
		return store.HandleTx(func(ctx context.Context, tx *sql.Tx, event *callback.Event) error {
			return w.observe(ctx, event, func() error { return w.write(ctx, tx, event) })
		}), store, err
	}
	return func(ctx context.Context, event *callback.Event) error {
		return w.observe(ctx, event, func() error { return w.write(ctx, db, event) })
	}, store, err
}

// write writes the result of an event.
func (w worker) write(ctx context.Context, db executor, event *callback.Event) error {
	return database{dialect: w.Dialect}.exec(ctx, db, "INSERT INTO "+w.Table+"_results (run_id) VALUES (?)", event.RunID)
}

// observe calls write to write the result of an event. It sends requests to the test
// before and after that, and waits for the responses.
func (w worker) observe(ctx context.Context, event *callback.Event, write func() error) error {
	if err := w.report(ctx, begin, event); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return w.report(ctx, end, event)
}

// The requests that a handler sends to the test.
const (
	begin = http.MethodPost
	end   = http.MethodDelete
)

func (w worker) report(ctx context.Context, method string, event *callback.Event) error {
	req, err := http.NewRequestWithContext(ctx, method, w.ObserverURL+"/"+event.RunID, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
