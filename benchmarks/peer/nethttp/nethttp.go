// Package nethttp is a client as one writes it by hand.
package nethttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, url string, answer func() any) (func(context.Context) error, error) {
	rating := peer.ThumbUp()
	return func(ctx context.Context) error {
		body, err := json.Marshal(rating)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPatch, url+"/v1/runs/x/feedback", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer token")
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
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
