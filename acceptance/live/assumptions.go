package main

import (
	"context"
	"fmt"
)

// An assumption is a statement about the API that the SDK builds on. The table in
// docs/assumptions.md gives its source and its certainty.
type assumption struct {
	id, text string
	code     string // the place in the SDK that depends on it
	needs    string // "rate" or "spend"; "" if the check only reads
	check    func(context.Context, *probe) result
}

func (a assumption) applies(o options) bool {
	switch a.needs {
	case "rate":
		return o.rate != ""
	case "spend":
		return o.spend != ""
	}
	return true
}

type verdict string

const (
	confirmed verdict = "confirmed"
	refutedBy verdict = "REFUTED"
	unknown   verdict = "unknown"
)

type result struct {
	verdict verdict
	detail  string
}

func yes(format string, args ...any) result { return result{confirmed, fmt.Sprintf(format, args...)} }
func no(format string, args ...any) result  { return result{refutedBy, fmt.Sprintf(format, args...)} }
func open(format string, args ...any) result {
	return result{unknown, fmt.Sprintf(format, args...)}
}

// because returns the verdict of a call that failed.
func because(err error) result { return no("%v", err) }

// is confirms an assumption if ok is true, and refutes it otherwise.
func is(ok bool, format string, args ...any) result {
	if ok {
		return result{verdict: confirmed}
	}
	return no(format, args...)
}

// The assumptions, in the order of their checks: later checks use what earlier ones
// found.
var assumptions = []assumption{
	{"H1", "GET /v1/health needs no token and says {\"status\": …}", "account.go: HealthService.Check", "", checkHealth},
	{"H2", "GET /v1/readiness exists and needs no token", "account.go: HealthService.Ready", "", checkReady},
	{"A1", "GET /v1/auth/me accepts the token and returns an id", "account.go: AccountService.Me", "", checkIdentity},
	{"E1", "a bad token is a 401 with a flat {\"code\", \"message\"}", "internal/envelope", "", checkUnauthorized},
	{"E2", "an unknown run is a 404 with code RUN_NOT_FOUND", "errors.go: ErrNotFound", "", checkNotFound},
	{"E3", "an unknown method on a known path is a 405", "errors.go: APIError", "", checkMethodNotAllowed},
	{"E4", "limit=0 is a 422 whose errors have loc and msg", "internal/envelope", "", checkValidation},
	{"L1", "a list is {\"items\": […], \"next\": …}", "lists.go: Page", "", checkEnvelope},
	{"L2", "limit bounds the items of a page, up to 500", "lists.go: maxLimit", "", checkLimit},
	{"L3", "next, sent as pq, continues the list without a gap", "lists.go: listQuery.moveTo", "", checkForward},
	{"L4", "previous, sent as pq with from_prev=true, goes back", "lists.go: Page.Previous", "", checkBackward},
	{"L5", "sort_by=created_at:asc sorts, and :desc reverses", "lists.go: listing", "", checkSort},
	{"L6", "fields=id returns the id only", "lists.go: withFields", "", checkFields},
	{"F1", "q=status_code.EQ:'succeeded' filters", "filters.go: FilterField.Eq", "", checkFilter},
	{"F2", "filters can be joined by AND", "filters.go: Filter.And", "", checkFilterAnd},
	{"F3", "q=client_ref.EQ:'…' finds a run by its label", "runs.go: RunsService.FindByClientRef", "", checkFindByClientRef},
	{"F4", "a filter that is not understood is refused, and not ignored", "filters.go: RawFilter", "", checkBadFilter},
	{"F5", "no known way to write a quote in a value is understood", "filters.go: FilterField.Eq refuses quotes", "", checkQuote},
	{"R1", "GET /v1/runs/{run_id} returns the whole run with known codes", "runs.go: Run", "", checkRun},
	{"R2", "embed=model,node_runs,logs adds these parts to a run", "runs.go: RunEmbed", "", checkEmbed},
	{"R3", "the files of a succeeded run are found in its output", "outputs.go: Run.OutputFiles", "", checkOutputs},
	{"R4", "all statuses of GET /v1/runs/statuses are known", "types.go: RunStatus", "", checkStatuses},
	{"R5", "logs and node runs of a run are lists", "runs.go: RunsService.ListLogs", "", checkParts},
	{"R6", "callback deliveries are a bare array or a list", "runs.go: RunsService.ListCallbackDeliveries", "", checkDeliveries},
	{"M1", "models are a list, and each is found by owner and slug", "models.go: ModelsService.Get", "", checkModels},
	{"M2", "prices of a model are exact decimal numbers", "models.go: ModelPricing", "", checkPricing},
	{"W1", "ComfyUI workflows are a list, and each is found by its ID", "workflows.go", "", checkWorkflows},
	{"V1", "statuses and job classes of evaluations are listed", "evaluations.go", "", checkEvaluations},
	{"K1", "webhooks and their event types are listed", "webhooks.go", "", checkWebhooks},
	{"B1", "the balance is an exact decimal number", "account.go: CreditBalance", "", checkBalance},
	{"T1", "every response has a request ID", "internal/transport/body.go", "", checkRequestIDs},

	{"P1", "a user can set, change and clear feedback, and the run shows it", "feedback.go", "rate", checkFeedback},
	{"P2", "feedback on an unknown run is a 404, or a 403 for an API key", "feedback.go", "rate", checkFeedbackUnknownRun},

	{"S1", "a created run has an id at once", "models.go: ModelsService.CreateRun", "spend", checkCreate},
	{"S2", "the same Idempotency-Key and body create one run", "options.go: WithIdempotencyKey", "spend", checkIdempotencyKey},
	{"S3", "a new run is found by its client_ref at once", "runs.go: RunsService.FindByClientRef", "spend", checkFindNewRun},
	{"S4", "a run ends with a known terminal status", "wait.go", "spend", checkWait},
	{"S5", "an output file can be downloaded without the token", "internal/download", "spend", checkDownload},
	{"U1", "an upload takes a session, a PUT and a confirmation", "assets.go: AssetsService.Upload", "spend", checkUpload},
	{"U2", "runflow://assets/{id} in an input is resolved", "assets.go: Asset.Ref", "spend", checkAssetRef},
}
