//go:build peers

// Package stripe uses the raw requests of stripe-go, and decodes the response with
// encoding/json.
package stripe

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stripe/stripe-go/v83"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error) {
	retries := int64(4)
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: &baseURL, HTTPClient: client, MaxNetworkRetries: &retries, LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	raw, _ := backend.(stripe.RawRequestBackend)
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		body, err := json.Marshal(feedback)
		if err != nil {
			return err
		}
		resp, err := raw.RawRequest(http.MethodPost, "/v2/runs/x/feedback", "token", string(body), &stripe.RawParams{Params: stripe.Params{Context: ctx}})
		if err != nil {
			return err
		}
		return json.Unmarshal(resp.RawJSON, newRun())
	}, nil
}
