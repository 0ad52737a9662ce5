// Package openai is the core of openai-go.
package openai

import (
	"context"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, baseURL string, answer func() any) (func(context.Context) error, error) {
	c := openai.NewClient(option.WithBaseURL(baseURL+"/"), option.WithHTTPClient(client), option.WithAPIKey("token"))
	rating := peer.ThumbUp()
	return func(ctx context.Context) error {
		return c.Patch(ctx, "v1/runs/x/feedback", rating, answer())
	}, nil
}
