package runflowtest_test

import (
	"context"
	"errors"
	"fmt"
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

func TestServer_SetPrice_CostOfStep(t *testing.T) {
	t.Parallel()
	for _, status := range []runflow.RunStatus{runflow.RunStatusSucceeded, runflow.RunStatusCancelled} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			server := runflowtest.New(t)
			server.AddModel("acme/cat", runflow.Model{})
			server.SetPrice("acme/cat", decimal.NewFromInt(4))
			server.Script("acme/cat", func(run *runflow.Run) {
				run.StatusCode, run.Cost = status, decimal.NewNullDecimal(decimal.NewFromInt(1))
			})
			client := newClient(t, server, server.APIKey)
			run, err := client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: map[string]any{}})
			require.NoError(t, err)
			server.FinishRun(run.ID)
			assert.Equal(t, "999", balanceOf(t, client))
		})
	}
}

func TestServer_SetLowBalanceThreshold_Validation(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	for body, want := range map[string]int{
		`{"low_balance_threshold":-1}`:     422,
		`{"low_balance_threshold":"much"}`: 422,
		`{"low_balance_threshold":null}`:   422,
		`{}`:                               422,
		`{"low_balance_threshold":1,"updated_at":"now"}`: 422,
		`[]`: 400,
		`{"low_balance_threshold":"1.5","updated_at":null}`: 200,
		`{"low_balance_threshold":0}`:                       200,
	} {
		status, _ := send(t, server, http.MethodPatch, "/v1/billing/balance", body)
		assert.Equal(t, want, status, body)
	}
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
		assert.Empty(t, account.Memberships[0].Scopes)
	}

	server.AddAPIKey("limited", "o", "runs:read")
	account, err := newClient(t, server, "limited").Account.Me(t.Context(), runflow.GetAccountParams{})
	require.NoError(t, err)
	assert.Empty(t, account.Memberships)
	account, err = newClient(t, server, "limited").Account.Me(t.Context(), runflow.GetAccountParams{Embed: []runflow.AccountEmbed{
		runflow.AccountEmbedMemberships, runflow.AccountEmbedOrganizations, runflow.AccountEmbedPendingInvitations,
	}})
	require.NoError(t, err)
	require.Len(t, account.Memberships, 1)
	assert.Equal(t, "o", account.Memberships[0].Org.ID)
	assert.Equal(t, []string{"runs:read"}, account.Memberships[0].Scopes)
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

func ExampleServer_SetPrice() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	server.SetPrice("acme/cat", decimal.RequireFromString("0.04"))
	server.SetBalance(server.OrgID, decimal.RequireFromString("0.05"))
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	params := runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}}
	run, err := client.Models.CreateRun(ctx, "acme/cat", params)
	if err != nil {
		fmt.Println(err)
		return
	}
	finished, _ := server.FinishRun(run.ID)
	fmt.Println(finished.StatusCode, finished.Cost.Decimal)
	_, err = client.Models.CreateRun(ctx, "acme/cat", params)
	fmt.Println(errors.Is(err, runflow.ErrInsufficientCredit))
	// Output:
	// succeeded 0.04
	// true
}
