package runflow_test

import (
	"bytes"
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

// newServer starts a fake API with one run that has no feedback.
func newServer() (server *runflowtest.Server, runID string) {
	server = runflowtest.NewServer()
	model := server.AddModel("acme/tag-removal", runflow.Model{
		Name:    "Tag removal",
		Pricing: []runflow.ModelPricing{{UnitCode: "image", Price: decimal.NewNullDecimal(decimal.RequireFromString("0.0420"))}},
	})
	run := server.AddRun(runflow.Run{
		ID:         "0199a7b2-7c1e-7d3a-9f00-1c2d3e4f5a6b",
		ModelID:    model.ID,
		StatusCode: runflow.RunStatusSucceeded,
		ClientRef:  "order-41",
		Output:     runflow.JSON(`{"image_urls":["https://storage.runflow.io/a.webp"]}`),
		Cost:       decimal.NewNullDecimal(decimal.RequireFromString("0.0420")),
	})
	return server, run.ID
}

// newClient returns a client of the fake API, with the token of a user.
func newClient(server *runflowtest.Server) *runflow.Client {
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleNewClient() {
	client, err := runflow.NewClient("rf_live_0123456789",
		runflow.WithUserAgent("myapp/1.2"),
		runflow.WithMaxRetries(2),
		runflow.WithAttemptTimeout(10*time.Second),
	)
	fmt.Println(client, err) // it prints without its token
	// Output: runflow.Client(https://api.runflow.io) <nil>
}

func ExampleNewClient_badOptions() {
	_, err := runflow.NewClient("", runflow.WithBaseURL("http://example.com"))
	fmt.Println(err)
	// Output:
	// runflow: token: must not be empty, unless WithTokenSource is given
	// runflow: WithBaseURL: must not be plain http to a host that is not loopback, unless WithInsecureHTTP is given
}

func ExampleRunsService_SetFeedback() {
	server, runID := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	run, err := client.Runs.SetFeedback(ctx, runID, runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp"})
	if err != nil {
		log.Fatal(err)
	}
	feedback, ok := run.Feedback()
	fmt.Println(ok, feedback.Rating, feedback.Reason)
	// Output: true up sharp
}

// A backend that has its own API key sets feedback with the token of the user who
// gives it.
func ExampleRunsService_SetFeedback_perUser() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	backend, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	userToken := server.UserToken
	feedback := runflow.Feedback{Rating: runflow.ThumbsDown, Reason: "six fingers"}

	_, err = backend.Runs.SetFeedback(ctx, runID, feedback)
	fmt.Println(errors.Is(err, runflow.ErrPermissionDenied)) // an API key is refused

	run, err := backend.Runs.SetFeedback(ctx, runID, feedback, runflow.WithToken(userToken))
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
	ctx, client := context.Background(), newClient(server)

	run, err := client.Runs.ClearFeedback(ctx, runID)
	if err != nil {
		log.Fatal(err)
	}
	_, ok := run.Feedback()
	fmt.Println(ok)
	// Output: false
}

func ExampleRunsService_Get() {
	server, runID := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	run, err := client.Runs.Get(ctx, runID, runflow.GetRunParams{
		Embed: []runflow.RunEmbed{runflow.RunEmbedModel},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode.IsTerminal(), "cost", run.Cost.Decimal)
	fmt.Println(run.Model.Name)
	// Output:
	// true cost 0.042
	// Tag removal
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
	ctx, client := context.Background(), newClient(server)

	_, err := client.Runs.Get(ctx, "no-such-run", runflow.GetRunParams{})
	if errors.Is(err, runflow.ErrNotFound) {
		fmt.Println("not found")
	}
	if apiErr, ok := errors.AsType[*runflow.APIError](err); ok {
		fmt.Println(apiErr.StatusCode, apiErr.Code, apiErr.Attempts)
	}
	// Output:
	// not found
	// 404 RUN_NOT_FOUND 1
}

func ExampleClient_With() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	server.AddUser("token-of-ann", server.OrgID)

	ann, err := client.With(runflow.WithToken("token-of-ann"), runflow.WithOrganization(server.OrgID))
	if err != nil {
		log.Fatal(err)
	}
	_, err = ann.Runs.SetFeedback(ctx, runID, runflow.Feedback{Rating: runflow.ThumbsUp})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_Do() {
	server, runID := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	var run struct {
		runflow.Run

		NewField string `json:"new_field"` // a field that the SDK does not have yet
	}
	err := client.Do(ctx, http.MethodGet, "/v1/runs/"+runID+"?embed=model", nil, &run)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode, run.Model.Name)
	// Output: succeeded Tag removal
}

func ExampleWithResponse() {
	server, runID := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	var resp runflow.Response
	_, err := client.Runs.Get(ctx, runID, runflow.GetRunParams{Fields: []string{"cost"}}, runflow.WithResponse(&resp))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, resp.Attempts, string(resp.Body))
	// Output: 200 1 {"id":"0199a7b2-7c1e-7d3a-9f00-1c2d3e4f5a6b","cost":"0.042"}
}

// A middleware sees every HTTP request. It can use the method and the route as the
// name of a span, because they have few different values. It must not record the
// URL, which may contain a signature.
func ExampleWithMiddleware() {
	server, runID := newServer()
	defer server.Close()
	ctx := context.Background()
	tracing := func(next http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if attempt, ok := runflow.AttemptFromContext(req.Context()); ok {
				fmt.Println("span:", attempt.Method, attempt.Route, "attempt", attempt.Number)
			}
			return next.RoundTrip(req)
		})
	}
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL), runflow.WithMiddleware(tracing))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Runs.ClearFeedback(ctx, runID)
	fmt.Println(err)
	// Output:
	// span: PATCH /v1/runs/{run_id}/feedback attempt 1
	// <nil>
}

// A roundTripperFunc is a function that is an http.RoundTripper.
type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func ExampleModelsService_CreateRun() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	run, err := client.Models.CreateRun(ctx, "acme/tag-removal", runflow.CreateRunParams{
		Input:     map[string]any{"image": "https://example.com/shirt.jpg"},
		ClientRef: "order-42",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode, run.ClientRef)
	// Output: queued order-42
}

// If the outcome of CreateRun is unknown, look for the run by its ClientRef. A new
// run may not be found at once. Create it again only if it does not appear.
func ExampleRunsService_FindByClientRef() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	server.InjectFault(1, runflowtest.Fault{AfterProcessing: true}) // the response is lost

	params := runflow.CreateRunParams{Input: map[string]any{"image": "https://example.com/shirt.jpg"}, ClientRef: "order-42"}
	run, err := client.Models.CreateRun(ctx, "acme/tag-removal", params)
	if errors.Is(err, runflow.ErrOutcomeUnknown) {
		runs, findErr := client.Runs.FindByClientRef(ctx, params.ClientRef)
		if len(runs) == 0 {
			log.Fatal(errors.Join(err, findErr)) // look again later
		}
		run, err = &runs[0], nil
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.ClientRef, len(server.Runs()))
	// Output: order-42 2
}

func ExampleWithIdempotencyKey() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	server.InjectFault(1, runflowtest.Fault{AfterProcessing: true}) // the response is lost

	params := runflow.CreateRunParams{Input: map[string]any{}}
	_, err := client.Models.CreateRun(ctx, "acme/tag-removal", params, runflow.WithIdempotencyKey("order-42"), runflow.WithRetryBackoff(1, 1))
	fmt.Println(err, len(server.Runs()))
	// Output: <nil> 2
}

func ExampleComfyuiWorkflowsService_CreateRun() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	server.AddWorkflow("acme/face-swap", runflow.ComfyuiWorkflow{Name: "Face swap"})

	run, err := client.ComfyuiWorkflows.CreateRun(ctx, "acme/face-swap", runflow.CreateRunParams{
		Input: map[string]any{"Aux Reference 1": "https://example.com/face.jpg"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode, run.TargetType)
	// Output: queued comfyui
}

func ExampleModelsService_RunAndWait() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	run, err := client.Models.RunAndWait(ctx, "acme/tag-removal", runflow.CreateRunParams{
		Input: map[string]any{"image": "https://example.com/shirt.jpg"},
	}, runflow.WaitRunParams{MinInterval: 100 * time.Millisecond, Timeout: 5 * time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.StatusCode, len(run.OutputFiles()))
	// Output: succeeded 1
}

func ExampleRunsService_Wait() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	server.Script("acme/tag-removal", runflowtest.StepFail("OUT_OF_MEMORY", runflow.FailureStageExecution, "the picture is too large"))
	run, err := client.Models.CreateRun(ctx, "acme/tag-removal", runflow.CreateRunParams{Input: map[string]any{}})
	if err != nil {
		log.Fatal(err)
	}

	run, err = client.Runs.Wait(ctx, run.ID, runflow.WaitRunParams{Timeout: 5 * time.Minute})
	if errors.Is(err, runflow.ErrRunFailed) {
		fmt.Println(run.FailureCode, "in", run.FailureStageCode)
	}
	// Output: OUT_OF_MEMORY in execution
}

func ExampleRunsService_Watch() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	run, err := client.Models.CreateRun(ctx, "acme/tag-removal", runflow.CreateRunParams{Input: map[string]any{}})
	if err != nil {
		log.Fatal(err)
	}

	for run, err := range client.Runs.Watch(ctx, run.ID, runflow.WaitRunParams{MinInterval: 100 * time.Millisecond}) {
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
	ctx, client := context.Background(), newClient(server)

	succeeded := runflow.Where("status_code").Eq(runflow.RunStatusSucceeded)
	total := decimal.Zero
	for run, err := range client.Runs.All(ctx, runflow.ListRunsParams{Filter: succeeded}) {
		if err != nil {
			log.Fatal(err)
		}
		total = total.Add(run.Cost.Decimal)
		fmt.Println(run.ID == runID)
	}
	fmt.Println("total:", total)
	// Output:
	// true
	// total: 0.042
}

func ExampleRunsService_List() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	page, err := client.Runs.List(ctx, runflow.ListRunsParams{Limit: 20, SortBy: "created_at:desc"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Items), page.Next == "") // page.Next is the Cursor of the next page
	// Output: 1 true
}

func ExampleRunsService_Download() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	url := server.AddFile("cat.txt", "text/plain", []byte("a cat"))
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded, Output: runflow.JSON(`"` + url + `"`)})

	files := run.OutputFiles()
	if len(files) == 0 {
		log.Fatal("the run has no output files")
	}
	var content bytes.Buffer
	info, err := client.Runs.Download(ctx, files[0], &content, runflow.DownloadParams{MaxBytes: 100 << 20})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Name, info.ContentType, info.Size, content.String())
	// Output: cat.txt text/plain 5 a cat
}

func ExampleModelsService_ListPricing() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	page, err := client.Models.ListPricing(ctx, runflow.AnyID, runflow.ListPricingParams{})
	if err != nil {
		log.Fatal(err)
	}
	for _, price := range page.Items {
		fmt.Println(price.Price.Decimal, "per", price.UnitCode)
	}
	// Output: 0.042 per image
}

func ExampleComfyuiWorkflowsService_GetBySlug() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	server.AddWorkflow("acme/face-swap", runflow.ComfyuiWorkflow{Name: "Face swap"})

	workflow, err := client.ComfyuiWorkflows.GetBySlug(ctx, "acme/face-swap", runflow.GetWorkflowParams{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(workflow.Name)
	// Output: Face swap
}

func ExampleWhere() {
	mine := runflow.Where("client_ref").Eq("order-42")
	failed := runflow.Where("status_code").Eq(runflow.RunStatusFailed)
	fmt.Println(mine.And(failed.Not()))
	// Output: client_ref.eq:'order-42' AND NOT status_code.eq:'failed'
}
