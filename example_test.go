package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
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

func ExampleModelsService_Run() {
	server, _ := newServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	run, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{
		Input:     map[string]any{"prompt": "a cat"},
		ClientRef: "order-42", // to find the run by
	})
	if errors.Is(err, runflow.ErrAmbiguous) {
		log.Fatal("look for the run before you start another: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode, run.ClientRef)
	// Output: queued order-42
}

func ExampleWithIdempotencyKey() {
	server, _ := newServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	server.Fail(1, runflowtest.Fault{AfterWork: true}) // the run starts, and the answer gets lost
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL), runflow.WithRetryBackoff(time.Millisecond, time.Second))
	if err != nil {
		log.Fatal(err)
	}

	req := &runflow.RunRequest{Input: map[string]any{"prompt": "a cat"}}
	run, err := client.Models.Run(ctx, "acme/cat", req, runflow.WithIdempotencyKey("order-42"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode, len(server.Requests()), "requests,", len(server.Runs())-1, "run")
	// Output: queued 2 requests, 1 run
}

func ExampleComfyuiWorkflowsService_Run() {
	server, _ := newServer()
	defer server.Close()
	server.AddWorkflow("acme/face-swap", runflow.ComfyuiWorkflow{})
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	run, err := client.ComfyuiWorkflows.Run(ctx, "acme/face-swap", &runflow.RunRequest{
		Input: map[string]any{"Aux Reference 1": "https://example.com/face.png"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.TargetType, run.Input)
	// Output: comfyui {"Aux Reference 1":"https://example.com/face.png"}
}

func ExampleRunsService_Wait() {
	server, _ := newServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	server.Script("acme/cat", runflowtest.Fail("OUT_OF_MEMORY", runflow.FailureStageExecution, "the picture is too large"))
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	run, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: map[string]any{}})
	if err != nil {
		log.Fatal(err)
	}
	run, err = client.Runs.Wait(ctx, run.ID, &runflow.WaitOptions{Timeout: 5 * time.Minute})
	if errors.Is(err, runflow.ErrRunFailed) {
		fmt.Println(run.FailureCode, "in", run.FailureStageCode)
	}
	// Output: OUT_OF_MEMORY in execution
}

func ExampleRunsService_Watch() {
	server, _ := newServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	run, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: map[string]any{}})
	if err != nil {
		log.Fatal(err)
	}

	for run, err := range client.Runs.Watch(ctx, run.ID, &runflow.WaitOptions{MaxInterval: time.Millisecond}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(run.StatusCode)
	}
	// Output:
	// dispatching
	// running
	// succeeded
}

func ExampleRunsService_All() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	succeeded, err := runflow.Where("status_code").Eq("succeeded").Query()
	if err != nil {
		log.Fatal(err)
	}
	cost := decimal.Zero
	for run, err := range client.Runs.All(ctx, &runflow.RunListParams{ListParams: runflow.ListParams{Query: succeeded}}) {
		if err != nil {
			log.Fatal(err)
		}
		cost = cost.Add(run.Cost.Decimal)
		fmt.Println(run.ID == runID)
	}
	fmt.Println(cost)
	// Output:
	// true
	// 0.042
}

func ExampleRunsService_Download() {
	server, _ := newServer()
	defer server.Close()
	link := server.AddFile("cat.txt", "text/plain", []byte("a cat"))
	run := server.AddRun(runflow.Run{Output: runflow.JSON(`{"outputs":[{"url":"` + link + `","type":"text"}]}`)})
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	for _, output := range run.Outputs() {
		n, err := client.Runs.Download(ctx, output, os.Stdout)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("\n"+output.Type, n)
	}
	// Output:
	// a cat
	// text 5
}

func ExampleModelsService_Pricing() {
	server, _ := newServer()
	defer server.Close()
	price := decimal.NewNullDecimal(decimal.RequireFromString("0.042"))
	model := server.AddModel("acme/cat", runflow.Model{Pricing: []runflow.ModelPricing{{ID: "1", Price: price, UnitCode: "image"}}})
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	page, err := client.Models.Pricing(ctx, model.ID, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, rule := range page.Items {
		fmt.Println(rule.Price.Decimal, "per", rule.UnitCode)
	}
	// Output: 0.042 per image
}

func ExampleWhere() {
	mine := runflow.Where("client_ref").Eq("order-42")
	failed := runflow.Where("status_code").Eq("failed")
	query, err := mine.And(failed.Not()).Query()
	fmt.Println(query, err)

	_, err = runflow.Where("client_ref").Eq("it's").Query()
	fmt.Println(errors.Is(err, runflow.ErrInvalidArgument))
	// Output:
	// client_ref.eq:'order-42' AND NOT status_code.eq:'failed' <nil>
	// true
}

func ExampleCallbackVerifier_Handler() {
	server, _ := newServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	ctx := context.Background()
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	verifier, err := runflow.NewCallbackVerifier(server.CallbackSecret)
	if err != nil {
		log.Fatal(err)
	}
	hook := httptest.NewServer(verifier.Handler(func(_ context.Context, event *runflow.CallbackEvent) error {
		fmt.Println(event.Event, event.Status)
		return nil // an error makes Runflow deliver the event again
	}))
	defer hook.Close()

	run, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: map[string]any{}, CallbackURL: hook.URL})
	if err != nil {
		log.Fatal(err)
	}
	server.Finish(run.ID)
	server.WaitCallbacks()
	// Output: run.completed succeeded
}
