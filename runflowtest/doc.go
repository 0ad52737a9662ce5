// Package runflowtest provides a fake Runflow API for tests: an HTTP server on a
// loopback address that keeps its state in memory. It needs no account and no
// network.
//
//	func TestGenerate(t *testing.T) {
//		server := runflowtest.New(t)
//		server.AddModel("acme/cat", runflow.Model{})
//		client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
//		if err != nil {
//			t.Fatal(err)
//		}
//		run, err := client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{
//			Input: map[string]any{"prompt": "a cat"},
//		})
//		if err != nil {
//			t.Fatal(err)
//		}
//		server.FinishRun(run.ID)
//		run, err = client.Runs.Wait(t.Context(), run.ID, runflow.WaitRunParams{})
//		if err != nil {
//			t.Fatal(err)
//		}
//		if n := len(run.OutputFiles()); n != 1 {
//			t.Errorf("the run has %d output files, want 1", n)
//		}
//	}
//
// Many servers can run in one process. They share nothing: each one has different
// tokens, secrets and IDs.
//
// # Runs
//
// A created run is queued. Each time a client gets it by its ID, it takes its next
// step: its status is dispatching, then running, then succeeded, with an image as
// its output. [Server.Script] sets other steps for the runs of a model or a
// workflow. [Server.FinishRun] makes a run take all its steps at once. After
// [Server.PauseRuns] a run takes a step only if the test calls [Server.AdvanceRun].
// [Server.AddRun] adds a run in any state, and [Server.GetRun] and [Server.Runs]
// return runs without advancing them.
//
// # Users and API keys
//
// Each server has one organization, a user and an API key, see the fields of
// [Server]. [Server.AddUser] and [Server.AddAPIKey] add others. A request without a
// known token is refused with 401. Only users may set feedback: an API key is
// refused with 403.
//
// # Callbacks
//
// When a run that has a callback URL ends, the server signs and delivers its
// callback, and tries again if the receiver does not respond with 2xx.
// [Server.WaitCallbacks] waits until all deliveries are done. [NewCallbackRequest]
// returns a signed request, with which a callback handler can be tested without a
// server.
//
// # Output files
//
// The server also acts as the storage host of output files. Their links are signed,
// expire after three days by the server's clock, and are signed again each time a
// run is fetched. The storage host refuses a request that has a token.
// [Server.AddFile] adds a file, and [Server.ExpireFiles] makes all links expire.
//
// # Faults and requests
//
// [Server.InjectFault] makes requests fail: with a status, a delay, a lost
// connection or a truncated response, before or after the request is processed.
// [Server.PendingFaults] returns the faults that have not happened yet, or not
// often enough, so that a test can check that there are none. [Server.Requests]
// returns the requests that the server has received. Each response has a request
// ID, in the header X-Request-Id.
//
// # Time
//
// All times are those of the server's clock. It starts at the beginning of 2026, and
// advances by a second with each created run and each step of a run.
// [Server.AdvanceClock] and [Server.SetClock] change it.
//
// # Endpoints
//
// The server serves these endpoints. A request to another path is refused with 404,
// and another method with 405. [Server.Handle] adds or replaces endpoints.
//
//	POST  /v1/models/{owner}/{slug}/runs
//	GET   /v1/models
//	GET   /v1/models/{owner}/{slug}
//	GET   /v1/models/{model_id}/pricing
//	GET   /v1/models/{model_id}/examples/{id}
//	POST  /v1/comfyui-workflows/{owner}/{slug}/runs
//	GET   /v1/comfyui-workflows/{owner}/{slug}/runs
//	GET   /v1/comfyui-workflows
//	GET   /v1/comfyui-workflows/{id}
//	GET   /v1/comfyui-workflows/{owner}/{slug}
//	GET   /v1/runs
//	GET   /v1/runs/statuses
//	GET   /v1/runs/{run_id}
//	GET   /v1/runs/{run_id}/logs
//	GET   /v1/runs/{run_id}/logs/{id}
//	GET   /v1/runs/{run_id}/node-runs
//	GET   /v1/runs/{run_id}/node-runs/{id}
//	GET   /v1/runs/{run_id}/callback
//	POST  /v1/runs/{run_id}/callback-redeliveries
//	PATCH /v1/runs/{run_id}/feedback
//
// # Differences from the real API
//
// The server follows the documentation of the API. Behavior that is not documented
// is a guess:
//
//   - Filters: it understands field.eq:'value', AND, OR, NOT and parentheses. A
//     condition on a field that has no value is false. Lists cannot be filtered or
//     sorted by a field that is a JSON object, such as metadata.
//   - A filter, sort key, field or embed that does not exist is refused with 400.
//   - Lists: a page has 50 items by default, and the newest come first. Cursors are
//     encoded in base64.
//   - The response of GET /v1/runs/statuses is a page of objects with a code.
//   - An embedded model, workflow or run has no embedded parts, unless
//     [Server.AddRun] was given them.
//   - The response to the creation of a workflow's run contains the ID both as
//     run_id and as id.
//   - If the documentation lists no code for an error, its code is the name of the
//     HTTP status, such as BAD_REQUEST.
//   - A callback is delivered at most three times. The status of a delivery is
//     pending, delivered or failed.
//   - An Idempotency-Key applies to all POST requests, and never expires.
package runflowtest
