// Command search lists the failed runs of a day, and sums their cost exactly.
//
// Without any account it does so against a server of its own:
//
//	go run ./examples/search
//
// With an API key it does so on api.runflow.io, or wherever RUNFLOW_BASE_URL
// says:
//
//	RUNFLOW_TOKEN=… go run ./examples/search -day 2026-05-06
package main

import (
	"cmp"
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
		fmt.Println("no RUNFLOW_TOKEN: using an embedded server")
	}
	client, err := runflow.NewClient(token, runflow.WithBaseURL(cmp.Or(baseURL, "https://api.runflow.io")))
	if err != nil {
		return err
	}

	failed, err := runflow.Where("status_code").Eq(string(runflow.RunStatusFailed)).Query()
	if err != nil {
		return err
	}
	runs := client.Runs.All(ctx, &runflow.RunListParams{ListParams: runflow.ListParams{
		Query:  failed,
		SortBy: "created_at:desc",
		Fields: []string{"id", "created_at", "failure_code", "failure_message", "cost"},
		Limit:  500,
	}})
	n, cost := 0, decimal.Zero
	for run, err := range runs {
		if err != nil {
			return err
		}
		if run.CreatedAt == nil || !run.CreatedAt.Before(day.AddDate(0, 0, 1)) {
			continue
		}
		if run.CreatedAt.Before(day) {
			break // the newest come first: no page more is read
		}
		n++
		cost = cost.Add(run.Cost.Decimal) // 0 where it is not known
		fmt.Println(run.CreatedAt.Format(time.TimeOnly), run.ID, run.FailureCode, run.FailureMessage)
	}
	fmt.Printf("%d failed runs on %s cost %s credits\n", n, date, cost)
	return nil
}

// addRuns adds runs of some days, every third of which has failed.
func addRuns(server *runflowtest.Server, day time.Time) {
	for hour := -24; hour < 48; hour++ {
		created := day.Add(time.Duration(hour) * time.Hour)
		run := runflow.Run{
			CreatedAt:  &created,
			StatusCode: runflow.RunStatusSucceeded,
			Cost:       decimal.NewNullDecimal(decimal.RequireFromString("0.10")),
		}
		if hour%3 == 0 {
			run.StatusCode, run.FailureCode = runflow.RunStatusFailed, "OUT_OF_MEMORY"
		}
		server.AddRun(run)
	}
}
