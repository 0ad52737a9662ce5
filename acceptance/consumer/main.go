// Command consumer is a backend that uses the SDK like a user does: it is a
// separate module, which uses only the exported API and the dependencies of its own
// go.mod.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// A studio is the interface that the rest of a backend would use.
type studio interface {
	Draw(ctx context.Context, prompt string) (*runflow.Run, error)
	Rate(ctx context.Context, userToken, runID string, rating runflow.Rating) error
}

type runflowStudio struct {
	client      *runflow.Client
	callbackURL string
}

// Draw creates a run and waits for it.
func (s runflowStudio) Draw(ctx context.Context, prompt string) (*runflow.Run, error) {
	run, err := s.client.Models.RunAndWait(ctx, "acme/cat",
		runflow.CreateRunParams{Input: map[string]any{"prompt": prompt}, CallbackURL: s.callbackURL}, runflow.WaitRunParams{Timeout: time.Minute})
	if errors.Is(err, runflow.ErrOutcomeUnknown) {
		return nil, fmt.Errorf("the run may exist, look for it before you create it again: %w", err)
	}
	return run, err
}

// Rate sets feedback with the token of the user who gives it.
func (s runflowStudio) Rate(ctx context.Context, userToken, runID string, rating runflow.Rating) error {
	_, err := s.client.Runs.SetFeedback(ctx, runID, runflow.Feedback{Rating: rating}, runflow.WithToken(userToken))
	return err
}

// A roundTripper is a function that sends a request.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// named returns a middleware that names the requests.
func named(names chan<- string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if attempt, ok := runflow.AttemptFromContext(req.Context()); ok {
				names <- attempt.Method + " " + attempt.Route
			}
			return next.RoundTrip(req)
		})
	}
}

func main() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	verifier, err := callback.NewVerifier(server.CallbackSecret)
	if err != nil {
		log.Fatal(err)
	}
	events := make(chan *callback.Event, 100)
	receiver := httptest.NewServer(verifier.Handler(func(_ context.Context, event *callback.Event) error {
		events <- event
		return nil
	}))
	defer receiver.Close()

	names := make(chan string, 100)
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL),
		runflow.WithMiddleware(named(names)), runflow.WithUserAgent("consumer/1.0"))
	if err != nil {
		log.Fatal(err)
	}
	var s studio = runflowStudio{client, receiver.URL}
	run, err := s.Draw(context.Background(), "a cat")
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Rate(context.Background(), server.UserToken, run.ID, runflow.ThumbsUp); err != nil {
		log.Fatal(err)
	}
	if err := s.Rate(context.Background(), server.APIKey, run.ID, runflow.ThumbsUp); !errors.Is(err, runflow.ErrPermissionDenied) {
		log.Fatal("feedback with an API key: ", err)
	}
	fmt.Println(<-names, run.StatusCode, (<-events).Event)
}
