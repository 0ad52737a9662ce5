// Package calls is a call of each method that the services have, on what a caller
// hands in. It is for tests only.
package calls

import (
	"context"
	"io"
	"iter"

	"github.com/runflow-io/runflow-go"
)

// Given is what a caller hands in. Calls share it and leave it alone.
type Given struct {
	RunID, Model, Workflow string

	Request  *runflow.RunRequest
	Feedback runflow.Feedback
	Get      *runflow.RunGetParams
	List     *runflow.ListParams
	RunList  *runflow.RunListParams
	Wait     *runflow.WaitOptions
	Output   runflow.Output
}

// New returns something of everything, with slices that have room for more.
func New(runID, model, workflow string, output runflow.Output) *Given {
	list := runflow.ListParams{Limit: 2, SortBy: "created_at:desc", Fields: append(make([]string, 0, 8), "id")}
	embed := append(make([]runflow.RunEmbed, 0, 8), runflow.RunEmbedModel)
	return &Given{
		RunID: runID, Model: model, Workflow: workflow,
		Request: &runflow.RunRequest{
			Input:     map[string]any{"prompt": "a cat", "nested": map[string]any{"list": []any{1, "two"}}},
			Metadata:  map[string]any{"user": "ann"},
			ClientRef: "order-42",
		},
		Feedback: runflow.Feedback{IsPositive: true, Reason: "sharp"},
		Get:      &runflow.RunGetParams{Embed: embed, Fields: append(make([]string, 0, 8), "id", "status_code")},
		List:     &list,
		RunList:  &runflow.RunListParams{ListParams: list, Embed: embed},
		Wait:     &runflow.WaitOptions{MinInterval: 1, MaxInterval: 1, Embed: embed},
		Output:   output,
	}
}

// A Call calls one method.
type Call struct {
	Name string
	Make func(ctx context.Context, client *runflow.Client, given *Given, opts ...runflow.Option) error
}

// All returns a call of each method.
func All() []Call {
	type (
		ctx    = context.Context
		client = *runflow.Client
		given  = *Given
		option = runflow.Option
	)
	return []Call{
		{"Runs.Get", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.Get(x, g.RunID, g.Get, o...)) }},
		{"Runs.List", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.List(x, g.RunList, o...)) }},
		{"Runs.All", func(x ctx, c client, g given, o ...option) error { return walk(c.Runs.All(x, g.RunList, o...)) }},
		{"Runs.SetFeedback", func(x ctx, c client, g given, o ...option) error {
			return of(c.Runs.SetFeedback(x, g.RunID, g.Feedback, o...))
		}},
		{"Runs.ClearFeedback", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.ClearFeedback(x, g.RunID, o...)) }},
		{"Runs.Logs", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.Logs(x, g.RunID, g.List, o...)) }},
		{"Runs.AllLogs", func(x ctx, c client, g given, o ...option) error {
			return walk(c.Runs.AllLogs(x, g.RunID, g.List, o...))
		}},
		{"Runs.Log", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.Log(x, g.RunID, "1", o...)) }},
		{"Runs.NodeRuns", func(x ctx, c client, g given, o ...option) error {
			return of(c.Runs.NodeRuns(x, g.RunID, g.List, o...))
		}},
		{"Runs.AllNodeRuns", func(x ctx, c client, g given, o ...option) error {
			return walk(c.Runs.AllNodeRuns(x, g.RunID, g.List, o...))
		}},
		{"Runs.NodeRun", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.NodeRun(x, g.RunID, "1", o...)) }},
		{"Runs.CallbackDeliveries", func(x ctx, c client, g given, o ...option) error {
			return of(c.Runs.CallbackDeliveries(x, g.RunID, o...))
		}},
		{"Runs.RedeliverCallback", func(x ctx, c client, g given, o ...option) error {
			return of(c.Runs.RedeliverCallback(x, g.RunID, o...))
		}},
		{"Runs.Wait", func(x ctx, c client, g given, o ...option) error { return of(c.Runs.Wait(x, g.RunID, g.Wait, o...)) }},
		{"Runs.Watch", func(x ctx, c client, g given, o ...option) error { return walk(c.Runs.Watch(x, g.RunID, g.Wait, o...)) }},
		{"Runs.Download", func(x ctx, c client, g given, o ...option) error {
			return of(c.Runs.Download(x, g.Output, io.Discard, o...))
		}},
		{"Models.Run", func(x ctx, c client, g given, o ...option) error {
			return of(c.Models.Run(x, g.Model, g.Request, o...))
		}},
		{"Models.Get", func(x ctx, c client, g given, o ...option) error { return of(c.Models.Get(x, g.Model, o...)) }},
		{"Models.List", func(x ctx, c client, g given, o ...option) error { return of(c.Models.List(x, g.List, o...)) }},
		{"Models.All", func(x ctx, c client, g given, o ...option) error { return walk(c.Models.All(x, g.List, o...)) }},
		{"Models.Pricing", func(x ctx, c client, g given, o ...option) error { return of(c.Models.Pricing(x, "1", g.List, o...)) }},
		{"Models.AllPricing", func(x ctx, c client, g given, o ...option) error {
			return walk(c.Models.AllPricing(x, "1", g.List, o...))
		}},
		{"Models.Example", func(x ctx, c client, g given, o ...option) error { return of(c.Models.Example(x, "1", "1", o...)) }},
		{"ComfyuiWorkflows.Run", func(x ctx, c client, g given, o ...option) error {
			return of(c.ComfyuiWorkflows.Run(x, g.Workflow, g.Request, o...))
		}},
		{"ComfyuiWorkflows.Get", func(x ctx, c client, g given, o ...option) error { return of(c.ComfyuiWorkflows.Get(x, "1", o...)) }},
		{"ComfyuiWorkflows.GetBySlug", func(x ctx, c client, g given, o ...option) error {
			return of(c.ComfyuiWorkflows.GetBySlug(x, g.Workflow, o...))
		}},
		{"ComfyuiWorkflows.List", func(x ctx, c client, g given, o ...option) error {
			return of(c.ComfyuiWorkflows.List(x, g.List, o...))
		}},
		{"ComfyuiWorkflows.All", func(x ctx, c client, g given, o ...option) error {
			return walk(c.ComfyuiWorkflows.All(x, g.List, o...))
		}},
		{"ComfyuiWorkflows.Runs", func(x ctx, c client, g given, o ...option) error {
			return of(c.ComfyuiWorkflows.Runs(x, g.Workflow, g.List, o...))
		}},
		{"ComfyuiWorkflows.AllRuns", func(x ctx, c client, g given, o ...option) error {
			return walk(c.ComfyuiWorkflows.AllRuns(x, g.Workflow, g.List, o...))
		}},
	}
}

func of[T any](_ T, err error) error { return err }

// walk walks a list, but not to its end.
func walk[T any](list iter.Seq2[T, error]) error {
	n := 0
	for _, err := range list {
		if err != nil {
			return err
		}
		if n++; n == 3 {
			break
		}
	}
	return nil
}
