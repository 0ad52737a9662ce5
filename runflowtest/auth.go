package runflowtest

import (
	"net/http"
	"slices"
	"strings"
)

// A principal is the owner of a token.
type principal struct {
	isUser bool
	orgIDs []string // the first is the default
	scopes []string // of an API key; nil means all
	id     string   // of the account
}

// A caller is the principal of a request, in one of its organizations.
type caller struct {
	principal

	orgID string
}

// email returns the email address of the account.
func (p principal) email() string { return p.id + "@example.com" }

func (s *Server) authenticate(r *http.Request) (caller, *problem) {
	token := bearerToken(r)
	p, known := s.principals[token]
	if token == "" || !known {
		return caller{}, newProblem(http.StatusUnauthorized, "missing or invalid bearer token")
	}
	orgID := r.Header.Get("X-Organization-Id")
	if orgID == "" && len(p.orgIDs) > 0 {
		orgID = p.orgIDs[0]
	}
	if !slices.Contains(p.orgIDs, orgID) {
		return caller{}, &problem{
			status: http.StatusForbidden, Code: "ORGANIZATION_MEMBERSHIP_REQUIRED", Message: "not a member of this organization",
		}
	}
	c := caller{principal: p, orgID: orgID}
	return c, c.checkScope(r)
}

// bearerToken returns the token of the Authorization header, or "". RFC 9110 says
// that the name of the scheme is case-insensitive.
func bearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}
