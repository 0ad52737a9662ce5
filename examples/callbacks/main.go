// Command callbacks receives the callbacks of runs. It verifies them, handles each
// event once, and sets feedback on the runs that succeeded, with the token of a
// user.
//
// Without an account it uses a fake API that it starts itself:
//
//	go run ./examples/callbacks
//
// With the callback secret of the organization and the token of a user it listens
// for the callbacks of Runflow:
//
//	RUNFLOW_CALLBACK_SECRET=whsec_… RUNFLOW_TOKEN=… go run ./examples/callbacks -listen :8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, address string) error {
	secret, token, baseURL := os.Getenv("RUNFLOW_CALLBACK_SECRET"), os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL")
	var fake *runflowtest.Server
	if secret == "" || token == "" {
		fmt.Println("RUNFLOW_CALLBACK_SECRET or RUNFLOW_TOKEN is not set: using a fake API")
		fake = runflowtest.NewServer()
		defer fake.Close()
		secret, token, baseURL = fake.CallbackSecret, fake.UserToken, fake.URL
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return err
	}
	handler, err := newHandler(client, secret)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	fmt.Println("listening on", listener.Addr())

	if fake != nil {
		err = deliver(ctx, fake, client, "http://"+listener.Addr().String())
	} else {
		select {
		case <-ctx.Done():
		case err = <-stopped:
		}
	}
	// Shutdown waits until the events that are being handled have been handled.
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(shutdown))
}

func newHandler(client *runflow.Client, secret string) (http.Handler, error) {
	verifier, err := callback.NewVerifier(secret)
	if err != nil {
		return nil, err
	}
	return verifier.Handler(func(ctx context.Context, event *callback.Event) error {
		fmt.Println(event.Event, event.RunID, event.Status)
		if event.Status != runflow.RunStatusSucceeded || event.RunID == "" {
			return nil
		}
		// If this fails, Runflow redelivers the event.
		_, err := client.Runs.SetFeedback(ctx, event.RunID, runflow.Feedback{Rating: runflow.ThumbsUp})
		return err
	}, callback.WithErrorHandler(func(_ context.Context, err error) {
		fmt.Println("error:", err)
	})), nil
}

// deliver makes one run succeed and one fail, redelivers the callback of the first
// one, and sends a forged callback.
func deliver(ctx context.Context, fake *runflowtest.Server, client *runflow.Client, url string) error {
	fake.AddModel("runflow/demo", runflow.Model{})
	params := runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}, CallbackURL: url}
	succeeds, err := client.Models.CreateRun(ctx, "runflow/demo", params)
	if err != nil {
		return err
	}
	fake.Script("runflow/demo", runflowtest.StepFail("OUT_OF_MEMORY", runflow.FailureStageExecution, "the picture is too large"))
	fails, err := client.Models.CreateRun(ctx, "runflow/demo", params)
	if err != nil {
		return err
	}
	fake.FinishRun(succeeds.ID)
	fake.FinishRun(fails.ID)
	fake.WaitCallbacks()
	if _, err := client.Runs.RedeliverCallback(ctx, succeeds.ID); err != nil { // the handler ignores the event, because it has been handled
		return err
	}
	fake.WaitCallbacks()
	if err := forge(ctx, url); err != nil {
		return err
	}
	run, _ := fake.GetRun(succeeds.ID)
	feedback, ok := run.Feedback()
	fmt.Println("feedback:", ok, feedback.Rating)
	return nil
}

func forge(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println("the forged callback got status", resp.StatusCode)
	return nil
}
