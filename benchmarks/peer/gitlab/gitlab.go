// Package gitlab is the core of GitLab's client-go.
package gitlab

import (
	"context"
	"net/http"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/runflow-io/runflow-go/benchmarks/peer"
)

// New returns what rates a run and reads the answer into a new value.
func New(client *http.Client, baseURL string, answer func() any) (func(context.Context) error, error) {
	c, err := gitlab.NewClient("token", gitlab.WithBaseURL(baseURL), gitlab.WithHTTPClient(client), gitlab.WithCustomLimiter(unlimited{}))
	if err != nil {
		return nil, err
	}
	rating := peer.ThumbUp()
	return func(ctx context.Context) error {
		req, err := c.NewRequest(http.MethodPatch, "v1/runs/x/feedback", rating, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
		if err != nil {
			return err
		}
		_, err = c.Do(req, answer())
		return err
	}, nil
}

type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }
