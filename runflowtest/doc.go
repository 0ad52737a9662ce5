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
// # Batches
//
// The runs of a batch take the steps of their model's script. Each time a client gets
// a batch by its ID, all its runs take their next step. To let some runs fail, write a
// [Step] that looks at the input of its run. [Server.FinishBatch] makes all runs of a
// batch take all their steps.
//
// # Evaluations
//
// A created evaluation is pending. Each time a client gets it by its ID, it takes its
// next step: its status is running, then completed, and the image passes.
// [Server.ScriptEvaluations] sets other steps. [Server.FinishEvaluation] makes an
// evaluation take all its steps.
//
// # Users and API keys
//
// Each server has one organization, a user and an API key, see the fields of
// [Server]. [Server.AddUser] and [Server.AddAPIKey] add others. A request without a
// known token is refused with 401. Only users may set feedback on runs: an API key is
// refused with 403. So is a request that needs a scope which its API key does not have;
// the message names the scope. GET /v1/health and GET /v1/readiness need no token.
//
// # Balance
//
// Each organization has a balance of 1,000 US dollars. [Server.SetPrice] sets what the
// runs of a model or a workflow cost, and [Server.SetBalance] sets the balance of an
// organization. A request for runs or an evaluation that cost more than the balance is
// refused with 402.
//
// # Callbacks and webhooks
//
// When a run, a batch or an evaluation that has a callback URL ends, the server signs
// and delivers its callback, and tries again if the receiver does not respond with 2xx.
// The field CallbackSecret of [Server] signs the callbacks of an organization until a
// client makes another secret of the organization current.
//
// When a run ends, the server also delivers its event to the webhooks of its
// organization, each signed with the webhook's own secret.
//
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
// # Assets
//
// Clients upload files to the same storage host, with presigned URLs that expire after
// 15 minutes by the server's clock. The storage host refuses a file whose size or type
// is not that of its upload session.
//
// A reference to an asset in the input of a run, such as runflow://assets/{id}, is
// replaced by a signed link whenever the run is fetched. A reference to an asset that
// does not exist is refused with 422. A file in a data URL is stored as an asset.
//
// The URLs of a server are http URLs on a loopback address. Those of a server of
// [NewTLSServer] are https URLs, for clients that require them.
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
//	POST   /v1/models/{owner}/{slug}/runs
//	GET    /v1/models
//	GET    /v1/models/{owner}/{slug}
//	GET    /v1/models/{model_id}/pricing
//	GET    /v1/models/{model_id}/examples/{id}
//	POST   /v1/models/{owner}/{slug}/batches
//	POST   /v1/comfyui-workflows/{owner}/{slug}/runs
//	GET    /v1/comfyui-workflows/{owner}/{slug}/runs
//	GET    /v1/comfyui-workflows
//	GET    /v1/comfyui-workflows/{id}
//	GET    /v1/comfyui-workflows/{owner}/{slug}
//	POST   /v1/comfyui-workflows
//	PATCH  /v1/comfyui-workflows/{id}
//	DELETE /v1/comfyui-workflows/{id}
//	GET    /v1/comfyui-workflows/{comfyui_workflow_id}/inputs
//	POST   /v1/comfyui-workflows/{comfyui_workflow_id}/inputs
//	GET    /v1/runs
//	GET    /v1/runs/statuses
//	GET    /v1/runs/{run_id}
//	GET    /v1/runs/{run_id}/logs
//	GET    /v1/runs/{run_id}/logs/{id}
//	GET    /v1/runs/{run_id}/node-runs
//	GET    /v1/runs/{run_id}/node-runs/{id}
//	GET    /v1/runs/{run_id}/callback
//	POST   /v1/runs/{run_id}/callback-redeliveries
//	PATCH  /v1/runs/{run_id}/feedback
//	GET    /v1/runs/{run_id}/evaluations
//	PATCH  /v1/runs/{run_id}/evaluations/{evaluation_id}/feedback
//	GET    /v1/batches/{id}
//	GET    /v1/batches/{batch_id}/items
//	GET    /v1/batches/{batch_id}/items/{id}
//	GET    /v1/batches/{batch_id}/callback
//	POST   /v1/batches/{batch_id}/callback-redeliveries
//	POST   /v1/evaluations
//	GET    /v1/evaluations/{id}
//	PATCH  /v1/evaluations/{evaluation_id}/feedback
//	GET    /v1/evaluations/job-classes
//	GET    /v1/evaluations/statuses
//	GET    /v1/webhooks
//	POST   /v1/webhooks
//	GET    /v1/webhooks/{id}
//	PATCH  /v1/webhooks/{id}
//	DELETE /v1/webhooks/{id}
//	GET    /v1/webhooks/event-types
//	GET    /v1/webhooks/event-types/{code}
//	GET    /v1/webhooks/{webhook_id}/deliveries
//	GET    /v1/webhooks/{webhook_id}/deliveries/{id}
//	GET    /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts
//	GET    /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts/{id}
//	POST   /v1/asset-uploads
//	POST   /v1/asset-uploads/{asset_upload_id}/confirmations
//	GET    /v1/assets
//	GET    /v1/assets/{id}
//	PATCH  /v1/assets/{id}
//	DELETE /v1/assets/{id}
//	GET    /v1/assets/types
//	GET    /v1/auth/me
//	GET    /v1/billing/balance
//	PATCH  /v1/billing/balance
//	GET    /v1/health
//	GET    /v1/readiness
//	GET    /v1/callback-secrets
//	POST   /v1/callback-secrets
//	GET    /v1/callback-secrets/{id}
//	PATCH  /v1/callback-secrets/{id}
//	DELETE /v1/callback-secrets/{id}
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
//   - The response of a reference list, such as GET /v1/runs/statuses, is a page of
//     objects with a code.
//   - The items of a batch are listed in the order of its inputs. Every model supports
//     batches.
//   - A batch with items that have succeeded and others that have not is
//     partial_succeeded. Otherwise it is succeeded, cancelled if all items are, or
//     failed, with the failure of its first item that failed.
//   - The event of a batch is "batch." and that of an evaluation "evaluation.", each
//     followed by the status. The callback of an evaluation has an evaluation_id.
//   - An evaluation costs 5 cents if it completes.
//   - A run costs the price of its model or workflow if it succeeds, and nothing if it
//     fails or is cancelled, unless one of its steps sets its cost.
//   - A refused request creates no assets.
//   - Assets can be listed, changed (name and folder_id) and deleted. A deleted asset is
//     not found. Folders are not checked.
//   - The scope that a request needs is the resource and the verb, such as
//     assets:create. Requests to resources without documented scopes need none.
//   - The list of event types in the body that creates or updates a webhook is called
//     event_subscriptions. Its items are codes, or objects with an event_type_code.
//     Without it, a webhook receives all events. No other member than url and secret
//     is required. The server sends the events of webhooks with the same headers as
//     callbacks.
//   - Callback secrets can be listed and deleted. The secret that signs cannot be
//     deleted: that is a 409.
//   - The slug of an organization, which is the owner of the workflows that clients
//     create, is its ID.
//   - An embedded model, workflow or run has no embedded parts, unless
//     [Server.AddRun] was given them.
//   - The response to the creation of a workflow's run contains the ID both as
//     run_id and as id.
//   - If the documentation lists no code for an error, its code is the name of the
//     HTTP status, such as BAD_REQUEST.
//   - A delivery has at most three attempts. The status of a callback's delivery is
//     pending, delivered or failed.
//   - An Idempotency-Key applies to all POST requests, and never expires.
package runflowtest
