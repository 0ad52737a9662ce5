package runflow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// AccountService groups the methods for the account to which a token belongs.
type AccountService service

// An Account is the user to whom a token belongs.
//
// Memberships, Organizations and PendingInvitations are set only if the call asks for
// them, see [AccountEmbed].
type Account struct {
	ID              string    `json:"id,omitzero"`
	Email           string    `json:"email,omitzero"`
	FirstName       string    `json:"first_name,omitzero"`
	LastName        string    `json:"last_name,omitzero"`
	AvatarURL       string    `json:"avatar_url,omitzero"`
	Timezone        string    `json:"timezone,omitzero"`
	LocaleCode      string    `json:"locale_code,omitzero"`
	EmailVerifiedAt time.Time `json:"email_verified_at,omitzero"` // zero if it is not verified

	Memberships        []Membership `json:"memberships,omitzero"`
	Organizations      JSON         `json:"organizations,omitzero"`       // their form is not documented
	PendingInvitations JSON         `json:"pending_invitations,omitzero"` // their form is not documented
}

func (a *Account) identity() string { return a.ID }

// A Membership is the role of a user in an organization.
type Membership struct {
	Org      *Organization `json:"org,omitzero"`
	RoleCode string        `json:"role_code,omitzero"`
	Scopes   []string      `json:"scopes,omitzero"` // "runs:create", for example
}

// An Organization owns runs, credit and API keys.
type Organization struct {
	ID       string `json:"id,omitzero"`
	Name     string `json:"name,omitzero"`
	Slug     string `json:"slug,omitzero"`
	PlanCode string `json:"plan_code,omitzero"`
}

// An AccountEmbed names a part of an account that the API sends only on request. Any
// other name that the API knows can be used too.
type AccountEmbed string

// The parts that can be embedded into an account.
const (
	AccountEmbedMemberships        AccountEmbed = "memberships"
	AccountEmbedOrganizations      AccountEmbed = "organizations"
	AccountEmbedPendingInvitations AccountEmbed = "pending_invitations"
)

// GetAccountParams are the params of [AccountService.Me].
type GetAccountParams struct {
	Embed []AccountEmbed // parts of the account to return
}

// Me returns the account to which the token belongs. The token can also be an API
// key. Me returns [ErrUnauthorized] if the token is not valid, so it can be used to
// check one.
//
// Endpoint: GET /v1/auth/me (idempotent), see
// https://docs.runflow.io/api-reference/account/get-current-user.
func (s *AccountService) Me(ctx context.Context, params GetAccountParams, opts ...CallOption) (*Account, error) {
	return doIdentified[Account](ctx, (*service)(s), endpoint.AccountMe, request{query: getQuery{Embed: texts(params.Embed)}}, opts)
}

// BillingService groups the methods for the credit of an organization.
type BillingService service

// A CreditBalance is the credit of an organization, in US dollars.
type CreditBalance struct {
	ID                   string              `json:"id,omitzero"`
	OrgID                string              `json:"org_id,omitzero"`
	Balance              decimal.Decimal     `json:"balance"`
	LowBalanceThreshold  decimal.NullDecimal `json:"low_balance_threshold,omitzero"` // not valid if there is none
	LowBalanceNotifiedAt time.Time           `json:"low_balance_notified_at,omitzero"`
	CreatedAt            time.Time           `json:"created_at,omitzero"`
	UpdatedAt            time.Time           `json:"updated_at,omitzero"`
}

// decode decodes a balance. It refuses a response without one: zero would mean that
// there is no credit.
func (b *CreditBalance) decode(ctx context.Context, _ *settings, body []byte) error {
	if err := codec.Unmarshal(ctx, body, b); err != nil || b.Balance != (decimal.Decimal{}) {
		return err // a decoded zero differs from decimal.Decimal{}
	}
	return &DecodeError{Field: "balance", Err: errNoBalance}
}

var errNoBalance = errors.New("missing, want a decimal number")

// GetBalance returns the credit of the organization.
//
// Endpoint: GET /v1/billing/balance (idempotent), see
// https://docs.runflow.io/api-reference/account/get-organization-credit-balance.
func (s *BillingService) GetBalance(ctx context.Context, opts ...CallOption) (*CreditBalance, error) {
	return do[CreditBalance](ctx, (*service)(s), endpoint.BillingGetBalance, request{}, opts)
}

// SetLowBalanceThresholdParams are the params of
// [BillingService.SetLowBalanceThreshold].
type SetLowBalanceThresholdParams struct {
	Threshold decimal.Decimal // in US dollars; at least 0
	// UpdatedAt is optional. If it is set, it must be the UpdatedAt of the current
	// [CreditBalance]. Otherwise somebody has changed the balance since, and the API
	// refuses the call.
	UpdatedAt time.Time
}

// thresholdBody is the body that sets the threshold.
type thresholdBody struct {
	LowBalanceThreshold JSON      `json:"low_balance_threshold"` // an exact number
	UpdatedAt           time.Time `json:"updated_at,omitzero"`

	bad error
}

func (b thresholdBody) validate() error { return b.bad }

func (p SetLowBalanceThresholdParams) body() thresholdBody {
	body := thresholdBody{UpdatedAt: p.UpdatedAt}
	if e := p.Threshold.Exponent(); p.Threshold.IsNegative() || e > maxDigits || e < -maxDigits || p.Threshold.NumDigits() > maxDigits {
		body.bad = badArgument("params.Threshold", "must be an amount of money of at least 0")
		return body
	}
	body.LowBalanceThreshold = JSON(p.Threshold.String())
	return body
}

// maxDigits is more than any amount of money has.
const maxDigits = 50

// SetLowBalanceThreshold sets the balance below which Runflow notifies the
// organization, and returns the balance. It returns [ErrConflict] if params.UpdatedAt
// is not that of the current balance. Then call GetBalance again.
//
// Endpoint: PATCH /v1/billing/balance (at-most-once), see
// https://docs.runflow.io/api-reference/account/update-credit-balance-threshold.
func (s *BillingService) SetLowBalanceThreshold(ctx context.Context, params SetLowBalanceThresholdParams, opts ...CallOption) (*CreditBalance, error) {
	return do[CreditBalance](ctx, (*service)(s), endpoint.BillingSetLowBalanceThreshold, request{body: params.body()}, opts)
}

// HealthService groups the methods that report the health of the API. They need no
// token and send none.
type HealthService service

// A Health is the health of the API.
type Health struct {
	Status string `json:"status,omitzero"` // "ok", for example
	Raw    JSON   `json:"raw,omitzero"`    // the whole response; that of Ready has the components, in a form that is not documented
}

func (h *Health) decode(ctx context.Context, _ *settings, body []byte) error {
	err := codec.Unmarshal(ctx, body, h)
	h.Raw = slices.Clone(body)
	return err
}

// Check returns the health of the API. It returns an error if the API does not
// respond. Like every idempotent call it is retried; to get the first error at once,
// use [WithMaxRetries](0).
//
// Endpoint: GET /v1/health (idempotent), see
// https://docs.runflow.io/llms-full.txt.
func (s *HealthService) Check(ctx context.Context, opts ...CallOption) (*Health, error) {
	return do[Health](ctx, (*service)(s), endpoint.HealthCheck, request{withoutToken: true}, opts)
}

// Ready returns the health of the API and of its components. It is otherwise like
// [HealthService.Check].
//
// Endpoint: GET /v1/readiness (idempotent), see
// https://docs.runflow.io/llms-full.txt.
func (s *HealthService) Ready(ctx context.Context, opts ...CallOption) (*Health, error) {
	return do[Health](ctx, (*service)(s), endpoint.HealthReady, request{withoutToken: true}, opts)
}
