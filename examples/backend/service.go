package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/sqlstore"
	"github.com/runflow-io/runflow-go/runflowotel"
)

// createTimeout limits the time for which a user waits until a run is created.
const createTimeout = 20 * time.Second

// A service creates runs and sets feedback on them.
type service struct {
	client       *runflow.Client
	verifier     *callback.Verifier
	runs         *runTable
	events       *sqlstore.Store
	log          *slog.Logger
	model        string
	callbackURL  string
	authenticate func(*http.Request) (user, bool)
	limits       *userLimits
}

// newService returns a service that uses a database.
func newService(ctx context.Context, c config, db *sql.DB, dialect sqlstore.Dialect, log *slog.Logger, t *telemetry, opts ...runflow.ClientOption) (*service, error) {
	client, err := runflow.NewClient(c.token, append([]runflow.ClientOption{
		runflow.WithBaseURL(c.baseURL),
		runflow.WithLogger(log),
		runflow.WithMiddleware(runflowotel.Middleware(
			runflowotel.WithTracerProvider(t.tracers), runflowotel.WithMeterProvider(t.meters))),
	}, opts...)...)
	if err != nil {
		return nil, err
	}
	verifier, err := callback.NewVerifier(c.callbackSecret)
	if err != nil {
		return nil, err
	}
	events, err := sqlstore.New(db, dialect, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	if err := events.CreateTable(ctx); err != nil {
		return nil, err
	}
	return &service{
		client: client, verifier: verifier, runs: &runTable{db}, events: events, log: log,
		model: c.model, callbackURL: c.publicURL + callbackPath,
		authenticate: everyoneIs(user{id: "demo", token: c.userToken}),
		limits:       newUserLimits(rate.Every(time.Second), 10),
	}, nil
}

// create creates a run. The row exists before the run, because the callback can
// arrive before CreateRun returns. If an error is returned with a run, the row says
// that the run failed.
func (s *service) create(ctx context.Context, u user, prompt string) (*row, error) {
	r := &row{key: rand.Text(), userID: u.id, prompt: prompt, status: statusCreating, createdAt: time.Now()}
	if err := s.runs.insert(ctx, r); err != nil {
		return nil, err
	}
	// A user who closes the page must not interrupt the call: its outcome would be
	// unknown.
	ctx = context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	created, err := s.client.Models.CreateRun(limited, s.model, runflow.CreateRunParams{
		Input:       map[string]any{"prompt": prompt},
		Metadata:    metadata{Key: r.key},
		ClientRef:   r.key,
		CallbackURL: s.callbackURL,
	})
	if errors.Is(err, runflow.ErrOutcomeUnknown) {
		s.log.WarnContext(ctx, "create run: the outcome is unknown", "key", r.key, "error", err)
		created, err = s.find(limited, r.key), nil
	}
	switch {
	case err != nil:
		_, endErr := s.runs.end(ctx, s.runs.db, r.key, ending{status: runflow.RunStatusFailed, error: explain(err).message})
		return r, errors.Join(err, endErr)
	case created != nil:
		r.runID, r.status = created.ID, string(created.StatusCode)
		return r, s.runs.setCreated(ctx, r.key, created.ID, created.StatusCode)
	default:
		return r, nil // the callback or reconcile updates the row
	}
}

// find returns the run with our key, or nil if it is not found. A new run may not be
// found at once, so reconcile looks for it again.
func (s *service) find(ctx context.Context, key string) *runflow.Run {
	found, err := s.client.Runs.FindByClientRef(ctx, key)
	if err != nil {
		s.log.ErrorContext(ctx, "find run", "key", key, "error", err)
	}
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

// setFeedback sets feedback on a run with the token of the user, or clears it if
// rating is empty. An API key may not set feedback.
func (s *service) setFeedback(ctx context.Context, u user, key string, rating runflow.Rating) (*row, error) {
	r, err := s.runs.get(ctx, u.id, key)
	if err != nil {
		return nil, err
	}
	if r.runID == "" {
		return nil, errNoRun
	}
	if rating == "" {
		_, err = s.client.Runs.ClearFeedback(ctx, r.runID, runflow.WithToken(u.token))
	} else {
		_, err = s.client.Runs.SetFeedback(ctx, r.runID, runflow.Feedback{Rating: rating}, runflow.WithToken(u.token))
	}
	if err != nil {
		return nil, err
	}
	r.rating = rating
	return r, s.runs.setRating(ctx, key, rating)
}
