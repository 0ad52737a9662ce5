//go:build peers

// Package gogithub uses the request functions of go-github.
package gogithub

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/go-github/v75/github"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error) {
	c := github.NewClient(client).WithAuthToken("token")
	base, err := url.Parse(baseURL + "/")
	if err != nil {
		return nil, err
	}
	c.BaseURL = base
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		req, err := c.NewRequest(http.MethodPatch, "v1/runs/x/feedback", feedback)
		if err != nil {
			return err
		}
		_, err = c.Do(ctx, req, newRun())
		return err
	}, nil
}
