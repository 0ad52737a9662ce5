// Package endpoint is the table of the API's endpoints: whatever differs
// between two of them is data here, and nowhere else.
package endpoint

// An Endpoint is one operation of the SDK on the API.
type Endpoint struct {
	Operation string // the SDK's method: "Runs.Get"
	Method    string
	Route     string // path template: "/v1/runs/{run_id}"
	Retry     Retry
	Page      string // reference page, below [Pages]
}

// Pages is where the API's reference pages are.
const Pages = "https://docs.runflow.io/api-reference/"

// Retry says when a request may be sent again.
type Retry int

const (
	// Never is the zero value, so that an endpoint without a class is safe.
	Never Retry = iota
	// Idempotent requests have the same effect however often they are sent.
	Idempotent
)

// Doc is the sentence that documents the class on each method.
func (r Retry) Doc() string {
	if r == Idempotent {
		return "It is idempotent: retried on 429, on 5xx and on a failed connection."
	}
	return "It is never retried."
}

// ID names a row of the table.
type ID int

// The rows, in the order of the reference's pages.
const (
	RunsGet ID = iota
	RunsSetFeedback
	RunsClearFeedback
	rows
)

var table = [rows]Endpoint{
	RunsGet: {
		Operation: "Runs.Get",
		Method:    "GET",
		Route:     "/v1/runs/{run_id}",
		Retry:     Idempotent,
		Page:      "runs/get-run",
	},
	RunsSetFeedback: {
		Operation: "Runs.SetFeedback",
		Method:    "PATCH",
		Route:     "/v1/runs/{run_id}/feedback",
		Retry:     Idempotent, // a rating is a singleton, stated whole
		Page:      "runs/set-or-clear-customer-feedback-on-a-run",
	},
	RunsClearFeedback: {
		Operation: "Runs.ClearFeedback",
		Method:    "PATCH",
		Route:     "/v1/runs/{run_id}/feedback",
		Retry:     Idempotent,
		Page:      "runs/set-or-clear-customer-feedback-on-a-run",
	},
}

// Of returns the endpoint that id names.
func Of(id ID) Endpoint { return table[id] }

// All returns every endpoint.
func All() []Endpoint { return table[:] }
