package runflowtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"time"
)

const (
	maxAttempts     = 3
	betweenAttempts = 10 * time.Millisecond
	attemptTimeout  = 10 * time.Second
)

// A message is the body of a callback, or of a webhook's event, on its way to a URL.
type message struct {
	id     string // ID of its delivery
	url    string
	secret string // "" means that it is not signed
	body   []byte
}

// An attempt is the result of sending a message once.
type attempt struct {
	number     int // 1 for the first
	status     int // of the response, if there was one
	response   string
	durationMS int64
	err        error // if there was no response
}

func (a attempt) isSuccess() bool { return a.err == nil && a.status/100 == 2 }
func (a attempt) isLast() bool    { return a.isSuccess() || a.number == maxAttempts }

// WaitCallbacks waits until all callbacks, and all events of webhooks, have been
// delivered or have failed for the last time.
func (s *Server) WaitCallbacks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.delivering > 0 {
		s.delivered.Wait()
	}
}

// deliver starts the delivery of a message. It calls record after each attempt, while
// the server is locked.
func (s *Server) deliver(m message, record func(attempt)) {
	s.delivering++
	go func() {
		for n := 1; s.attempt(m, n, record); n++ {
			time.Sleep(betweenAttempts)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.delivering--
		s.delivered.Broadcast()
	}()
}

// attempt sends a message once, records the result, and reports whether another
// attempt must follow.
func (s *Server) attempt(m message, n int, record func(attempt)) (again bool) {
	start := time.Now()
	a := attempt{number: n}
	a.status, a.response, a.err = s.send(m)
	a.durationMS = time.Since(start).Milliseconds()

	s.mu.Lock()
	defer s.mu.Unlock()
	record(a)
	return !a.isLast()
}

func (s *Server) send(m message) (status int, response string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	req, err := newCallback(ctx, m)
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

// newCallback returns the request that delivers a message.
func newCallback(ctx context.Context, m message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Runflow-Request-Id", m.id)
	if m.secret != "" {
		mac := hmac.New(sha256.New, []byte(m.secret))
		_, _ = mac.Write(m.body)
		req.Header.Set("Runflow-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
	return req, nil
}

// newCallbackClient returns a client that does not follow redirects, because a callback
// needs a 2xx response.
func newCallbackClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
