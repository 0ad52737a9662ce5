package runflowotel_test

import (
	"context"
	"fmt"
	"log"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowotel"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func ExampleMiddleware() {
	server := runflowtest.NewServer() // in place of the API
	defer server.Close()
	run := server.AddRun(runflow.Run{})
	server.InjectFault(1, runflowtest.Fault{Status: 503})

	spans := tracetest.NewSpanRecorder() // a program has an exporter
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(1, 1),
		runflow.WithMiddleware(runflowotel.Middleware(runflowotel.WithTracerProvider(tracers))))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Runs.SetFeedback(context.Background(), run.ID, runflow.Feedback{Rating: runflow.ThumbsUp}); err != nil {
		log.Fatal(err)
	}
	for _, span := range spans.Ended() {
		fmt.Println(span.Name(), span.Status().Code)
	}
	// Output:
	// PATCH /v1/runs/{run_id}/feedback Error
	// PATCH /v1/runs/{run_id}/feedback Unset
}
