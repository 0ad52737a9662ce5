package callback_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/runflow-io/runflow-go/callback"
)

// exampleSecret signs the callbacks of the examples. Keep your own secret out of the
// source code.
const exampleSecret = "whsec_example"

// post delivers a callback to a URL, as Runflow does, and returns the status of the
// response.
func post(url, body string) string {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Runflow-Signature", sign(exampleSecret, body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Status
}

func ExampleVerifier_Handler() {
	verifier, err := callback.NewVerifier(exampleSecret)
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(verifier.Handler(func(_ context.Context, event *callback.Event) error {
		fmt.Println(event.Event, event.RunID, event.Status)
		for _, file := range event.OutputFiles() {
			fmt.Println(file.URL)
		}
		return nil // after an error, Runflow redelivers the event
	}))
	defer server.Close()

	// Runflow may deliver an event several times. It is handled once.
	const event = `{"event":"run.completed","run_id":"run-1","status":"succeeded","output":{"image_urls":["https://storage.runflow.io/cat.webp"]}}`
	fmt.Println(post(server.URL, event))
	fmt.Println(post(server.URL, event))
	// Output:
	// run.completed run-1 succeeded
	// https://storage.runflow.io/cat.webp
	// 200 OK
	// 200 OK
}

func ExampleWithStore() {
	verifier, err := callback.NewVerifier(exampleSecret)
	if err != nil {
		log.Fatal(err)
	}
	store := &callback.MemoryStore{MaxEvents: 100_000} // shared by handlers of one process
	handle := func(_ context.Context, event *callback.Event) error {
		fmt.Println("handle", event.Key())
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("POST /old", verifier.Handler(handle, callback.WithStore(store)))
	mux.Handle("POST /new", verifier.Handler(handle, callback.WithStore(store)))
	server := httptest.NewServer(mux)
	defer server.Close()

	const event = `{"event":"run.failed","run_id":"run-1","status":"failed"}`
	fmt.Println(post(server.URL+"/old", event))
	fmt.Println(post(server.URL+"/new", event))
	// Output:
	// handle run:run-1:run.failed:failed
	// 200 OK
	// 200 OK
}

func ExampleWithErrorHandler() {
	verifier, err := callback.NewVerifier("whsec_another")
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(
		func(context.Context, *callback.Event) error { return nil },
		callback.WithErrorHandler(func(_ context.Context, err error) {
			if errors.Is(err, callback.ErrInvalidSignature) {
				fmt.Println("check the secret:", err)
				return
			}
			fmt.Println(err)
		}),
	)
	server := httptest.NewServer(handler)
	defer server.Close()

	fmt.Println(post(server.URL, `{"event":"run.completed","run_id":"run-1"}`))
	server.Close() // waits for the error handler, which is called after the response
	// Unordered output:
	// 401 Unauthorized
	// check the secret: callback: request refused with 401: invalid signature
}

func ExampleVerifier_Parse() {
	verifier, err := callback.NewVerifier(exampleSecret)
	if err != nil {
		log.Fatal(err)
	}
	queue := make(chan *callback.Event, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := verifier.Parse(r)
		if refused, ok := errors.AsType[*callback.Error](err); ok {
			w.WriteHeader(refused.StatusCode)
			return
		}
		queue <- event // event.Key() is the same for all deliveries of an event
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()

	fmt.Println(post(server.URL, `{"event":"run.completed","run_id":"run-1","status":"succeeded","metadata":{"order":7}}`))
	event := <-queue
	var metadata struct {
		Order int `json:"order"`
	}
	if err := event.Metadata.Decode(&metadata); err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.RunID, metadata.Order)
	// Output:
	// 202 Accepted
	// run-1 7
}
