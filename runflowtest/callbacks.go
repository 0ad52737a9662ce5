package runflowtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/runflow-io/runflow-go"
)

const (
	maxAttempts     = 3
	betweenAttempts = 10 * time.Millisecond
	attemptTimeout  = 10 * time.Second
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
	req, _ := newCallback(context.Background(), "http://callback.test/", rand.Text(), secret, body) // the URL is valid
	req.RemoteAddr = "192.0.2.1:1234"                                                               // an address for documentation, as in httptest
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

// newCallback returns the request that delivers a callback.
func newCallback(ctx context.Context, target, requestID, secret string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Runflow-Request-Id", requestID)
	if secret != "" {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = mac.Write(body)
		req.Header.Set("Runflow-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
	return req, nil
}

// WaitCallbacks waits until all callbacks have been delivered, or have failed for the
// last time.
func (s *Server) WaitCallbacks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.delivering > 0 {
		s.delivered.Wait()
	}
}

// newCallbackClient returns a client that does not follow redirects, because a callback
// needs a 2xx response.
func newCallbackClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A payload is the body of a callback.
type payload struct {
	Event       string            `json:"event"`
	RunID       string            `json:"run_id"`
	Status      runflow.RunStatus `json:"status"`
	Output      runflow.JSON      `json:"output"`
	DurationMS  *int64            `json:"duration_ms"`
	CreatedAt   *string           `json:"created_at"`
	CompletedAt *string           `json:"completed_at"`
	Metadata    runflow.JSON      `json:"metadata"`
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
		_, output = (&problem{Code: run.FailureCode, Message: run.FailureMessage}).encode()
	}
	return payload{
		Event: event, RunID: run.ID, Status: run.StatusCode, Output: runflow.JSON(output), DurationMS: run.DurationMS,
		CreatedAt: isoFormat(run.CreatedAt), CompletedAt: isoFormat(run.CompletedAt), Metadata: run.Metadata,
	}
}

// isoFormat formats a time as the callbacks of Runflow do.
func isoFormat(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000-07:00")
	return &text
}

// deliver starts the delivery of the callback of a run, and returns it.
func (s *Server) deliver(run runflow.Run, isAutomatic bool) *runflow.CallbackDelivery {
	body, _ := json.Marshal(s.payloadOf(run)) // the payload is empty if the run cannot be encoded
	attempts := maxAttempts
	d := &runflow.CallbackDelivery{
		ID: s.newID(), RunID: run.ID, CallbackURL: run.CallbackURL, PayloadBytes: string(body), Payload: body,
		IsAutomatic: isAutomatic, StatusCode: "pending", AttemptCount: new(int), MaxAttempts: &attempts, CreatedAt: s.now, UpdatedAt: s.now,
		Attempts: []runflow.CallbackDeliveryAttempt{},
	}
	s.deliveries[run.ID] = slices.Insert(s.deliveries[run.ID], 0, d)
	secret := s.CallbackSecret
	s.delivering++
	go func() {
		for n := 1; !s.attempt(d, n, secret) && n < maxAttempts; n++ {
			time.Sleep(betweenAttempts)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.delivering--
		s.delivered.Broadcast()
	}()
	return d
}

// attempt sends a callback once, records the result, and reports whether the delivery
// has succeeded.
func (s *Server) attempt(d *runflow.CallbackDelivery, n int, secret string) bool {
	start := time.Now()
	status, response, err := s.send(d, secret)
	ms := time.Since(start).Milliseconds()

	s.mu.Lock()
	defer s.mu.Unlock()
	a := runflow.CallbackDeliveryAttempt{
		ID: s.newID(), DeliveryID: d.ID, AttemptNumber: &n, ResponseBody: response, ResponseTimeMS: &ms, CreatedAt: s.now,
	}
	isDelivered := err == nil && status/100 == 2
	if err != nil {
		a.ErrorMessage = err.Error()
	} else {
		a.StatusCode = &status
	}
	d.Attempts = append(d.Attempts, a)
	d.AttemptCount, d.UpdatedAt = &n, s.now
	switch {
	case isDelivered:
		d.StatusCode, d.CompletedAt = "delivered", s.now
	case n == maxAttempts:
		d.StatusCode, d.CompletedAt = "failed", s.now
	}
	return isDelivered
}

func (s *Server) send(d *runflow.CallbackDelivery, secret string) (status int, response string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	req, err := newCallback(ctx, d.CallbackURL, d.ID, secret, []byte(d.PayloadBytes))
	if err != nil {
		return 0, "", err
	}
	resp, err := s.callbackClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return resp.StatusCode, string(data), err
}

// encodeDelivery encodes a delivery with its attempts. Its payload is the one that was
// sent, with links that may have expired.
func (s *Server) encodeDelivery(d *runflow.CallbackDelivery) json.RawMessage {
	data, _ := json.Marshal(d) // its payload is JSON or absent, see deliver
	return s.deliverySchema.complete(data)
}

func (s *Server) listDeliveries(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	if bad != nil {
		return nil, bad
	}
	deliveries := []json.RawMessage{}
	for _, d := range s.deliveries[run.ID] {
		deliveries = append(deliveries, s.encodeDelivery(d))
	}
	return deliveries, nil
}

func (s *Server) redeliver(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	switch {
	case bad != nil:
		return nil, bad
	case run.CallbackURL == "":
		return nil, invalid(badField("body", "callback_url", "the run has no callback URL", "conflict"))
	case !run.StatusCode.IsTerminal():
		return nil, invalid(badField("body", "status_code", "the run has not ended", "conflict"))
	}
	return created{s.encodeDelivery(s.deliver(run, false))}, nil
}
