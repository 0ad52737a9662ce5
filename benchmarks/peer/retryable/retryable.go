// Package retryable is go-retryablehttp with encoding/json, by hand.
package retryable

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, url string, answer func() any) (func(context.Context) error, error) {
	retrying := retryablehttp.NewClient()
	retrying.HTTPClient, retrying.Logger = client, nil
	rating := peer.ThumbUp()
	return func(ctx context.Context) error {
		body, err := json.Marshal(rating)
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
		return json.NewDecoder(resp.Body).Decode(answer())
	}, nil
}
