package main

// These tables repeat internal/endpoint/endpoints.tsv, which a program cannot embed. A
// test compares them.

// outOfScope contains the endpoints that the SDK leaves out, with the reasons.
//
//nolint:gosec // G101: a path has the word credit, and nothing is a credential
var outOfScope = map[string]string{
	"GET /v1/credit-balances":             "undocumented; /v1/billing/balance is the documented way",
	"POST /v1/admin/runs/{}/cancellation": "for administrators of Runflow only",
	"GET /v1/model-creators":              "older documentation only",
	"GET /v1/solutions/{}/models":         "older documentation only",
	"GET /v1/flows":                       "older documentation only",
	"GET /v1/flow-summaries":              "older documentation only",
}

// unpublished contains the endpoints of the SDK that the published reference does not
// have: the SDK knows them from other pages and from official clients.
var unpublished = map[string]bool{
	"GET /v1/health":                    true,
	"GET /v1/readiness":                 true,
	"GET /v1/runs/statuses":             true,
	"GET /v1/runs/{run_id}/node-runs":   true,
	"GET /v1/runs/{run_id}/evaluations": true,
	"PATCH /v1/runs/{run_id}/evaluations/{evaluation_id}/feedback":         true,
	"GET /v1/comfyui-workflows":                                            true,
	"GET /v1/comfyui-workflows/{id}":                                       true,
	"PATCH /v1/comfyui-workflows/{id}":                                     true,
	"DELETE /v1/comfyui-workflows/{id}":                                    true,
	"GET /v1/comfyui-workflows/{owner}/{slug}":                             true,
	"POST /v1/comfyui-workflows/{owner}/{slug}/runs":                       true,
	"GET /v1/comfyui-workflows/{owner}/{slug}/runs":                        true,
	"GET /v1/comfyui-workflows/{comfyui_workflow_id}/inputs":               true,
	"POST /v1/comfyui-workflows/{comfyui_workflow_id}/inputs":              true,
	"GET /v1/assets/types":                                                 true,
	"POST /v1/webhooks":                                                    true,
	"GET /v1/webhooks/{id}":                                                true,
	"PATCH /v1/webhooks/{id}":                                              true,
	"DELETE /v1/webhooks/{id}":                                             true,
	"GET /v1/webhooks/event-types":                                         true,
	"GET /v1/webhooks/event-types/{code}":                                  true,
	"GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts/{id}": true,
	"GET /v1/evaluations/job-classes":                                      true,
	"GET /v1/evaluations/statuses":                                         true,
}
