// Package godo is the core of DigitalOcean's godo.
package godo

import (
	"context"
	"net/http"
	"net/url"

	"github.com/digitalocean/godo"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, baseURL string, answer func() any) (func(context.Context) error, error) {
	c := godo.NewClient(client)
	base, err := url.Parse(baseURL + "/")
	if err != nil {
		return nil, err
	}
	c.BaseURL = base
	rating := peer.ThumbUp()
	return func(ctx context.Context) error {
		req, err := c.NewRequest(ctx, http.MethodPatch, "v1/runs/x/feedback", rating)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer token")
		_, err = c.Do(ctx, req, answer())
		return err
	}, nil
}
