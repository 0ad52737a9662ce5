package redisstore_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/redisstore"
)

func Example() {
	verifier, err := callback.NewVerifier(os.Getenv("RUNFLOW_CALLBACK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
	defer client.Close()
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	handle := func(_ context.Context, event *callback.Event) error {
		log.Print(event.RunID, " ", event.Status)
		return nil
	}
	http.Handle("POST /runflow", verifier.Handler(handle, callback.WithStore(store)))
	log.Fatal((&http.Server{Addr: ":8080", ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}
