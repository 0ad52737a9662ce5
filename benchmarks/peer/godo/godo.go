//go:build peers

// Package godo uses the request functions of DigitalOcean's godo.
package godo

import (
	"context"
	"net/http"
	"net/url"

	"github.com/digitalocean/godo"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error) {
	c := godo.NewClient(client)
	base, err := url.Parse(baseURL + "/")
	if err != nil {
		return nil, err
	}
	c.BaseURL = base
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		req, err := c.NewRequest(ctx, http.MethodPatch, "v1/runs/x/feedback", feedback)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer token")
		_, err = c.Do(ctx, req, newRun())
		return err
	}, nil
}
