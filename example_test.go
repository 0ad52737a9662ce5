package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// newServer starts an API with one run that is not rated yet.
func newServer() (server *runflowtest.Server, runID string) {
	server = runflowtest.NewServer()
	run := server.AddRun(runflow.Run{
		ID:         "0199a7b2-7c1e-7d3a-9f00-1c2d3e4f5a6b",
		StatusCode: runflow.RunStatusSucceeded,
		Output:     runflow.JSON(`{"image_urls":["https://storage.runflow.io/a.webp"]}`),
		Cost:       decimal.NewNullDecimal(decimal.RequireFromString("0.0420")),
		Model: &runflow.Model{
			Name:    "Tag removal",
			Pricing: []runflow.ModelPricing{{UnitCode: "image", Price: decimal.NewNullDecimal(decimal.RequireFromString("0.0420"))}},
		},
	})
	return server, run.ID
}

func ExampleNewClient() {
	client, err := runflow.NewClient("rf_live_0123456789",
		runflow.WithUserAgent("myapp/1.2"),
		runflow.WithMaxRetries(2),
		runflow.WithAttemptTimeout(10*time.Second),
	)
	fmt.Println(client, err) // it never prints its token
	// Output: runflow.Client(https://api.runflow.io) <nil>
}

func ExampleNewClient_badOptions() {
	_, err := runflow.NewClient("", runflow.WithBaseURL("http://example.com"))
	fmt.Println(err)
	// Output:
	// runflow: token: must not be empty, unless WithTokenSource is given
	// runflow: WithBaseURL: must not be plain http to a host that is not loopback, unless WithPlaintext is given
}

func ExampleRunsService_SetFeedback() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	run, err := client.Runs.SetFeedback(ctx, runID, runflow.Feedback{IsPositive: true, Reason: "sharp"})
	if err != nil {
		log.Fatal(err)
	}
	fb, rated := run.Feedback()
	fmt.Println(rated, fb.IsPositive, fb.Reason)
	// Output: true true sharp
}

// A backend that works with its own API key rates with the token of each user.
func ExampleRunsService_SetFeedback_perUser() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	backend, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	userJWT := server.UserToken
	fb := runflow.Feedback{IsPositive: false, Reason: "six fingers"}

	_, err = backend.Runs.SetFeedback(ctx, runID, fb)
	fmt.Println(errors.Is(err, runflow.ErrPermissionDenied)) // an API key may not rate

	run, err := backend.Runs.SetFeedback(ctx, runID, fb, runflow.WithToken(userJWT))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*run.FeedbackIsPositive, run.FeedbackReason)
	// Output:
	// true
	// false six fingers
}

func ExampleRunsService_ClearFeedback() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	run, err := client.Runs.ClearFeedback(ctx, runID)
	if err != nil {
		log.Fatal(err)
	}
	_, rated := run.Feedback()
	fmt.Println(rated)
	// Output: false
}

func ExampleRunsService_Get() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	run, err := client.Runs.Get(ctx, runID, &runflow.RunGetParams{
		Embed: []runflow.RunEmbed{runflow.RunEmbedModel},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode.IsTerminal(), run.Cost.Decimal)
	for _, price := range run.Model.Pricing {
		fmt.Println(run.Model.Name, price.Price.Decimal, "per", price.UnitCode)
	}
	// Output:
	// true 0.042
	// Tag removal 0.042 per image
}

func ExampleJSON_Decode() {
	run := runflow.Run{Output: runflow.JSON(`{"image_urls":["https://storage.runflow.io/a.webp"]}`)}
	var output struct {
		ImageURLs []string `json:"image_urls"`
	}
	if err := run.Output.Decode(&output); err != nil {
		log.Fatal(err)
	}
	fmt.Println(output.ImageURLs[0])
	// Output: https://storage.runflow.io/a.webp
}

func ExampleAPIError() {
	server, _ := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.Runs.Get(ctx, "no-such-run", nil)
	if errors.Is(err, runflow.ErrNotFound) {
		fmt.Println("not found")
	}
	if apiErr, ok := errors.AsType[*runflow.APIError](err); ok {
		fmt.Println(apiErr.StatusCode, apiErr.Code, apiErr.Attempts)
	}
	fmt.Println(err)
	// Output:
	// not found
	// 404 RUN_NOT_FOUND 1
	// runflow: Runs.Get: GET /v1/runs/{run_id}: 404 RUN_NOT_FOUND: no such run in this organization, attempts 1
}

func ExampleClient_With() {
	server, runID := newServer()
	defer server.Close()
	server.AddUser("token-of-ann", "another-organization", server.OrgID)
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	ann, err := client.With(runflow.WithToken("token-of-ann"), runflow.WithOrganization(server.OrgID))
	if err != nil {
		log.Fatal(err)
	}
	run, err := ann.Runs.SetFeedback(ctx, runID, runflow.Feedback{IsPositive: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*run.FeedbackIsPositive)
	// Output: true
}

func ExampleWithResponse() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	var resp runflow.Response
	_, err = client.Runs.Get(ctx, runID, &runflow.RunGetParams{Fields: []string{"status_code"}}, runflow.WithResponse(&resp))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, resp.Attempts, string(resp.Body))
	// Output: 200 1 {"status_code":"succeeded"}
}

// tracer stands for a tracing library's http.RoundTripper.
type tracer struct{ base http.RoundTripper }

func (t tracer) RoundTrip(req *http.Request) (*http.Response, error) {
	if call, ok := runflow.CallFromContext(req.Context()); ok {
		fmt.Println("span:", call.Method, call.Route, "attempt", call.Attempt)
	}
	return t.base.RoundTrip(req)
}

func ExampleCallFromContext() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL),
		runflow.WithHTTPClient(&http.Client{Transport: tracer{http.DefaultTransport}}))
	if err != nil {
		log.Fatal(err)
	}

	if _, err = client.Runs.Get(ctx, runID, nil); err != nil {
		log.Fatal(err)
	}
	// Output: span: GET /v1/runs/{run_id} attempt 1
}
