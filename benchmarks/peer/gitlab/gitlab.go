//go:build peers

// Package gitlab uses the request functions of GitLab's client-go.
package gitlab

import (
	"context"
	"net/http"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns a function that sets feedback on a run and decodes the response into
// the value that newRun returns.
func New(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error) {
	c, err := gitlab.NewClient("token", gitlab.WithBaseURL(baseURL), gitlab.WithHTTPClient(client), gitlab.WithCustomLimiter(unlimited{}))
	if err != nil {
		return nil, err
	}
	feedback := peer.ThumbsUp()
	return func(ctx context.Context) error {
		req, err := c.NewRequest(http.MethodPatch, "v1/runs/x/feedback", feedback, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
		if err != nil {
			return err
		}
		_, err = c.Do(req, newRun())
		return err
	}, nil
}

type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }
