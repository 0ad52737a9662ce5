package runflowtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/runflow-io/runflow-go"
)

// NewCallbackRequest returns a callback that is signed with secret, to test a
// handler. It is a POST request to the path "/"; a test can change its URL. The
// payload is encoded as JSON, but a []byte, a [json.RawMessage] and a
// [runflow.JSON] are sent unchanged. If the secret is empty, the request has no
// signature.
//
//	request := runflowtest.NewCallbackRequest(secret, callback.Event{
//		Event: "run.completed", RunID: "run-1", Status: runflow.RunStatusSucceeded,
//	})
//	response := httptest.NewRecorder()
//	handler.ServeHTTP(response, request)
//
// It panics if the payload cannot be encoded.
func NewCallbackRequest(secret string, payload any) *http.Request {
	body, err := encodePayload(payload)
	if err != nil {
		panic("runflowtest: NewCallbackRequest: " + err.Error()) //nolint:forbidigo // as httptest.NewRequest does, so that tests need no error check
	}
	m := message{id: rand.Text(), url: "http://callback.test/", secret: secret, body: body}
	req, _ := newCallback(context.Background(), m) // the URL is valid
	req.RemoteAddr = "192.0.2.1:1234"              // an address for documentation, as in httptest
	return req
}

func encodePayload(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case []byte:
		return p, nil
	case json.RawMessage:
		return p, nil
	case runflow.JSON:
		return p, nil
	default:
		return json.Marshal(payload)
	}
}

// A payload is the body of a callback. It has one of the three IDs.
type payload struct {
	Event        string       `json:"event"`
	RunID        string       `json:"run_id,omitzero"`
	BatchID      string       `json:"batch_id,omitzero"`
	EvaluationID string       `json:"evaluation_id,omitzero"`
	Status       string       `json:"status"`
	Output       runflow.JSON `json:"output"`
	DurationMS   *int64       `json:"duration_ms"`
	CreatedAt    *string      `json:"created_at"`
	CompletedAt  *string      `json:"completed_at"`
	Metadata     runflow.JSON `json:"metadata"`
}

// encode encodes the payload. The result is empty if a value of the test cannot be
// encoded.
func (p payload) encode() []byte {
	body, _ := json.Marshal(p)
	return body
}

func (s *Server) payloadOf(run runflow.Run) payload {
	event := map[runflow.RunStatus]string{
		runflow.RunStatusSucceeded:        "run.completed",
		runflow.RunStatusFailed:           "run.failed",
		runflow.RunStatusCancelled:        "run.cancelled",
		runflow.RunStatusPartialSucceeded: "run.partial_succeeded",
	}[run.StatusCode]
	output := s.sign(json.RawMessage(run.Output))
	if run.StatusCode == runflow.RunStatusFailed && run.Output.IsNull() {
		output = failureOf(run)
	}
	return payload{
		Event: event, RunID: run.ID, Status: string(run.StatusCode), Output: runflow.JSON(output), DurationMS: run.DurationMS,
		CreatedAt: isoFormat(run.CreatedAt), CompletedAt: isoFormat(run.CompletedAt), Metadata: run.Metadata,
	}
}

// failureOf returns the failure of a run in the form of an error response.
func failureOf(run runflow.Run) json.RawMessage {
	_, failure := (&problem{Code: run.FailureCode, Message: run.FailureMessage}).encode()
	return failure
}

// isoFormat formats a time as the callbacks of Runflow do.
func isoFormat(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000-07:00")
	return &text
}

// announce delivers the callback of a run that has ended, and its event to webhooks.
func (s *Server) announce(run runflow.Run) {
	p := s.payloadOf(run)
	if run.CallbackURL != "" {
		s.callBack(run.OrgID, run.CallbackURL, p, true)
	}
	s.trigger(run.OrgID, p)
}

// callBack starts the delivery of a callback, and returns it.
func (s *Server) callBack(orgID, url string, p payload, isAutomatic bool) *runflow.CallbackDelivery {
	body, attempts, id := p.encode(), maxAttempts, cmp.Or(p.RunID, p.BatchID, p.EvaluationID)
	secretID, secret := s.signingSecret(orgID)
	d := &runflow.CallbackDelivery{
		ID: s.newID(), RunID: p.RunID, BatchID: p.BatchID, CallbackURL: url, PayloadBytes: string(body), Payload: body, SigningSecretID: secretID,
		IsAutomatic: isAutomatic, StatusCode: deliveryPending, AttemptCount: new(int), MaxAttempts: &attempts, CreatedAt: s.now, UpdatedAt: s.now,
		Attempts: []runflow.CallbackDeliveryAttempt{},
	}
	s.deliveries[id] = slices.Insert(s.deliveries[id], 0, d)
	s.deliver(message{d.ID, url, secret, body}, func(a attempt) { s.recordAttempt(d, a) })
	return d
}

// The statuses of a delivery.
const (
	deliveryPending   = "pending"
	deliveryDelivered = "delivered"
	deliveryFailed    = "failed"
)

func (s *Server) recordAttempt(d *runflow.CallbackDelivery, a attempt) {
	recorded := runflow.CallbackDeliveryAttempt{
		ID: s.newID(), DeliveryID: d.ID, AttemptNumber: &a.number, ResponseBody: a.response, ResponseTimeMS: &a.durationMS, CreatedAt: s.now,
	}
	if a.err != nil {
		recorded.ErrorMessage = a.err.Error()
	} else {
		recorded.StatusCode = &a.status
	}
	d.Attempts = append(d.Attempts, recorded)
	d.AttemptCount, d.UpdatedAt = &a.number, s.now
	switch {
	case a.isSuccess():
		d.StatusCode, d.CompletedAt = deliveryDelivered, s.now
	case a.isLast():
		d.StatusCode, d.CompletedAt = deliveryFailed, s.now
	}
}

// encodeDelivery encodes a delivery with its attempts. Its payload is the one that was
// sent, with links that may have expired.
func (s *Server) encodeDelivery(d *runflow.CallbackDelivery) json.RawMessage {
	data, _ := json.Marshal(d) // its payload is JSON or absent, see callBack
	return s.deliverySchema.complete(data)
}

// encodeDeliveries encodes the deliveries of a run or a batch.
func (s *Server) encodeDeliveries(id string) []json.RawMessage {
	deliveries := []json.RawMessage{}
	for _, d := range s.deliveries[id] {
		deliveries = append(deliveries, s.encodeDelivery(d))
	}
	return deliveries
}

func (s *Server) listDeliveries(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.encodeDeliveries(run.ID), nil
}

func (s *Server) redeliver(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	if bad == nil {
		bad = checkRedelivery("run", run.CallbackURL, run.StatusCode)
	}
	if bad != nil {
		return nil, bad
	}
	return created{s.encodeDelivery(s.callBack(run.OrgID, run.CallbackURL, s.payloadOf(run), false))}, nil
}

// checkRedelivery refuses to redeliver the callback of a run or a batch that has none
// yet.
func checkRedelivery(kind, callbackURL string, status runflow.RunStatus) *problem {
	switch {
	case callbackURL == "":
		return invalid(badField("body", "callback_url", "the "+kind+" has no callback URL", "conflict"))
	case !status.IsTerminal():
		return invalid(badField("body", "status_code", "the "+kind+" has not ended", "conflict"))
	}
	return nil
}
