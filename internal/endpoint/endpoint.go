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
)

// String returns the name of the class in the documentation.
func (r Retry) String() string {
	if r == Idempotent {
		return "idempotent"
	}
	return "at-most-once"
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
	ComfyuiWorkflowsList      = &Endpoint{"ComfyuiWorkflows.List", "GET", "/v1/comfyui-workflows", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsGet       = &Endpoint{"ComfyuiWorkflows.Get", "GET", "/v1/comfyui-workflows/{id}", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsGetBySlug = &Endpoint{"ComfyuiWorkflows.GetBySlug", "GET", "/v1/comfyui-workflows/{owner}/{slug}", Idempotent, "api/comfyui-workflows"}
	ComfyuiWorkflowsCreateRun = &Endpoint{"ComfyuiWorkflows.CreateRun", "POST", "/v1/comfyui-workflows/{owner}/{slug}/runs", AtMostOnce, "api/comfyui-workflows"}
	ComfyuiWorkflowsListRuns  = &Endpoint{"ComfyuiWorkflows.ListRuns", "GET", "/v1/comfyui-workflows/{owner}/{slug}/runs", Idempotent, "api/comfyui-workflows"}
)

// RunsDownload is not an endpoint of the API: it fetches an output file from the
// host that stores it.
var RunsDownload = &Endpoint{Operation: "Runs.Download", Method: "GET", Route: "{output_url}", Retry: Idempotent}
