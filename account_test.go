package runflow_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

const (
	sampleAccount = `{
		"id": "u-1", "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "avatar_url": "https://example.com/ann.png",
		"timezone": "Europe/Berlin", "locale_code": "de", "email_verified_at": "2026-05-06T10:00:00Z",
		"memberships": [{"org": {"id": "o-1", "name": "Acme", "slug": "acme", "plan_code": "pro"}, "role_code": "owner", "scopes": ["runs:create"]}],
		"organizations": [{"id": "o-1"}], "pending_invitations": [{"id": "p-1"}]
	}`
	sampleBalance = `{
		"id": "c-1", "org_id": "o-1", "balance": "123456789012345678.000000000001", "low_balance_threshold": "10.5",
		"low_balance_notified_at": "2026-05-06T10:00:00Z", "created_at": "2026-05-06T10:00:01Z", "updated_at": "2026-05-06T10:00:02.123456Z"
	}`
	sampleHealth = `{"status": "ok"}`
)

func getAccount(ctx context.Context, c *runflow.Client) (*runflow.Account, error) {
	return c.Account.Me(ctx, runflow.GetAccountParams{})
}

func getBalance(ctx context.Context, c *runflow.Client) (*runflow.CreditBalance, error) {
	return c.Billing.GetBalance(ctx)
}

func checkHealth(ctx context.Context, c *runflow.Client) (*runflow.Health, error) {
	return c.Health.Check(ctx)
}

func TestAccount_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.Account]{json: sampleAccount, call: getAccount, strict: []string{"id"}, required: []string{"id"}}.check(t)
}

func TestCreditBalance_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.CreditBalance]{
		json: sampleBalance, call: getBalance,
		strict: []string{"id", "balance", "low_balance_threshold"}, required: []string{"balance"},
	}.check(t)
}

func TestHealth_DecodesSample(t *testing.T) {
	t.Parallel()
	sample[runflow.Health]{json: sampleHealth, call: checkHealth}.check(t)
}

func FuzzAccount(f *testing.F)       { fuzzResponse(f, getAccount, sampleAccount) }
func FuzzCreditBalance(f *testing.F) { fuzzResponse(f, getBalance, sampleBalance, `{"balance":0}`) }
func FuzzHealth(f *testing.F)        { fuzzResponse(f, checkHealth, sampleHealth, `{"status":7,"raw":1}`) }

func TestAccountAndBilling_Requests(t *testing.T) {
	t.Parallel()
	set := func(params runflow.SetLowBalanceThresholdParams) func(context.Context, *runflow.Client) (any, error) {
		return func(ctx context.Context, c *runflow.Client) (any, error) {
			balance, err := c.Billing.SetLowBalanceThreshold(ctx, params)
			if err != nil {
				return nil, err
			}
			return balance.Balance.String(), nil
		}
	}
	exact := decimal.RequireFromString("12345678901234567890.00000000000000000001")
	checkExchanges(t, map[string]exchange{
		"Me": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return getAccount(ctx, c) },
			method: "GET", uri: "/v1/auth/me", response: `{"id":"u-1","email":"ann@example.com","first_name":null}`,
			want: &runflow.Account{ID: "u-1", Email: "ann@example.com"},
		},
		"Me with embeds": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Account.Me(ctx, runflow.GetAccountParams{Embed: []runflow.AccountEmbed{
					runflow.AccountEmbedMemberships, runflow.AccountEmbedOrganizations, runflow.AccountEmbedPendingInvitations,
				}})
			},
			method: "GET", uri: "/v1/auth/me?embed=memberships%2Corganizations%2Cpending_invitations",
			response: `{"id":"u-1","memberships":[{"org":{"id":"o-1"},"scopes":["runs:create"]}]}`,
			want:     &runflow.Account{ID: "u-1", Memberships: []runflow.Membership{{Org: &runflow.Organization{ID: "o-1"}, Scopes: []string{"runs:create"}}}},
		},
		"GetBalance": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				balance, err := getBalance(ctx, c)
				if err != nil {
					return nil, err
				}
				return []any{balance.Balance.String(), balance.LowBalanceThreshold.Valid}, nil
			},
			method: "GET", uri: "/v1/billing/balance", response: `{"id":"c-1","balance":"0.10","low_balance_threshold":null}`,
			want: []any{"0.1", false},
		},
		"GetBalance of zero": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				balance, err := getBalance(ctx, c)
				if err != nil {
					return nil, err
				}
				return balance.Balance.IsZero(), nil
			},
			method: "GET", uri: "/v1/billing/balance", response: `{"balance":"0"}`, want: true,
		},
		"SetLowBalanceThreshold": {
			call:   set(runflow.SetLowBalanceThresholdParams{Threshold: exact, UpdatedAt: time.Date(2026, 5, 6, 10, 0, 2, 123456000, time.UTC)}),
			method: "PATCH", uri: "/v1/billing/balance", hasKey: true,
			body:     `{"low_balance_threshold":12345678901234567890.00000000000000000001,"updated_at":"2026-05-06T10:00:02.123456Z"}`,
			response: `{"balance":"-1"}`, want: "-1",
		},
		"SetLowBalanceThreshold to zero without a lock": {
			call:   set(runflow.SetLowBalanceThresholdParams{}),
			method: "PATCH", uri: "/v1/billing/balance", hasKey: true, body: `{"low_balance_threshold":0}`,
			response: `{"balance":1}`, want: "1",
		},
		"SetLowBalanceThreshold, exponent": {
			call:   set(runflow.SetLowBalanceThresholdParams{Threshold: decimal.New(5, 3)}),
			method: "PATCH", uri: "/v1/billing/balance", hasKey: true, body: `{"low_balance_threshold":5000}`,
			response: `{"balance":1}`, want: "1",
		},
	})
}

func TestAccountAndBilling_BadArguments(t *testing.T) {
	t.Parallel()
	set := func(threshold decimal.Decimal) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Billing.SetLowBalanceThreshold(ctx, runflow.SetLowBalanceThresholdParams{Threshold: threshold})
			return err
		}
	}
	const want = "Billing.SetLowBalanceThreshold: params.Threshold: must be an amount of money"
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		want:                  set(decimal.New(-1, -2)),
		want + " of":          set(decimal.New(1, 1_000_000_000)),
		want + " of at":       set(decimal.New(1, -1_000_000_000)),
		want + " of at least": set(decimal.RequireFromString(strings.Repeat("9", 51))),
		"Account.Me: params.Embed[0]: mu": func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Account.Me(ctx, runflow.GetAccountParams{Embed: []runflow.AccountEmbed{"a,b"}})
			return err
		},
	})
}

// A response in another documented form must not be read as a balance of zero.
func TestBillingService_GetBalance_NoBalance(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"balance":null}`, `{"balance_cents":12450,"currency":"USD"}`, `{"code":"OOPS"}`} {
		balance, err := getBalance(t.Context(), newAPI(t, 200, body).client(t))
		assert.Nil(t, balance, body)
		requireDecodeError(t, err, "balance")
		require.ErrorContains(t, err, "balance: missing, want a decimal number")
	}
}

func TestBillingService_SetLowBalanceThreshold_StaleUpdatedAt(t *testing.T) {
	t.Parallel()
	current := "2026-05-06T10:00:02.123456Z"
	server := newLockedBalance(t, &current)
	client, err := runflow.NewClient(token, runflow.WithBaseURL(server))
	require.NoError(t, err)
	balance, err := client.Billing.GetBalance(t.Context())
	require.NoError(t, err)
	params := runflow.SetLowBalanceThresholdParams{Threshold: decimal.NewFromInt(5), UpdatedAt: balance.UpdatedAt}
	_, err = client.Billing.SetLowBalanceThreshold(t.Context(), params)
	require.NoError(t, err, "the time is sent in its full precision")

	_, err = client.Billing.SetLowBalanceThreshold(t.Context(), params)
	require.ErrorIs(t, err, runflow.ErrConflict)
	require.NotErrorIs(t, err, runflow.ErrOutcomeUnknown)
	info, _ := runflow.CallInfoOf(err)
	assert.Equal(t, 1, info.Attempts, "a conflict is not retried")
}

// newLockedBalance returns the URL of a server with a balance that can be changed only
// with its current updated_at.
func newLockedBalance(t *testing.T, updatedAt *string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPatch {
			if !strings.Contains(string(body), `"updated_at":"`+*updatedAt+`"`) {
				w.WriteHeader(http.StatusConflict)
				return
			}
			*updatedAt = "2026-05-06T10:00:03Z"
		}
		_, _ = io.WriteString(w, `{"id":"c-1","balance":"1","updated_at":"`+*updatedAt+`"}`)
	})
}

func TestHealthService_SendsNoToken(t *testing.T) {
	t.Parallel()
	for uri, call := range map[string]func(context.Context, *runflow.Client, ...runflow.CallOption) (*runflow.Health, error){
		"/v1/health": func(ctx context.Context, c *runflow.Client, opts ...runflow.CallOption) (*runflow.Health, error) {
			return c.Health.Check(ctx, opts...)
		},
		"/v1/readiness": func(ctx context.Context, c *runflow.Client, opts ...runflow.CallOption) (*runflow.Health, error) {
			return c.Health.Ready(ctx, opts...)
		},
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, `{"status":"ok","raw":"x","components":{"db":"ok"}}`)
			noToken := runflow.WithTokenSource(func(context.Context) (string, error) {
				assert.Fail(t, "the token source was called")
				return "", nil
			})
			for _, opts := range [][]runflow.CallOption{nil, {noToken}, {runflow.WithToken("other")}, {runflow.WithOrganization("o-1"), runflow.WithHeader("X-A", "a")}} {
				health, err := call(t.Context(), server.client(t, runflow.WithOrganization("o-1")), opts...)
				require.NoError(t, err)
				assert.Equal(t, &runflow.Health{Status: "ok", Raw: runflow.JSON(`{"status":"ok","raw":"x","components":{"db":"ok"}}`)}, health)
			}
			seen := server.seen()
			assert.Len(t, seen, 4)
			for _, sent := range seen {
				assert.Equal(t, "GET", sent.Method)
				assert.Equal(t, uri, sent.URI)
				assert.NotContains(t, sent.Header, "Authorization")
				assert.NotContains(t, sent.Header, "X-Organization-Id")
				assert.Contains(t, sent.Header.Get("User-Agent"), "runflow-go/")
			}
			assert.Equal(t, "a", seen[3].Header.Get("X-A"), "other headers are sent")
		})
	}
}

func TestHealthService_Check_BadResponse(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `"ok"`, `[]`, `<html>`} {
		health, err := checkHealth(t.Context(), newAPI(t, 200, body).client(t))
		assert.Nil(t, health)
		requireDecodeError(t, err, "")
	}
	_, err := checkHealth(t.Context(), newAPI(t, 503, `{"status":"down"}`).client(t))
	require.ErrorIs(t, err, runflow.ErrServer)
}
