// Command generate creates a run of a model, waits for it, saves its output files
// and sets feedback on it. It prints the progress.
//
// Without an account it uses a fake API that it starts itself:
//
//	go run ./examples/generate
//
// With a token it uses a model of api.runflow.io, or of the API at
// RUNFLOW_BASE_URL. That costs credits. An API key can create the run, but only a
// user can set feedback.
//
//	RUNFLOW_TOKEN=… go run ./examples/generate -model owner/slug -input '{"prompt": "a cat"}'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	model := flag.String("model", "runflow/demo", "`owner/slug` of the model")
	input := flag.String("input", `{"prompt": "a cat"}`, "input of the model, as `JSON`")
	dir := flag.String("dir", os.TempDir(), "`directory` for the output files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := generate(ctx, *model, *input, *dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, model, input, dir string) error {
	token, baseURL := os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL")
	wait := runflow.WaitRunParams{Timeout: 10 * time.Minute}
	if token == "" {
		server := runflowtest.NewServer()
		defer server.Close()
		server.AddModel(model, runflow.Model{})
		token, baseURL = server.UserToken, server.URL
		wait.MaxInterval = 100 * time.Millisecond // the fake API is fast
		fmt.Println("RUNFLOW_TOKEN is not set: using a fake API")
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return err
	}

	run, err := create(ctx, client, model, input)
	if err != nil {
		return err
	}
	fmt.Println("run", run.ID, run.StatusCode)
	for seen, err := range client.Runs.Watch(ctx, run.ID, wait) {
		if err != nil {
			return err
		}
		fmt.Println("run", seen.ID, seen.StatusCode)
		run = seen
	}
	for _, file := range run.OutputFiles() {
		if err := save(ctx, client, file, dir); err != nil {
			return err
		}
	}

	run, err = client.Runs.SetFeedback(ctx, run.ID, runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "just what I asked for"})
	if errors.Is(err, runflow.ErrPermissionDenied) {
		fmt.Println("no feedback: an API key cannot set it")
		return nil
	}
	if err != nil {
		return err
	}
	feedback, _ := run.Feedback()
	fmt.Printf("feedback: thumbs %s, reason: %s\n", feedback.Rating, feedback.Reason)
	return nil
}

// create creates a run once, even if the response is lost.
func create(ctx context.Context, client *runflow.Client, model, input string) (*runflow.Run, error) {
	params := runflow.CreateRunParams{Input: runflow.JSON(input), ClientRef: fmt.Sprint("generate-", time.Now().UnixNano())}
	run, err := client.Models.CreateRun(ctx, model, params)
	if !errors.Is(err, runflow.ErrOutcomeUnknown) {
		return run, err
	}
	runs, findErr := client.Runs.FindByClientRef(ctx, params.ClientRef)
	if len(runs) == 0 {
		return nil, errors.Join(err, findErr)
	}
	return &runs[0], nil
}

func save(ctx context.Context, client *runflow.Client, file runflow.OutputFile, dir string) (err error) {
	output, err := os.CreateTemp(dir, "output-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	info, err := client.Runs.Download(ctx, file, output, runflow.DownloadParams{
		OnStart: func(info runflow.FileInfo) error {
			fmt.Printf("downloading %s: %s, %d bytes\n", info.Name, info.ContentType, info.Size)
			return nil
		},
	})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s", file.RunID, file.Index, info.Name))
	if err := os.Rename(output.Name(), path); err != nil {
		return err
	}
	fmt.Printf("saved %d bytes to %s\n", info.Size, path)
	return nil
}
