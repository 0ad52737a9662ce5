package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A plant changes a document that has no differences. The wanted differences are all
// that follow from it.
type plant struct {
	name   string
	change func(t *testing.T, d *document)
	want   []planted
}

// A planted difference is one that the report must name.
type planted struct {
	severity        severity
	endpoint, place string
	text            string // a part of it
}

const (
	listRuns = "GET /v1/runs"
	getRun   = "GET /v1/runs/{run_id}"
	newRun   = "POST /v1/models/{owner}/{slug}/runs"
	feedback = "PATCH /v1/runs/{run_id}/feedback"

	listWorkflowRuns = "GET /v1/comfyui-workflows/{owner}/{slug}/runs"
	redeliver        = "POST /v1/runs/{run_id}/callback-redeliveries"
	newBatch         = "POST /v1/models/{owner}/{slug}/batches"
	newUpload        = "POST /v1/asset-uploads"
	newEvaluation    = "POST /v1/evaluations"
	getEvaluation    = "GET /v1/evaluations/{id}"
	newSecret        = "POST /v1/callback-secrets"
	listPricing      = "GET /v1/models/{model_id}/pricing"
	me               = "GET /v1/auth/me"

	bodyOfRun      = "Body_post_v1_models_owner_slug_runs"
	bodyOfFeedback = "Body_patch_v1_runs_run_id_feedback"
)

func TestCompare_PlantedDifferences(t *testing.T) {
	t.Parallel()
	plants := slices.Concat(endpointPlants(), parameterPlants(), bodyPlants(), responsePlants(), listPlants(), codePlants(), statusPlants())
	for _, d := range dialects {
		for _, p := range plants {
			t.Run(p.name+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				uses := plantUses(t)
				doc := newDocument(d, uses)
				p.change(t, doc)
				r := differences(t, uses, doc.encode(t))
				for _, want := range p.want {
					assert.True(t, containsPlanted(r, want), "%+v is not in the report:\n%s", want, lines(r))
				}
				assert.Len(t, r.Differences, len(p.want), lines(r))
			})
		}
	}
}

// plantUses returns the uses of the endpoints that plants change. A comparison with all
// endpoints takes four times as long.
func plantUses(t *testing.T) map[string]use {
	t.Helper()
	all, some := allUses(t), map[string]use{}
	for _, label := range []string{
		listRuns, getRun, newRun, feedback, listWorkflowRuns, redeliver, newBatch, newUpload, newEvaluation, getEvaluation, newSecret, listPricing, me,
		"GET /v1/models", "GET /v1/health", "PATCH /v1/billing/balance", "GET /v1/evaluations/statuses",
	} {
		method, route, _ := strings.Cut(label, " ")
		key := keyOf(method, route)
		require.Contains(t, all, key)
		some[key] = all[key]
	}
	return some
}

func containsPlanted(r *report, p planted) bool {
	return slices.ContainsFunc(r.Differences, func(d difference) bool {
		return d.Severity == p.severity && slices.Contains(d.Endpoints, p.endpoint) && d.Place == p.place && strings.Contains(d.Text, p.text)
	})
}

func lines(r *report) string {
	var text strings.Builder
	for _, d := range r.Differences {
		fmt.Fprintf(&text, "%s: %s: %s: %s\n", d.Severity, d.Endpoints, d.Place, d.Text)
	}
	return text.String()
}

func endpointPlants() []plant {
	return []plant{
		{"endpoint of the reference missing", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.at(t, "paths"), "/v1/runs/{run_id}/feedback")
		}, []planted{{breaksCalls, feedback, "endpoint", "used by Runs.SetFeedback and Runs.ClearFeedback"}}},
		{"method of an endpoint changed", func(t *testing.T, d *document) {
			t.Helper()
			path := d.at(t, "paths", "/v1/runs/{run_id}/feedback")
			path["put"] = path["patch"]
			delete(path, "patch")
		}, []planted{
			{breaksCalls, feedback, "endpoint", "the document does not have it"},
			{notCovered, "PUT /v1/runs/{run_id}/feedback", "endpoint", "the SDK has no method for it"},
		}},
		{"endpoint of other sources missing", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.at(t, "paths"), "/v1/health")
		}, []planted{
			{notCovered, "GET /v1/health", "endpoint", "nothing was compared"},
		}},
		{"endpoint that the SDK does not have", func(t *testing.T, d *document) {
			t.Helper()
			d.at(t, "paths")["/v1/folders"] = node{"get": d.op(t, getRun)}
		}, []planted{{notCovered, "GET /v1/folders", "endpoint", "the SDK has no method for it"}}},
		{"endpoint that is out of scope", func(t *testing.T, d *document) {
			t.Helper()
			d.at(t, "paths")["/v1/admin/runs/{id}/cancellation"] = node{"parameters": pathParameters("{id}"), "post": d.op(t, newRun)}
		}, []planted{{notCovered, "POST /v1/admin/runs/{id}/cancellation", "endpoint", "on purpose: for administrators"}}},
		{"placeholder renamed", func(t *testing.T, d *document) {
			t.Helper()
			paths := d.at(t, "paths")
			paths["/v1/runs/{id}"] = paths["/v1/runs/{run_id}"]
			paths["/v1/runs/{id}"].(node)["parameters"] = pathParameters("{id}")
			delete(paths, "/v1/runs/{run_id}")
		}, nil},
		{"version in the base URL", func(t *testing.T, d *document) {
			t.Helper()
			d.root["servers"] = []any{node{"url": "https://api.runflow.io/v1/"}}
			paths := d.at(t, "paths")
			for route, item := range paths {
				delete(paths, route)
				paths[strings.TrimPrefix(route, "/v1")] = item
			}
		}, nil},
		{"endpoint deprecated", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["deprecated"] = true
		}, []planted{{notCovered, getRun, "endpoint", "deprecated"}}},
	}
}

func parameterPlants() []plant {
	return []plant{
		{"cursor parameter renamed", func(t *testing.T, d *document) {
			t.Helper()
			d.parameter(t, listRuns, "pq")["name"] = "cursor"
		}, []planted{
			{breaksCalls, listRuns, "query.pq", "the document does not have it"},
			{notCovered, listRuns, "query.cursor", "the SDK does not send it"},
		}},
		{"fields parameter missing", func(t *testing.T, d *document) {
			t.Helper()
			op := d.op(t, getRun)
			op["parameters"] = slices.DeleteFunc(op["parameters"].([]any), func(p any) bool { return p.(node)["name"] == "fields" })
		}, []planted{{losesData, getRun, "query.fields", "may ignore it"}}},
		{"parameter required", func(t *testing.T, d *document) {
			t.Helper()
			d.parameter(t, listRuns, "q")["required"] = true
		}, []planted{{breaksCalls, listRuns, "query.q", "sends it only if it is set"}}},
		{"new required parameter", func(t *testing.T, d *document) {
			t.Helper()
			op := d.op(t, getRun)
			op["parameters"] = append(op["parameters"].([]any), node{"name": "region", "in": "query", "required": true, "schema": node{"type": "string"}})
		}, []planted{{breaksCalls, getRun, "query.region", "required"}}},
		{"new required header by reference", func(t *testing.T, d *document) {
			t.Helper()
			d.at(t, "components")["parameters"] = node{"Tenant": node{"name": "X-Tenant", "in": "header", "required": true, "schema": node{"type": "string"}}}
			op := d.op(t, getRun)
			op["parameters"] = append(op["parameters"].([]any), node{"$ref": "#/components/parameters/Tenant"})
		}, []planted{{breaksCalls, getRun, "header.X-Tenant", "required"}}},
		{"organization header missing", func(t *testing.T, d *document) {
			t.Helper()
			for _, path := range d.at(t, "paths") {
				for _, op := range path.(node) {
					if op, ok := op.(node); ok {
						op["parameters"] = slices.DeleteFunc(op["parameters"].([]any), func(p any) bool { return p.(node)["in"] == "header" })
					}
				}
			}
		}, []planted{{breaksCalls, "all endpoints", "header.X-Organization-Id", "no effect"}}},
		{"limit narrower", func(t *testing.T, d *document) {
			t.Helper()
			d.parameter(t, listRuns, "limit")["schema"] = d.nullable(node{"type": "integer", "minimum": 1, "maximum": 100}, "Limit")
		}, []planted{{breaksCalls, listRuns, "query.limit", "the SDK allows 1 to 500, the document 1 to 100"}}},
		{"limit wider", func(t *testing.T, d *document) {
			t.Helper()
			d.parameter(t, listRuns, "limit")["schema"] = d.nullable(node{"type": "integer", "minimum": 1, "maximum": 1000}, "Limit")
		}, []planted{{notCovered, listRuns, "query.limit", "the SDK allows 1 to 500, the document 1 to 1000"}}},
		{"fields as a repeated parameter", func(t *testing.T, d *document) {
			t.Helper()
			d.parameter(t, listRuns, "fields")["schema"] = d.nullable(node{"type": "array", "items": node{"type": "string"}}, "Fields")
		}, []planted{{breaksCalls, listRuns, "query.fields", "one list with commas"}}},
		{"fields as a list with commas", func(t *testing.T, d *document) {
			t.Helper()
			p := d.parameter(t, listRuns, "fields")
			p["schema"], p["explode"] = d.nullable(node{"type": "array", "items": node{"type": "string"}}, "Fields"), false
		}, nil},
		{"parameter of another type", func(t *testing.T, d *document) {
			t.Helper()
			d.parameter(t, listRuns, "q")["schema"] = d.nullable(node{"type": "object"}, "Q")
		}, []planted{{breaksCalls, listRuns, "query.q", "the SDK sends string, the document wants object"}}},
		{"embed with another enumeration", func(t *testing.T, d *document) {
			t.Helper()
			p := d.parameter(t, me, "embed")
			p["explode"] = false
			p["schema"] = d.nullable(node{"type": "array", "items": node{"type": "string", "enum": []any{"memberships", "organizations", "keys"}}}, "Embed")
		}, []planted{
			{breaksCalls, me, "query.embed", `"pending_invitations" of the SDK is not allowed`},
			{notCovered, me, "query.embed", `no constant for the value "keys"`},
		}},
	}
}

func bodyPlants() []plant {
	return []plant{
		{"body member renamed", func(t *testing.T, d *document) {
			t.Helper()
			properties := d.properties(t, bodyOfRun)
			properties["reference"] = properties["client_ref"]
			delete(properties, "client_ref")
		}, []planted{
			{losesData, newRun, "body.client_ref", "may ignore it"},
			{notCovered, newRun, "body.reference", "the SDK does not send it"},
		}},
		{"body member forbidden", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.properties(t, bodyOfRun), "metadata")
			d.at(t, "components", "schemas", bodyOfRun)["additionalProperties"] = false
		}, []planted{{breaksCalls, newRun, "body.metadata", "does not allow it"}}},
		{"body member newly required", func(t *testing.T, d *document) {
			t.Helper()
			body := d.at(t, "components", "schemas", bodyOfRun)
			body["required"] = append(body["required"].([]any), "metadata", "version")
			d.properties(t, bodyOfRun)["version"] = node{"type": "string", "title": "Version"}
		}, []planted{
			{breaksCalls, newRun, "body.metadata", "sends it only if it is set"},
			{breaksCalls, newRun, "body.version", "the SDK does not send it"},
		}},
		{"body member required by allOf", func(t *testing.T, d *document) {
			t.Helper()
			d.schemas["Extended"] = node{"allOf": []any{ref(bodyOfRun), node{"type": "object", "required": []any{"priority"}, "properties": node{"priority": node{"type": "integer"}}}}}
			d.op(t, newRun)["requestBody"] = node{"required": true, "content": jsonContent(ref("Extended"))}
		}, []planted{{breaksCalls, newRun, "body.priority", "required"}}},
		{"null not allowed", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, bodyOfFeedback)["is_positive"] = node{"type": "boolean", "title": "Is Positive"}
		}, []planted{{breaksCalls, feedback, "body.is_positive", "the SDK sends null, the document wants boolean"}}},
		{"body member of another type", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, bodyOfFeedback)["is_positive"] = d.nullable(node{"type": "integer"}, "Is Positive")
		}, []planted{{breaksCalls, feedback, "body.is_positive", "the SDK sends boolean, the document wants integer"}}},
		{"one of several types", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Body_patch_v1_billing_balance")["low_balance_threshold"] = node{"anyOf": []any{
				node{"type": "number", "minimum": 0}, node{"type": "string", "pattern": "^[0-9.]+$"},
			}}
		}, nil},
		{"longer client_ref", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, bodyOfRun)["client_ref"] = d.nullable(node{"type": "string", "maxLength": 500}, "Client Ref")
		}, []planted{{notCovered, newRun, "body.client_ref", "length: the SDK allows 1 to 255, the document at most 500"}}},
		{"shorter client_ref", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, bodyOfRun)["client_ref"] = d.nullable(node{"type": "string", "maxLength": 64}, "Client Ref")
		}, []planted{{breaksCalls, newRun, "body.client_ref", "the document at most 64"}}},
		{"fewer reference images", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Body_post_v1_evaluations")["reference_images"].(node)["maxItems"] = 2
		}, []planted{{breaksCalls, newEvaluation, "body.reference_images", "number of items: the SDK allows at most 4, the document at most 2"}}},
		{"larger uploads", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Body_post_v1_asset_uploads")["size_bytes"].(node)["maximum"] = 104857600
		}, []planted{{notCovered, newUpload, "body.size_bytes", "the document 1 to 104857600"}}},
		{"smaller batches", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Body_post_v1_models_owner_slug_batches")["input"].(node)["maxItems"] = 50
		}, []planted{{breaksCalls, newBatch, "body.input", "the document 1 to 50"}}},
		{"limit that the SDK does not check", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, bodyOfFeedback)["reason"] = d.nullable(node{"type": "string", "maxLength": 2000}, "Reason")
		}, []planted{{notCovered, feedback, "body.reason", "at most 2000, which the SDK does not check"}}},
		{"member of a nested object required", func(t *testing.T, d *document) {
			t.Helper()
			d.at(t, "components", "schemas", "reference_images_reference_images_item")["required"] = []any{"url", "kind"}
		}, []planted{{breaksCalls, newEvaluation, "body.reference_images[].kind", "sends it only if it is set"}}},
		{"codes of a body member", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Body_post_v1_evaluations")["job_class"] = d.nullable(node{"type": "string", "enum": []any{"standard", "fast"}}, "Job Class")
		}, []planted{{notCovered, newEvaluation, "body.job_class", `no constants for the values "standard", "fast"`}}},
		{"form instead of JSON", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, newRun)["requestBody"] = node{"required": true, "content": node{"multipart/form-data": node{"schema": ref(bodyOfRun)}}}
		}, []planted{{breaksCalls, newRun, "body", "the document wants multipart/form-data"}}},
		{"body missing", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.op(t, newRun), "requestBody")
		}, []planted{{losesData, newRun, "body", "the document has none"}}},
		{"body newly required", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, redeliver)["requestBody"] = node{"required": true, "content": jsonContent(node{"type": "object"})}
		}, []planted{{breaksCalls, redeliver, "body", "required"}}},
	}
}

func responsePlants() []plant {
	return []plant{
		{"new response member", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["priority"] = d.nullable(node{"type": "integer"}, "Priority")
		}, []planted{{losesData, getRun, "Run.priority", "the SDK drops it (integer)"}}},
		{"new response member by allOf", func(t *testing.T, d *document) {
			t.Helper()
			d.schemas["RunDetail"] = node{"allOf": []any{ref("Run"), node{"type": "object", "properties": node{"region": node{"type": "string"}}}}}
			d.op(t, getRun)["responses"].(node)["200"].(node)["content"] = jsonContent(ref("RunDetail"))
		}, []planted{{losesData, getRun, "Run.region", "the SDK drops it (string)"}}},
		{"new response member in one of several forms", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["200"].(node)["content"] = jsonContent(node{"oneOf": []any{
				ref("Run"), node{"type": "object", "properties": node{"id": node{"type": "string"}, "status_code": node{"type": "string", "enum": []any{"queued"}}, "queue": node{"type": "string"}}},
			}})
		}, []planted{{losesData, getRun, "Run.queue", "the SDK drops it (string)"}}},
		{"new member that is only written", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["secret"] = node{"type": "string", "writeOnly": true}
		}, nil},
		{"new member of an item that is kept", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "ReferenceItem")["price"] = d.nullable(node{"type": "string"}, "Price")
		}, nil},
		{"response member missing everywhere", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.properties(t, "Run"), "failure_message")
		}, []planted{{losesData, listWorkflowRuns, "Run.failure_message", "no response has it"}}},
		{"response member missing at one endpoint", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["200"].(node)["content"] = jsonContent(node{"type": "object", "properties": node{
				"id": node{"type": "string"}, "status_code": node{"type": "string"},
			}})
		}, nil},
		{"needed member missing at one endpoint", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["200"].(node)["content"] = jsonContent(node{"type": "object", "properties": node{"id": node{"type": "string"}}})
		}, []planted{{breaksCalls, getRun, "status 200.status_code", "needed by Runs.Get"}}},
		{"secret missing", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.properties(t, "CallbackSecret"), "plain_secret")
		}, []planted{{breaksCalls, newSecret, "status 200.plain_secret", "needed by CallbackSecrets.Create"}}},
		{"response member of another type", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["jurisdiction_code"] = d.nullable(node{"type": "integer"}, "Jurisdiction Code")
		}, []planted{{losesData, getRun, "Run.jurisdiction_code", "the document has integer, the SDK decodes only string"}}},
		{"response member of two types", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["duration_ms"] = node{"anyOf": []any{node{"type": "integer"}, node{"type": "string"}}}
		}, []planted{{losesData, getRun, "Run.duration_ms", "the document has string, the SDK decodes only integer"}}},
		{"fractions", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["duration_ms"] = d.nullable(node{"type": "number"}, "Duration Ms")
		}, []planted{{losesData, getRun, "Run.duration_ms", "the document has number, the SDK decodes only integer"}}},
		{"ID of another type", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Model")["id"] = node{"type": "integer"}
		}, []planted{{breaksCalls, "GET /v1/models", "Model.id", "the document has integer"}}},
		{"amount as an object", func(t *testing.T, d *document) {
			t.Helper()
			d.schemas["Money"] = node{"type": "object", "properties": node{"amount": node{"type": "string"}}}
			d.properties(t, "Run")["cost"] = d.nullable(ref("Money"), "Cost")
		}, []planted{{breaksCalls, getRun, "Run.cost", "the document has object, the SDK decodes only string or number or integer"}}},
		{"amount as a number", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["cost"] = d.nullable(node{"type": "number"}, "Cost")
		}, nil},
		{"time as a number", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["created_at"] = node{"type": "integer"}
		}, []planted{{losesData, getRun, "Run.created_at", "the document has integer"}}},
		{"time as a date", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["created_at"] = d.nullable(node{"type": "string", "format": "date"}, "Created At")
		}, []planted{{losesData, getRun, "Run.created_at", "the format date"}}},
		{"embedded list as an object", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Run")["logs"] = d.nullable(node{"type": "object", "additionalProperties": ref("RunLog")}, "Logs")
		}, []planted{{losesData, getRun, "Run.logs", "the document has object, the SDK decodes only array"}}},
		{"JSON with described members", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "Evaluation")["action"] = d.nullable(node{"type": "object", "properties": node{"code": node{"type": "string"}, "reason": node{"type": "string"}}}, "Action")
		}, []planted{{notCovered, getEvaluation, "Evaluation.action", "the document describes code, reason"}}},
		{"response without a description", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["200"].(node)["content"] = jsonContent(node{})
		}, []planted{{notCovered, getRun, "status 200", "does not describe the members of the Run"}}},
	}
}

func listPlants() []plant {
	page := func(t *testing.T, d *document) node {
		t.Helper()
		return d.properties(t, "Page_Run_")
	}
	return []plant{
		{"items renamed", func(t *testing.T, d *document) {
			t.Helper()
			page(t, d)["data"] = page(t, d)["items"]
			delete(page(t, d), "items")
			d.at(t, "components", "schemas", "Page_Run_")["required"] = []any{"data"}
		}, []planted{
			{breaksCalls, listRuns, "response.items", "the SDK needs it"},
			{losesData, listWorkflowRuns, "response.data", "the SDK drops it"},
			{notCovered, listRuns, "response", "does not describe the items"},
		}},
		{"cursors with the other names", func(t *testing.T, d *document) {
			t.Helper()
			page(t, d)["next_pq"], page(t, d)["prev_pq"] = page(t, d)["next"], page(t, d)["previous"]
			delete(page(t, d), "next")
			delete(page(t, d), "previous")
		}, nil},
		{"cursor missing", func(t *testing.T, d *document) {
			t.Helper()
			delete(page(t, d), "next")
		}, []planted{{losesData, listRuns, "response.next", "no other page"}}},
		{"cursor as an object", func(t *testing.T, d *document) {
			t.Helper()
			page(t, d)["next"] = d.nullable(node{"type": "object"}, "Next")
		}, []planted{{breaksCalls, listRuns, "response.next", "it is object, but the SDK wants a string"}}},
		{"total of a list", func(t *testing.T, d *document) {
			t.Helper()
			page(t, d)["total"] = node{"type": "integer"}
		}, []planted{{losesData, listRuns, "response.total", "the SDK drops it"}}},
		{"bare array instead of a page", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, listRuns)["responses"].(node)["200"].(node)["content"] = jsonContent(node{"type": "array", "items": ref("Run")})
		}, nil},
		{"text instead of a list", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, listRuns)["responses"].(node)["200"].(node)["content"] = jsonContent(node{"type": "string"})
		}, []planted{{breaksCalls, listRuns, "response", "it is not a list: string"}}},
		{"item instead of a list of items", func(t *testing.T, d *document) {
			t.Helper()
			page(t, d)["items"] = node{"type": "array", "items": node{"type": "string", "format": "uuid"}}
		}, []planted{{breaksCalls, listRuns, "response.items", "the document has string, the SDK decodes only object"}}},
		{"client_ref missing in lists", func(t *testing.T, d *document) {
			t.Helper()
			page(t, d)["items"] = node{"type": "array", "items": node{"type": "object", "properties": node{"id": node{"type": "string"}}}}
		}, []planted{{breaksCalls, listRuns, "response.items.client_ref", "Runs.FindByClientRef"}}},
	}
}

func codePlants() []plant {
	setCodes := func(t *testing.T, d *document, schema, name string, codes ...any) {
		t.Helper()
		d.properties(t, schema)[name] = d.nullable(node{"type": "string", "enum": codes}, name)
	}
	return []plant{
		{"new status", func(t *testing.T, d *document) {
			t.Helper()
			setCodes(t, d, "Run", "status_code", "queued", "dispatching", "running", "succeeded", "failed", "cancelled", "partial_succeeded", "expired")
		}, []planted{{breaksCalls, getRun, "RunStatus", `does not know the value "expired"`}}},
		{"status with the other spelling", func(t *testing.T, d *document) {
			t.Helper()
			setCodes(t, d, "Run", "status_code", "queued", "dispatching", "running", "succeeded", "failed", "canceled", "partial_succeeded")
		}, nil},
		{"new source", func(t *testing.T, d *document) {
			t.Helper()
			setCodes(t, d, "Run", "source_code", "playground", "api", "flow-node", "chat")
		}, []planted{{notCovered, getRun, "RunSource", `no constant for the value "chat"`}}},
		{"source by a constant", func(t *testing.T, d *document) {
			t.Helper()
			if d.openapi == "3.0.3" {
				setCodes(t, d, "Run", "source_code", "chat")
				return
			}
			d.properties(t, "Run")["source_code"] = d.nullable(node{"const": "chat", "type": "string"}, "Source")
		}, []planted{{notCovered, getRun, "RunSource", `no constant for the value "chat"`}}},
		{"value that is not sent any more", func(t *testing.T, d *document) {
			t.Helper()
			setCodes(t, d, "Run", "failure_stage_code", "dispatch", "execution", "callback")
			setCodes(t, d, "Batch", "failure_stage_code", "dispatch", "execution", "callback")
		}, []planted{{notCovered, listWorkflowRuns, "FailureStage", `no response has the value "reconciliation"`}}},
		{"codes without constants", func(t *testing.T, d *document) {
			t.Helper()
			setCodes(t, d, "ModelPricing", "unit_code", "request", "second")
		}, []planted{{notCovered, listPricing, "ModelPricing.unit_code", `no constants for the values "request", "second"`}}},
		{"codes by reference", func(t *testing.T, d *document) {
			t.Helper()
			d.schemas["Unit"] = node{"type": "string", "enum": []any{"request", "second"}}
			d.properties(t, "ModelPricing")["unit_code"] = d.nullable(ref("Unit"), "Unit Code")
		}, []planted{{notCovered, listPricing, "ModelPricing.unit_code", `"request", "second"`}}},
	}
}

func statusPlants() []plant {
	return []plant{
		{"status without an error of its own", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["451"] = node{"description": "Unavailable"}
		}, []planted{{notCovered, getRun, "status 451", "no error of its own"}}},
		{"redirect", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["307"] = node{"description": "Temporary Redirect"}
		}, []planted{{notCovered, getRun, "status 307", "does not expect it"}}},
		{"server error", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["503"] = node{"description": "Unavailable"}
		}, nil},
		{"another success", func(t *testing.T, d *document) {
			t.Helper()
			responses := d.op(t, newRun)["responses"].(node)
			responses["201"] = responses["200"]
			delete(responses, "200")
		}, nil},
		{"success without content", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, feedback)["responses"].(node)["204"] = node{"description": "No Content"}
		}, []planted{{breaksCalls, feedback, "status 204", "no content, but the SDK wants JSON"}}},
		{"success of another type", func(t *testing.T, d *document) {
			t.Helper()
			d.op(t, getRun)["responses"].(node)["200"].(node)["content"] = node{"text/csv": node{"schema": node{"type": "string"}}}
		}, []planted{{breaksCalls, getRun, "status 200", "the content text/csv"}}},
		{"no success", func(t *testing.T, d *document) {
			t.Helper()
			delete(d.op(t, getRun)["responses"].(node), "200")
		}, []planted{{notCovered, getRun, "response", "no successful response"}}},
		{"error body of another form", func(t *testing.T, d *document) {
			t.Helper()
			d.schemas["Problem"] = node{"type": "object", "properties": node{"title": node{"type": "string"}}}
			d.op(t, getRun)["responses"].(node)["404"].(node)["content"] = jsonContent(ref("Problem"))
		}, []planted{
			{losesData, getRun, "status 404", "the document has none of them"},
			{notCovered, getRun, "status 404.title", "do not have it"},
		}},
		{"error body with a new member", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "ErrorResponse")["hint"] = node{"type": "string"}
			for _, path := range d.at(t, "paths") { // only one status, so that there is one difference
				for _, op := range path.(node) {
					if op, ok := op.(node); ok {
						for _, status := range []string{"401", "403", "429"} {
							delete(op["responses"].(node), status)
						}
					}
				}
			}
		}, []planted{{notCovered, getRun, "status 404.hint", "do not have it"}}},
		{"entry of a validation error with a new member", func(t *testing.T, d *document) {
			t.Helper()
			d.properties(t, "ValidationError")["ctx"] = node{"type": "object"}
		}, []planted{{notCovered, getRun, "status 422.detail[].ctx", "do not have it"}}},
	}
}
