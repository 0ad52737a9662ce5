package runflowtest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestServer_AddAPIKey_Scopes(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	for scope, call := range map[string]func(*runflow.Client) error{
		"runs:read": func(c *runflow.Client) error {
			_, err := c.Runs.List(t.Context(), runflow.ListRunsParams{})
			return err
		},
		"runs:create": func(c *runflow.Client) error {
			_, err := c.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: map[string]any{}})
			return err
		},
		"assets:create": func(c *runflow.Client) error {
			_, err := c.Assets.Upload(t.Context(), http.NoBody, runflow.UploadParams{Filename: "a", Size: 1})
			return err
		},
		"comfyui-workflows:create": func(c *runflow.Client) error {
			_, err := c.ComfyuiWorkflows.Create(t.Context(), runflow.CreateWorkflowParams{Name: "a", WorkflowJSON: map[string]any{}})
			return err
		},
		"comfyui-workflows:edit": func(c *runflow.Client) error {
			_, err := c.ComfyuiWorkflows.CreateInput(t.Context(), "1", runflow.WorkflowInputParams{Name: "image"})
			return err
		},
		"evaluations:read": func(c *runflow.Client) error {
			_, err := c.Evaluations.Get(t.Context(), "1", runflow.GetEvaluationParams{})
			return err
		},
		"credit_balance:read": func(c *runflow.Client) error {
			_, err := c.Billing.GetBalance(t.Context())
			return err
		},
	} {
		server.AddAPIKey("without-"+scope, server.OrgID, "nothing:read")
		err := call(newClient(t, server, "without-"+scope))
		require.ErrorIs(t, err, runflow.ErrPermissionDenied, scope)
		require.ErrorContains(t, err, "lacks the scope "+scope)
		server.AddAPIKey("with-"+scope, server.OrgID, scope)
		require.NotErrorIs(t, call(newClient(t, server, "with-"+scope)), runflow.ErrPermissionDenied, scope)
	}
}

func TestServer_AddAPIKey_NeededScope(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/runs", runflow.Model{})
	server.AddAPIKey("limited", server.OrgID, "nothing:read")
	header := http.Header{"Authorization": {"Bearer limited"}}
	for _, tc := range []struct{ method, path, scope string }{
		{"GET", "/v1/runs", "runs:read"},
		{"HEAD", "/v1/runs", ""}, // without a body
		{"GET", "/v1/runs/1", "runs:read"},
		{"GET", "/v1/runs/1/evaluations", "evaluations:read"},
		{"PATCH", "/v1/runs/1/evaluations/2/feedback", "evaluations:edit"},
		{"POST", "/v1/runs/1/callback-redeliveries", "runs:execute"},
		{"POST", "/v1/models/acme/evaluations/runs", "runs:create"},
		{"POST", "/v1/models/acme/cat/2.0/batches", "runs:create"},
		{"GET", "/v1/batches/1", "runs:read"},
		{"POST", "/v1/batches/1/callback-redeliveries", "runs:execute"},
		{"POST", "/v1/evaluations", "evaluations:create"},
		{"PATCH", "/v1/evaluations/1/feedback", "evaluations:edit"},
		{"POST", "/v1/comfyui-workflows/acme/swap/runs", "runs:create"},
		{"GET", "/v1/comfyui-workflows/acme/runs", "comfyui-workflows:read"},
		{"PATCH", "/v1/comfyui-workflows/1", "comfyui-workflows:edit"},
		{"DELETE", "/v1/comfyui-workflows/1", "comfyui-workflows:delete"},
		{"POST", "/v1/asset-uploads", "assets:create"},
		{"POST", "/v1/asset-uploads/1/confirmations", "assets:create"},
		{"GET", "/v1/assets/types", "assets:read"},
		{"PATCH", "/v1/assets/1", "assets:edit"},
		{"DELETE", "/v1/assets/1", "assets:delete"},
		{"GET", "/v1/billing/balance", "credit_balance:read"},
		{"PATCH", "/v1/billing/balance", ""},
		{"GET", "/v1/models/acme/runs", ""},
		{"GET", "/v1/models", ""},
		{"GET", "/v1/webhooks", ""},
		{"GET", "/v1/auth/me", ""},
		{"GET", "/v1/health", ""},
	} {
		status, _, body := do(t, server, tc.method, tc.path, "{}", header)
		assert.Equal(t, tc.scope != "" || tc.method == "HEAD", status == http.StatusForbidden, "%s %s: %d", tc.method, tc.path, status)
		if tc.scope != "" {
			assert.Contains(t, body, `"message":"this API key lacks the scope `+tc.scope+`"`, "%s %s", tc.method, tc.path)
		}
	}
}
