package runflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/internal/testing/leak"
	"github.com/runflow-io/runflow-go/runflowtest"
)

const (
	sampleWebhook = `{
		"id": "w-1", "org_id": "o-1", "url": "https://example.com/hook", "secret_fingerprint": "ab12",
		"disabled_at": "2026-05-06T10:00:00Z", "last_triggered_at": "2026-05-06T10:00:01Z",
		"created_at": "2026-05-06T10:00:02Z", "updated_at": "2026-05-06T10:00:03Z",
		"event_subscriptions": [{"webhook_id": "w-1", "event_type_code": "run.completed"}],
		"deliveries": [{"id": "d-1"}]
	}`
	sampleWebhookDelivery = `{
		"id": "d-1", "webhook_id": "w-1", "event_type_code": "run.completed", "payload": {"event": "run.completed"},
		"created_at": "2026-05-06T10:00:00Z", "attempts": [{"id": "a-1"}], "webhook": {"id": "w-1"}
	}`
	sampleWebhookAttempt = `{
		"id": "a-1", "delivery_id": "d-1", "attempt_number": 2, "status_code": 500, "response_body": "oops", "response_time_ms": 12,
		"succeeded": true, "next_retry_at": "2026-05-06T10:00:00Z", "created_at": "2026-05-06T10:00:01Z", "delivery": {"id": "d-1"}
	}`
	sampleCallbackSecret = `{
		"id": "s-1", "org_id": "o-1", "key_prefix": "whsec_ab", "is_current": true, "label": "first",
		"disabled_at": "2026-05-06T10:00:00Z", "last_used_at": "2026-05-06T10:00:01Z",
		"created_at": "2026-05-06T10:00:02Z", "updated_at": "2026-05-06T10:00:03Z"
	}`
)

func getWebhook(ctx context.Context, c *runflow.Client) (*runflow.Webhook, error) {
	return c.Webhooks.Get(ctx, "w-1", runflow.GetWebhookParams{})
}

func getWebhookDelivery(ctx context.Context, c *runflow.Client) (*runflow.WebhookDelivery, error) {
	return c.Webhooks.GetDelivery(ctx, "w-1", "d-1")
}

func getWebhookAttempt(ctx context.Context, c *runflow.Client) (*runflow.WebhookDeliveryAttempt, error) {
	return c.Webhooks.GetAttempt(ctx, "w-1", "d-1", "a-1")
}

func getCallbackSecret(ctx context.Context, c *runflow.Client) (*runflow.CallbackSecret, error) {
	return c.CallbackSecrets.Get(ctx, "s-1")
}

func TestWebhook_DecodesSample(t *testing.T) {
	t.Parallel()
	onlyID := []string{"id"}
	t.Run("webhook", func(t *testing.T) {
		t.Parallel()
		sample[runflow.Webhook]{json: sampleWebhook, call: getWebhook, strict: onlyID, required: onlyID}.check(t)
	})
	t.Run("delivery", func(t *testing.T) {
		t.Parallel()
		sample[runflow.WebhookDelivery]{json: sampleWebhookDelivery, call: getWebhookDelivery, strict: onlyID, required: onlyID}.check(t)
	})
	t.Run("attempt", func(t *testing.T) {
		t.Parallel()
		sample[runflow.WebhookDeliveryAttempt]{json: sampleWebhookAttempt, call: getWebhookAttempt, strict: onlyID, required: onlyID}.check(t)
	})
	t.Run("callback secret", func(t *testing.T) {
		t.Parallel()
		sample[runflow.CallbackSecret]{json: sampleCallbackSecret, call: getCallbackSecret, strict: onlyID, required: onlyID}.check(t)
	})
}

func FuzzWebhook(f *testing.F)         { fuzzResponse(f, getWebhook, sampleWebhook) }
func FuzzWebhookDelivery(f *testing.F) { fuzzResponse(f, getWebhookDelivery, sampleWebhookDelivery) }
func FuzzWebhookDeliveryAttempt(f *testing.F) {
	fuzzResponse(f, getWebhookAttempt, sampleWebhookAttempt)
}

func FuzzCallbackSecret(f *testing.F) {
	fuzzResponse(f, func(ctx context.Context, c *runflow.Client) (*runflow.CallbackSecret, error) {
		return c.CallbackSecrets.Create(ctx, runflow.CreateCallbackSecretParams{})
	}, sampleCallbackSecret, `{"id":"s-1","plain_secret":"whsec_x"}`, `{"id":"s-1","plain_secret":7}`)
}

func TestWebhooksService_Requests(t *testing.T) {
	t.Parallel()
	const response = `{"id":"w-1","url":"https://example.com/hook","secret_fingerprint":"ab12"}`
	webhook := runflow.Webhook{ID: "w-1", URL: "https://example.com/hook", SecretFingerprint: "ab12"}
	one, status := 1, 500
	attempt := runflow.WebhookDeliveryAttempt{ID: "a-1", AttemptNumber: &one, StatusCode: &status}
	delivery := runflow.WebhookDelivery{ID: "d-1", EventTypeCode: "run.completed", Payload: runflow.JSON(`{"a":1}`), Attempts: []runflow.WebhookDeliveryAttempt{attempt}}
	const attemptJSON = `{"id":"a-1","attempt_number":1,"status_code":500}`
	const deliveryJSON = `{"id":"d-1","event_type_code":"run.completed","payload":{"a":1},"attempts":[` + attemptJSON + `]}`
	checkExchanges(t, map[string]exchange{
		"List": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.List(ctx, runflow.ListWebhooksParams{
					Filter: runflow.Where("url").Eq("x"), Limit: 2, SortBy: "created_at:desc", Fields: []string{"id"}, Cursor: "c",
					Embed: []runflow.WebhookEmbed{runflow.WebhookEmbedEventSubscriptions, runflow.WebhookEmbedDeliveries},
				})
			},
			method: "GET", uri: "/v1/webhooks?embed=event_subscriptions%2Cdeliveries&fields=id&limit=2&pq=c&q=url.eq%3A%27x%27&sort_by=created_at%3Adesc",
			response: `{"items":[` + response + `],"next":"n"}`,
			want:     &runflow.Page[runflow.Webhook]{Items: []runflow.Webhook{webhook}, Next: "n"},
		},
		"All": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return collect(c.Webhooks.All(ctx, runflow.ListWebhooksParams{}))
			},
			method: "GET", uri: "/v1/webhooks", response: `{"items":[` + response + `]}`, want: []runflow.Webhook{webhook},
		},
		"Get": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return getWebhook(ctx, c) },
			method: "GET", uri: "/v1/webhooks/w-1", response: response, want: &webhook,
		},
		"Get with embeds and fields": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.Get(ctx, "w-1", runflow.GetWebhookParams{Embed: []runflow.WebhookEmbed{"deliveries"}, Fields: []string{"url"}})
			},
			method: "GET", uri: "/v1/webhooks/w-1?embed=deliveries&fields=url%2Cid", response: response, want: &webhook,
		},
		"Create": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.Create(ctx, runflow.CreateWebhookParams{URL: "https://example.com/hook", Secret: "s<e>cret"})
			},
			method: "POST", uri: "/v1/webhooks", hasKey: true,
			body: `{"secret":"s<e>cret","url":"https://example.com/hook"}`, response: response, want: &webhook,
		},
		"Create with extra members": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.Create(ctx, runflow.CreateWebhookParams{URL: "http://example.com/hook", Secret: "s", Extra: map[string]any{
					"name": "mine", "event_subscriptions": []map[string]any{{"event_type_code": "run.completed"}}, "none": nil, "raw": runflow.JSON(`1.50`),
				}})
			},
			method: "POST", uri: "/v1/webhooks", hasKey: true,
			body:     `{"event_subscriptions":[{"event_type_code":"run.completed"}],"name":"mine","none":null,"raw":1.50,"secret":"s","url":"http://example.com/hook"}`,
			response: response, want: &webhook,
		},
		"Update the URL": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.Update(ctx, "w-1", runflow.UpdateWebhookParams{URL: "https://example.com/hook"})
			},
			method: "PATCH", uri: "/v1/webhooks/w-1", body: `{"url":"https://example.com/hook"}`, response: response, want: &webhook,
		},
		"Update the secret and another member": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.Update(ctx, "w-1", runflow.UpdateWebhookParams{Secret: "s", Extra: map[string]any{"x": 1}})
			},
			method: "PATCH", uri: "/v1/webhooks/w-1", body: `{"secret":"s","x":1}`, response: response, want: &webhook,
		},
		"Delete": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return nil, c.Webhooks.Delete(ctx, "w-1") },
			method: "DELETE", uri: "/v1/webhooks/w-1",
		},
		"GetEventType": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.GetEventType(ctx, "run.completed")
			},
			method: "GET", uri: "/v1/webhooks/event-types/run.completed", response: `{"code":"run.completed","raw":"x"}`,
			want: &runflow.ReferenceItem{Code: "run.completed", Raw: runflow.JSON(`{"code":"run.completed","raw":"x"}`)},
		},
		"ListDeliveries": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.ListDeliveries(ctx, runflow.AnyID, runflow.ListWebhookDeliveriesParams{Limit: 2, SortBy: "created_at:desc", Fields: []string{"id"}, Cursor: "c"})
			},
			method: "GET", uri: "/v1/webhooks/any/deliveries?fields=id&limit=2&pq=c&sort_by=created_at%3Adesc", response: `{"items":[` + deliveryJSON + `]}`,
			want: &runflow.Page[runflow.WebhookDelivery]{Items: []runflow.WebhookDelivery{delivery}},
		},
		"AllDeliveries": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return collect(c.Webhooks.AllDeliveries(ctx, "w-1", runflow.ListWebhookDeliveriesParams{Filter: runflow.Where("id").Eq("d-1")}))
			},
			method: "GET", uri: "/v1/webhooks/w-1/deliveries?q=id.eq%3A%27d-1%27", response: `{"items":[` + deliveryJSON + `]}`, want: []runflow.WebhookDelivery{delivery},
		},
		"GetDelivery": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.GetDelivery(ctx, runflow.AnyID, "d-1")
			},
			method: "GET", uri: "/v1/webhooks/any/deliveries/d-1", response: deliveryJSON, want: &delivery,
		},
		"ListAttempts": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.ListAttempts(ctx, runflow.AnyID, runflow.AnyID, runflow.ListWebhookAttemptsParams{Limit: 2, SortBy: "attempt_number:asc"})
			},
			method: "GET", uri: "/v1/webhooks/any/deliveries/any/attempts?limit=2&sort_by=attempt_number%3Aasc", response: `{"items":[` + attemptJSON + `],"next":"n"}`,
			want: &runflow.Page[runflow.WebhookDeliveryAttempt]{Items: []runflow.WebhookDeliveryAttempt{attempt}, Next: "n"},
		},
		"GetAttempt": {
			call: func(ctx context.Context, c *runflow.Client) (any, error) {
				return c.Webhooks.GetAttempt(ctx, "w-1", runflow.AnyID, "a-1")
			},
			method: "GET", uri: "/v1/webhooks/w-1/deliveries/any/attempts/a-1", response: attemptJSON, want: &attempt,
		},
	})
}

func TestWebhooksService_BadArguments(t *testing.T) {
	t.Parallel()
	const url = "https://example.com/hook"
	create := func(params runflow.CreateWebhookParams) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Webhooks.Create(ctx, params)
			return err
		}
	}
	update := func(params runflow.UpdateWebhookParams) func(context.Context, *runflow.Client) error {
		return func(ctx context.Context, c *runflow.Client) error {
			_, err := c.Webhooks.Update(ctx, "w-1", params)
			return err
		}
	}
	ignore := func(_ any, err error) error { return err }
	checkRefused(t, map[string]func(context.Context, *runflow.Client) error{
		"Webhooks.Create: params.URL: must not be empty":                     create(runflow.CreateWebhookParams{Secret: "s"}),
		"Webhooks.Create: params.URL: must be an absolute http or https URL": create(runflow.CreateWebhookParams{URL: "hook", Secret: "s"}),
		"Webhooks.Create: params.Secret: must not be empty":                  create(runflow.CreateWebhookParams{URL: url}),
		"Webhooks.Create: params.Secret: must be valid UTF-8":                create(runflow.CreateWebhookParams{URL: url, Secret: "\xff"}),
		"Webhooks.Create: params.Extra: must not have a member url":          create(runflow.CreateWebhookParams{URL: url, Secret: "s", Extra: map[string]any{"url": url}}),
		"Webhooks.Create: params.Extra: must not have a member secret":       create(runflow.CreateWebhookParams{URL: url, Secret: "s", Extra: map[string]any{"secret": nil}}),
		"Webhooks.Create: params.Extra: f: ":                                 create(runflow.CreateWebhookParams{URL: url, Secret: "s", Extra: map[string]any{"f": func() {}}}),
		"Webhooks.Create: params.Extra: ":                                    create(runflow.CreateWebhookParams{URL: url, Secret: "s", Extra: map[string]any{"\xff": 1}}),
		"Webhooks.Update: params.URL: must be an absolute http or https URL": update(runflow.UpdateWebhookParams{URL: "ftp://example.com"}),
		"Webhooks.Update: params.Secret: must be valid UTF-8":                update(runflow.UpdateWebhookParams{Secret: "\xff"}),
		"Webhooks.Update: params.Extra: must not have a member secret":       update(runflow.UpdateWebhookParams{Extra: map[string]any{"secret": "x"}}),
		"Webhooks.Update: params.Extra: must not have a member url":          update(runflow.UpdateWebhookParams{URL: url, Extra: map[string]any{"url": "x"}}),
		"Webhooks.Delete: webhookID: must not be empty":                      func(ctx context.Context, c *runflow.Client) error { return c.Webhooks.Delete(ctx, "") },
		`Webhooks.Delete: webhookID: must not be AnyID ("any")`:              func(ctx context.Context, c *runflow.Client) error { return c.Webhooks.Delete(ctx, runflow.AnyID) },
		"Webhooks.GetEventType: code: must not contain a slash":              func(ctx context.Context, c *runflow.Client) error { return ignore(c.Webhooks.GetEventType(ctx, "a/b")) },
		`Webhooks.GetDelivery: deliveryID: must not be AnyID ("any")`: func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.GetDelivery(ctx, "1", "any"))
		},
		`Webhooks.GetAttempt: attemptID: must not be AnyID ("any")`: func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.GetAttempt(ctx, "1", "1", "any"))
		},
		"Webhooks.Get: params.Embed[0]: must be a name without a comma": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.Get(ctx, "1", runflow.GetWebhookParams{Embed: []runflow.WebhookEmbed{","}}))
		},
		"Webhooks.List: params.Limit: must be between 1 and 500": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.List(ctx, runflow.ListWebhooksParams{Limit: -1}))
		},
		"Webhooks.ListDeliveries: params.Limit: must be between 1 and 500, or": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.ListDeliveries(ctx, "1", runflow.ListWebhookDeliveriesParams{Limit: 501}))
		},
		"Webhooks.ListAttempts: deliveryID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.ListAttempts(ctx, "1", "", runflow.ListWebhookAttemptsParams{}))
		},
		"CallbackSecrets.Create: params.Label: must be valid UTF-8 of at most 255 characters": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.CallbackSecrets.Create(ctx, runflow.CreateCallbackSecretParams{Label: strings.Repeat("ü", 256)}))
		},
		"CallbackSecrets.Update: params.Label: must be valid UTF-8": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.CallbackSecrets.Update(ctx, "1", runflow.UpdateCallbackSecretParams{Label: new("\xff")}))
		},
		"CallbackSecrets.Get: secretID: must not be empty": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.CallbackSecrets.Get(ctx, ""))
		},
	})
}

func TestWebhooksService_Create_LeavesExtraUnchanged(t *testing.T) {
	t.Parallel()
	extra := map[string]any{"name": "mine"}
	_, err := newAPI(t, 201, `{"id":"w-1"}`).client(t).Webhooks.Create(t.Context(), runflow.CreateWebhookParams{URL: "https://e.com", Secret: "s", Extra: extra})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"name": "mine"}, extra)
}

// The API documents no idempotency keys for these calls.
func TestCreateCalls_AtMostOnce(t *testing.T) {
	t.Parallel()
	ignore := func(_ any, err error) error { return err }
	for name, create := range map[string]func(context.Context, *runflow.Client) error{
		"Webhooks.Create": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Webhooks.Create(ctx, runflow.CreateWebhookParams{URL: "https://example.com", Secret: "s"}))
		},
		"CallbackSecrets.Create": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.CallbackSecrets.Create(ctx, runflow.CreateCallbackSecretParams{}))
		},
		"ComfyuiWorkflows.Create": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.ComfyuiWorkflows.Create(ctx, runflow.CreateWorkflowParams{Name: "swap", WorkflowJSON: map[string]any{}}))
		},
		"ComfyuiWorkflows.CreateInput": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.ComfyuiWorkflows.CreateInput(ctx, "1", runflow.WorkflowInputParams{Name: "image"}))
		},
		"Billing.SetLowBalanceThreshold": func(ctx context.Context, c *runflow.Client) error {
			return ignore(c.Billing.SetLowBalanceThreshold(ctx, runflow.SetLowBalanceThresholdParams{UpdatedAt: time.Unix(1, 0)}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, keys := newDropper(t)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(url), runflow.WithRetryBackoff(1, 1))
			require.NoError(t, err)
			require.ErrorIs(t, create(t.Context(), client), runflow.ErrOutcomeUnknown)
			assert.Len(t, keys(), 1)

			for _, body := range []string{`{}`, `{"code":"OOPS","id":null}`, ``} {
				err := create(t.Context(), newAPI(t, 201, body).client(t))
				require.ErrorIs(t, err, runflow.ErrOutcomeUnknown, "a success without the object: %q", body)
				var decodeErr *runflow.DecodeError
				require.ErrorAs(t, err, &decodeErr)
			}
		})
	}
}

func TestCallbackSecretsService_Requests(t *testing.T) {
	t.Parallel()
	const response = `{"id":"s-1","is_current":true}`
	want := &runflow.CallbackSecret{ID: "s-1", IsCurrent: true}
	update := func(params runflow.UpdateCallbackSecretParams) func(context.Context, *runflow.Client) (any, error) {
		return func(ctx context.Context, c *runflow.Client) (any, error) {
			return c.CallbackSecrets.Update(ctx, "s-1", params)
		}
	}
	create := func(label string) func(context.Context, *runflow.Client) (any, error) {
		return func(ctx context.Context, c *runflow.Client) (any, error) {
			secret, err := c.CallbackSecrets.Create(ctx, runflow.CreateCallbackSecretParams{Label: label})
			if err != nil {
				return nil, err
			}
			return []string{secret.ID, secret.PlainSecret.Text()}, nil
		}
	}
	const created = `{"id":"s-1","plain_secret":"whsec_1"}`
	checkExchanges(t, map[string]exchange{
		"Create": {
			call: create(""), method: "POST", uri: "/v1/callback-secrets", hasKey: true, body: `{}`,
			response: created, want: []string{"s-1", "whsec_1"},
		},
		"Create with a label": {
			call: create(strings.Repeat("ü", 255)), method: "POST", uri: "/v1/callback-secrets", hasKey: true, body: `{"label":"` + strings.Repeat("ü", 255) + `"}`,
			response: created, want: []string{"s-1", "whsec_1"},
		},
		"Get": {
			call:   func(ctx context.Context, c *runflow.Client) (any, error) { return getCallbackSecret(ctx, c) },
			method: "GET", uri: "/v1/callback-secrets/s-1", response: response, want: want,
		},
		"Update to current": {
			call: update(runflow.UpdateCallbackSecretParams{IsCurrent: true}), method: "PATCH", uri: "/v1/callback-secrets/s-1",
			body: `{"is_current":true}`, response: response, want: want,
		},
		"Update the label": {
			call: update(runflow.UpdateCallbackSecretParams{Label: new("second")}), method: "PATCH", uri: "/v1/callback-secrets/s-1",
			body: `{"label":"second"}`, response: response, want: want,
		},
		"Update removes the label": {
			call: update(runflow.UpdateCallbackSecretParams{Label: new("")}), method: "PATCH", uri: "/v1/callback-secrets/s-1",
			body: `{"label":null}`, response: response, want: want,
		},
	})
}

func TestCallbackSecretsService_Create_NoSecret(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"id":"s-1"}`: "plain_secret", `{"id":"s-1","plain_secret":null}`: "plain_secret", `{"id":"s-1","plain_secret":""}`: "plain_secret",
		`{"id":"s-1","plain_secret":["canary"]}`: "plain_secret", `{"plain_secret":"canary"}`: "id",
	} {
		secret, err := newAPI(t, 201, body).client(t).CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{})
		assert.Nil(t, secret)
		requireDecodeError(t, err, field)
		require.ErrorIs(t, err, runflow.ErrOutcomeUnknown)
	}
}

func TestSecret_DoesNotPrint(t *testing.T) {
	t.Parallel()
	const plain = "whsec_canary"
	server := newAPI(t, 201, `{"id":"s-1","plain_secret":"`+plain+`"}`)
	secret, err := server.client(t).CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{})
	require.NoError(t, err)
	assert.Equal(t, plain, secret.PlainSecret.Text())

	type config struct{ unexported runflow.CallbackSecret }
	var out leak.Recorder
	for _, v := range []any{secret, *secret, secret.PlainSecret, &secret.PlainSecret, config{*secret}, &config{*secret}} {
		out.Value(v)
	}
	out.AssertNoSecret(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "[redacted]", fmt.Sprintf(verb, secret.PlainSecret), verb)
		assert.Contains(t, fmt.Sprintf(verb, *secret), "[redacted]", verb)
		assert.Empty(t, fmt.Sprintf(verb, runflow.Secret{}), verb)
	}
	data, err := json.Marshal(secret)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"s-1","plain_secret":"[redacted]"}`, string(data))
	data, err = json.Marshal(runflow.CallbackSecret{ID: "s-1"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"s-1"}`, string(data))
}

func TestSecret_UnmarshalText(t *testing.T) {
	t.Parallel()
	var secret runflow.Secret
	require.NoError(t, json.Unmarshal([]byte(`"whsec_1"`), &secret))
	assert.Equal(t, "whsec_1", secret.Text())
	require.NoError(t, json.Unmarshal([]byte(`""`), &secret))
	assert.Zero(t, secret)
	assert.Empty(t, secret.Text())
}

func TestSecret_VerifiesCallbacks(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 201, `{"id":"s-1","plain_secret":"whsec_1"}`)
	secret, err := server.client(t).CallbackSecrets.Create(t.Context(), runflow.CreateCallbackSecretParams{})
	require.NoError(t, err)
	verifier, err := callback.NewVerifier(secret.PlainSecret.Text())
	require.NoError(t, err)
	event, err := verifier.Parse(runflowtest.NewCallbackRequest("whsec_1", map[string]any{"event": "run.completed", "run_id": "r-1", "status": "succeeded"}))
	require.NoError(t, err)
	assert.Equal(t, "r-1", event.RunID)
}

func TestWebhooksService_GetEventType_BadResponse(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `<html>`, `{"code":"x"} {}`} {
		item, err := newAPI(t, 200, body).client(t).Webhooks.GetEventType(t.Context(), "x")
		assert.Nil(t, item, body)
		requireDecodeError(t, err, "")
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(context.Context, *runflow.Client) error{
		"Webhooks":         func(ctx context.Context, c *runflow.Client) error { return c.Webhooks.Delete(ctx, "1") },
		"ComfyuiWorkflows": func(ctx context.Context, c *runflow.Client) error { return c.ComfyuiWorkflows.Delete(ctx, "1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for status, body := range map[int]string{204: "", 200: `{"id":"1"}`, 202: "gone"} {
				require.NoError(t, remove(t.Context(), newAPI(t, status, body).client(t)), status)
			}
			require.ErrorIs(t, remove(t.Context(), newAPI(t, 404, `{}`).client(t)), runflow.ErrNotFound)
			server := newAPI(t, 503, `{}`)
			client, err := runflow.NewClient(token, runflow.WithBaseURL(server.URL), runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1))
			require.NoError(t, err)
			require.ErrorIs(t, remove(t.Context(), client), runflow.ErrServer)
			assert.Len(t, server.seen(), 3)
		})
	}
}
