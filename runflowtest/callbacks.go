package runflowtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/runflow-io/runflow-go"
)

const (
	maxAttempts     = 3
	betweenAttempts = 10 * time.Millisecond
	attemptTimeout  = 10 * time.Second
)

// WaitCallbacks returns when all callbacks that are under way have been
// delivered, or have failed for good.
func (s *Server) WaitCallbacks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.underway > 0 {
		s.idle.Wait()
	}
}

// newHookClient returns a client to which a redirect is an answer like any
// other: one that is no success.
func newHookClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// payload is the body of a callback.
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
		output, _ = json.Marshal(problem{Code: run.FailureCode, Message: run.FailureMessage}) // texts are JSON
	}
	return payload{
		Event: event, RunID: run.ID, Status: run.StatusCode, Output: runflow.JSON(output), DurationMS: run.DurationMS,
		CreatedAt: isoformat(run.CreatedAt), CompletedAt: isoformat(run.CompletedAt), Metadata: run.Metadata,
	}
}

// isoformat writes a time as Runflow's callbacks do.
func isoformat(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000-07:00")
	return &text
}

// deliver starts to deliver a run's callback and returns the delivery as it
// stands.
func (s *Server) deliver(run runflow.Run, automatic bool) runflow.CallbackDelivery {
	body, _ := json.Marshal(s.payloadOf(run)) // a run with a part that is no JSON has an empty callback
	now, attempts := s.now, maxAttempts
	d := &runflow.CallbackDelivery{
		ID: s.mint(), RunID: run.ID, CallbackURL: run.CallbackURL, PayloadBytes: string(body), Payload: body,
		IsAutomatic: automatic, StatusCode: "pending", AttemptCount: new(int), MaxAttempts: &attempts, CreatedAt: &now, UpdatedAt: &now,
	}
	s.callbacks[run.ID] = append([]*runflow.CallbackDelivery{d}, s.callbacks[run.ID]...)
	copied, secret := clone(*d), s.CallbackSecret
	s.underway++
	go func() {
		for n := 1; !s.attempt(d, n, secret) && n < maxAttempts; n++ {
			time.Sleep(betweenAttempts)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.underway--
		s.idle.Broadcast()
	}()
	return copied
}

// clone returns a copy that shares nothing with the delivery.
func clone(d runflow.CallbackDelivery) (copied runflow.CallbackDelivery) {
	data, _ := json.Marshal(d) // what it holds has been JSON before
	_ = json.Unmarshal(data, &copied)
	return copied
}

// attempt sends a callback once, records what came of it, and reports whether
// it was taken.
func (s *Server) attempt(d *runflow.CallbackDelivery, n int, secret string) bool {
	start := time.Now()
	status, body, err := s.send(d, secret)
	ms := time.Since(start).Milliseconds()

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now
	a := runflow.CallbackDeliveryAttempt{
		ID: s.mint(), DeliveryID: d.ID, AttemptNumber: &n, ResponseBody: body, ResponseTimeMS: &ms, CreatedAt: &now,
	}
	taken := err == nil && status/100 == 2
	if err != nil {
		a.ErrorMessage = err.Error()
	} else {
		a.StatusCode = &status
	}
	d.Attempts = append(d.Attempts, a)
	d.AttemptCount, d.UpdatedAt = &n, &now
	switch {
	case taken:
		d.StatusCode, d.CompletedAt = "delivered", &now
	case n == maxAttempts:
		d.StatusCode, d.CompletedAt = "failed", &now
	}
	return taken
}

func (s *Server) send(d *runflow.CallbackDelivery, secret string) (status int, answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.CallbackURL, bytes.NewReader([]byte(d.PayloadBytes)))
	if err != nil {
		return 0, "", err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(d.PayloadBytes))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Runflow-Signature", hex.EncodeToString(mac.Sum(nil)))
	req.Header.Set("Runflow-Request-Id", d.ID)
	resp, err := s.hooks.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return resp.StatusCode, string(data), err
}

func (s *Server) listDeliveries(r *http.Request, c caller) (any, *problem) {
	run, bad := s.find(r, c)
	if bad != nil {
		return nil, bad
	}
	deliveries := []runflow.CallbackDelivery{}
	for _, d := range s.callbacks[run.ID] {
		deliveries = append(deliveries, clone(*d))
	}
	return deliveries, nil
}

func (s *Server) redeliver(r *http.Request, c caller) (any, *problem) {
	run, bad := s.find(r, c)
	switch {
	case bad != nil:
		return nil, bad
	case run.CallbackURL == "":
		return nil, invalid(unfit("body", "callback_url", "the run has no callback URL", "conflict"))
	case !run.StatusCode.IsTerminal():
		return nil, invalid(unfit("body", "status_code", "the run has not ended", "conflict"))
	}
	return created{s.deliver(run, false)}, nil
}
