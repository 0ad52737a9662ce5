// Package runflow is the Go client library for the Runflow API (api.runflow.io),
// which runs generative-media models and ComfyUI workflows.
//
// It covers the run lifecycle: create a run, wait for it or handle its callback,
// download its output, and set feedback on it. Each service of [Client] groups the
// methods for one resource: runs, models, ComfyUI workflows, batches, evaluations,
// assets, webhooks and others.
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//		"log"
//		"os"
//
//		"github.com/runflow-io/runflow-go"
//	)
//
//	func main() {
//		ctx := context.Background()
//		client, err := runflow.NewClient(os.Getenv("RUNFLOW_TOKEN"))
//		if err != nil {
//			log.Fatal(err)
//		}
//		run, err := client.Models.RunAndWait(ctx, "owner/slug", runflow.CreateRunParams{
//			Input: map[string]any{"prompt": "a lighthouse at dawn"},
//		}, runflow.WaitRunParams{})
//		if err != nil {
//			log.Fatal(err)
//		}
//		files := run.OutputFiles()
//		if len(files) == 0 {
//			log.Fatal("the run has no output files")
//		}
//		output, err := os.Create("output.png")
//		if err != nil {
//			log.Fatal(err)
//		}
//		defer output.Close()
//		info, err := client.Runs.Download(ctx, files[0], output, runflow.DownloadParams{})
//		if err != nil {
//			log.Fatal(err)
//		}
//		fmt.Println(info.ContentType, info.Size)
//	}
//
// # Authentication
//
// A client sends a bearer token: an API key, or the session token of a user. The
// API accepts feedback only from users. A backend with an API key therefore sets
// feedback with the token of the user who gives it, for that one call:
//
//	feedback := runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp"}
//	run, err := client.Runs.SetFeedback(ctx, runID, feedback, runflow.WithToken(userToken))
//
// If the token is an API key, SetFeedback returns [ErrPermissionDenied].
//
// # Options
//
// Pass a [ClientOption] to [NewClient] or [Client.With], and a [CallOption] to a
// call. A [SharedOption] is both: if it is given to a client, it is the default for
// the client's calls. Client.With derives a client with other defaults. The derived
// client shares the connections.
//
// # Waiting
//
// [RunsService.Wait] and [ModelsService.RunAndWait] poll a run until it ends. They
// continue after temporary errors, see [WaitRunParams]. If a wait ends early, the
// run continues; the API has no public way to cancel a run. A backend with many
// runs should receive callbacks instead, see the package callback.
//
// # Errors
//
// A failed call returns an [*APIError] (an error response), a [*TransportError] (no
// response), a [*DecodeError] (a successful response that cannot be decoded) or an
// [*ArgumentError] (a bad argument; no request was sent). A wait can also return a
// [*RunError] (the run failed or was cancelled) or a [*WaitError] (waiting ended
// before the run did). Use [errors.Is] to compare an error with [ErrNotFound] and
// the other sentinels. [CallInfoOf] returns the operation, the request ID, the
// number of attempts and the idempotency key. The text of an error never contains a
// token, a query or a body.
//
// # Retries
//
// Each method belongs to a retry class, which its documentation names. The client
// retries an idempotent call on the statuses 408, 429 and 5xx except 501, on failed
// connections, and on attempts that take too long. An at-most-once call may cost
// money or change state, so the client retries it only if the server cannot have
// processed it. If its outcome is unknown, the error is [ErrOutcomeUnknown]; to
// recover, see [WithIdempotencyKey] and [RunsService.FindByClientRef]. A keyed call
// sends an idempotency key that the API documents to recognize, and is retried like
// an idempotent one.
//
// The maximum delay before a retry doubles with each attempt, and the actual delay
// is random. A Retry-After header sets the minimum delay; if that is longer than
// the maximum of [WithRetryBackoff] or than the context allows, the call returns
// without a retry. All calls of a client share a retry budget, see
// [WithRetryBudget].
//
// # Money
//
// Amounts of money are exact decimals. Costs are in US dollars. A run that failed
// is not billed.
//
// # Other endpoints
//
// [Client.Do] calls endpoints that have no method here.
package runflow

import (
	"context"
	"net/http"

	"github.com/runflow-io/runflow-go/internal/transport"
)

// Version is the version of the SDK. It is part of the User-Agent header, as
// "runflow-go/VERSION".
const Version = "0.1.0"

// DefaultBaseURL is the base URL of the API.
const DefaultBaseURL = "https://api.runflow.io"

// AnyID can be used in place of the ID of a run or a model. It then stands for all
// of them: the logs and node runs of all runs of the organization, or the pricing
// and examples of all models. The methods that accept it say so. All others refuse
// it.
const AnyID = "any"

// A Client calls the Runflow API. Create it with [NewClient]. It is safe for
// concurrent use. Printing it does not reveal its token.
type Client struct {
	// Runs gets, lists and waits for runs, downloads their output and sets
	// feedback on them.
	Runs *RunsService
	// Models lists the models of the catalog and creates runs of them.
	Models *ModelsService
	// ComfyuiWorkflows deploys ComfyUI workflows and creates runs of them.
	ComfyuiWorkflows *ComfyuiWorkflowsService
	// Assets uploads files that can be the input of a run.
	Assets *AssetsService
	// Batches gets batches of runs and waits for them.
	Batches *BatchesService
	// Evaluations judges the quality of images.
	Evaluations *EvaluationsService
	// Webhooks manages the webhooks of the organization.
	Webhooks *WebhooksService
	// CallbackSecrets manages the secrets that sign callbacks.
	CallbackSecrets *CallbackSecretsService
	// Account returns the account of the token.
	Account *AccountService
	// Billing returns the credit of the organization.
	Billing *BillingService
	// Health reports whether the API is up.
	Health *HealthService

	common *service
}

// NewClient returns a client that sends token as its bearer token: an API key or
// the session token of a user. The token may be empty if [WithTokenSource] is
// given. NewClient sends no request.
//
// It returns an [*ArgumentError] for each invalid argument; several are joined by
// [errors.Join].
func NewClient(token string, opts ...ClientOption) (*Client, error) {
	s := defaultSettings()
	var errs []error
	if token != "" {
		errs = append(errs, s.setToken("token", token))
	}
	return newClient(s, append(errs, s.applyClient(opts)))
}

// With returns a client that has the settings of c, changed by opts. Unless an
// option replaces them, it shares the connections and the retry budget of c. With
// returns the same errors as [NewClient].
func (c *Client) With(opts ...ClientOption) (*Client, error) {
	if c == nil || c.common == nil {
		return nil, errNoClient("")
	}
	s := *c.common.settings()
	return newClient(&s, []error{s.applyClient(opts)})
}

func newClient(s *settings, errs []error) (*Client, error) {
	if err := refused("", append(errs, s.validate(), s.connect())...); err != nil {
		return nil, err
	}
	s.call = callSettings{} // only options of a call may set them
	common := newService(s)
	return &Client{
		Runs:             (*RunsService)(common),
		Models:           (*ModelsService)(common),
		ComfyuiWorkflows: (*ComfyuiWorkflowsService)(common),
		Assets:           (*AssetsService)(common),
		Batches:          (*BatchesService)(common),
		Evaluations:      (*EvaluationsService)(common),
		Webhooks:         (*WebhooksService)(common),
		CallbackSecrets:  (*CallbackSecretsService)(common),
		Account:          (*AccountService)(common),
		Billing:          (*BillingService)(common),
		Health:           (*HealthService)(common),
		common:           common,
	}, nil
}

// CloseIdleConnections closes the idle connections of this client and of all
// clients that share its connections.
func (c *Client) CloseIdleConnections() {
	if c == nil || c.common == nil {
		return
	}
	if base, ok := c.common.settings().base().(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// String returns the client's base URL, without its token.
func (c Client) String() string {
	if c.common == nil {
		return "runflow.Client()"
	}
	return "runflow.Client(" + c.common.settings().baseURL.String() + ")"
}

// An Attempt identifies the attempt that an HTTP request belongs to. See
// [AttemptFromContext].
type Attempt struct {
	Operation string // the method that was called: "Runs.SetFeedback"
	Method    string // HTTP method: "PATCH"
	Route     string // path template: "/v1/runs/{run_id}/feedback"; "{path}" for Client.Do
	Number    int    // 1 for the first attempt
}

// AttemptFromContext returns the attempt that the context of an HTTP request
// belongs to. A middleware can use it to name its spans and to label its metrics,
// see [WithMiddleware]. A download has the route "{output_url}", and the transfer of
// an upload has the route "{upload_url}".
func AttemptFromContext(ctx context.Context) (Attempt, bool) {
	attempt, ok := transport.FromContext(ctx)
	return Attempt(attempt), ok
}

// A RateLimiter delays attempts. A *rate.Limiter of golang.org/x/time/rate is a
// RateLimiter. See [WithRateLimiter].
type RateLimiter interface {
	// Wait returns when the next attempt may be sent. Its error ends the call.
	Wait(ctx context.Context) error
}

// A Response is the HTTP response to a call. See [WithResponse].
type Response struct {
	StatusCode int // 0 if there was no response
	Header     http.Header
	RequestID  string // ID of the request, for Runflow's support
	Attempts   int    // number of attempts
	Body       []byte // the exact bytes; nil for a download

	IdempotencyKey string // the key that was sent; "" if there was none
}
