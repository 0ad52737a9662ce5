package runflowtest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// newClient returns a client with the given token.
func newClient(t *testing.T, server *runflowtest.Server, token string) *runflow.Client {
	t.Helper()
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	return client
}

func balanceOf(t *testing.T, client *runflow.Client) string {
	t.Helper()
	balance, err := client.Billing.GetBalance(t.Context())
	require.NoError(t, err)
	return balance.Balance.String()
}

// Runs that succeed and batches are paid from the balance, until it is too low.
func TestServer_SetPrice(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	server.SetPrice("acme/cat", decimal.RequireFromString("0.04"))
	server.SetBalance(server.OrgID, decimal.RequireFromString("0.17"))
	client := newClient(t, server, server.APIKey)
	input := map[string]any{"prompt": "a cat"}

	run, err := client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: input})
	require.NoError(t, err)
	assert.Equal(t, "0.17", balanceOf(t, client))
	finished, _ := server.FinishRun(run.ID)
	assert.Equal(t, "0.04", finished.Cost.Decimal.String())
	assert.Equal(t, "0.13", balanceOf(t, client))

	inputs := []runflow.BatchInput{{Input: input}, {Input: input}, {Input: input}, {Input: input}}
	_, err = client.Models.CreateBatch(t.Context(), "acme/cat", runflow.CreateBatchParams{Inputs: inputs})
	require.ErrorIs(t, err, runflow.ErrInsufficientCredit)
	assert.Len(t, server.Runs(), 1)
	batch, err := client.Models.CreateBatch(t.Context(), "acme/cat", runflow.CreateBatchParams{Inputs: inputs[:3]})
	require.NoError(t, err)
	done, _ := server.FinishBatch(batch.ID)
	assert.Equal(t, "0.12", done.Cost.Decimal.String())
	assert.Equal(t, "0.01", balanceOf(t, client))

	_, err = client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: input})
	require.ErrorIs(t, err, runflow.ErrInsufficientCredit)
}

func TestServer_SetPrice_FailedRunIsFree(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	server.SetPrice("acme/cat", decimal.NewFromInt(4))
	server.Script("acme/cat", runflowtest.StepFail("OUT_OF_MEMORY", runflow.FailureStageExecution, "no memory"))
	client := newClient(t, server, server.APIKey)
	run, err := client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: map[string]any{}})
	require.NoError(t, err)
	failed, _ := server.FinishRun(run.ID)
	assert.False(t, failed.Cost.Valid)
	assert.Equal(t, "1000", balanceOf(t, client))
}

func TestServer_SetLowBalanceThreshold(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	client := newClient(t, server, server.APIKey)
	before, err := client.Billing.GetBalance(t.Context())
	require.NoError(t, err)
	params := runflow.SetLowBalanceThresholdParams{Threshold: decimal.RequireFromString("5.50"), UpdatedAt: before.UpdatedAt}
	after, err := client.Billing.SetLowBalanceThreshold(t.Context(), params)
	require.NoError(t, err)
	assert.True(t, after.LowBalanceThreshold.Decimal.Equal(params.Threshold))
	assert.True(t, after.UpdatedAt.After(before.UpdatedAt))
	_, err = client.Billing.SetLowBalanceThreshold(t.Context(), params)
	require.ErrorIs(t, err, runflow.ErrConflict)
	params.UpdatedAt = time.Time{}
	_, err = client.Billing.SetLowBalanceThreshold(t.Context(), params)
	require.NoError(t, err)
}

func TestServer_Account(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	for _, token := range []string{server.APIKey, server.UserToken} {
		account, err := newClient(t, server, token).Account.Me(t.Context(), runflow.GetAccountParams{Embed: []runflow.AccountEmbed{runflow.AccountEmbedMemberships}})
		require.NoError(t, err)
		require.Len(t, account.Memberships, 1)
		assert.Equal(t, server.OrgID, account.Memberships[0].Org.ID)
	}
}

func TestServer_Health(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	client := newClient(t, server, "not-a-token")
	health, err := client.Health.Check(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "ok", health.Status)
	_, err = client.Health.Ready(t.Context())
	require.NoError(t, err)
	err = client.Do(t.Context(), http.MethodDelete, "/v1/health", nil, nil)
	var apiErr *runflow.APIError
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, http.StatusMethodNotAllowed, apiErr.StatusCode)
}

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
