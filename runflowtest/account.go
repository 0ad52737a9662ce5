package runflowtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
)

// startBalance is the balance of a new organization, in US dollars.
const startBalance = 1000

// SetPrice sets what a run of a model or a workflow, "owner/slug", costs if it
// succeeds, in US dollars. Existing runs keep their price. Without a price, runs cost
// nothing. A step can set another cost, see [Step]; then the price does not matter.
// The organization is charged when a run ends.
//
// A run can be created only if its price is at most the balance of the organization,
// and a batch only if the sum of the prices of its runs is. Otherwise the request is
// refused with 402, and nothing is created.
func (s *Server) SetPrice(target string, price decimal.Decimal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prices[target] = price
}

// SetBalance sets the balance of an organization, in US dollars. It is 1,000 at first.
func (s *Server) SetBalance(orgID string, balance decimal.Decimal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setBalance(s.balance(orgID), balance)
}

// balance returns the balance of an organization.
func (s *Server) balance(orgID string) *runflow.CreditBalance {
	b, ok := s.balances[orgID]
	if !ok {
		b = &runflow.CreditBalance{ID: s.newID(), OrgID: orgID, Balance: decimal.NewFromInt(startBalance), CreatedAt: s.now, UpdatedAt: s.now}
		s.balances[orgID] = b
	}
	return b
}

func (s *Server) setBalance(b *runflow.CreditBalance, balance decimal.Decimal) {
	s.tick()
	b.Balance, b.UpdatedAt = balance, s.now
}

// afford refuses n runs of a target that cost more than the balance.
func (s *Server) afford(c caller, target string, n int) *problem {
	if s.prices[target].Mul(decimal.NewFromInt(int64(n))).GreaterThan(s.balance(c.orgID).Balance) {
		return newProblem(http.StatusPaymentRequired, "the balance is too low")
	}
	return nil
}

// charge charges the organization for a run that has ended. A run that has no cost yet
// costs its price if it has succeeded, and otherwise nothing.
func (s *Server) charge(run *runflow.Run) {
	price, hasPrice := s.charges[run.ID]
	delete(s.charges, run.ID)
	if hasPrice && !run.Cost.Valid && run.StatusCode == runflow.RunStatusSucceeded {
		run.Cost = decimal.NewNullDecimal(price)
	}
	if run.Cost.Valid {
		b := s.balance(run.OrgID)
		s.setBalance(b, b.Balance.Sub(run.Cost.Decimal))
	}
}

func (s *Server) getBalance(_ *http.Request, c caller) (any, *problem) {
	return s.renderBalance(c)
}

func (s *Server) renderBalance(c caller) (any, *problem) {
	row := newRow(s.balanceSchema, c.orgID, c.orgID, s.balance(c.orgID))
	return s.render(&row, view{})
}

func (s *Server) setThreshold(r *http.Request, c caller) (any, *problem) {
	body, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	threshold, err := decimal.NewFromString(string(bytes.Trim(body["low_balance_threshold"], `"`)))
	if err != nil || threshold.IsNegative() {
		return nil, invalid(badField("body", "low_balance_threshold", "Input should be greater than or equal to 0", "greater_than_equal"))
	}
	var updatedAt time.Time
	if value := body["updated_at"]; value != nil && json.Unmarshal(value, &updatedAt) != nil {
		return nil, invalid(badField("body", "updated_at", "Input should be a valid datetime", "datetime_type"))
	}
	b := s.balance(c.orgID)
	if !updatedAt.IsZero() && !updatedAt.Equal(b.UpdatedAt) {
		return nil, newProblem(http.StatusConflict, "the balance has changed")
	}
	s.tick()
	b.LowBalanceThreshold, b.UpdatedAt = decimal.NewNullDecimal(threshold), s.now
	return s.renderBalance(c)
}

// newAccountSchema returns the schema of an account, whose parts are not those that
// the SDK's types suggest.
func newAccountSchema() *schema {
	s := schemaOf[runflow.Account]()
	for _, embed := range []runflow.AccountEmbed{runflow.AccountEmbedOrganizations, runflow.AccountEmbedPendingInvitations} {
		s.byName[string(embed)].isPart = true
	}
	return s
}

// getAccount returns the account of the caller. The parts whose form is not documented
// are null.
func (s *Server) getAccount(r *http.Request, c caller) (any, *problem) {
	account := runflow.Account{ID: c.id, Email: c.email(), EmailVerifiedAt: startTime}
	for _, orgID := range c.orgIDs {
		account.Memberships = append(account.Memberships, runflow.Membership{
			Org: &runflow.Organization{ID: orgID, Slug: orgID, Name: orgID}, RoleCode: "member", Scopes: c.scopes,
		})
	}
	row := newRow(s.accountSchema, account.ID, "", account)
	return s.renderFor(r, &row)
}

// serveHealth responds to a request for the health of the API, without a token.
func serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"status":"ok","version":"fake"}`))
}
