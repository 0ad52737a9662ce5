package runflowtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/runflow-io/runflow-go"
)

// eventTypes are the events that a webhook can receive. The documentation names no
// others.
func eventTypes() []reference { return codes("run.completed", "run.failed", "run.cancelled") }

func isEventType(code string) bool { return slices.Contains(eventTypes(), reference{Code: code}) }

// webhookBody reads the body that creates or updates a webhook into webhook and
// secret. The name of the list of event types is a guess: the documentation does not
// show it.
func webhookBody(r *http.Request, webhook *runflow.Webhook, secret *string) *problem {
	b, bad := readBody(r)
	if bad != nil {
		return bad
	}
	errs := b.requiredText("secret", secret)
	if errs = append(errs, b.url("url", &webhook.URL)...); webhook.URL == "" {
		errs = append(errs, badField("body", "url", "Field required", "missing"))
	}
	if list, given := b["event_subscriptions"]; given {
		subscriptions, ok := parseSubscriptions(list)
		if !ok {
			errs = append(errs, badField("body", "event_subscriptions", "Input should be a list of event types", "list_type"))
		}
		webhook.EventSubscriptions = subscriptions
	}
	if len(errs) > 0 {
		return invalid(errs...)
	}
	sum := sha256.Sum256([]byte(*secret))
	webhook.SecretFingerprint = hex.EncodeToString(sum[:8])
	return nil
}

// parseSubscriptions parses a list of event types: their codes, or objects as the
// API returns them.
func parseSubscriptions(list json.RawMessage) (subscriptions []runflow.WebhookEventSubscription, ok bool) {
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return nil, false
	}
	for _, item := range items {
		var subscription runflow.WebhookEventSubscription
		if json.Unmarshal(item, &subscription.EventTypeCode) != nil && json.Unmarshal(item, &subscription) != nil {
			return nil, false
		}
		if !isEventType(subscription.EventTypeCode) {
			return nil, false
		}
		subscriptions = append(subscriptions, subscription)
	}
	return subscriptions, true
}

func (s *Server) putWebhook(webhook runflow.Webhook) {
	for i := range webhook.EventSubscriptions {
		webhook.EventSubscriptions[i].WebhookID = webhook.ID
	}
	s.webhooks.put(webhook.ID, webhook.OrgID, webhook)
}

func (s *Server) findWebhook(r *http.Request, c caller, name string) (webhook runflow.Webhook, bad *problem) {
	webhook, ok := s.webhooks.get(r.PathValue(name))
	if !ok || webhook.OrgID != c.orgID {
		return webhook, notFound("webhook")
	}
	return webhook, nil
}

func (s *Server) listWebhooks(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, source{schema: s.webhooks.schema, sorted: func(by order) []entry { return s.webhooks.sorted("", by) }})
}

func (s *Server) getWebhook(r *http.Request, c caller) (any, *problem) {
	webhook, bad := s.findWebhook(r, c, "id")
	if bad != nil {
		return nil, bad
	}
	return s.renderFor(r, &s.webhooks.byID[webhook.ID].row)
}

func (s *Server) createWebhook(r *http.Request, c caller) (any, *problem) {
	var webhook runflow.Webhook
	var secret string
	if bad := webhookBody(r, &webhook, &secret); bad != nil {
		return nil, bad
	}
	now := s.tick()
	webhook.ID, webhook.OrgID, webhook.CreatedAt, webhook.UpdatedAt = s.newID(), c.orgID, now, now
	s.putWebhook(webhook)
	s.secretTexts[webhook.ID] = secret
	object, bad := s.renderFor(r, &s.webhooks.byID[webhook.ID].row)
	return created{object}, bad
}

func (s *Server) updateWebhook(r *http.Request, c caller) (any, *problem) {
	webhook, bad := s.findWebhook(r, c, "id")
	if bad != nil {
		return nil, bad
	}
	secret := s.secretTexts[webhook.ID]
	if bad := webhookBody(r, &webhook, &secret); bad != nil {
		return nil, bad
	}
	webhook.UpdatedAt = s.tick()
	s.putWebhook(webhook)
	s.secretTexts[webhook.ID] = secret
	return s.renderFor(r, &s.webhooks.byID[webhook.ID].row)
}

// deleteWebhook deletes a webhook. Its deliveries remain.
func (s *Server) deleteWebhook(r *http.Request, c caller) (any, *problem) {
	webhook, bad := s.findWebhook(r, c, "id")
	if bad != nil {
		return nil, bad
	}
	s.webhooks.remove(webhook.ID)
	delete(s.secretTexts, webhook.ID)
	return deleted{}, nil
}

// trigger delivers the event of a run to the webhooks of an organization that are
// subscribed to it.
func (s *Server) trigger(orgID string, p payload) {
	body := p.encode()
	for _, r := range s.webhooks.all {
		webhook := r.get()
		if webhook.OrgID != orgID || !isSubscribed(webhook, p.Event) {
			continue
		}
		webhook.LastTriggeredAt = s.now
		s.putWebhook(webhook)
		d := runflow.WebhookDelivery{ID: s.newID(), WebhookID: webhook.ID, EventTypeCode: p.Event, Payload: body, CreatedAt: s.now}
		s.webhookDeliveries.put(d.ID, orgID, d)
		s.deliver(message{d.ID, webhook.URL, s.secretTexts[webhook.ID], body}, func(a attempt) { s.recordWebhookAttempt(d.ID, a) })
	}
}

// isSubscribed reports whether a webhook receives an event. A webhook without
// subscriptions receives all events that exist.
func isSubscribed(webhook runflow.Webhook, event string) bool {
	if len(webhook.EventSubscriptions) == 0 {
		return isEventType(event)
	}
	return slices.ContainsFunc(webhook.EventSubscriptions, func(s runflow.WebhookEventSubscription) bool { return s.EventTypeCode == event })
}

func (s *Server) recordWebhookAttempt(deliveryID string, a attempt) {
	d, _ := s.webhookDeliveries.get(deliveryID) // deliveries are not deleted
	recorded := runflow.WebhookDeliveryAttempt{
		ID: s.newID(), DeliveryID: d.ID, AttemptNumber: &a.number, ResponseBody: a.response, ResponseTimeMS: &a.durationMS,
		Succeeded: a.isSuccess(), CreatedAt: s.now,
	}
	if a.err == nil {
		recorded.StatusCode = &a.status
	}
	if !a.isLast() {
		recorded.NextRetryAt = s.now
	}
	d.Attempts = append(d.Attempts, recorded)
	s.webhookDeliveries.put(d.ID, s.webhookDeliveries.byID[d.ID].orgID, d)
}

// getWebhookPart serves the paths with two segments below /v1/webhooks/. For
// [http.ServeMux] their patterns would be in conflict.
func (s *Server) getWebhookPart(r *http.Request, c caller) (any, *problem) {
	switch first, second := r.PathValue("webhook_id"), r.PathValue("part"); {
	case first == "event-types":
		return findReference("event type", second, eventTypes())
	case second == "deliveries":
		return s.listParts(s.webhookDeliveriesOf)(r, c)
	default:
		return nil, notFound("part of a webhook")
	}
}

// webhookDeliveriesOf returns the deliveries of a webhook, or of all webhooks.
func (s *Server) webhookDeliveriesOf(r *http.Request, c caller) (source, *problem) {
	from := source{schema: s.webhookDeliveries.schema, sorted: func(by order) []entry { return s.webhookDeliveries.sorted("", by) }}
	if r.PathValue("webhook_id") == runflow.AnyID {
		return from, nil
	}
	webhook, bad := s.findWebhook(r, c, "webhook_id")
	from.filter = isEqual("webhook_id", text, text.key(webhook.ID))
	return from, bad
}

// renderDeliveries encodes the deliveries of a webhook.
func (s *Server) renderDeliveries(webhookID string) (json.RawMessage, *problem) {
	deliveries := []json.RawMessage{}
	for _, e := range s.webhookDeliveries.sorted("", newestFirst()) {
		if e.text("webhook_id") != webhookID {
			continue
		}
		delivery, bad := s.render(e.row, view{})
		if bad != nil {
			return nil, bad
		}
		deliveries = append(deliveries, delivery)
	}
	list, _ := json.Marshal(deliveries) // they were encoded
	return list, nil
}

// webhookAttemptsOf returns the attempts of a delivery, or of all deliveries.
func (s *Server) webhookAttemptsOf(r *http.Request, c caller) (source, *problem) {
	const part = "attempts"
	deliveries, bad := s.webhookDeliveriesOf(r, c)
	if bad != nil {
		return source{}, bad
	}
	id := r.PathValue("delivery_id")
	isSelected := func(d *row) bool {
		return d.isVisible(c) && (id == runflow.AnyID || d.id == id) && deliveries.filter.selects(d)
	}
	if id != runflow.AnyID {
		if d := s.webhookDeliveries.byID[id]; d == nil || !isSelected(&d.row) {
			return source{}, notFound("delivery")
		}
	}
	return source{
		schema: s.webhookDeliveries.partSchema(part),
		sorted: func(by order) []entry { return s.webhookDeliveries.sorted(part, by) },
		filter: func(attempt *row) bool { return isSelected(&s.webhookDeliveries.byID[attempt.text("delivery_id")].row) },
		sortBy: "attempt_number:asc",
	}, nil
}
