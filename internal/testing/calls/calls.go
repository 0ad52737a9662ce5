// Package calls contains one call of each method of the SDK. The calls share their
// arguments. The package is for tests only.
package calls

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/runflow-io/runflow-go"
)

// Args are the arguments of all calls. Calls share them and must not change them.
type Args struct {
	RunID, Model, Workflow string

	Create   runflow.CreateRunParams
	Feedback runflow.Feedback
	GetRun   runflow.GetRunParams
	ListRuns runflow.ListRunsParams
	ListLogs runflow.ListRunLogsParams
	Wait     runflow.WaitRunParams
	File     runflow.OutputFile
}

// New returns arguments whose slices have a larger capacity than length, so that an
// append to one would be noticed.
func New(runID, model, workflow string, file runflow.OutputFile) *Args {
	fields := append(make([]string, 0, 8), "id", "status_code")
	embed := append(make([]runflow.RunEmbed, 0, 8), runflow.RunEmbedModel)
	return &Args{
		RunID: runID, Model: model, Workflow: workflow,
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
	}
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
