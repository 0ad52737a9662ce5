package runflowtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

func TestServer_CallbackSecret_Rotation(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	secret, err := client.CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{Label: "2026"})
	require.NoError(t, err)
	text := secret.PlainSecret.Text()
	assert.Regexp(t, "^whsec_", text)
	assert.True(t, strings.HasPrefix(text, secret.KeyPrefix))
	assert.Equal(t, "2026", secret.Label)
	assert.False(t, secret.IsCurrent, "CallbackSecret still signs")
	_, body := send(t, server, http.MethodGet, "/v1/callback-secrets/"+secret.ID, "")
	assert.NotContains(t, body, "plain_secret", "only its creation shows the secret")
	assert.NotContains(t, body, text)

	url, arrived := listen(t)
	signedBy := func() string {
		t.Helper()
		run := createWorkflowRun(t, client, url)
		server.FinishRun(run.ID)
		got := <-arrived
		server.WaitCallbacks()
		items := deliveries(t, client, run.ID)
		require.Len(t, items, 1)
		for _, candidate := range []string{server.CallbackSecret, text} {
			verifier, err := callback.NewVerifier(candidate)
			require.NoError(t, err)
			if verifier.Verify(got.body, got.header.Get("Runflow-Signature")) == nil {
				return candidate + " " + items[0].SigningSecretID
			}
		}
		return ""
	}
	assert.Equal(t, server.CallbackSecret+" ", signedBy())
	promoted, err := client.CallbackSecrets.Update(t.Context(), secret.ID, runflow.UpdateCallbackSecretParams{IsCurrent: true, Label: new("")})
	require.NoError(t, err)
	assert.True(t, promoted.IsCurrent)
	assert.Empty(t, promoted.Label)
	assert.True(t, promoted.LastUsedAt.IsZero())
	assert.Equal(t, text+" "+secret.ID, signedBy())

	got, err := client.CallbackSecrets.Get(t.Context(), secret.ID)
	require.NoError(t, err)
	assert.False(t, got.LastUsedAt.IsZero())
}

func TestServer_CallbackSecret_Current(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.CallbackSecret = ""
	create := func() *runflow.CallbackSecret {
		secret, err := client.CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{})
		require.NoError(t, err)
		return secret
	}
	first, second := create(), create()
	assert.True(t, first.IsCurrent, "no other secret signs")
	assert.False(t, second.IsCurrent)
	remove := func(id string) error {
		return client.Do(t.Context(), http.MethodDelete, "/v1/callback-secrets/"+id, nil, nil)
	}
	require.ErrorIs(t, remove(first.ID), runflow.ErrConflict, "it signs")
	_, err := client.CallbackSecrets.Update(t.Context(), second.ID, runflow.UpdateCallbackSecretParams{IsCurrent: true})
	require.NoError(t, err)
	var page runflow.Page[runflow.CallbackSecret]
	require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/callback-secrets?sort_by=created_at:asc", nil, &page))
	require.Len(t, page.Items, 2)
	assert.Equal(t, [...]bool{false, true}, [...]bool{page.Items[0].IsCurrent, page.Items[1].IsCurrent})
	require.NoError(t, remove(first.ID))
	require.ErrorIs(t, remove(first.ID), runflow.ErrNotFound)
	_, err = client.CallbackSecrets.Get(t.Context(), first.ID)
	require.ErrorIs(t, err, runflow.ErrNotFound)

	server.AddUser("other", "org-2")
	_, err = client.CallbackSecrets.Get(t.Context(), second.ID, runflow.WithToken("other"))
	require.ErrorIs(t, err, runflow.ErrNotFound)
}

func TestServer_CallbackSecret_Validation(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	secret, err := client.CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{})
	require.NoError(t, err)
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, "", `[]`, 400},
		{http.MethodPost, "", `{"label":1}`, 422},
		{http.MethodPost, "", `{"label":"` + strings.Repeat("ä", 256) + `"}`, 422},
		{http.MethodPost, "", `{"label":"` + strings.Repeat("ä", 255) + `"}`, 201},
		{http.MethodPatch, "/" + secret.ID, `{"is_current":1}`, 422},
		{http.MethodPatch, "/" + secret.ID, `{"is_current":null}`, 200},
		{http.MethodPatch, "/" + secret.ID, `[]`, 400},
		{http.MethodPatch, "/none", `{}`, 404},
	} {
		status, _ := send(t, server, tc.method, "/v1/callback-secrets"+tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%s %.40s", tc.path, tc.body)
	}
}
