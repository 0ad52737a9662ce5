//go:build peers

// Package openai uses the request functions of openai-go.
package openai

import (
	"context"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error) {
	c := openai.NewClient(option.WithBaseURL(baseURL+"/"), option.WithHTTPClient(client), option.WithAPIKey("token"))
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		return c.Patch(ctx, "v1/runs/x/feedback", feedback, newRun())
	}, nil
}
