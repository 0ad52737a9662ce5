// Command search lists the failed runs of a day and prints the exact sum of their
// costs.
//
// Without an account it uses a fake API that it starts itself:
//
//	go run ./examples/search
//
// With an API key it uses api.runflow.io, or the API at RUNFLOW_BASE_URL:
//
//	RUNFLOW_TOKEN=… go run ./examples/search -day 2026-05-06
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	day := flag.String("day", time.Now().UTC().Format(time.DateOnly), "`date` of the runs, in UTC")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := search(ctx, *day); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func search(ctx context.Context, date string) error {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return err
	}
	token, baseURL := os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL")
	if token == "" {
		server := runflowtest.NewServer()
		defer server.Close()
		addRuns(server, day)
		token, baseURL = server.APIKey, server.URL
		fmt.Println("RUNFLOW_TOKEN is not set: using a fake API")
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return err
	}

	runs := client.Runs.All(ctx, runflow.ListRunsParams{
		Filter: runflow.Where("status_code").Eq(runflow.RunStatusFailed),
		SortBy: "created_at:desc",
		Fields: []string{"id", "created_at", "failure_code", "failure_message", "cost"},
		Limit:  500,
	})
	n, cost := 0, decimal.Zero
	for run, err := range runs {
		if err != nil {
			return err
		}
		if !run.CreatedAt.Before(day.AddDate(0, 0, 1)) {
			continue
		}
		if run.CreatedAt.Before(day) {
			break // the newest runs come first, so no further page is needed
		}
		n++
		cost = cost.Add(run.Cost.Decimal) // 0 if it is unknown
		fmt.Println(run.CreatedAt.Format(time.TimeOnly), run.ID, run.FailureCode, run.FailureMessage)
	}
	fmt.Printf("%d failed runs on %s cost %s US dollars\n", n, date, cost)
	return nil
}

// addRuns adds runs for three days. Every third run has failed.
func addRuns(server *runflowtest.Server, day time.Time) {
	for hour := -24; hour < 48; hour++ {
		run := runflow.Run{
			CreatedAt:  day.Add(time.Duration(hour) * time.Hour),
			StatusCode: runflow.RunStatusSucceeded,
			Cost:       decimal.NewNullDecimal(decimal.RequireFromString("0.10")),
		}
		if hour%3 == 0 {
			run.StatusCode, run.FailureCode = runflow.RunStatusFailed, "OUT_OF_MEMORY"
		}
		server.AddRun(run)
	}
}
