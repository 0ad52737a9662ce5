// Package nethttp is a client as one writes it by hand.
package nethttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

type feedback struct {
	IsPositive *bool   `json:"is_positive"`
	Reason     *string `json:"reason"`
}

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, url string, answer func() any) (func(context.Context) error, error) {
	up := true
	return func(ctx context.Context) error {
		body, err := json.Marshal(feedback{IsPositive: &up})
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
