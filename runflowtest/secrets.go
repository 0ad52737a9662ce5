package runflowtest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/runflow-io/runflow-go"
)

// maxLabel is the maximum length of the label of a callback secret in characters.
const maxLabel = 255

// signingSecret returns the secret that signs the callbacks of an organization, and
// its ID: the current one of the organization, or else the CallbackSecret of the
// server, which has no ID.
func (s *Server) signingSecret(orgID string) (id, secret string) {
	current := s.currentSecret(orgID)
	if current == nil {
		return "", s.CallbackSecret
	}
	used := current.get()
	used.LastUsedAt = s.now
	s.secrets.put(used.ID, orgID, used)
	return used.ID, s.secretTexts[used.ID]
}

func (s *Server) currentSecret(orgID string) *record[runflow.CallbackSecret] {
	for _, r := range s.secrets.all {
		if r.orgID == orgID && r.text("is_current") == "true" {
			return r
		}
	}
	return nil
}

func (s *Server) findSecret(r *http.Request, c caller) (secret runflow.CallbackSecret, bad *problem) {
	secret, ok := s.secrets.get(r.PathValue("id"))
	if !ok || secret.OrgID != c.orgID {
		return secret, notFound("callback secret")
	}
	return secret, nil
}

func (s *Server) listSecrets(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, source{schema: s.secrets.schema, sorted: func(by order) []entry { return s.secrets.sorted("", by) }})
}

func (s *Server) getSecret(r *http.Request, c caller) (any, *problem) {
	secret, bad := s.findSecret(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.renderFor(r, &s.secrets.byID[secret.ID].row)
}

// createSecret creates a secret. It signs callbacks at once if no other secret does.
func (s *Server) createSecret(r *http.Request, c caller) (any, *problem) {
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	now := s.tick()
	secret := runflow.CallbackSecret{
		ID: s.newID(), OrgID: c.orgID, CreatedAt: now, UpdatedAt: now,
		IsCurrent: s.CallbackSecret == "" && s.currentSecret(c.orgID) == nil,
	}
	if errs := b.shortText("label", maxLabel, &secret.Label); errs != nil {
		return nil, invalid(errs...)
	}
	text := "whsec_" + rand.Text()
	secret.KeyPrefix = text[:len("whsec_")+4]
	s.secrets.put(secret.ID, c.orgID, secret)
	s.secretTexts[secret.ID] = text
	object, bad := s.render(&s.secrets.byID[secret.ID].row, view{})
	if bad != nil {
		return nil, bad
	}
	// Only this response has the secret itself.
	return created{slices.Concat(json.RawMessage(`{"plain_secret":"`+text+`",`), object[1:])}, nil
}

// updateSecret changes the label of a secret, or makes it the one that signs.
func (s *Server) updateSecret(r *http.Request, c caller) (any, *problem) {
	secret, bad := s.findSecret(r, c)
	if bad != nil {
		return nil, bad
	}
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	if label, given := b["label"]; given && bytes.Equal(label, []byte("null")) {
		secret.Label = ""
	}
	var isCurrent bool
	errs := slices.Concat(b.shortText("label", maxLabel, &secret.Label), b.boolean("is_current", &isCurrent))
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	now := s.tick()
	if current := s.currentSecret(c.orgID); isCurrent && current != nil && current.id != secret.ID {
		replaced := current.get()
		replaced.IsCurrent, replaced.UpdatedAt = false, now
		s.secrets.put(replaced.ID, c.orgID, replaced)
	}
	secret.IsCurrent, secret.UpdatedAt = secret.IsCurrent || isCurrent, now
	s.secrets.put(secret.ID, c.orgID, secret)
	return s.renderFor(r, &s.secrets.byID[secret.ID].row)
}

// deleteSecret deletes a secret that does not sign.
func (s *Server) deleteSecret(r *http.Request, c caller) (any, *problem) {
	secret, bad := s.findSecret(r, c)
	switch {
	case bad != nil:
		return nil, bad
	case secret.IsCurrent:
		return nil, newProblem(http.StatusConflict, "the secret signs the callbacks; make another one current first")
	}
	s.secrets.remove(secret.ID)
	delete(s.secretTexts, secret.ID)
	return deleted{}, nil
}
