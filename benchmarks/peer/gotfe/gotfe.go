//go:build peers

// Package gotfe uses the request functions of HashiCorp's go-tfe, with plain JSON.
package gotfe

import (
	"context"
	"net/http"

	"github.com/hashicorp/go-tfe"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error) {
	c, err := tfe.NewClient(&tfe.Config{Address: baseURL, BasePath: "/", Token: "token", HTTPClient: client})
	if err != nil {
		return nil, err
	}
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		req, err := c.NewRequest(http.MethodPatch, "v1/runs/x/feedback", &feedback)
		if err != nil {
			return err
		}
		return req.DoJSON(ctx, newRun())
	}, nil
}
