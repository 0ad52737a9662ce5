package runflowtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// createWebhook creates a webhook for a URL.
func createWebhook(t *testing.T, client *runflow.Client, url string, extra map[string]any) *runflow.Webhook {
	t.Helper()
	webhook, err := client.Webhooks.Create(t.Context(), runflow.CreateWebhookParams{URL: url, Secret: "whsec_webhook", Extra: extra})
	require.NoError(t, err)
	return webhook
}

// verified receives events that are signed with secret.
func verified(t *testing.T, secret string) (url string, events <-chan *callback.Event) {
	t.Helper()
	verifier, err := callback.NewVerifier(secret)
	require.NoError(t, err)
	arrived := make(chan *callback.Event, 10)
	receiver := httptest.NewServer(verifier.Handler(func(_ context.Context, event *callback.Event) error {
		arrived <- event
		return nil
	}))
	t.Cleanup(receiver.Close)
	return receiver.URL, arrived
}

func TestServer_WebhookLifecycle(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	url, events := verified(t, "whsec_webhook")
	webhook := createWebhook(t, client, url, nil)
	assert.Equal(t, server.OrgID, webhook.OrgID)
	assert.Regexp(t, "^[0-9a-f]{16}$", webhook.SecretFingerprint)
	assert.True(t, webhook.LastTriggeredAt.IsZero())

	created, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", params())
	require.NoError(t, err)
	server.FinishRun(created.ID)
	event := <-events
	assert.Equal(t, "run.completed", event.Event)
	assert.Equal(t, created.ID, event.RunID)
	assert.Len(t, event.OutputFiles(), 1)
	server.WaitCallbacks()

	page, err := client.Webhooks.ListDeliveries(t.Context(), webhook.ID, runflow.ListWebhookDeliveriesParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	delivery, err := client.Webhooks.GetDelivery(t.Context(), runflow.AnyID, page.Items[0].ID)
	require.NoError(t, err)
	assert.Equal(t, page.Items[0], *delivery)
	assert.Equal(t, "run.completed", delivery.EventTypeCode)
	assert.JSONEq(t, event.Raw.String(), delivery.Payload.String())

	attempts, err := client.Webhooks.ListAttempts(t.Context(), webhook.ID, delivery.ID, runflow.ListWebhookAttemptsParams{})
	require.NoError(t, err)
	require.Len(t, attempts.Items, 1)
	attempt, err := client.Webhooks.GetAttempt(t.Context(), webhook.ID, delivery.ID, attempts.Items[0].ID)
	require.NoError(t, err)
	assert.True(t, attempt.Succeeded)
	assert.Equal(t, 200, *attempt.StatusCode)
	assert.Equal(t, delivery.ID, attempt.DeliveryID)

	embedded, err := client.Webhooks.Get(t.Context(), webhook.ID, runflow.GetWebhookParams{
		Embed: []runflow.WebhookEmbed{runflow.WebhookEmbedDeliveries, runflow.WebhookEmbedEventSubscriptions},
	})
	require.NoError(t, err)
	assert.Len(t, embedded.Deliveries, 1)
	assert.Empty(t, embedded.EventSubscriptions)
	assert.False(t, embedded.LastTriggeredAt.IsZero())

	require.NoError(t, client.Webhooks.Delete(t.Context(), webhook.ID))
	_, err = client.Webhooks.Get(t.Context(), webhook.ID, runflow.GetWebhookParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)
	require.ErrorIs(t, client.Webhooks.Delete(t.Context(), webhook.ID), runflow.ErrNotFound)
	server.FinishRun(createWorkflowRun(t, client, "").ID)
	server.WaitCallbacks()
	assert.Empty(t, events, "a deleted webhook receives nothing")
}

func TestServer_Webhook_Events(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	server.AddUser("other", "org-2")
	everything, all := verified(t, "whsec_webhook")
	failures, failed := verified(t, "whsec_webhook")
	createWebhook(t, client, everything, nil)
	webhook := createWebhook(t, client, failures, map[string]any{"event_subscriptions": []string{"run.failed"}})
	elsewhere, foreign := verified(t, "whsec_webhook")
	_, err := client.Webhooks.Create(t.Context(), runflow.CreateWebhookParams{URL: elsewhere, Secret: "whsec_webhook"}, runflow.WithToken("other"))
	require.NoError(t, err)

	for _, step := range []runflowtest.Step{
		runflowtest.StepSucceed(nil), runflowtest.StepFail("OOM", runflow.FailureStageExecution, "too large"), runflowtest.StepCancel(),
		runflowtest.StepStatus(runflow.RunStatusPartialSucceeded), // not an event of webhooks
	} {
		server.Script("acme/swap", step)
		server.FinishRun(createWorkflowRun(t, client, "").ID)
	}
	batch := createBatch(t, server, client, runflow.CreateBatchParams{Inputs: prompts("a", "fail")})
	server.FinishBatch(batch.ID)
	server.WaitCallbacks()

	count := map[string]int{}
	for range len(all) {
		count[(<-all).Event]++
	}
	assert.Equal(t, map[string]int{"run.completed": 2, "run.failed": 2, "run.cancelled": 1}, count)
	assert.Len(t, failed, 2)
	assert.Empty(t, foreign, "a webhook receives only the events of its organization")

	got, err := client.Webhooks.Get(t.Context(), webhook.ID, runflow.GetWebhookParams{Embed: []runflow.WebhookEmbed{runflow.WebhookEmbedEventSubscriptions}})
	require.NoError(t, err)
	assert.Equal(t, []runflow.WebhookEventSubscription{{WebhookID: webhook.ID, EventTypeCode: "run.failed"}}, got.EventSubscriptions)
	n := 0
	for _, err := range client.Webhooks.AllDeliveries(t.Context(), runflow.AnyID, runflow.ListWebhookDeliveriesParams{Limit: 2}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 7, n, "the deliveries to all webhooks of the organization")
}

func TestServer_Webhook_Update(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	old, events := verified(t, "whsec_webhook")
	webhook := createWebhook(t, client, old, nil)
	replacement, replaced := verified(t, "whsec_2")
	updated, err := client.Webhooks.Update(t.Context(), webhook.ID, runflow.UpdateWebhookParams{
		URL: replacement, Secret: "whsec_2", Extra: map[string]any{"event_subscriptions": []map[string]string{{"event_type_code": "run.completed"}}},
	})
	require.NoError(t, err)
	assert.Equal(t, replacement, updated.URL)
	assert.NotEqual(t, webhook.SecretFingerprint, updated.SecretFingerprint)
	same, err := client.Webhooks.Update(t.Context(), webhook.ID, runflow.UpdateWebhookParams{Extra: map[string]any{}})
	require.NoError(t, err)
	assert.Equal(t, updated.URL, same.URL)
	assert.Equal(t, updated.SecretFingerprint, same.SecretFingerprint)

	server.FinishRun(createWorkflowRun(t, client, "").ID)
	assert.Equal(t, "run.completed", (<-replaced).Event)
	server.WaitCallbacks()
	assert.Empty(t, events)

	page, err := client.Webhooks.List(t.Context(), runflow.ListWebhooksParams{Filter: runflow.Where("url").Eq(replacement)})
	require.NoError(t, err)
	assert.Len(t, page.Items, 1)
}

func TestServer_Webhook_Attempts(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	var calls atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(receiver.Close)
	webhook := createWebhook(t, client, receiver.URL, nil)
	other := createWebhook(t, client, "http://127.0.0.1:1/", nil)
	server.FinishRun(createWorkflowRun(t, client, "").ID)
	server.WaitCallbacks()

	page, err := client.Webhooks.ListAttempts(t.Context(), webhook.ID, runflow.AnyID, runflow.ListWebhookAttemptsParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	first, second := page.Items[0], page.Items[1]
	assert.Equal(t, [...]int{1, 503}, [...]int{*first.AttemptNumber, *first.StatusCode})
	assert.Equal(t, "not now\n", first.ResponseBody)
	assert.False(t, first.Succeeded)
	assert.False(t, first.NextRetryAt.IsZero())
	assert.Equal(t, [...]int{2, 200}, [...]int{*second.AttemptNumber, *second.StatusCode})
	assert.True(t, second.Succeeded)
	assert.True(t, second.NextRetryAt.IsZero())

	page, err = client.Webhooks.ListAttempts(t.Context(), other.ID, runflow.AnyID, runflow.ListWebhookAttemptsParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3, "nothing listens at that URL")
	assert.Nil(t, page.Items[2].StatusCode)
	page, err = client.Webhooks.ListAttempts(t.Context(), runflow.AnyID, runflow.AnyID, runflow.ListWebhookAttemptsParams{})
	require.NoError(t, err)
	assert.Len(t, page.Items, 5)

	_, err = client.Webhooks.ListAttempts(t.Context(), other.ID, first.DeliveryID, runflow.ListWebhookAttemptsParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound, "it is a delivery to another webhook")
	_, err = client.Webhooks.GetAttempt(t.Context(), other.ID, runflow.AnyID, first.ID)
	require.ErrorIs(t, err, runflow.ErrNotFound)
	_, err = client.Webhooks.GetDelivery(t.Context(), other.ID, first.DeliveryID)
	require.ErrorIs(t, err, runflow.ErrNotFound)
	_, err = client.Webhooks.ListDeliveries(t.Context(), "none", runflow.ListWebhookDeliveriesParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)

	_, body := send(t, server, http.MethodGet, "/v1/webhooks/any/deliveries/"+first.DeliveryID+"/attempts?embed=delivery", "")
	assert.Contains(t, body, `"delivery":{"id":"`+first.DeliveryID+`"`)
	_, body = send(t, server, http.MethodGet, "/v1/webhooks/any/deliveries/"+first.DeliveryID+"?embed=webhook,attempts", "")
	assert.Contains(t, body, `"webhook":{"id":"`+webhook.ID+`"`)
	assert.Contains(t, body, `"attempts":[{"id":"`+first.ID+`"`)
}

func TestServer_CreateWebhook_Validation(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{`[]`, 400, "BAD_REQUEST"},
		{`{"secret":"s"}`, 422, `"loc":["body","url"]`},
		{`{"url":"x","secret":"s"}`, 422, `"loc":["body","url"]`},
		{`{"url":"https://host.test/"}`, 422, `"loc":["body","secret"]`},
		{`{"url":"https://host.test/","secret":"s","event_subscriptions":["run.exploded"]}`, 422, `"loc":["body","event_subscriptions"]`},
		{`{"url":"https://host.test/","secret":"s","event_subscriptions":"run.failed"}`, 422, `"loc":["body","event_subscriptions"]`},
		{`{"url":"https://host.test/","secret":"s","event_subscriptions":[1]}`, 422, `"loc":["body","event_subscriptions"]`},
		{`{"url":"https://host.test/","secret":"whsec_hidden","name":"mine"}`, 201, `"secret_fingerprint":"`},
	} {
		status, got := send(t, server, http.MethodPost, "/v1/webhooks", tc.body)
		assert.Equal(t, tc.status, status, tc.body)
		assert.Contains(t, got, tc.want)
		assert.NotContains(t, got, "whsec_hidden")
	}
	for _, path := range []string{"/v1/webhooks/none/deliveries", "/v1/webhooks/none/secrets", "/v1/webhooks/event-types/deliveries"} {
		status, _ := send(t, server, http.MethodGet, path, "")
		assert.Equal(t, 404, status, path)
	}
}
