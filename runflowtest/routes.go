package runflowtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// Handle adds an endpoint, or replaces one, for the requests that match a pattern of
// [http.ServeMux], such as "GET /v1/batches/{id}". An endpoint of Handle takes
// precedence over those of the server.
//
// Its requests are recorded, see [Server.Requests], and faults apply to them. The
// server does not authenticate them. While h runs, it may call methods of the
// server.
//
// Handle panics if the pattern is not valid, or if it conflicts with another pattern
// that was given to Handle.
func (s *Server) Handle(pattern string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mux := http.NewServeMux()
	mux.Handle(pattern, h)
	for other, h := range s.custom {
		if other != pattern {
			mux.Handle(other, h)
		}
	}
	s.custom[pattern], s.customMux = h, mux
}

// An endpoint has a handler for each of its methods.
type endpoint map[string]handler

// A handler returns a value to encode as JSON, or a problem. It runs while the server
// is locked.
type handler func(*http.Request, caller) (any, *problem)

// A created is a value that is sent with the status 201, an accepted one that is sent
// with 202.
type (
	created  struct{ value any }
	accepted struct{ value any }
)

// A deleted is a value without a body, which is sent with the status 204.
type deleted struct{}

// endpoints returns the endpoints of the server by their paths. For the endpoints
// of a single model, see modelEndpoint.
func (s *Server) endpoints() map[string]endpoint {
	logs, nodeRuns := s.partsOfRuns(runflow.RunEmbedLogs), s.partsOfRuns(runflow.RunEmbedNodeRuns)
	return map[string]endpoint{
		"/v1/runs":                                                         {"GET": s.listRuns},
		"/v1/runs/statuses":                                                {"GET": listReferences(runStatuses())},
		"/v1/runs/{run_id}":                                                {"GET": s.getRun},
		"/v1/runs/{run_id}/logs":                                           {"GET": s.listParts(logs)},
		"/v1/runs/{run_id}/logs/{id}":                                      {"GET": s.getPart(logs, "log")},
		"/v1/runs/{run_id}/node-runs":                                      {"GET": s.listParts(nodeRuns)},
		"/v1/runs/{run_id}/node-runs/{id}":                                 {"GET": s.getPart(nodeRuns, "node run")},
		"/v1/runs/{run_id}/callback":                                       {"GET": s.listDeliveries},
		"/v1/runs/{run_id}/callback-redeliveries":                          {"POST": s.redeliver},
		"/v1/runs/{run_id}/feedback":                                       {"PATCH": s.setFeedback},
		"/v1/runs/{run_id}/evaluations":                                    {"GET": s.listRunEvaluations},
		"/v1/runs/{run_id}/evaluations/{evaluation_id}/feedback":           {"PATCH": s.setEvaluationFeedback},
		"/v1/models":                                                       {"GET": s.listModels},
		"/v1/batches/{id}":                                                 {"GET": s.getBatch},
		"/v1/batches/{batch_id}/items":                                     {"GET": s.listParts(s.batchItemsOf)},
		"/v1/batches/{batch_id}/items/{id}":                                {"GET": s.getPart(s.batchItemsOf, "batch item")},
		"/v1/batches/{batch_id}/callback":                                  {"GET": s.listBatchDeliveries},
		"/v1/batches/{batch_id}/callback-redeliveries":                     {"POST": s.redeliverBatch},
		"/v1/evaluations":                                                  {"POST": s.createEvaluation},
		"/v1/evaluations/{id}":                                             {"GET": s.getEvaluation},
		"/v1/evaluations/job-classes":                                      {"GET": listReferences(jobClasses())},
		"/v1/evaluations/statuses":                                         {"GET": listReferences(evaluationStatuses())},
		"/v1/evaluations/{evaluation_id}/feedback":                         {"PATCH": s.setEvaluationFeedback},
		"/v1/webhooks":                                                     {"GET": s.listWebhooks, "POST": s.createWebhook},
		"/v1/webhooks/{id}":                                                {"GET": s.getWebhook, "PATCH": s.updateWebhook, "DELETE": s.deleteWebhook},
		"/v1/webhooks/event-types":                                         {"GET": listReferences(eventTypes())},
		"/v1/webhooks/{webhook_id}/{part}":                                 {"GET": s.getWebhookPart},
		"/v1/webhooks/{webhook_id}/deliveries/{id}":                        {"GET": s.getPart(s.webhookDeliveriesOf, "delivery")},
		"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts":      {"GET": s.listParts(s.webhookAttemptsOf)},
		"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts/{id}": {"GET": s.getPart(s.webhookAttemptsOf, "attempt")},
		"/v1/asset-uploads":                                                {"POST": s.createUpload},
		"/v1/asset-uploads/{asset_upload_id}/confirmations":                {"POST": s.confirmUpload},
		"/v1/assets":                                                       {"GET": s.listAssets},
		"/v1/assets/types":                                                 {"GET": listReferences(assetTypes())},
		"/v1/assets/{id}":                                                  {"GET": s.getAsset, "PATCH": s.updateAsset, "DELETE": s.deleteAsset},
		"/v1/auth/me":                                                      {"GET": s.getAccount},
		"/v1/billing/balance":                                              {"GET": s.getBalance, "PATCH": s.setThreshold},
		"/v1/callback-secrets":                                             {"GET": s.listSecrets, "POST": s.createSecret},
		"/v1/callback-secrets/{id}":                                        {"GET": s.getSecret, "PATCH": s.updateSecret, "DELETE": s.deleteSecret},
		"/v1/comfyui-workflows":                                            {"GET": s.listWorkflows, "POST": s.createWorkflow},
		"/v1/comfyui-workflows/{id}":                                       {"GET": s.getWorkflow, "PATCH": s.updateWorkflow, "DELETE": s.deleteWorkflow},
		"/v1/comfyui-workflows/{id}/inputs":                                {"GET": s.listParts(s.workflowInputs), "POST": s.createWorkflowInput},
		"/v1/comfyui-workflows/{owner}/{slug}":                             {"GET": s.getWorkflow},
		"/v1/comfyui-workflows/{owner}/{slug}/runs": {
			"GET": s.listWorkflowRuns, "POST": s.createWorkflowRun,
		},
	}
}

// handler returns the handler of all requests.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for path, e := range s.endpoints() {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.serveEndpoint(w, r, e) })
	}
	mux.HandleFunc("/v1/models/{path...}", func(w http.ResponseWriter, r *http.Request) {
		s.serveEndpoint(w, r, s.modelEndpoint(r))
	})
	mux.HandleFunc("GET "+filesPath+"{name}", s.serveFile)
	mux.HandleFunc("PUT "+uploadsPath+"{id}", s.serveUpload)
	mux.HandleFunc("GET /v1/health", serveHealth)
	mux.HandleFunc("GET /v1/readiness", serveHealth)
	return s.identified(s.recovered(s.recorded(s.faulty(s.routed(mux)))))
}

// routed serves requests with the endpoints of Handle, or else with those of the
// server.
func (s *Server) routed(builtin *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		muxes := []*http.ServeMux{s.customMux, builtin}
		s.mu.Unlock()
		for _, mux := range muxes {
			if _, pattern := mux.Handler(r); pattern != "" {
				mux.ServeHTTP(w, r)
				return
			}
		}
		for _, mux := range muxes {
			if allow := allowed(mux, r); allow != "" {
				methodNotAllowed(w, allow)
				return
			}
		}
		noEndpoint(w, r)
	}
}

// identified gives each response a request ID.
func (s *Server) identified(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		id := s.newID()
		s.mu.Unlock()
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r)
	}
}

// recovered responds with 500 if a function of the test panics.
func (s *Server) recovered(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); {
			case p == nil:
			case isAbort(p):
				panic(p) //nolint:forbidigo // net/http then closes the connection
			default:
				internalError(fmt.Sprintf("a function of the test panicked: %v", p)).write(w)
			}
		}()
		next.ServeHTTP(w, r)
	}
}

func isAbort(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// allowed returns the methods that mux serves at the path of r, if it does not serve
// its method.
func allowed(mux *http.ServeMux, r *http.Request) string {
	refuse, _ := mux.Handler(r)
	response := httptest.NewRecorder()
	refuse.ServeHTTP(response, r)
	return response.Header().Get("Allow")
}

// serveEndpoint serves a request to e, which is nil if there is no such endpoint.
func (s *Server) serveEndpoint(w http.ResponseWriter, r *http.Request, e endpoint) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle, ok := e[method]
	switch {
	case len(e) == 0:
		noEndpoint(w, r)
	case !ok:
		methodNotAllowed(w, e.methods())
	default:
		status, body := s.serve(r, handle)
		writeJSON(w, status, body)
	}
}

// methods returns the value of the Allow header.
func (e endpoint) methods() string {
	var methods []string
	for method := range e {
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

func noEndpoint(w http.ResponseWriter, r *http.Request) {
	newProblem(http.StatusNotFound, "runflowtest does not serve "+r.URL.Path+"; add it with Server.Handle").write(w)
}

func methodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	newProblem(http.StatusMethodNotAllowed, "want one of the methods "+allow).write(w)
}

// serve returns the status and the body of the response to an authenticated request.
func (s *Server) serve(r *http.Request, handle handler) (status int, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, bad := s.authenticate(r)
	if bad != nil {
		return bad.encode()
	}
	return s.once(r, c, func() (int, []byte) {
		value, bad := handle(r, c)
		if bad != nil {
			return bad.encode()
		}
		status := http.StatusOK
		switch v := value.(type) {
		case created:
			status, value = http.StatusCreated, v.value
		case accepted:
			status, value = http.StatusAccepted, v.value
		case deleted:
			return http.StatusNoContent, nil
		}
		body, err := json.Marshal(value)
		if err != nil {
			return internalError(err.Error()).encode()
		}
		return status, body
	})
}
