package runflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"time"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// WebhooksService groups the methods for webhooks: managing them, and getting their
// event types, deliveries and attempts. A webhook receives the events of all runs of
// an organization. For the callback of a single run, see [CreateRunParams].
type WebhooksService service

// A Webhook is a URL to which Runflow sends the events of an organization.
//
// EventSubscriptions and Deliveries are set only if the call asks for them, see
// [WebhookEmbed].
type Webhook struct {
	ID                string    `json:"id,omitzero"`
	OrgID             string    `json:"org_id,omitzero"`
	URL               string    `json:"url,omitzero"`
	SecretFingerprint string    `json:"secret_fingerprint,omitzero"` // the API never returns the secret
	DisabledAt        time.Time `json:"disabled_at,omitzero"`        // zero if it is enabled
	LastTriggeredAt   time.Time `json:"last_triggered_at,omitzero"`
	CreatedAt         time.Time `json:"created_at,omitzero"`
	UpdatedAt         time.Time `json:"updated_at,omitzero"`

	EventSubscriptions []WebhookEventSubscription `json:"event_subscriptions,omitzero"`
	Deliveries         []WebhookDelivery          `json:"deliveries,omitzero"`
}

func (w *Webhook) identity() string                { return w.ID }
func (d *WebhookDelivery) identity() string        { return d.ID }
func (a *WebhookDeliveryAttempt) identity() string { return a.ID }

// A WebhookEventSubscription is an event type that a webhook receives.
type WebhookEventSubscription struct {
	WebhookID     string `json:"webhook_id,omitzero"`
	EventTypeCode string `json:"event_type_code,omitzero"`
}

// A WebhookDelivery is an event that was sent to a webhook.
type WebhookDelivery struct {
	ID            string    `json:"id,omitzero"`
	WebhookID     string    `json:"webhook_id,omitzero"`
	EventTypeCode string    `json:"event_type_code,omitzero"`
	Payload       JSON      `json:"payload,omitzero"` // the event, in the form of a callback, see the package callback
	CreatedAt     time.Time `json:"created_at,omitzero"`

	Attempts []WebhookDeliveryAttempt `json:"attempts,omitzero"`
	Webhook  *Webhook                 `json:"webhook,omitzero"`
}

// A WebhookDeliveryAttempt is one request to the URL of a webhook.
type WebhookDeliveryAttempt struct {
	ID             string    `json:"id,omitzero"`
	DeliveryID     string    `json:"delivery_id,omitzero"`
	AttemptNumber  *int      `json:"attempt_number,omitzero"` // 1 for the first
	StatusCode     *int      `json:"status_code,omitzero"`    // of the HTTP response; nil if there was none
	ResponseBody   string    `json:"response_body,omitzero"`
	ResponseTimeMS *int64    `json:"response_time_ms,omitzero"` // milliseconds
	Succeeded      bool      `json:"succeeded,omitzero"`
	NextRetryAt    time.Time `json:"next_retry_at,omitzero"`
	CreatedAt      time.Time `json:"created_at,omitzero"`

	Delivery *WebhookDelivery `json:"delivery,omitzero"`
}

// A WebhookEmbed names a part of a webhook that the API sends only on request. Any
// other name that the API knows can be used too.
type WebhookEmbed string

// The parts that can be embedded into a webhook.
const (
	WebhookEmbedEventSubscriptions WebhookEmbed = "event_subscriptions"
	WebhookEmbedDeliveries         WebhookEmbed = "deliveries"
)

// ListWebhooksParams are the params of [WebhooksService.List].
type ListWebhooksParams struct {
	Filter Filter
	Limit  int            // items per page, 1 to 500; 0 means the default of the API
	SortBy string         // "created_at:desc"; several are separated by commas
	Fields []string       // fields to return, by their names in the API; none means all
	Cursor string         // Next or Previous of a Page; "" means the first page
	Embed  []WebhookEmbed // parts of each webhook to return
}

func (p ListWebhooksParams) query() listQuery {
	return listing(p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, p.Embed)
}

// List returns one page of the organization's webhooks.
//
// Endpoint: GET /v1/webhooks (idempotent), see
// https://docs.runflow.io/api-reference/webhooks/search-webhooks.
func (s *WebhooksService) List(ctx context.Context, params ListWebhooksParams, opts ...CallOption) (*Page[Webhook], error) {
	return list[Webhook](ctx, (*service)(s), endpoint.WebhooksList, nil, params.query(), opts)
}

// All returns an iterator over the webhooks of all pages, see [RunsService.All]. It
// calls [WebhooksService.List].
func (s *WebhooksService) All(ctx context.Context, params ListWebhooksParams, opts ...CallOption) iter.Seq2[*Webhook, error] {
	return all[Webhook](ctx, (*service)(s), endpoint.WebhooksList, nil, params.query(), opts)
}

// GetWebhookParams are the params of [WebhooksService.Get].
type GetWebhookParams struct {
	Embed  []WebhookEmbed // parts of the webhook to return
	Fields []string       // fields to return, by their names in the API; "id" is added; none means all
}

// Get returns a webhook. It returns [ErrNotFound] if the organization has no such
// webhook.
//
// Endpoint: GET /v1/webhooks/{id} (idempotent), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) Get(ctx context.Context, webhookID string, params GetWebhookParams, opts ...CallOption) (*Webhook, error) {
	query := getQuery{Embed: texts(params.Embed), Fields: withFields(params.Fields, "id")}
	return doIdentified[Webhook](ctx, (*service)(s), endpoint.WebhooksGet, request{path: []argument{id("webhookID", webhookID)}, query: query}, opts)
}

// CreateWebhookParams are the params of [WebhooksService.Create]. URL and Secret are
// required.
//
// The API requires a third member of the body and accepts a list of event
// subscriptions, but the SDK does not know the names of these members. Pass them, and
// any others, in Extra.
type CreateWebhookParams struct {
	URL    string // an absolute http or https URL
	Secret string // signs the deliveries
	// Extra has further members of the body, by their names in the API. It must not
	// have the members url and secret.
	Extra map[string]any
}

// UpdateWebhookParams are the params of [WebhooksService.Update]. A member of the
// webhook whose field is zero stays unchanged.
type UpdateWebhookParams struct {
	URL    string         // an absolute http or https URL
	Secret string         // signs the deliveries from now on
	Extra  map[string]any // see [CreateWebhookParams]
}

// webhookBody returns the body that creates or updates a webhook.
func webhookBody(url, secret string, extra map[string]any) encodedBody {
	members := maps.Clone(extra)
	if members == nil {
		members = map[string]any{}
	}
	errs := []error{checkTexts(namedText{"params.Secret", &secret})}
	if url != "" && !isWebURL(url) {
		errs = append(errs, badArgument("params.URL", "must be an absolute http or https URL"))
	}
	for _, member := range [...][2]string{{"url", url}, {"secret", secret}} {
		if _, ok := extra[member[0]]; ok {
			errs = append(errs, badArgument("params.Extra", "must not have a member "+member[0]))
		}
		if member[1] != "" {
			members[member[0]] = member[1]
		}
	}
	if err := errors.Join(errs...); err != nil {
		return encodedBody{bad: err}
	}
	data, err := encodeObject("params.Extra", members)
	return encodedBody{data, err}
}

// body returns the body that creates a webhook.
func (p CreateWebhookParams) body() encodedBody {
	body := webhookBody(p.URL, p.Secret, p.Extra)
	for _, required := range [...][2]string{{"params.URL", p.URL}, {"params.Secret", p.Secret}} {
		if required[1] == "" {
			body.bad = errors.Join(body.bad, badArgument(required[0], "must not be empty"))
		}
	}
	return body
}

// Create creates a webhook and returns it. If the outcome is unknown, look for the
// webhook with [WebhooksService.List] before you call Create again: two webhooks
// receive each event twice.
//
// Endpoint: POST /v1/webhooks (at-most-once), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) Create(ctx context.Context, params CreateWebhookParams, opts ...CallOption) (*Webhook, error) {
	return doIdentified[Webhook](ctx, (*service)(s), endpoint.WebhooksCreate, request{body: params.body()}, opts)
}

// Update changes a webhook and returns it.
//
// Endpoint: PATCH /v1/webhooks/{id} (idempotent), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) Update(ctx context.Context, webhookID string, params UpdateWebhookParams, opts ...CallOption) (*Webhook, error) {
	r := request{path: []argument{id("webhookID", webhookID)}, body: webhookBody(params.URL, params.Secret, params.Extra)}
	return doIdentified[Webhook](ctx, (*service)(s), endpoint.WebhooksUpdate, r, opts)
}

// Delete deletes a webhook. If the response to a first attempt is lost, a retry can
// return [ErrNotFound] although the webhook was deleted.
//
// Endpoint: DELETE /v1/webhooks/{id} (idempotent), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) Delete(ctx context.Context, webhookID string, opts ...CallOption) error {
	return (*service)(s).call(ctx, endpoint.WebhooksDelete, request{path: []argument{id("webhookID", webhookID)}}, nothing{}, opts)
}

// ListEventTypes returns the types of events that a webhook can receive.
//
// Endpoint: GET /v1/webhooks/event-types (idempotent), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) ListEventTypes(ctx context.Context, opts ...CallOption) (*Page[ReferenceItem], error) {
	return listReference(ctx, (*service)(s), endpoint.WebhooksListEventTypes, opts)
}

// GetEventType returns the event type with a code, such as "run.completed".
//
// Endpoint: GET /v1/webhooks/event-types/{code} (idempotent), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) GetEventType(ctx context.Context, code string, opts ...CallOption) (*ReferenceItem, error) {
	r := request{path: []argument{id("code", code)}}
	return do[ReferenceItem](ctx, (*service)(s), endpoint.WebhooksGetEventType, r, opts)
}

// ListWebhookDeliveriesParams are the params of [WebhooksService.ListDeliveries].
type ListWebhookDeliveriesParams struct {
	Filter Filter
	Limit  int      // items per page, 1 to 500; 0 means the default of the API
	SortBy string   // "created_at:desc"; several are separated by commas
	Fields []string // fields to return, by their names in the API; none means all
	Cursor string   // Next or Previous of a Page; "" means the first page
}

func (p ListWebhookDeliveriesParams) query() listQuery {
	return listing[string](p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, nil)
}

// ListDeliveries returns one page of the deliveries to a webhook, or to all webhooks
// with [AnyID].
//
// Endpoint: GET /v1/webhooks/{webhook_id}/deliveries (idempotent), see
// https://docs.runflow.io/api-reference/webhooks/search-webhook-deliveries.
func (s *WebhooksService) ListDeliveries(ctx context.Context, webhookID string, params ListWebhookDeliveriesParams, opts ...CallOption) (*Page[WebhookDelivery], error) {
	return list[WebhookDelivery](ctx, (*service)(s), endpoint.WebhooksListDeliveries, []argument{parentID("webhookID", webhookID)}, params.query(), opts)
}

// AllDeliveries returns an iterator over the deliveries of all pages, see
// [RunsService.All]. It calls [WebhooksService.ListDeliveries].
func (s *WebhooksService) AllDeliveries(ctx context.Context, webhookID string, params ListWebhookDeliveriesParams, opts ...CallOption) iter.Seq2[*WebhookDelivery, error] {
	return all[WebhookDelivery](ctx, (*service)(s), endpoint.WebhooksListDeliveries, []argument{parentID("webhookID", webhookID)}, params.query(), opts)
}

// GetDelivery returns one delivery to a webhook, or to any webhook with [AnyID].
//
// Endpoint: GET /v1/webhooks/{webhook_id}/deliveries/{id} (idempotent), see
// https://docs.runflow.io/api-reference/webhooks/get-webhook-delivery.
func (s *WebhooksService) GetDelivery(ctx context.Context, webhookID, deliveryID string, opts ...CallOption) (*WebhookDelivery, error) {
	r := request{path: []argument{parentID("webhookID", webhookID), id("deliveryID", deliveryID)}}
	return doIdentified[WebhookDelivery](ctx, (*service)(s), endpoint.WebhooksGetDelivery, r, opts)
}

// ListWebhookAttemptsParams are the params of [WebhooksService.ListAttempts].
type ListWebhookAttemptsParams struct {
	Filter Filter
	Limit  int      // items per page, 1 to 500; 0 means the default of the API
	SortBy string   // "attempt_number:asc"; several are separated by commas
	Fields []string // fields to return, by their names in the API; none means all
	Cursor string   // Next or Previous of a Page; "" means the first page
}

func (p ListWebhookAttemptsParams) query() listQuery {
	return listing[string](p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, nil)
}

// ListAttempts returns one page of the attempts of a delivery. Both IDs can be
// [AnyID], which means all webhooks or all deliveries.
//
// Endpoint: GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts (idempotent), see
// https://docs.runflow.io/api-reference/webhooks/search-webhook-delivery-attempts.
func (s *WebhooksService) ListAttempts(ctx context.Context, webhookID, deliveryID string, params ListWebhookAttemptsParams, opts ...CallOption) (*Page[WebhookDeliveryAttempt], error) {
	path := []argument{parentID("webhookID", webhookID), parentID("deliveryID", deliveryID)}
	return list[WebhookDeliveryAttempt](ctx, (*service)(s), endpoint.WebhooksListAttempts, path, params.query(), opts)
}

// GetAttempt returns one attempt of a delivery. The first two IDs can be [AnyID],
// which means any webhook or any delivery.
//
// Endpoint: GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts/{id} (idempotent), see
// https://docs.runflow.io/concepts/webhooks.
func (s *WebhooksService) GetAttempt(ctx context.Context, webhookID, deliveryID, attemptID string, opts ...CallOption) (*WebhookDeliveryAttempt, error) {
	r := request{path: []argument{parentID("webhookID", webhookID), parentID("deliveryID", deliveryID), id("attemptID", attemptID)}}
	return doIdentified[WebhookDeliveryAttempt](ctx, (*service)(s), endpoint.WebhooksGetAttempt, r, opts)
}

// CallbackSecretsService groups the methods for callback secrets: creating and getting
// them, and choosing the one that signs.
type CallbackSecretsService service

// A CallbackSecret signs the callbacks of an organization, see the package callback.
type CallbackSecret struct {
	ID         string    `json:"id,omitzero"`
	OrgID      string    `json:"org_id,omitzero"`
	KeyPrefix  string    `json:"key_prefix,omitzero"`
	IsCurrent  bool      `json:"is_current,omitzero"` // whether Runflow signs with it; one secret of an organization is current
	Label      string    `json:"label,omitzero"`
	DisabledAt time.Time `json:"disabled_at,omitzero"` // zero if it is enabled
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`

	// PlainSecret is the secret itself. Only [CallbackSecretsService.Create] returns
	// it.
	PlainSecret Secret `json:"plain_secret,omitzero"`
}

func (s *CallbackSecret) identity() string { return s.ID }

// A Secret is a text that prints, logs and is encoded as "[redacted]". The text is the
// result of a function, so that not even the fields of a Secret reveal it.
type Secret struct{ text func() string }

// Text returns the text, or "" if there is none. A verifier of callbacks needs it:
//
//	verifier, err := callback.NewVerifier(secret.PlainSecret.Text())
func (s Secret) Text() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// String returns "[redacted]", or "" if there is no text.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return "[redacted]"
}

// Format prints the same as String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns the same as String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the same as String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret{}
	if value := string(text); value != "" {
		s.text = func() string { return value }
	}
	return nil
}

// maxLabel is the maximum number of characters of the label of a secret.
const maxLabel = 255

// CreateCallbackSecretParams are the params of [CallbackSecretsService.Create].
type CreateCallbackSecretParams struct {
	Label string // optional; at most 255 characters
}

// UpdateCallbackSecretParams are the params of [CallbackSecretsService.Update].
type UpdateCallbackSecretParams struct {
	Label     *string // nil leaves it unchanged, "" removes it; at most 255 characters
	IsCurrent bool    // if true, Runflow signs with this secret from now on; false changes nothing
}

// callbackSecretBody is the body that creates or updates a callback secret. A
// removed label is null.
type callbackSecretBody struct {
	Label     JSON `json:"label,omitzero"`
	IsCurrent bool `json:"is_current,omitzero"`

	bad error
}

func (b callbackSecretBody) validate() error { return b.bad }

func newCallbackSecretBody(label *string, isCurrent bool) callbackSecretBody {
	body := callbackSecretBody{IsCurrent: isCurrent}
	if label == nil {
		return body
	}
	if !utf8.ValidString(*label) || utf8.RuneCountInString(*label) > maxLabel {
		body.bad = badArgument("params.Label", fmt.Sprintf("must be valid UTF-8 of at most %d characters", maxLabel))
		return body
	}
	body.Label = JSON("null")
	if *label != "" {
		body.Label, body.bad = codec.Marshal(*label)
	}
	return body
}

// A createdSecret is a result that must have a PlainSecret.
type createdSecret struct{ *CallbackSecret }

func (s createdSecret) decode(ctx context.Context, settings *settings, body []byte) error {
	err := identifiedObject[CallbackSecret, *CallbackSecret]{s.CallbackSecret}.decode(ctx, settings, body)
	if err != nil || s.PlainSecret.Text() != "" {
		return err
	}
	return &DecodeError{Field: "plain_secret", Err: errNoText}
}

// Create creates a callback secret and returns it. Store its PlainSecret: no other
// method returns it. If the outcome is unknown, call Create again: the secret of the
// first call is lost.
//
// Endpoint: POST /v1/callback-secrets (at-most-once), see
// https://docs.runflow.io/api-reference/webhooks/create-callback-signing-secret.
func (s *CallbackSecretsService) Create(ctx context.Context, params CreateCallbackSecretParams, opts ...CallOption) (*CallbackSecret, error) {
	var body callbackSecretBody
	if params.Label != "" {
		body = newCallbackSecretBody(&params.Label, false)
	}
	secret := new(CallbackSecret)
	if err := (*service)(s).call(ctx, endpoint.CallbackSecretsCreate, request{body: body}, createdSecret{secret}, opts); err != nil {
		return nil, err
	}
	return secret, nil
}

// Get returns a callback secret, without its PlainSecret.
//
// Endpoint: GET /v1/callback-secrets/{id} (idempotent), see
// https://docs.runflow.io/api-reference/webhooks/get-org-callback-secret.
func (s *CallbackSecretsService) Get(ctx context.Context, secretID string, opts ...CallOption) (*CallbackSecret, error) {
	return doIdentified[CallbackSecret](ctx, (*service)(s), endpoint.CallbackSecretsGet, request{path: []argument{id("secretID", secretID)}}, opts)
}

// Update changes the label of a callback secret or makes it the current one, and
// returns it. To replace a secret, create another one, verify callbacks with both (see
// the package callback), and then make the new one current.
//
// Endpoint: PATCH /v1/callback-secrets/{id} (idempotent), see
// https://docs.runflow.io/api-reference/webhooks/update-callback-secret.
func (s *CallbackSecretsService) Update(ctx context.Context, secretID string, params UpdateCallbackSecretParams, opts ...CallOption) (*CallbackSecret, error) {
	r := request{path: []argument{id("secretID", secretID)}, body: newCallbackSecretBody(params.Label, params.IsCurrent)}
	return doIdentified[CallbackSecret](ctx, (*service)(s), endpoint.CallbackSecretsUpdate, r, opts)
}
