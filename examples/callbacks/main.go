// Command callbacks receives the callbacks of runs: it verifies them, handles
// each once, and rates the runs that succeeded for the user who asked for them.
//
// Without any account it lets a server of its own run and call back:
//
//	go run ./examples/callbacks
//
// With the organization's callback secret and the token of a user it listens for
// the callbacks of Runflow:
//
//	RUNFLOW_CALLBACK_SECRET=whsec_… RUNFLOW_TOKEN=… go run ./examples/callbacks -listen :8080
package main

import (
	"cmp"
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
	var demo *runflowtest.Server
	if secret == "" || token == "" {
		fmt.Println("no RUNFLOW_CALLBACK_SECRET and RUNFLOW_TOKEN: using an embedded server")
		demo = runflowtest.NewServer()
		defer demo.Close()
		secret, token, baseURL = demo.CallbackSecret, demo.UserToken, demo.URL
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(cmp.Or(baseURL, "https://api.runflow.io")))
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

	if demo != nil {
		err = play(ctx, demo, client, "http://"+listener.Addr().String())
	} else {
		select {
		case <-ctx.Done():
		case err = <-stopped:
		}
	}
	// What is being handled is handled to its end.
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(shutdown))
}

func newHandler(client *runflow.Client, secret string) (http.Handler, error) {
	verifier, err := runflow.NewCallbackVerifier(secret)
	if err != nil {
		return nil, err
	}
	return verifier.Handler(func(ctx context.Context, event *runflow.CallbackEvent) error {
		fmt.Println(event.Event, event.RunID, event.Status)
		if event.Status != runflow.RunStatusSucceeded || event.RunID == "" {
			return nil
		}
		// An error here makes Runflow deliver the event again.
		_, err := client.Runs.SetFeedback(ctx, event.RunID, runflow.Feedback{IsPositive: true})
		return err
	}, runflow.WithCallbackErrors(func(_ context.Context, err error) {
		fmt.Println("error:", err)
	})), nil
}

// play lets runs end, one of them twice, and a stranger call.
func play(ctx context.Context, demo *runflowtest.Server, client *runflow.Client, hook string) error {
	demo.AddModel("runflow/demo", runflow.Model{})
	demo.Script("runflow/demo", runflowtest.Succeed("https://storage.runflow.io/cat.webp"))
	req := &runflow.RunRequest{Input: map[string]any{"prompt": "a cat"}, CallbackURL: hook}
	good, err := client.Models.Run(ctx, "runflow/demo", req)
	if err != nil {
		return err
	}
	demo.Script("runflow/demo", runflowtest.Fail("OUT_OF_MEMORY", runflow.FailureStageExecution, "the picture is too large"))
	bad, err := client.Models.Run(ctx, "runflow/demo", req)
	if err != nil {
		return err
	}
	demo.Finish(good.ID)
	demo.Finish(bad.ID)
	demo.WaitCallbacks()
	if _, err := client.Runs.RedeliverCallback(ctx, good.ID); err != nil { // is handled once nevertheless
		return err
	}
	demo.WaitCallbacks()
	if err := forge(ctx, hook); err != nil {
		return err
	}
	run, _ := demo.Run(good.ID)
	fb, rated := run.Feedback()
	fmt.Println("rated:", rated, "positive:", fb.IsPositive)
	return nil
}

func forge(ctx context.Context, hook string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println("a forged callback gets", resp.StatusCode)
	return nil
}
