// Command feedback rates a run up, changes its mind, and takes the rating back.
//
// Without any account it does so against a server of its own:
//
//	go run ./examples/feedback
//
// With a user's token it does the same to a run of yours on api.runflow.io, or
// wherever RUNFLOW_BASE_URL says. The API lets only people rate: an API key is
// refused.
//
//	RUNFLOW_TOKEN=… go run ./examples/feedback -run RUN_ID
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	runID := flag.String("run", "", "`id` of the run to rate; needs RUNFLOW_TOKEN")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := rate(ctx, os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL"), *runID); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rate(ctx context.Context, token, baseURL, runID string) error {
	if token == "" {
		if runID != "" {
			return errors.New("-run needs RUNFLOW_TOKEN, a user's token")
		}
		server := runflowtest.NewServer()
		defer server.Close()
		token, baseURL = server.UserToken, server.URL
		runID = server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded}).ID
		fmt.Println("no RUNFLOW_TOKEN: using an embedded server")
	}
	if runID == "" {
		return errors.New("RUNFLOW_TOKEN needs -run, the id of a run of yours")
	}

	client, err := runflow.NewClient(token, runflow.WithBaseURL(cmp.Or(baseURL, "https://api.runflow.io")))
	if err != nil {
		return err
	}

	run, err := client.Runs.SetFeedback(ctx, runID, runflow.Feedback{IsPositive: true, Reason: "sharp and on brand"})
	if err != nil {
		return err
	}
	show("set", run)

	run, err = client.Runs.SetFeedback(ctx, runID, runflow.Feedback{IsPositive: false})
	if err != nil {
		return err
	}
	show("changed", run)

	run, err = client.Runs.ClearFeedback(ctx, runID)
	if err != nil {
		return err
	}
	show("cleared", run)
	return nil
}

func show(what string, run *runflow.Run) {
	rating := "not rated"
	if fb, rated := run.Feedback(); rated {
		rating = map[bool]string{true: "thumb up", false: "thumb down"}[fb.IsPositive]
		if fb.Reason != "" {
			rating += ", because: " + fb.Reason
		}
	}
	fmt.Printf("%-8s run %s (%s): %s\n", what, run.ID, run.StatusCode, rating)
}
