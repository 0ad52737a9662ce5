// Package runflow uses the SDK.
package runflow

import (
	"context"
	"net/http"

	"github.com/runflow-io/runflow-go"
)

// New returns a function that sets feedback on a run and decodes the response into
// a [runflow.Run].
func New(client *http.Client, baseURL string, _ func() any) (func(context.Context) error, error) {
	c, err := runflow.NewClient("token", runflow.WithBaseURL(baseURL), runflow.WithHTTPClient(client))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := c.Runs.SetFeedback(ctx, "x", runflow.Feedback{Rating: runflow.ThumbsUp})
		return err
	}, nil
}
