package main

import (
	"context"
	"reflect"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// A binding says how the SDK uses an endpoint.
type binding struct {
	endpoint *endpoint.Endpoint
	result   reflect.Type // of the response, or of an item of it; nil if the SDK does not decode the response
	isList   bool         // the response is a list of results
	needs    []string     // members of a result without which the method fails; "id|run_id" means one of both
	limits   []limit      // of what the SDK sends
	calls    []call       // the first with all params, the others with other choices
}

// A call calls the method of a binding.
type call func(ctx context.Context, c *runflow.Client) error

// one is a binding whose response is a T.
func one[T any](e *endpoint.Endpoint, needs string, calls ...call) binding {
	return binding{endpoint: e, result: reflect.TypeFor[T](), needs: strings.Fields(needs), calls: calls}
}

// list is a binding whose response is a list of T.
func list[T any](e *endpoint.Endpoint, calls ...call) binding {
	return binding{endpoint: e, result: reflect.TypeFor[T](), isList: true, calls: calls}
}

// nothing is a binding whose response is not decoded.
func nothing(e *endpoint.Endpoint, calls ...call) binding {
	return binding{endpoint: e, calls: calls}
}

// within adds the limits of the SDK.
func (b binding) within(limits ...limit) binding {
	b.limits = limits
	return b
}

// finding adds members of the items that the method itself uses.
func (b binding) finding(needs string) binding {
	b.needs = strings.Fields(needs)
	return b
}

// An uploadSession is the response that the SDK decodes when it opens an upload.
type uploadSession struct {
	AssetID   string `json:"asset_id"`
	UploadURL string `json:"upload_url"`
}

func errOf[T any](_ T, err error) error { return err }

// bindings returns the binding of each endpoint.
func bindings() []binding {
	var all []binding
	for _, group := range [][]binding{
		runBindings(), modelBindings(), workflowBindings(), assetBindings(), batchBindings(),
		evaluationBindings(), webhookBindings(), secretBindings(), accountBindings(),
	} {
		all = append(all, group...)
	}
	return all
}

// What all lists share.
const (
	pageSize = 500
	cursor   = "?from_prev=true&pq=token" // both parameters of a cursor
	sortBy   = "created_at:desc"
)

var fields = []string{"id", "created_at"}

func filter() runflow.Filter { return runflow.Where("client_ref").Eq("label") }

// Values of the caller: an object, and any value.
var object = map[string]any{}

type (
	ctx    = context.Context
	client = *runflow.Client
)

func runBindings() []binding {
	embed := enumOf[runflow.RunEmbed]()
	all := runflow.ListRunsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: embed, AddSignature: true}
	logs := runflow.ListRunLogsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: enumOf[runflow.RunLogEmbed]()}
	nodes := runflow.ListNodeRunsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor}
	return []binding{
		list[runflow.Run](endpoint.RunsList,
			func(x ctx, c client) error { return errOf(c.Runs.List(x, all)) },
			func(x ctx, c client) error { return errOf(c.Runs.List(x, runflow.ListRunsParams{})) }).within(limitOfPages),
		list[runflow.Run](endpoint.RunsFindByClientRef,
			func(x ctx, c client) error { return errOf(c.Runs.FindByClientRef(x, "label")) }).within(limitOfPages).finding("client_ref"),
		one[runflow.Run](endpoint.RunsGet, "id status_code",
			func(x ctx, c client) error {
				return errOf(c.Runs.Get(x, "1", runflow.GetRunParams{Embed: embed, Fields: fields, AddSignature: true}))
			},
			func(x ctx, c client) error { return errOf(c.Runs.Get(x, "1", runflow.GetRunParams{})) }),
		one[runflow.Run](endpoint.RunsSetFeedback, "id",
			func(x ctx, c client) error {
				return errOf(c.Runs.SetFeedback(x, "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp"}))
			},
			func(x ctx, c client) error {
				return errOf(c.Runs.SetFeedback(x, "1", runflow.Feedback{Rating: runflow.ThumbsDown}))
			}),
		one[runflow.Run](endpoint.RunsClearFeedback, "id",
			func(x ctx, c client) error { return errOf(c.Runs.ClearFeedback(x, "1")) }),
		list[runflow.RunLog](endpoint.RunsListLogs,
			func(x ctx, c client) error { return errOf(c.Runs.ListLogs(x, "1", logs)) },
			func(x ctx, c client) error { return errOf(c.Runs.ListLogs(x, "1", runflow.ListRunLogsParams{})) }).within(limitOfPages),
		one[runflow.RunLog](endpoint.RunsGetLog, "",
			func(x ctx, c client) error { return errOf(c.Runs.GetLog(x, "1", "1")) }),
		list[runflow.NodeRun](endpoint.RunsListNodeRuns,
			func(x ctx, c client) error { return errOf(c.Runs.ListNodeRuns(x, "1", nodes)) },
			func(x ctx, c client) error { return errOf(c.Runs.ListNodeRuns(x, "1", runflow.ListNodeRunsParams{})) }).within(limitOfPages),
		one[runflow.NodeRun](endpoint.RunsGetNodeRun, "",
			func(x ctx, c client) error { return errOf(c.Runs.GetNodeRun(x, "1", "1")) }),
		list[runflow.CallbackDelivery](endpoint.RunsListCallbackDeliveries,
			func(x ctx, c client) error {
				return errOf(c.Runs.ListCallbackDeliveries(x, "1", runflow.ListCallbackDeliveriesParams{}))
			}),
		list[runflow.ReferenceItem](endpoint.RunsListStatuses,
			func(x ctx, c client) error { return errOf(c.Runs.ListStatuses(x)) }),
		one[runflow.CallbackDelivery](endpoint.RunsRedeliverCallback, "",
			func(x ctx, c client) error { return errOf(c.Runs.RedeliverCallback(x, "1")) }),
	}
}

// createRun returns the calls that create a run.
func createRun(create func(ctx, client, runflow.CreateRunParams) error) []call {
	return []call{
		func(x ctx, c client) error {
			return create(x, c, runflow.CreateRunParams{Input: object, Metadata: object, CallbackURL: "https://example.com/", ClientRef: "label"})
		},
		func(x ctx, c client) error { return create(x, c, runflow.CreateRunParams{Input: object}) },
	}
}

func modelBindings() []binding {
	embed := enumOf[runflow.ModelEmbed]()
	all := runflow.ListModelsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: embed}
	pricing := runflow.ListPricingParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor}
	return []binding{
		list[runflow.Model](endpoint.ModelsList,
			func(x ctx, c client) error { return errOf(c.Models.List(x, all)) },
			func(x ctx, c client) error { return errOf(c.Models.List(x, runflow.ListModelsParams{})) }).within(limitOfPages),
		one[runflow.Model](endpoint.ModelsGet, "",
			func(x ctx, c client) error {
				return errOf(c.Models.Get(x, "owner/slug", runflow.GetModelParams{Embed: embed, Fields: fields}))
			},
			func(x ctx, c client) error { return errOf(c.Models.Get(x, "owner/slug", runflow.GetModelParams{})) }),
		one[runflow.Run](endpoint.ModelsCreateRun, "id|run_id",
			createRun(func(x ctx, c client, p runflow.CreateRunParams) error {
				return errOf(c.Models.CreateRun(x, "owner/slug", p))
			})...).
			within(limitOfClientRef, limitOfCallbackURL),
		list[runflow.ModelPricing](endpoint.ModelsListPricing,
			func(x ctx, c client) error { return errOf(c.Models.ListPricing(x, "1", pricing)) },
			func(x ctx, c client) error { return errOf(c.Models.ListPricing(x, "1", runflow.ListPricingParams{})) }).within(limitOfPages),
		one[runflow.ModelExample](endpoint.ModelsGetExample, "",
			func(x ctx, c client) error { return errOf(c.Models.GetExample(x, "1", "1")) }),
	}
}

func workflowBindings() []binding {
	embed := enumOf[runflow.WorkflowEmbed]()
	all := runflow.ListWorkflowsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: embed}
	inputs := runflow.ListWorkflowInputsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor}
	runs := runflow.ListRunsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: enumOf[runflow.RunEmbed](), AddSignature: true}
	get := runflow.GetWorkflowParams{Embed: embed, Fields: fields}
	input := runflow.WorkflowInputParams{
		Name: "image", DisplayName: "Image", Description: "a picture", VariableTypeCode: "image", DefaultBehaviorCode: "code", ValidatorCode: "code",
		ValidatorAttrs: object, IsRequired: true, DefaultValue: anyValue, SortOrder: 1, ComfyuiNodeID: "1", ComfyuiFieldName: "image",
	}
	output := runflow.WorkflowOutputParams{
		Name: "image", DisplayName: "Image", Description: "a picture", VariableTypeCode: "image", ValidatorCode: "code",
		ValidatorAttrs: object, SortOrder: 1, ComfyuiNodeID: "1", ComfyuiFieldName: "image",
	}
	create := runflow.CreateWorkflowParams{
		Name: "swap", WorkflowJSON: object, Slug: "swap", Description: "swaps", Version: "1", IsPublic: true, StatusCode: "code", CategoryCode: "code",
		Environment: object, Models: object, CustomNodes: object, Graph: object, Resources: object,
		Inputs: []runflow.WorkflowInputParams{input, {Name: "image"}}, Outputs: []runflow.WorkflowOutputParams{output, {Name: "image"}},
	}
	update := runflow.UpdateWorkflowParams{
		Name: new("swap"), Description: new("swaps"), Version: new("1"), IsPublic: new(true), StatusCode: new("code"), CategoryCode: new("code"),
		WorkflowJSON: object, Environment: object, Models: object, CustomNodes: object, Graph: object, Resources: object,
	}
	return []binding{
		list[runflow.ComfyuiWorkflow](endpoint.ComfyuiWorkflowsList,
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.List(x, all)) },
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.List(x, runflow.ListWorkflowsParams{})) }).within(limitOfPages),
		one[runflow.ComfyuiWorkflow](endpoint.ComfyuiWorkflowsGet, "",
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.Get(x, "1", get)) },
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.Get(x, "1", runflow.GetWorkflowParams{})) }),
		one[runflow.ComfyuiWorkflow](endpoint.ComfyuiWorkflowsGetBySlug, "",
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.GetBySlug(x, "owner/slug", get)) },
			func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.GetBySlug(x, "owner/slug", runflow.GetWorkflowParams{}))
			}),
		one[runflow.Run](endpoint.ComfyuiWorkflowsCreateRun, "id|run_id",
			createRun(func(x ctx, c client, p runflow.CreateRunParams) error {
				return errOf(c.ComfyuiWorkflows.CreateRun(x, "owner/slug", p))
			})...).within(limitOfClientRef, limitOfCallbackURL),
		one[runflow.ComfyuiWorkflow](endpoint.ComfyuiWorkflowsCreate, "id",
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.Create(x, create)) },
			func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.Create(x, runflow.CreateWorkflowParams{Name: "swap", WorkflowJSON: object}))
			}).within(limitOfName),
		one[runflow.ComfyuiWorkflow](endpoint.ComfyuiWorkflowsUpdate, "id",
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.Update(x, "1", update)) },
			func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.Update(x, "1", runflow.UpdateWorkflowParams{}))
			}).within(limitOfName),
		nothing(endpoint.ComfyuiWorkflowsDelete,
			func(x ctx, c client) error { return c.ComfyuiWorkflows.Delete(x, "1") }),
		list[runflow.ComfyuiWorkflowInput](endpoint.ComfyuiWorkflowsListInputs,
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.ListInputs(x, "1", inputs)) },
			func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.ListInputs(x, "1", runflow.ListWorkflowInputsParams{}))
			}).within(limitOfPages),
		one[runflow.ComfyuiWorkflowInput](endpoint.ComfyuiWorkflowsCreateInput, "id",
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.CreateInput(x, "1", input)) },
			func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.CreateInput(x, "1", runflow.WorkflowInputParams{Name: "image"}))
			}).within(limitOfName),
		list[runflow.Run](endpoint.ComfyuiWorkflowsListRuns,
			func(x ctx, c client) error { return errOf(c.ComfyuiWorkflows.ListRuns(x, "owner/slug", runs)) },
			func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.ListRuns(x, "owner/slug", runflow.ListRunsParams{}))
			}).within(limitOfPages),
	}
}

func assetBindings() []binding {
	upload := func(folder string) call {
		return func(x ctx, c client) error {
			return errOf(c.Assets.Upload(x, strings.NewReader("picture"), runflow.UploadParams{Filename: "cat.png", MIMEType: "image/png", FolderID: folder}))
		}
	}
	return []binding{
		one[uploadSession](endpoint.AssetsCreateUpload, "asset_id upload_url", upload("1"), upload("")).
			within(limitOfFilename, limitOfMIMEType, limitOfSize),
		one[runflow.Asset](endpoint.AssetsConfirmUpload, "id", upload("1"), upload("")),
		one[runflow.Asset](endpoint.AssetsGet, "",
			func(x ctx, c client) error {
				return errOf(c.Assets.Get(x, "1", runflow.GetAssetParams{Embed: enumOf[runflow.AssetEmbed](), Fields: fields}))
			},
			func(x ctx, c client) error { return errOf(c.Assets.Get(x, "1", runflow.GetAssetParams{})) }),
		list[runflow.ReferenceItem](endpoint.AssetsListTypes,
			func(x ctx, c client) error { return errOf(c.Assets.ListTypes(x)) }),
	}
}

func batchBindings() []binding {
	create := runflow.CreateBatchParams{
		Inputs: []runflow.BatchInput{{Input: object}}, Metadata: object, CallbackURL: "https://example.com/",
	}
	items := runflow.ListBatchItemsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: enumOf[runflow.BatchItemEmbed]()}
	return []binding{
		one[runflow.Batch](endpoint.ModelsCreateBatch, "id",
			func(x ctx, c client) error { return errOf(c.Models.CreateBatch(x, "owner/slug", create)) },
			func(x ctx, c client) error {
				return errOf(c.Models.CreateBatch(x, "owner/slug", runflow.CreateBatchParams{Inputs: create.Inputs}))
			}).within(limitOfBatch, limitOfCallbackURL),
		one[runflow.Batch](endpoint.BatchesGet, "id status_code",
			func(x ctx, c client) error {
				return errOf(c.Batches.Get(x, "1", runflow.GetBatchParams{Fields: fields}))
			},
			func(x ctx, c client) error { return errOf(c.Batches.Get(x, "1", runflow.GetBatchParams{})) }),
		list[runflow.BatchItem](endpoint.BatchesListItems,
			func(x ctx, c client) error { return errOf(c.Batches.ListItems(x, "1", items)) },
			func(x ctx, c client) error {
				return errOf(c.Batches.ListItems(x, "1", runflow.ListBatchItemsParams{}))
			}).within(limitOfPages),
		one[runflow.BatchItem](endpoint.BatchesGetItem, "id",
			func(x ctx, c client) error { return errOf(c.Batches.GetItem(x, "1", "1")) }),
		list[runflow.CallbackDelivery](endpoint.BatchesListCallbackDeliveries,
			func(x ctx, c client) error {
				return errOf(c.Batches.ListCallbackDeliveries(x, "1", runflow.ListCallbackDeliveriesParams{}))
			}),
		one[runflow.CallbackDelivery](endpoint.BatchesRedeliverCallback, "",
			func(x ctx, c client) error { return errOf(c.Batches.RedeliverCallback(x, "1")) }),
	}
}

func evaluationBindings() []binding {
	const image = "https://example.com/cat.png"
	create := runflow.CreateEvaluationParams{
		GeneratedImageURL: image, TaskType: "headshot", TaskDescription: "a cat", GenerationPrompt: "a cat", EvaluationInstructions: "look at the ears",
		InputAttributes: object, RunID: "1", ClientRef: "label", JobClass: "standard", CallbackURL: "https://example.com/",
		ReferenceImages: []runflow.ReferenceImage{{URL: image, Kind: "style", Description: "the style"}, {URL: image}},
	}
	up, down := runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp"}, runflow.Feedback{Rating: runflow.ThumbsDown}
	return []binding{
		one[runflow.Evaluation](endpoint.EvaluationsCreate, "id",
			func(x ctx, c client) error { return errOf(c.Evaluations.Create(x, create)) },
			func(x ctx, c client) error {
				return errOf(c.Evaluations.Create(x, runflow.CreateEvaluationParams{GeneratedImageURL: image, TaskType: "headshot"}))
			}).within(limitOfTaskType, limitOfReferences, limitOfClientRef, limitOfCallbackURL),
		one[runflow.Evaluation](endpoint.EvaluationsGet, "id status_code",
			func(x ctx, c client) error {
				return errOf(c.Evaluations.Get(x, "1", runflow.GetEvaluationParams{Embed: enumOf[runflow.EvaluationEmbed](), Fields: fields}))
			},
			func(x ctx, c client) error { return errOf(c.Evaluations.Get(x, "1", runflow.GetEvaluationParams{})) }),
		one[runflow.Evaluation](endpoint.EvaluationsSetFeedback, "id",
			func(x ctx, c client) error { return errOf(c.Evaluations.SetFeedback(x, "1", up)) },
			func(x ctx, c client) error { return errOf(c.Evaluations.SetFeedback(x, "1", down)) }).within(limitOfReason),
		one[runflow.Evaluation](endpoint.EvaluationsClearFeedback, "id",
			func(x ctx, c client) error { return errOf(c.Evaluations.ClearFeedback(x, "1")) }),
		list[runflow.ReferenceItem](endpoint.EvaluationsListJobClasses,
			func(x ctx, c client) error { return errOf(c.Evaluations.ListJobClasses(x)) }),
		list[runflow.ReferenceItem](endpoint.EvaluationsListStatuses,
			func(x ctx, c client) error { return errOf(c.Evaluations.ListStatuses(x)) }),
		list[runflow.Evaluation](endpoint.RunsListEvaluations,
			func(x ctx, c client) error {
				return errOf(c.Runs.ListEvaluations(x, "1", runflow.ListRunEvaluationsParams{}))
			}),
		one[runflow.Evaluation](endpoint.RunsSetEvaluationFeedback, "id",
			func(x ctx, c client) error { return errOf(c.Runs.SetEvaluationFeedback(x, "1", "1", up)) },
			func(x ctx, c client) error { return errOf(c.Runs.SetEvaluationFeedback(x, "1", "1", down)) }).within(limitOfReason),
		one[runflow.Evaluation](endpoint.RunsClearEvaluationFeedback, "id",
			func(x ctx, c client) error { return errOf(c.Runs.ClearEvaluationFeedback(x, "1", "1")) }),
	}
}

func webhookBindings() []binding {
	const url = "https://example.com/"
	embed := enumOf[runflow.WebhookEmbed]()
	all := runflow.ListWebhooksParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor, Embed: embed}
	deliveries := runflow.ListWebhookDeliveriesParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor}
	attempts := runflow.ListWebhookAttemptsParams{Filter: filter(), Limit: pageSize, SortBy: sortBy, Fields: fields, Cursor: cursor}
	return []binding{
		list[runflow.Webhook](endpoint.WebhooksList,
			func(x ctx, c client) error { return errOf(c.Webhooks.List(x, all)) },
			func(x ctx, c client) error { return errOf(c.Webhooks.List(x, runflow.ListWebhooksParams{})) }).within(limitOfPages),
		one[runflow.Webhook](endpoint.WebhooksGet, "id",
			func(x ctx, c client) error {
				return errOf(c.Webhooks.Get(x, "1", runflow.GetWebhookParams{Embed: embed, Fields: fields}))
			},
			func(x ctx, c client) error { return errOf(c.Webhooks.Get(x, "1", runflow.GetWebhookParams{})) }),
		one[runflow.Webhook](endpoint.WebhooksCreate, "id",
			func(x ctx, c client) error {
				return errOf(c.Webhooks.Create(x, runflow.CreateWebhookParams{URL: url, Secret: "secret"}))
			}),
		one[runflow.Webhook](endpoint.WebhooksUpdate, "id",
			func(x ctx, c client) error {
				return errOf(c.Webhooks.Update(x, "1", runflow.UpdateWebhookParams{URL: url, Secret: "secret"}))
			},
			func(x ctx, c client) error { return errOf(c.Webhooks.Update(x, "1", runflow.UpdateWebhookParams{})) }),
		nothing(endpoint.WebhooksDelete,
			func(x ctx, c client) error { return c.Webhooks.Delete(x, "1") }),
		list[runflow.ReferenceItem](endpoint.WebhooksListEventTypes,
			func(x ctx, c client) error { return errOf(c.Webhooks.ListEventTypes(x)) }),
		one[runflow.ReferenceItem](endpoint.WebhooksGetEventType, "",
			func(x ctx, c client) error { return errOf(c.Webhooks.GetEventType(x, "run.completed")) }),
		list[runflow.WebhookDelivery](endpoint.WebhooksListDeliveries,
			func(x ctx, c client) error { return errOf(c.Webhooks.ListDeliveries(x, "1", deliveries)) },
			func(x ctx, c client) error {
				return errOf(c.Webhooks.ListDeliveries(x, "1", runflow.ListWebhookDeliveriesParams{}))
			}).within(limitOfPages),
		one[runflow.WebhookDelivery](endpoint.WebhooksGetDelivery, "id",
			func(x ctx, c client) error { return errOf(c.Webhooks.GetDelivery(x, "1", "1")) }),
		list[runflow.WebhookDeliveryAttempt](endpoint.WebhooksListAttempts,
			func(x ctx, c client) error { return errOf(c.Webhooks.ListAttempts(x, "1", "1", attempts)) },
			func(x ctx, c client) error {
				return errOf(c.Webhooks.ListAttempts(x, "1", "1", runflow.ListWebhookAttemptsParams{}))
			}).within(limitOfPages),
		one[runflow.WebhookDeliveryAttempt](endpoint.WebhooksGetAttempt, "id",
			func(x ctx, c client) error { return errOf(c.Webhooks.GetAttempt(x, "1", "1", "1")) }),
	}
}

func secretBindings() []binding {
	return []binding{
		one[runflow.CallbackSecret](endpoint.CallbackSecretsCreate, "id plain_secret",
			func(x ctx, c client) error {
				return errOf(c.CallbackSecrets.Create(x, runflow.CreateCallbackSecretParams{Label: "label"}))
			},
			func(x ctx, c client) error {
				return errOf(c.CallbackSecrets.Create(x, runflow.CreateCallbackSecretParams{}))
			}).within(limitOfLabel),
		one[runflow.CallbackSecret](endpoint.CallbackSecretsGet, "id",
			func(x ctx, c client) error { return errOf(c.CallbackSecrets.Get(x, "1")) }),
		one[runflow.CallbackSecret](endpoint.CallbackSecretsUpdate, "id",
			func(x ctx, c client) error {
				return errOf(c.CallbackSecrets.Update(x, "1", runflow.UpdateCallbackSecretParams{Label: new("label"), IsCurrent: true}))
			},
			func(x ctx, c client) error {
				return errOf(c.CallbackSecrets.Update(x, "1", runflow.UpdateCallbackSecretParams{Label: new("")})) // sends null
			},
			func(x ctx, c client) error {
				return errOf(c.CallbackSecrets.Update(x, "1", runflow.UpdateCallbackSecretParams{}))
			}).within(limitOfLabel),
	}
}

func accountBindings() []binding {
	threshold := decimal.RequireFromString("5.5")
	return []binding{
		one[runflow.Account](endpoint.AccountMe, "id",
			func(x ctx, c client) error {
				return errOf(c.Account.Me(x, runflow.GetAccountParams{Embed: enumOf[runflow.AccountEmbed]()}))
			},
			func(x ctx, c client) error { return errOf(c.Account.Me(x, runflow.GetAccountParams{})) }),
		one[runflow.CreditBalance](endpoint.BillingGetBalance, "balance",
			func(x ctx, c client) error { return errOf(c.Billing.GetBalance(x)) }),
		one[runflow.CreditBalance](endpoint.BillingSetLowBalanceThreshold, "balance",
			func(x ctx, c client) error {
				return errOf(c.Billing.SetLowBalanceThreshold(x, runflow.SetLowBalanceThresholdParams{Threshold: threshold, UpdatedAt: someTime}))
			},
			func(x ctx, c client) error {
				return errOf(c.Billing.SetLowBalanceThreshold(x, runflow.SetLowBalanceThresholdParams{Threshold: threshold}))
			}).within(limitOfThreshold),
		one[runflow.Health](endpoint.HealthCheck, "",
			func(x ctx, c client) error { return errOf(c.Health.Check(x)) }),
		one[runflow.Health](endpoint.HealthReady, "",
			func(x ctx, c client) error { return errOf(c.Health.Ready(x)) }),
	}
}
