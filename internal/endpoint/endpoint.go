// Package endpoint is the table of the API's endpoints: whatever differs
// between two of them is data here, and nowhere else.
package endpoint

// An Endpoint is one operation of the SDK on the API.
type Endpoint struct {
	Operation string // the SDK's method: "Runs.Get"
	Method    string
	Route     string // path template: "/v1/runs/{run_id}"
	Retry     Retry
	Page      string // where it is documented, below [Pages]
}

// Pages is where the API is documented.
const Pages = "https://docs.runflow.io/"

// Retry says when a request may be sent again.
type Retry int

const (
	// Never is the zero value, so that an endpoint without a class is safe.
	Never Retry = iota
	// Idempotent requests have the same effect however often they are sent.
	Idempotent
	// Guarded requests may cost money or set something going. They carry an
	// idempotency key, which the API is only likely to honour: without a key of
	// the caller's own they are sent again only where the API did not take them.
	Guarded
)

// Doc is the sentence that documents the class on each method.
func (r Retry) Doc() string {
	switch r {
	case Idempotent:
		return "It is idempotent: retried on 429, on 5xx and on a failed connection."
	case Guarded:
		return "It is sent again only where the API did not take it, see [WithIdempotencyKey]."
	default:
		return "It is never retried."
	}
}

// ID names a row of the table.
type ID int

// The rows, in the order of the reference's pages.
const (
	RunsList ID = iota
	RunsGet
	RunsSetFeedback
	RunsClearFeedback
	RunsLogs
	RunsLog
	RunsNodeRuns
	RunsNodeRun
	RunsCallbackDeliveries
	RunsRedeliverCallback
	ModelsList
	ModelsGet
	ModelsRun
	ModelsPricing
	ModelsExample
	ComfyuiWorkflowsList
	ComfyuiWorkflowsGet
	ComfyuiWorkflowsGetBySlug
	ComfyuiWorkflowsRun
	ComfyuiWorkflowsRuns
	rows
)

var table = [rows]Endpoint{
	RunsList: {
		Operation: "Runs.List",
		Method:    "GET",
		Route:     "/v1/runs",
		Retry:     Idempotent,
		Page:      "api-reference/runs/search-runs",
	},
	RunsGet: {
		Operation: "Runs.Get",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}",
		Retry:     Idempotent,
		Page:      "api-reference/runs/get-run",
	},
	RunsSetFeedback: {
		Operation: "Runs.SetFeedback",
		Method:    "PATCH",
		Route:     "/v1/runs/{run_id}/feedback",
		Retry:     Idempotent, // a rating is a singleton, stated whole
		Page:      "api-reference/runs/set-or-clear-customer-feedback-on-a-run",
	},
	RunsClearFeedback: {
		Operation: "Runs.ClearFeedback",
		Method:    "PATCH",
		Route:     "/v1/runs/{run_id}/feedback",
		Retry:     Idempotent,
		Page:      "api-reference/runs/set-or-clear-customer-feedback-on-a-run",
	},
	RunsLogs: {
		Operation: "Runs.Logs",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}/logs",
		Retry:     Idempotent,
		Page:      "api-reference/runs/search-run-logs",
	},
	RunsLog: {
		Operation: "Runs.Log",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}/logs/{id}",
		Retry:     Idempotent,
		Page:      "api-reference/runs/get-run-log",
	},
	RunsNodeRuns: {
		Operation: "Runs.NodeRuns",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}/node-runs",
		Retry:     Idempotent,
		Page:      "concepts/runs",
	},
	RunsNodeRun: {
		Operation: "Runs.NodeRun",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}/node-runs/{id}",
		Retry:     Idempotent,
		Page:      "api-reference/runs/get-flow-node-run",
	},
	RunsCallbackDeliveries: {
		Operation: "Runs.CallbackDeliveries",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}/callback",
		Retry:     Idempotent,
		Page:      "api-reference/runs/get-callback-delivery-history",
	},
	RunsRedeliverCallback: {
		Operation: "Runs.RedeliverCallback",
		Method:    "POST",
		Route:     "/v1/runs/{run_id}/callback-redeliveries",
		Retry:     Guarded, // each one reaches the customer's backend
		Page:      "api-reference/runs/redeliver-callback",
	},
	ModelsList: {
		Operation: "Models.List",
		Method:    "GET",
		Route:     "/v1/models",
		Retry:     Idempotent,
		Page:      "api-reference/models/search-models",
	},
	ModelsGet: {
		Operation: "Models.Get",
		Method:    "GET",
		Route:     "/v1/models/{owner}/{id}",
		Retry:     Idempotent,
		Page:      "api-reference/models/get-model-by-owner-and-slug",
	},
	ModelsRun: {
		Operation: "Models.Run",
		Method:    "POST",
		Route:     "/v1/models/{owner}/{slug}/runs",
		Retry:     Guarded, // costs credits
		Page:      "api-reference/models/create-and-dispatch-a-singleton-model-run",
	},
	ModelsPricing: {
		Operation: "Models.Pricing",
		Method:    "GET",
		Route:     "/v1/models/{model_id}/pricing",
		Retry:     Idempotent,
		Page:      "api-reference/models/search-model-customer-pricings",
	},
	ModelsExample: {
		Operation: "Models.Example",
		Method:    "GET",
		Route:     "/v1/models/{model_id}/examples/{id}",
		Retry:     Idempotent,
		Page:      "api-reference/models/get-model-example",
	},
	ComfyuiWorkflowsList: {
		Operation: "ComfyuiWorkflows.List",
		Method:    "GET",
		Route:     "/v1/comfyui-workflows",
		Retry:     Idempotent,
		Page:      "api/comfyui-workflows",
	},
	ComfyuiWorkflowsGet: {
		Operation: "ComfyuiWorkflows.Get",
		Method:    "GET",
		Route:     "/v1/comfyui-workflows/{id}",
		Retry:     Idempotent,
		Page:      "api/comfyui-workflows",
	},
	ComfyuiWorkflowsGetBySlug: {
		Operation: "ComfyuiWorkflows.GetBySlug",
		Method:    "GET",
		Route:     "/v1/comfyui-workflows/{owner}/{slug}",
		Retry:     Idempotent,
		Page:      "api/comfyui-workflows",
	},
	ComfyuiWorkflowsRun: {
		Operation: "ComfyuiWorkflows.Run",
		Method:    "POST",
		Route:     "/v1/comfyui-workflows/{owner}/{slug}/runs",
		Retry:     Guarded, // costs credits
		Page:      "api/comfyui-workflows",
	},
	ComfyuiWorkflowsRuns: {
		Operation: "ComfyuiWorkflows.Runs",
		Method:    "GET",
		Route:     "/v1/comfyui-workflows/{owner}/{slug}/runs",
		Retry:     Idempotent,
		Page:      "api/comfyui-workflows",
	},
}

// Download is how the output of a run is fetched from where it is stored, which
// is no endpoint of the API.
var Download = Endpoint{
	Operation: "Runs.Download",
	Method:    "GET",
	Route:     "{output_url}",
	Retry:     Idempotent,
}

// Of returns the endpoint that id names.
func Of(id ID) Endpoint { return table[id] }

// All returns every endpoint.
func All() []Endpoint { return table[:] }
