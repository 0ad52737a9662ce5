// Command batch runs the prompts of a CSV file as one batch, rates the results by a
// second CSV file, and prints what it cost. Interrupted and started again, it
// continues with the same batch, and pays nothing twice.
//
// Without an account it uses a fake API that it starts itself:
//
//	go run ./examples/batch
//
// With a token it uses a model of api.runflow.io, or of the API at
// RUNFLOW_BASE_URL. That costs credits. An API key can create the batch, but only a
// user can rate its runs.
//
//	RUNFLOW_TOKEN=… go run ./examples/batch -model owner/slug -prompts prompts.csv -ratings ratings.csv -state job.json
package main

import (
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

var (
	//go:embed prompts.csv
	prompts string
	//go:embed ratings.csv
	ratings string
)

func main() {
	model := flag.String("model", "runflow/demo", "`owner/slug` of the model")
	promptsPath := flag.String("prompts", "", "CSV `file` with the columns name and prompt, of 1 to 100 rows")
	ratingsPath := flag.String("ratings", "", "CSV `file` with the columns name, rating (up or down) and reason")
	state := flag.String("state", "batch.json", "`file` that remembers the batch; needs RUNFLOW_TOKEN")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	token, baseURL := os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL")
	if token == "" {
		fmt.Println("RUNFLOW_TOKEN is not set: using a fake API")
		server := newFake(*model)
		defer server.Close()
		token, baseURL, *state = server.UserToken, server.URL, ""
	}
	if err := run(ctx, os.Stdout, token, baseURL, *model, *promptsPath, *ratingsPath, *state); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// newFake returns a fake API with a model whose runs cost 4 cents.
func newFake(model string) *runflowtest.Server {
	server := runflowtest.NewServer()
	server.AddModel(model, runflow.Model{})
	server.SetPrice(model, decimal.RequireFromString("0.04"))
	return server
}

func run(ctx context.Context, out io.Writer, token, baseURL, model, promptsPath, ratingsPath, statePath string) error {
	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return err
	}
	rows, err := readCSV(promptsPath, prompts, "name", "prompt")
	if err != nil {
		return err
	}
	marks, err := readCSV(ratingsPath, ratings, "name", "rating", "reason")
	if err != nil {
		return err
	}
	job, err := openJob(statePath)
	if err != nil {
		return err
	}
	if err := job.create(ctx, client, model, rows); err != nil {
		return err
	}
	batch, err := watch(ctx, out, client, job.BatchID)
	if err != nil {
		return err
	}
	rated, err := rate(ctx, client, job, marks)
	if errors.Is(err, runflow.ErrPermissionDenied) {
		fmt.Fprintln(out, "not rated: an API key cannot set feedback")
	} else if err != nil {
		return err
	}
	return report(ctx, out, client, batch, rated)
}

// readCSV returns the rows of a file, or of text if path is empty, as maps by the
// names of the columns.
func readCSV(path, text string, columns ...string) ([]map[string]string, error) {
	if path != "" {
		data, err := os.ReadFile(path) //nolint:gosec // the path is an argument of the command
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) == 0 || strings.Join(records[0], ",") != strings.Join(columns, ",") {
		return nil, fmt.Errorf("%s: the first line must be %s", path, strings.Join(columns, ","))
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, column := range columns {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// watch waits for the batch and shows its progress.
func watch(ctx context.Context, out io.Writer, client *runflow.Client, id string) (*runflow.Batch, error) {
	var batch *runflow.Batch
	for seen, err := range client.Batches.Watch(ctx, id, runflow.WaitBatchParams{MinInterval: 200 * time.Millisecond, MaxInterval: 5 * time.Second}) {
		if _, ok := errors.AsType[*runflow.BatchError](err); ok {
			break // the report shows it
		}
		if err != nil {
			return nil, err
		}
		batch = seen
		total, done := count(seen.ItemsTotal), count(seen.ItemsSucceeded)+count(seen.ItemsFailed)+count(seen.ItemsCancelled)
		fmt.Fprintf(out, "\r[%-25s] %d of %d", strings.Repeat("#", 25*done/max(total, 1)), done, total)
	}
	fmt.Fprintln(out)
	return batch, nil
}

func count(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// rate sets feedback on the runs of the named rows, and returns how many it rated.
// To repeat it after an interruption does no harm.
func rate(ctx context.Context, client *runflow.Client, job *job, marks []map[string]string) (int, error) {
	runs := map[string]string{} // by ClientRef
	for item, err := range client.Batches.AllItems(ctx, job.BatchID, runflow.ListBatchItemsParams{}) {
		if err != nil {
			return 0, err
		}
		if item.StatusCode == runflow.RunStatusSucceeded {
			runs[item.ClientRef] = item.RunID
		}
	}
	rated := 0
	for _, mark := range marks {
		runID := runs[job.ref(mark["name"])]
		if runID == "" {
			continue
		}
		feedback := runflow.Feedback{Rating: runflow.ThumbsUp, Reason: mark["reason"]}
		if mark["rating"] == "down" {
			feedback.Rating = runflow.ThumbsDown
		}
		if _, err := client.Runs.SetFeedback(ctx, runID, feedback); err != nil {
			return rated, err
		}
		rated++
	}
	return rated, nil
}

// report prints the results, the failures by reason, and the exact cost.
func report(ctx context.Context, out io.Writer, client *runflow.Client, batch *runflow.Batch, rated int) error {
	var sum decimal.Decimal
	for item, err := range client.Batches.AllItems(ctx, batch.ID, runflow.ListBatchItemsParams{SortBy: "sequence_index:asc"}) {
		if err != nil {
			return err
		}
		sum = sum.Add(item.Cost.Decimal)
		if item.StatusCode != runflow.RunStatusSucceeded {
			fmt.Fprintf(out, "%s: %s %s\n", item.ClientRef[strings.Index(item.ClientRef, "/")+1:], item.StatusCode, item.Error)
		}
	}
	fmt.Fprintf(out, "batch %s: %s, %d succeeded, %d failed, %d cancelled, %d rated\n", batch.ID, batch.StatusCode,
		count(batch.ItemsSucceeded), count(batch.ItemsFailed), count(batch.ItemsCancelled), rated)
	fmt.Fprintf(out, "cost: %s US dollars\n", sum)
	return nil
}
