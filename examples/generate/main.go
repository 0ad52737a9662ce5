// Command generate runs a model, waits for it with progress, saves its output
// and rates it.
//
// Without any account it does so against a server of its own:
//
//	go run ./examples/generate
//
// With a user's token, or an API key, which may run but not rate, it runs a model
// of api.runflow.io, or of wherever RUNFLOW_BASE_URL says. That costs credits.
//
//	RUNFLOW_TOKEN=… go run ./examples/generate -model owner/slug -input '{"prompt": "a cat"}'
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	model := flag.String("model", "runflow/demo", "`owner/slug` of the model")
	input := flag.String("input", `{"prompt": "a cat"}`, "input of the model, as `JSON`")
	dir := flag.String("dir", os.TempDir(), "`directory` to save the output in")
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
	wait := &runflow.WaitOptions{Timeout: 10 * time.Minute}
	if token == "" {
		server := runflowtest.NewServer()
		defer server.Close()
		server.AddModel(model, runflow.Model{})
		token, baseURL = server.UserToken, server.URL
		wait.MaxInterval = 100 * time.Millisecond // it is close by
		fmt.Println("no RUNFLOW_TOKEN: using an embedded server")
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(cmp.Or(baseURL, "https://api.runflow.io")))
	if err != nil {
		return err
	}

	run, err := client.Models.Run(ctx, model, &runflow.RunRequest{Input: runflow.JSON(input), ClientRef: "examples/generate"})
	if errors.Is(err, runflow.ErrAmbiguous) {
		return fmt.Errorf("look for a run with the client_ref examples/generate before you try again: %w", err)
	}
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
	for i, output := range run.Outputs() {
		location, err := url.Parse(output.URL)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s-%d%s", run.ID, i, path.Ext(location.Path))
		if err := save(ctx, client, output, filepath.Join(dir, name)); err != nil {
			return err
		}
	}

	run, err = client.Runs.SetFeedback(ctx, run.ID, runflow.Feedback{IsPositive: true, Reason: "just what I asked for"})
	if errors.Is(err, runflow.ErrPermissionDenied) {
		fmt.Println("not rated: an API key may not")
		return nil
	}
	if err != nil {
		return err
	}
	fb, _ := run.Feedback()
	fmt.Println("rated: thumb up, because:", fb.Reason)
	return nil
}

func save(ctx context.Context, client *runflow.Client, output runflow.Output, path string) (err error) {
	file, err := os.Create(path) //nolint:gosec // the directory is the caller's choice
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := client.Runs.Download(ctx, output, file)
	if err != nil {
		return err
	}
	fmt.Printf("saved %s, %d bytes\n", path, n)
	return nil
}
