// Package retryable uses go-retryablehttp and encoding/json by hand.
package retryable

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, url string, newRun func() any) (func(context.Context) error, error) {
	retrying := retryablehttp.NewClient()
	retrying.HTTPClient, retrying.Logger = client, nil
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		body, err := json.Marshal(feedback)
		if err != nil {
			return err
		}
		req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPatch, url+"/v1/runs/x/feedback", body)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer token")
		req.Header.Set("Content-Type", "application/json")
		resp, err := retrying.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return json.NewDecoder(resp.Body).Decode(newRun())
	}, nil
}
