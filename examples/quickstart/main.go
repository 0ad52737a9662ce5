// Command quickstart is the first program of the README: it sets feedback on a run.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/runflow-io/runflow-go"
)

func main() {
	client, err := runflow.NewClient(os.Getenv("RUNFLOW_TOKEN")) // the token of a user
	if err != nil {
		log.Fatal(err)
	}
	run, err := client.Runs.SetFeedback(context.Background(), os.Getenv("RUN_ID"), runflow.Feedback{
		Rating: runflow.ThumbsUp,
		Reason: "sharp and on brand",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("set feedback on run", run.ID)
}
