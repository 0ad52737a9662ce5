// Package runflow is the SDK.
package runflow

import (
	"context"
	"net/http"

	"github.com/runflow-io/runflow-go"
)

// New returns what rates a run and reads the answer.
func New(client *http.Client, baseURL string, _ func() any) (func(context.Context) error, error) {
	c, err := runflow.NewClient("token", runflow.WithBaseURL(baseURL), runflow.WithHTTPClient(client))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := c.Runs.SetFeedback(ctx, "x", runflow.Feedback{IsPositive: true})
		return err
	}, nil
}
