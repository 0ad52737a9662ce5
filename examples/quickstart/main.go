// Command quickstart is the first program of the README.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/runflow-io/runflow-go"
)

func main() {
	client, err := runflow.NewClient(os.Getenv("RUNFLOW_TOKEN")) // a user's token
	if err != nil {
		log.Fatal(err)
	}
	run, err := client.Runs.SetFeedback(context.Background(), os.Getenv("RUN_ID"), runflow.Feedback{
		IsPositive: true,
		Reason:     "sharp and on brand",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("rated", run.ID, run.StatusCode)
}
