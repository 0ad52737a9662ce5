package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func ExampleModelsService_CreateBatch() {
	server, _ := newServer()
	defer server.Close()
	server.Script("acme/tag-removal", func(run *runflow.Run) {
		if strings.Contains(run.Input.String(), "broken") {
			runflowtest.StepFail("BAD_IMAGE", runflow.FailureStageExecution, "the image cannot be decoded")(run)
			return
		}
		runflowtest.StepSucceed(map[string]any{"image_urls": []string{"https://storage.runflow.io/a.webp"}})(run)
		run.Cost = decimal.NewNullDecimal(decimal.RequireFromString("0.0420"))
	})
	ctx, client := context.Background(), newClient(server)

	batch, err := client.Models.CreateBatch(ctx, "acme/tag-removal", runflow.CreateBatchParams{
		Inputs: []runflow.BatchInput{
			{Input: map[string]any{"image": "https://example.com/shirt.png"}, ClientRef: "row-1"},
			{Input: map[string]any{"image": "https://example.com/broken.png"}, ClientRef: "row-2"},
		},
	})
	if errors.Is(err, runflow.ErrInsufficientCredit) {
		log.Fatal("not enough credit: no run was created")
	} else if err != nil {
		log.Fatal(err)
	}
	batch, err = client.Batches.Wait(ctx, batch.ID, runflow.WaitBatchParams{})
	if err != nil {
		log.Fatal(err) // a *BatchError if the batch failed or was cancelled
	}
	fmt.Println(batch.StatusCode, *batch.ItemsSucceeded, "of", *batch.ItemsTotal, "for", batch.Cost.Decimal, "US dollars")
	for item, err := range client.Batches.AllItems(ctx, batch.ID, runflow.ListBatchItemsParams{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(item.ClientRef, item.StatusCode, len(item.OutputFiles()), "files")
	}
	// Output:
	// partial_succeeded 1 of 2 for 0.042 US dollars
	// row-1 succeeded 1 files
	// row-2 failed 0 files
}

func ExampleBatchesService_Watch() {
	server, _ := newServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)
	batch, err := client.Models.CreateBatch(ctx, "acme/tag-removal", runflow.CreateBatchParams{
		Inputs: []runflow.BatchInput{{Input: map[string]any{"image": "https://example.com/shirt.png"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server.FinishBatch(batch.ID)

	for batch, err := range client.Batches.Watch(ctx, batch.ID, runflow.WaitBatchParams{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.StatusCode, *batch.ItemsSucceeded, "of", *batch.ItemsTotal)
	}
	// Output: succeeded 1 of 1
}

func ExampleEvaluationsService_Create() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.ScriptEvaluations(func(e *runflow.Evaluation) {
		e.StatusCode, e.OverallPassed, e.WeightedPassRate = runflow.EvaluationStatusCompleted, new(false), new(0.6)
		e.TopIssues = []string{"six fingers"}
	})
	ctx, client := context.Background(), newClient(server)

	evaluation, err := client.Evaluations.Create(ctx, runflow.CreateEvaluationParams{
		GeneratedImageURL: "https://example.com/headshot.png",
		TaskType:          "headshot",
		GenerationPrompt:  "studio lighting, neutral background",
	})
	if err != nil {
		log.Fatal(err)
	}
	evaluation, err = client.Evaluations.Wait(ctx, evaluation.ID, runflow.WaitEvaluationParams{})
	if err != nil {
		log.Fatal(err) // an *EvaluationError if there is no verdict
	}
	fmt.Println(*evaluation.OverallPassed, *evaluation.WeightedPassRate, evaluation.TopIssues)
	// Output: false 0.6 [six fingers]
}

// Unlike feedback on a run, feedback on an evaluation can be set with an API key.
func ExampleEvaluationsService_SetFeedback() {
	server := runflowtest.NewServer()
	defer server.Close()
	ctx := context.Background()
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	evaluation, err := client.Evaluations.Create(ctx, runflow.CreateEvaluationParams{
		GeneratedImageURL: "https://example.com/headshot.png",
		TaskType:          "headshot",
	})
	if err != nil {
		log.Fatal(err)
	}
	server.FinishEvaluation(evaluation.ID)

	evaluation, err = client.Evaluations.SetFeedback(ctx, evaluation.ID, runflow.Feedback{Rating: runflow.ThumbsDown, Reason: "the hand is fine"})
	if err != nil {
		log.Fatal(err)
	}
	feedback, ok := evaluation.Feedback()
	fmt.Println(ok, feedback.Rating, feedback.Reason)
	// Output: true down the hand is fine
}

func ExampleWebhooksService_Create() {
	server := runflowtest.NewServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	webhook, err := client.Webhooks.Create(ctx, runflow.CreateWebhookParams{
		URL:    "https://example.com/runflow",
		Secret: "a long random text",
		Extra:  map[string]any{"event_subscriptions": []map[string]string{{"event_type_code": "run.completed"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(webhook.URL, webhook.SecretFingerprint != "") // the API never returns the secret
	// Output: https://example.com/runflow true
}

func ExampleCallbackSecretsService_Create() {
	server := runflowtest.NewServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	secret, err := client.CallbackSecrets.Create(ctx, runflow.CreateCallbackSecretParams{Label: "production"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(secret.Label, secret.PlainSecret) // it prints without its text
	verifier, err := callback.NewVerifier(secret.PlainSecret.Text())
	fmt.Println(verifier != nil, err)
	// Output:
	// production [redacted]
	// true <nil>
}

func ExampleAccountService_Me() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddAPIKey("rf_live_0123456789", server.OrgID, "runs:create", "runs:read")
	ctx := context.Background()
	client, err := runflow.NewClient("rf_live_0123456789", runflow.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	account, err := client.Account.Me(ctx, runflow.GetAccountParams{Embed: []runflow.AccountEmbed{runflow.AccountEmbedMemberships}})
	if errors.Is(err, runflow.ErrUnauthorized) {
		log.Fatal("the token is not valid")
	} else if err != nil {
		log.Fatal(err)
	}
	for _, membership := range account.Memberships {
		fmt.Println(membership.RoleCode, membership.Scopes)
	}
	// Output: member [runs:create runs:read]
}

func ExampleBillingService_SetLowBalanceThreshold() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.SetBalance(server.OrgID, decimal.RequireFromString("12.4500"))
	ctx, client := context.Background(), newClient(server)

	balance, err := client.Billing.GetBalance(ctx)
	if err != nil {
		log.Fatal(err)
	}
	params := runflow.SetLowBalanceThresholdParams{Threshold: decimal.NewFromInt(20), UpdatedAt: balance.UpdatedAt}
	balance, err = client.Billing.SetLowBalanceThreshold(ctx, params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(balance.Balance, balance.Balance.LessThan(balance.LowBalanceThreshold.Decimal))

	_, err = client.Billing.SetLowBalanceThreshold(ctx, params)
	fmt.Println(errors.Is(err, runflow.ErrConflict)) // the balance has changed since UpdatedAt
	// Output:
	// 12.45 true
	// true
}

func ExampleHealthService_Check() {
	server := runflowtest.NewServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	health, err := client.Health.Check(ctx, runflow.WithMaxRetries(0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(health.Status)
	// Output: ok
}

func ExampleComfyuiWorkflowsService_Create() {
	server := runflowtest.NewServer()
	defer server.Close()
	ctx, client := context.Background(), newClient(server)

	workflow, err := client.ComfyuiWorkflows.Create(ctx, runflow.CreateWorkflowParams{
		Name:         "Face swap",
		Slug:         "face-swap",
		WorkflowJSON: runflow.JSON(`{"12":{"class_type":"RunflowInputImage","inputs":{}}}`),
		Inputs: []runflow.WorkflowInputParams{
			{Name: "Face", VariableTypeCode: "image", IsRequired: true, ComfyuiNodeID: "12", ComfyuiFieldName: "image"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(workflow.Slug, workflow.Name)
	// Output: face-swap Face swap
}
