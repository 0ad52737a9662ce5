// Command feedback sets, changes and clears the feedback on a run.
//
// Without an account it uses a fake API that it starts itself:
//
//	go run ./examples/feedback
//
// With the token of a user it uses a run of api.runflow.io, or of the API at
// RUNFLOW_BASE_URL. The API refuses feedback if the token is an API key.
//
//	RUNFLOW_TOKEN=… go run ./examples/feedback -run RUN_ID
package main

import (
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
	runID := flag.String("run", "", "`ID` of the run; needs RUNFLOW_TOKEN")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL"), *runID); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, token, baseURL, runID string) error {
	if token == "" {
		if runID != "" {
			return errors.New("-run needs RUNFLOW_TOKEN, the token of a user")
		}
		server := runflowtest.NewServer()
		defer server.Close()
		token, baseURL = server.UserToken, server.URL
		runID = server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded}).ID
		fmt.Println("RUNFLOW_TOKEN is not set: using a fake API")
	}
	if runID == "" {
		return errors.New("RUNFLOW_TOKEN needs -run, the ID of a run of your organization")
	}

	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return err
	}

	run, err := client.Runs.SetFeedback(ctx, runID, runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp and on brand"})
	if err != nil {
		return err
	}
	show("set", run)

	run, err = client.Runs.SetFeedback(ctx, runID, runflow.Feedback{Rating: runflow.ThumbsDown})
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

func show(action string, run *runflow.Run) {
	text := "no feedback"
	if feedback, ok := run.Feedback(); ok {
		text = "thumbs " + string(feedback.Rating)
		if feedback.Reason != "" {
			text += ", reason: " + feedback.Reason
		}
	}
	fmt.Printf("%-8s run %s (%s): %s\n", action, run.ID, run.StatusCode, text)
}
