// Command consumer is a backend of somebody else's: a module of its own, which
// sees of the SDK only what is exported, and is built with what its go.mod has.
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
	"github.com/runflow-io/runflow-go/runflowtest"
)

// studio is what the rest of that backend sees.
type studio interface {
	Draw(ctx context.Context, prompt string) (*runflow.Run, error)
	Rate(ctx context.Context, userToken, runID string, up bool) error
}

type runflowStudio struct{ client *runflow.Client }

func (s runflowStudio) Draw(ctx context.Context, prompt string) (*runflow.Run, error) {
	run, err := s.client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: map[string]any{"prompt": prompt}})
	if errors.Is(err, runflow.ErrAmbiguous) {
		return nil, fmt.Errorf("look for the run first: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return s.client.Runs.Wait(ctx, run.ID, &runflow.WaitOptions{MinInterval: time.Millisecond, Timeout: time.Minute})
}

func (s runflowStudio) Rate(ctx context.Context, userToken, runID string, up bool) error {
	_, err := s.client.Runs.SetFeedback(ctx, runID, runflow.Feedback{IsPositive: up}, runflow.WithToken(userToken))
	return err
}

// traced names the requests that it lets pass.
type traced struct{ names chan<- string }

func (t traced) RoundTrip(req *http.Request) (*http.Response, error) {
	if call, ok := runflow.CallFromContext(req.Context()); ok {
		t.names <- call.Method + " " + call.Route
	}
	return http.DefaultTransport.RoundTrip(req)
}

func main() {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel("acme/cat", runflow.Model{})
	verifier, err := runflow.NewCallbackVerifier(server.CallbackSecret)
	if err != nil {
		log.Fatal(err)
	}
	hook := httptest.NewServer(verifier.Handler(func(context.Context, *runflow.CallbackEvent) error { return nil }))
	defer hook.Close()

	names := make(chan string, 100)
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL),
		runflow.WithHTTPClient(&http.Client{Transport: traced{names}}), runflow.WithUserAgent("consumer/1.0"))
	if err != nil {
		log.Fatal(err)
	}
	var s studio = runflowStudio{client}
	run, err := s.Draw(context.Background(), "a cat")
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Rate(context.Background(), server.UserToken, run.ID, true); err != nil {
		log.Fatal(err)
	}
	if err := s.Rate(context.Background(), server.APIKey, run.ID, true); !errors.Is(err, runflow.ErrPermissionDenied) {
		log.Fatal("an API key may not rate: ", err)
	}
	fmt.Println(<-names, run.StatusCode)
}
