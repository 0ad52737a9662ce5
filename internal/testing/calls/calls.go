// Package calls contains one call of each method of the SDK. The calls share their
// arguments. The package is for tests only.
package calls

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
)

// Args are the arguments of all calls. Calls share them and must not change them.
type Args struct {
	RunID, Model, Workflow string

	IDs IDs

	Create   runflow.CreateRunParams
	Feedback runflow.Feedback
	GetRun   runflow.GetRunParams
	ListRuns runflow.ListRunsParams
	ListLogs runflow.ListRunLogsParams
	Wait     runflow.WaitRunParams
	File     runflow.OutputFile

	Batch      runflow.CreateBatchParams
	Evaluation runflow.CreateEvaluationParams
	Upload     runflow.UploadParams
	Path       string // of a file to upload
}

// IDs are the IDs of the resources that have no name of their own.
type IDs struct {
	Asset, Batch, BatchItem, Evaluation, RunEvaluation     string
	Webhook, WebhookDelivery, WebhookAttempt, WebhookEvent string
	CallbackSecret, Workflow                               string
}

// New returns arguments whose slices have a larger capacity than length, so that an
// append to one would be noticed.
func New(runID, model, workflow string, file runflow.OutputFile) *Args {
	fields := append(make([]string, 0, 8), "id", "status_code")
	embed := append(make([]runflow.RunEmbed, 0, 8), runflow.RunEmbedModel)
	return &Args{
		RunID: runID, Model: model, Workflow: workflow,
		IDs: IDs{
			Asset: "1", Batch: "1", BatchItem: "1", Evaluation: "1", RunEvaluation: "1",
			Webhook: "1", WebhookDelivery: "1", WebhookAttempt: "1", WebhookEvent: "1",
			CallbackSecret: "1", Workflow: "1",
		},
		Create: runflow.CreateRunParams{
			Input:     map[string]any{"prompt": "a cat", "nested": map[string]any{"list": []any{1, "two"}}},
			Metadata:  map[string]any{"user": "ann"},
			ClientRef: "order-42",
		},
		Feedback: runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp"},
		GetRun:   runflow.GetRunParams{Embed: embed, Fields: fields},
		ListRuns: runflow.ListRunsParams{Limit: 2, SortBy: "created_at:desc", Fields: fields, Embed: embed},
		ListLogs: runflow.ListRunLogsParams{Limit: 2, Fields: append(make([]string, 0, 8), "id")},
		Wait:     runflow.WaitRunParams{MinInterval: 100 * time.Millisecond, MaxInterval: 100 * time.Millisecond, Embed: embed},
		File:     file,

		Batch: runflow.CreateBatchParams{
			Inputs: append(make([]runflow.BatchInput, 0, 8),
				runflow.BatchInput{Input: map[string]any{"prompt": "a cat"}, ClientRef: "row-1"},
				runflow.BatchInput{Input: map[string]any{"prompt": "a dog"}, ClientRef: "row-2"}),
			Metadata: map[string]any{"user": "ann"},
		},
		Evaluation: runflow.CreateEvaluationParams{
			GeneratedImageURL: "https://example.com/cat.png", TaskType: "generation", TaskDescription: "a cat",
			GenerationPrompt: "a cat", EvaluationInstructions: "look at the ears",
			InputAttributes: map[string]any{"style": "plain"},
		},
		Upload: runflow.UploadParams{Filename: "cat.png", MIMEType: "image/png"},
	}
}

// A Call calls one method. An option about retries is left out if the method
// refuses it.
type Call struct {
	Name string
	// Waits reports whether the method polls, and so refuses retry options.
	Waits bool
	Make  func(ctx context.Context, client *runflow.Client, args *Args, opts ...runflow.CallOption) error
}

// All returns a call of each method.
func All() []Call {
	type (
		ctx    = context.Context
		client = *runflow.Client
		args   = *Args
		option = runflow.CallOption
	)
	return []Call{
		{Name: "Client.Do", Make: func(x ctx, c client, a args, o ...option) error {
			var run runflow.Run
			return c.Do(x, "GET", "/v1/runs/"+a.RunID, nil, &run, o...)
		}},
		{Name: "Runs.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.Get(x, a.RunID, a.GetRun, o...))
		}},
		{Name: "Runs.List", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.List(x, a.ListRuns, o...))
		}},
		{Name: "Runs.All", Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Runs.All(x, a.ListRuns, o...))
		}},
		{Name: "Runs.FindByClientRef", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.FindByClientRef(x, a.Create.ClientRef, o...))
		}},
		{Name: "Runs.SetFeedback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.SetFeedback(x, a.RunID, a.Feedback, o...))
		}},
		{Name: "Runs.ClearFeedback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.ClearFeedback(x, a.RunID, o...))
		}},
		{Name: "Runs.ListLogs", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.ListLogs(x, a.RunID, a.ListLogs, o...))
		}},
		{Name: "Runs.AllLogs", Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Runs.AllLogs(x, a.RunID, a.ListLogs, o...))
		}},
		{Name: "Runs.GetLog", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.GetLog(x, a.RunID, "1", o...))
		}},
		{Name: "Runs.ListNodeRuns", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.ListNodeRuns(x, a.RunID, runflow.ListNodeRunsParams{Limit: 2}, o...))
		}},
		{Name: "Runs.AllNodeRuns", Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Runs.AllNodeRuns(x, a.RunID, runflow.ListNodeRunsParams{Limit: 2}, o...))
		}},
		{Name: "Runs.GetNodeRun", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.GetNodeRun(x, a.RunID, "1", o...))
		}},
		{Name: "Runs.ListCallbackDeliveries", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.ListCallbackDeliveries(x, a.RunID, runflow.ListCallbackDeliveriesParams{}, o...))
		}},
		{Name: "Runs.RedeliverCallback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.RedeliverCallback(x, a.RunID, o...))
		}},
		{Name: "Runs.Wait", Waits: true, Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.Wait(x, a.RunID, a.Wait, o...))
		}},
		{Name: "Runs.Watch", Waits: true, Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Runs.Watch(x, a.RunID, a.Wait, o...))
		}},
		{Name: "Runs.Download", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.Download(x, a.File, io.Discard, runflow.DownloadParams{}, o...))
		}},
		{Name: "Models.CreateRun", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Models.CreateRun(x, a.Model, a.Create, o...))
		}},
		{Name: "Models.RunAndWait", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Models.RunAndWait(x, a.Model, a.Create, a.Wait, o...))
		}},
		{Name: "Models.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Models.Get(x, a.Model, runflow.GetModelParams{}, o...))
		}},
		{Name: "Models.List", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Models.List(x, runflow.ListModelsParams{Limit: 2}, o...))
		}},
		{Name: "Models.All", Make: func(x ctx, c client, _ args, o ...option) error {
			return iterate(c.Models.All(x, runflow.ListModelsParams{Limit: 2}, o...))
		}},
		{Name: "Models.ListPricing", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Models.ListPricing(x, "1", runflow.ListPricingParams{Limit: 2}, o...))
		}},
		{Name: "Models.AllPricing", Make: func(x ctx, c client, _ args, o ...option) error {
			return iterate(c.Models.AllPricing(x, "1", runflow.ListPricingParams{Limit: 2}, o...))
		}},
		{Name: "Models.GetExample", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Models.GetExample(x, "1", "1", o...))
		}},
		{Name: "ComfyuiWorkflows.CreateRun", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.CreateRun(x, a.Workflow, a.Create, o...))
		}},
		{Name: "ComfyuiWorkflows.RunAndWait", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.RunAndWait(x, a.Workflow, a.Create, a.Wait, o...))
		}},
		{Name: "ComfyuiWorkflows.Get", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.Get(x, "1", runflow.GetWorkflowParams{}, o...))
		}},
		{Name: "ComfyuiWorkflows.GetBySlug", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.GetBySlug(x, a.Workflow, runflow.GetWorkflowParams{}, o...))
		}},
		{Name: "ComfyuiWorkflows.List", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.List(x, runflow.ListWorkflowsParams{Limit: 2}, o...))
		}},
		{Name: "ComfyuiWorkflows.All", Make: func(x ctx, c client, _ args, o ...option) error {
			return iterate(c.ComfyuiWorkflows.All(x, runflow.ListWorkflowsParams{Limit: 2}, o...))
		}},
		{Name: "ComfyuiWorkflows.ListRuns", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.ListRuns(x, a.Workflow, a.ListRuns, o...))
		}},
		{Name: "ComfyuiWorkflows.AllRuns", Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.ComfyuiWorkflows.AllRuns(x, a.Workflow, a.ListRuns, o...))
		}},
		{Name: "Runs.ListStatuses", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Runs.ListStatuses(x, o...))
		}},
		{Name: "Runs.ListEvaluations", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.ListEvaluations(x, a.RunID, runflow.ListRunEvaluationsParams{}, o...))
		}},
		{Name: "Runs.SetEvaluationFeedback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.SetEvaluationFeedback(x, a.RunID, a.IDs.RunEvaluation, a.Feedback, o...))
		}},
		{Name: "Runs.ClearEvaluationFeedback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Runs.ClearEvaluationFeedback(x, a.RunID, a.IDs.RunEvaluation, o...))
		}},
		{Name: "Models.CreateBatch", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Models.CreateBatch(x, a.Model, a.Batch, o...))
		}},
		{Name: "ComfyuiWorkflows.Create", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.Create(x, runflow.CreateWorkflowParams{Name: "swap", WorkflowJSON: map[string]any{}}, o...))
		}},
		{Name: "ComfyuiWorkflows.Update", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.Update(x, a.IDs.Workflow, runflow.UpdateWorkflowParams{Description: new("new")}, o...))
		}},
		{Name: "ComfyuiWorkflows.Delete", Make: func(x ctx, c client, a args, o ...option) error {
			return c.ComfyuiWorkflows.Delete(x, a.IDs.Workflow, o...)
		}},
		{Name: "ComfyuiWorkflows.ListInputs", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.ListInputs(x, a.IDs.Workflow, runflow.ListWorkflowInputsParams{Limit: 2}, o...))
		}},
		{Name: "ComfyuiWorkflows.CreateInput", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.ComfyuiWorkflows.CreateInput(x, a.IDs.Workflow, runflow.WorkflowInputParams{Name: "image"}, o...))
		}},
		{Name: "Assets.Upload", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Assets.Upload(x, strings.NewReader("picture"), a.Upload, o...))
		}},
		{Name: "Assets.UploadFile", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Assets.UploadFile(x, a.Path, a.Upload, o...))
		}},
		{Name: "Assets.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Assets.Get(x, a.IDs.Asset, runflow.GetAssetParams{}, o...))
		}},
		{Name: "Assets.ListTypes", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Assets.ListTypes(x, o...))
		}},
		{Name: "Batches.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Batches.Get(x, a.IDs.Batch, runflow.GetBatchParams{}, o...))
		}},
		{Name: "Batches.ListItems", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Batches.ListItems(x, a.IDs.Batch, runflow.ListBatchItemsParams{Limit: 2}, o...))
		}},
		{Name: "Batches.AllItems", Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Batches.AllItems(x, a.IDs.Batch, runflow.ListBatchItemsParams{Limit: 2}, o...))
		}},
		{Name: "Batches.GetItem", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Batches.GetItem(x, a.IDs.Batch, a.IDs.BatchItem, o...))
		}},
		{Name: "Batches.ListCallbackDeliveries", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Batches.ListCallbackDeliveries(x, a.IDs.Batch, runflow.ListCallbackDeliveriesParams{}, o...))
		}},
		{Name: "Batches.RedeliverCallback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Batches.RedeliverCallback(x, a.IDs.Batch, o...))
		}},
		{Name: "Batches.Wait", Waits: true, Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Batches.Wait(x, a.IDs.Batch, a.waitBatch(), o...))
		}},
		{Name: "Batches.Watch", Waits: true, Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Batches.Watch(x, a.IDs.Batch, a.waitBatch(), o...))
		}},
		{Name: "Evaluations.Create", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Evaluations.Create(x, a.Evaluation, o...))
		}},
		{Name: "Evaluations.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Evaluations.Get(x, a.IDs.Evaluation, runflow.GetEvaluationParams{}, o...))
		}},
		{Name: "Evaluations.SetFeedback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Evaluations.SetFeedback(x, a.IDs.Evaluation, a.Feedback, o...))
		}},
		{Name: "Evaluations.ClearFeedback", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Evaluations.ClearFeedback(x, a.IDs.Evaluation, o...))
		}},
		{Name: "Evaluations.ListJobClasses", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Evaluations.ListJobClasses(x, o...))
		}},
		{Name: "Evaluations.ListStatuses", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Evaluations.ListStatuses(x, o...))
		}},
		{Name: "Evaluations.Wait", Waits: true, Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Evaluations.Wait(x, a.IDs.Evaluation, a.waitEvaluation(), o...))
		}},
		{Name: "Webhooks.List", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Webhooks.List(x, runflow.ListWebhooksParams{Limit: 2}, o...))
		}},
		{Name: "Webhooks.All", Make: func(x ctx, c client, _ args, o ...option) error {
			return iterate(c.Webhooks.All(x, runflow.ListWebhooksParams{Limit: 2}, o...))
		}},
		{Name: "Webhooks.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.Get(x, a.IDs.Webhook, runflow.GetWebhookParams{}, o...))
		}},
		{Name: "Webhooks.Create", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Webhooks.Create(x, runflow.CreateWebhookParams{URL: "https://example.com/hook", Secret: "a-secret-of-a-webhook"}, o...))
		}},
		{Name: "Webhooks.Update", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.Update(x, a.IDs.Webhook, runflow.UpdateWebhookParams{URL: "https://example.com/hook"}, o...))
		}},
		{Name: "Webhooks.Delete", Make: func(x ctx, c client, a args, o ...option) error {
			return c.Webhooks.Delete(x, a.IDs.Webhook, o...)
		}},
		{Name: "Webhooks.ListEventTypes", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Webhooks.ListEventTypes(x, o...))
		}},
		{Name: "Webhooks.GetEventType", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.GetEventType(x, a.IDs.WebhookEvent, o...))
		}},
		{Name: "Webhooks.ListDeliveries", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.ListDeliveries(x, a.IDs.Webhook, runflow.ListWebhookDeliveriesParams{Limit: 2}, o...))
		}},
		{Name: "Webhooks.AllDeliveries", Make: func(x ctx, c client, a args, o ...option) error {
			return iterate(c.Webhooks.AllDeliveries(x, a.IDs.Webhook, runflow.ListWebhookDeliveriesParams{Limit: 2}, o...))
		}},
		{Name: "Webhooks.GetDelivery", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.GetDelivery(x, a.IDs.Webhook, a.IDs.WebhookDelivery, o...))
		}},
		{Name: "Webhooks.ListAttempts", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.ListAttempts(x, a.IDs.Webhook, a.IDs.WebhookDelivery, runflow.ListWebhookAttemptsParams{Limit: 2}, o...))
		}},
		{Name: "Webhooks.GetAttempt", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.Webhooks.GetAttempt(x, a.IDs.Webhook, a.IDs.WebhookDelivery, a.IDs.WebhookAttempt, o...))
		}},
		{Name: "CallbackSecrets.Create", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.CallbackSecrets.Create(x, runflow.CreateCallbackSecretParams{Label: "new"}, o...))
		}},
		{Name: "CallbackSecrets.Get", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.CallbackSecrets.Get(x, a.IDs.CallbackSecret, o...))
		}},
		{Name: "CallbackSecrets.Update", Make: func(x ctx, c client, a args, o ...option) error {
			return errOf(c.CallbackSecrets.Update(x, a.IDs.CallbackSecret, runflow.UpdateCallbackSecretParams{IsCurrent: true}, o...))
		}},
		{Name: "Account.Me", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Account.Me(x, runflow.GetAccountParams{}, o...))
		}},
		{Name: "Billing.GetBalance", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Billing.GetBalance(x, o...))
		}},
		{Name: "Billing.SetLowBalanceThreshold", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Billing.SetLowBalanceThreshold(x, runflow.SetLowBalanceThresholdParams{Threshold: decimal.NewFromInt(5)}, o...))
		}},
		{Name: "Health.Check", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Health.Check(x, o...))
		}},
		{Name: "Health.Ready", Make: func(x ctx, c client, _ args, o ...option) error {
			return errOf(c.Health.Ready(x, o...))
		}},
	}
}

func (a *Args) waitBatch() runflow.WaitBatchParams {
	return runflow.WaitBatchParams{MinInterval: a.Wait.MinInterval, MaxInterval: a.Wait.MaxInterval, ErrorTimeout: a.Wait.ErrorTimeout}
}

func (a *Args) waitEvaluation() runflow.WaitEvaluationParams {
	return runflow.WaitEvaluationParams{MinInterval: a.Wait.MinInterval, MaxInterval: a.Wait.MaxInterval, ErrorTimeout: a.Wait.ErrorTimeout}
}

func errOf[T any](_ T, err error) error { return err }

// iterate uses up to three items of an iterator.
func iterate[T any](items iter.Seq2[T, error]) error {
	n := 0
	for _, err := range items {
		if err != nil {
			return err
		}
		if n++; n == 3 {
			break
		}
	}
	return nil
}
