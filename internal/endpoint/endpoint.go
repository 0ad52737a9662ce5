// Package endpoint declares all endpoints of the API that the SDK uses. An endpoint
// has these data: the SDK's method, the HTTP method, the route, the retry class and
// the page of the API reference.
//
// The README's table, endpoints.tsv, the "Endpoint:" lines of doc comments and
// [All] are generated from it. Run "go generate ./..." after a change. Each
// endpoint is a separate variable, which is initialized without a function call, so
// that a program links only the endpoints that it uses.
package endpoint

//go:generate go run ./generate

// An Endpoint is one operation of the SDK on the API.
type Endpoint struct {
	Operation string // the SDK's method: "Runs.Get"
	Method    string // of HTTP
	Route     string // path template: "/v1/runs/{run_id}"
	Retry     Retry
	Page      string // of the documentation, below [Docs]
}

// Docs is the site that documents the API.
const Docs = "https://docs.runflow.io/"

// Retry is the retry class of an endpoint: it says when the client may send a
// request more than once.
type Retry int

const (
	// AtMostOnce requests may cost money or change state. The client retries them
	// only if the server cannot have processed them. AtMostOnce is the zero value,
	// so that it is used for an endpoint without a class.
	AtMostOnce Retry = iota
	// Idempotent requests have the same effect however often they are sent.
	Idempotent
	// Keyed requests carry an idempotency key that the API documents to
	// recognize. The client retries them like idempotent ones.
	Keyed
)

// String returns the name of the class in the documentation.
func (r Retry) String() string {
	switch r {
	case Idempotent:
		return "idempotent"
	case Keyed:
		return "keyed"
	default:
		return "at-most-once"
	}
}

// Runs.
var (
	RunsList                   = &Endpoint{"Runs.List", "GET", "/v1/runs", Idempotent, "api-reference/runs/search-runs"}
	RunsFindByClientRef        = &Endpoint{"Runs.FindByClientRef", "GET", "/v1/runs", Idempotent, "api-reference/runs/search-runs"}
	RunsGet                    = &Endpoint{"Runs.Get", "GET", "/v1/runs/{run_id}", Idempotent, "api-reference/runs/get-run"}
	RunsSetFeedback            = &Endpoint{"Runs.SetFeedback", "PATCH", "/v1/runs/{run_id}/feedback", Idempotent, "api-reference/runs/set-or-clear-customer-feedback-on-a-run"}
	RunsClearFeedback          = &Endpoint{"Runs.ClearFeedback", "PATCH", "/v1/runs/{run_id}/feedback", Idempotent, "api-reference/runs/set-or-clear-customer-feedback-on-a-run"}
	RunsListLogs               = &Endpoint{"Runs.ListLogs", "GET", "/v1/runs/{run_id}/logs", Idempotent, "api-reference/runs/search-run-logs"}
	RunsGetLog                 = &Endpoint{"Runs.GetLog", "GET", "/v1/runs/{run_id}/logs/{id}", Idempotent, "api-reference/runs/get-run-log"}
	RunsListNodeRuns           = &Endpoint{"Runs.ListNodeRuns", "GET", "/v1/runs/{run_id}/node-runs", Idempotent, "concepts/runs"}
	RunsGetNodeRun             = &Endpoint{"Runs.GetNodeRun", "GET", "/v1/runs/{run_id}/node-runs/{id}", Idempotent, "api-reference/runs/get-flow-node-run"}
	RunsListCallbackDeliveries = &Endpoint{"Runs.ListCallbackDeliveries", "GET", "/v1/runs/{run_id}/callback", Idempotent, "api-reference/runs/get-callback-delivery-history"}
	RunsListStatuses           = &Endpoint{"Runs.ListStatuses", "GET", "/v1/runs/statuses", Idempotent, "concepts/runs"}
	RunsRedeliverCallback      = &Endpoint{"Runs.RedeliverCallback", "POST", "/v1/runs/{run_id}/callback-redeliveries", AtMostOnce, "api-reference/runs/redeliver-callback"}
)

// Models.
var (
	ModelsList        = &Endpoint{"Models.List", "GET", "/v1/models", Idempotent, "api-reference/models/search-models"}
	ModelsGet         = &Endpoint{"Models.Get", "GET", "/v1/models/{owner}/{id}", Idempotent, "api-reference/models/get-model-by-owner-and-slug"}
	ModelsCreateRun   = &Endpoint{"Models.CreateRun", "POST", "/v1/models/{owner}/{slug}/runs", AtMostOnce, "api-reference/models/create-and-dispatch-a-singleton-model-run"}
	ModelsListPricing = &Endpoint{"Models.ListPricing", "GET", "/v1/models/{model_id}/pricing", Idempotent, "api-reference/models/search-model-customer-pricings"}
	ModelsGetExample  = &Endpoint{"Models.GetExample", "GET", "/v1/models/{model_id}/examples/{id}", Idempotent, "api-reference/models/get-model-example"}
)

// ComfyUI workflows.
var (
	ComfyuiWorkflowsList        = &Endpoint{"ComfyuiWorkflows.List", "GET", "/v1/comfyui-workflows", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsGet         = &Endpoint{"ComfyuiWorkflows.Get", "GET", "/v1/comfyui-workflows/{id}", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsGetBySlug   = &Endpoint{"ComfyuiWorkflows.GetBySlug", "GET", "/v1/comfyui-workflows/{owner}/{slug}", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsCreateRun   = &Endpoint{"ComfyuiWorkflows.CreateRun", "POST", "/v1/comfyui-workflows/{owner}/{slug}/runs", AtMostOnce, "api/comfyui-workflows"}
	ComfyuiWorkflowsCreate      = &Endpoint{"ComfyuiWorkflows.Create", "POST", "/v1/comfyui-workflows", AtMostOnce, "api-reference/comfyui/create-comfy-uiworkflow"}
	ComfyuiWorkflowsUpdate      = &Endpoint{"ComfyuiWorkflows.Update", "PATCH", "/v1/comfyui-workflows/{id}", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsDelete      = &Endpoint{"ComfyuiWorkflows.Delete", "DELETE", "/v1/comfyui-workflows/{id}", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsListInputs  = &Endpoint{"ComfyuiWorkflows.ListInputs", "GET", "/v1/comfyui-workflows/{comfyui_workflow_id}/inputs", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsCreateInput = &Endpoint{"ComfyuiWorkflows.CreateInput", "POST", "/v1/comfyui-workflows/{comfyui_workflow_id}/inputs", AtMostOnce, "api/comfyui-workflows"}
	ComfyuiWorkflowsListRuns    = &Endpoint{"ComfyuiWorkflows.ListRuns", "GET", "/v1/comfyui-workflows/{owner}/{slug}/runs", Idempotent, "api/comfyui-workflows"}
)

// Assets.
var (
	AssetsCreateUpload  = &Endpoint{"Assets.Upload", "POST", "/v1/asset-uploads", Idempotent, "api-reference/media/create-a-presigned-upload-session"} // costs nothing, and creates no asset
	AssetsConfirmUpload = &Endpoint{"Assets.Upload", "POST", "/v1/asset-uploads/{asset_upload_id}/confirmations", Idempotent, "api-reference/media/confirm-upload-and-create-asset-record"}
	AssetsGet           = &Endpoint{"Assets.Get", "GET", "/v1/assets/{id}", Idempotent, "api-reference/assets/get-asset"}
	AssetsListTypes     = &Endpoint{"Assets.ListTypes", "GET", "/v1/assets/types", Idempotent, "guides/upload-large-files"}
)

// Batches.
var (
	ModelsCreateBatch             = &Endpoint{"Models.CreateBatch", "POST", "/v1/models/{owner}/{slug}/batches", Keyed, "api-reference/models/create-and-dispatch-a-batch"}
	BatchesGet                    = &Endpoint{"Batches.Get", "GET", "/v1/batches/{id}", Idempotent, "api-reference/batches/get-batch-detail"}
	BatchesListItems              = &Endpoint{"Batches.ListItems", "GET", "/v1/batches/{batch_id}/items", Idempotent, "api-reference/batches/list-batch-items-with-live-execution-state"}
	BatchesGetItem                = &Endpoint{"Batches.GetItem", "GET", "/v1/batches/{batch_id}/items/{id}", Idempotent, "api-reference/batches/get-one-batch-item"}
	BatchesListCallbackDeliveries = &Endpoint{"Batches.ListCallbackDeliveries", "GET", "/v1/batches/{batch_id}/callback", Idempotent, "api-reference/batches/get-batch-callback-delivery-history"}
	BatchesRedeliverCallback      = &Endpoint{"Batches.RedeliverCallback", "POST", "/v1/batches/{batch_id}/callback-redeliveries", AtMostOnce, "api-reference/batches/redeliver-batch-callback"}
)

// Evaluations.
var (
	EvaluationsCreate           = &Endpoint{"Evaluations.Create", "POST", "/v1/evaluations", Keyed, "api-reference/evaluations/submit-an-image-for-quality-evaluation"}
	EvaluationsGet              = &Endpoint{"Evaluations.Get", "GET", "/v1/evaluations/{id}", Idempotent, "api-reference/evaluations/get-evaluation"}
	EvaluationsSetFeedback      = &Endpoint{"Evaluations.SetFeedback", "PATCH", "/v1/evaluations/{evaluation_id}/feedback", Idempotent, "api-reference/evaluations/set-or-clear-customer-feedback-on-an-evaluation-analysis"}
	EvaluationsClearFeedback    = &Endpoint{"Evaluations.ClearFeedback", "PATCH", "/v1/evaluations/{evaluation_id}/feedback", Idempotent, "api-reference/evaluations/set-or-clear-customer-feedback-on-an-evaluation-analysis"}
	EvaluationsListJobClasses   = &Endpoint{"Evaluations.ListJobClasses", "GET", "/v1/evaluations/job-classes", Idempotent, "guides/evaluate-an-image"}
	EvaluationsListStatuses     = &Endpoint{"Evaluations.ListStatuses", "GET", "/v1/evaluations/statuses", Idempotent, "concepts/evaluations"}
	RunsListEvaluations         = &Endpoint{"Runs.ListEvaluations", "GET", "/v1/runs/{run_id}/evaluations", Idempotent, "concepts/evaluations"}
	RunsSetEvaluationFeedback   = &Endpoint{"Runs.SetEvaluationFeedback", "PATCH", "/v1/runs/{run_id}/evaluations/{evaluation_id}/feedback", Idempotent, "concepts/evaluations"}
	RunsClearEvaluationFeedback = &Endpoint{"Runs.ClearEvaluationFeedback", "PATCH", "/v1/runs/{run_id}/evaluations/{evaluation_id}/feedback", Idempotent, "concepts/evaluations"}
)

// Webhooks and callback secrets.
var (
	WebhooksList           = &Endpoint{"Webhooks.List", "GET", "/v1/webhooks", Idempotent, "api-reference/webhooks/search-webhooks"}
	WebhooksGet            = &Endpoint{"Webhooks.Get", "GET", "/v1/webhooks/{id}", Idempotent, "concepts/webhooks"}
	WebhooksCreate         = &Endpoint{"Webhooks.Create", "POST", "/v1/webhooks", AtMostOnce, "concepts/webhooks"}
	WebhooksUpdate         = &Endpoint{"Webhooks.Update", "PATCH", "/v1/webhooks/{id}", Idempotent, "concepts/webhooks"}
	WebhooksDelete         = &Endpoint{"Webhooks.Delete", "DELETE", "/v1/webhooks/{id}", Idempotent, "concepts/webhooks"}
	WebhooksListEventTypes = &Endpoint{"Webhooks.ListEventTypes", "GET", "/v1/webhooks/event-types", Idempotent, "concepts/webhooks"}
	WebhooksGetEventType   = &Endpoint{"Webhooks.GetEventType", "GET", "/v1/webhooks/event-types/{code}", Idempotent, "concepts/webhooks"}
	WebhooksListDeliveries = &Endpoint{"Webhooks.ListDeliveries", "GET", "/v1/webhooks/{webhook_id}/deliveries", Idempotent, "api-reference/webhooks/search-webhook-deliveries"}
	WebhooksGetDelivery    = &Endpoint{"Webhooks.GetDelivery", "GET", "/v1/webhooks/{webhook_id}/deliveries/{id}", Idempotent, "api-reference/webhooks/get-webhook-delivery"}
	WebhooksListAttempts   = &Endpoint{"Webhooks.ListAttempts", "GET", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts", Idempotent, "api-reference/webhooks/search-webhook-delivery-attempts"}
	WebhooksGetAttempt     = &Endpoint{"Webhooks.GetAttempt", "GET", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts/{id}", Idempotent, "concepts/webhooks"}
	CallbackSecretsCreate  = &Endpoint{"CallbackSecrets.Create", "POST", "/v1/callback-secrets", AtMostOnce, "api-reference/webhooks/create-callback-signing-secret"}
	CallbackSecretsGet     = &Endpoint{"CallbackSecrets.Get", "GET", "/v1/callback-secrets/{id}", Idempotent, "api-reference/webhooks/get-org-callback-secret"}
	CallbackSecretsUpdate  = &Endpoint{"CallbackSecrets.Update", "PATCH", "/v1/callback-secrets/{id}", Idempotent, "api-reference/webhooks/update-callback-secret"}
)

// Account, billing and health.
var (
	AccountMe                     = &Endpoint{"Account.Me", "GET", "/v1/auth/me", Idempotent, "api-reference/account/get-current-user"}
	BillingGetBalance             = &Endpoint{"Billing.GetBalance", "GET", "/v1/billing/balance", Idempotent, "api-reference/account/get-organization-credit-balance"}
	BillingSetLowBalanceThreshold = &Endpoint{"Billing.SetLowBalanceThreshold", "PATCH", "/v1/billing/balance", AtMostOnce, "api-reference/account/update-credit-balance-threshold"} // a retry would conflict with its own success
	HealthCheck                   = &Endpoint{"Health.Check", "GET", "/v1/health", Idempotent, "llms-full.txt"}
	HealthReady                   = &Endpoint{"Health.Ready", "GET", "/v1/readiness", Idempotent, "llms-full.txt"}
)

// RunsDownload is not an endpoint of the API: it fetches an output file from the
// host that stores it. AssetsSend is not one either: it sends a file there.
var (
	RunsDownload = &Endpoint{Operation: "Runs.Download", Method: "GET", Route: "{output_url}", Retry: Idempotent}
	AssetsSend   = &Endpoint{Operation: "Assets.Upload", Method: "PUT", Route: "{upload_url}", Retry: Idempotent}
)
