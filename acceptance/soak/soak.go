package main

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runflow-io/runflow-go"
)

// A soak is the process under test.
type soak struct {
	options

	client    *runflow.Client
	userToken string
	ledger    *ledger
	secrets   secrets
	findings  findings
	counts    counts
}

// counts are the numbers of calls that the report shows.
type counts struct {
	calls, failed, attempts            atomic.Int64
	creations, unknown, feedback, late atomic.Int64
}

func newSoak(o options, server started) (*soak, error) {
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL),
		runflow.WithRetryBackoff(time.Millisecond, 50*time.Millisecond), runflow.WithAttemptTimeout(attemptTimeout))
	return &soak{
		options:   o,
		client:    client,
		userToken: server.UserToken,
		ledger:    &ledger{entries: make([]entry, o.calls/8+16*o.workers)},
		secrets:   newSecrets(server),
	}, err
}

// run starts the callers, and returns when they have made the given number of calls,
// including those of earlier runs.
func (s *soak) run(calls int) error {
	var wg sync.WaitGroup
	for i := range s.workers {
		log := &attemptLog{secrets: s.secrets, findings: &s.findings, total: &s.counts.attempts}
		client, err := s.client.With(runflow.WithLogger(slog.New(log)))
		if err != nil {
			return err
		}
		c := &caller{
			soak: s, client: client, log: log, until: int64(calls),
			rand: rand.New(rand.NewPCG(s.seed, uint64(calls+i))), //nolint:gosec // not for secrets
		}
		wg.Go(c.work)
	}
	wg.Wait()
	return nil
}
