// Package stripe is the core of stripe-go, whose answer is read by
// encoding/json.
package stripe

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stripe/stripe-go/v83"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, baseURL string, answer func() any) (func(context.Context) error, error) {
	retries := int64(4)
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: &baseURL, HTTPClient: client, MaxNetworkRetries: &retries, LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	raw, _ := backend.(stripe.RawRequestBackend)
	rating := peer.ThumbUp()
	return func(ctx context.Context) error {
		body, err := json.Marshal(rating)
		if err != nil {
			return err
		}
		resp, err := raw.RawRequest(http.MethodPost, "/v2/runs/x/feedback", "token", string(body), &stripe.RawParams{Params: stripe.Params{Context: ctx}})
		if err != nil {
			return err
		}
		return json.Unmarshal(resp.RawJSON, answer())
	}, nil
}
