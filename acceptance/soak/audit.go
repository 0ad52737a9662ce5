package main

import (
	"context"
	"fmt"
	"time"

	"github.com/runflow-io/runflow-go"
)

// audit compares the runs of the server with the ledger, and returns the number of
// runs.
func (s *soak) audit() (total int, err error) {
	time.Sleep(slowDelay) // until the server has processed the requests of canceled calls
	client, err := s.client.With(runflow.WithHeader(auditHeader, "yes"), runflow.WithAttemptTimeout(time.Minute))
	if err != nil {
		return 0, err
	}
	runs := make([]int, s.ledger.opened.Load()) // number of runs of each entry
	for run, err := range client.Runs.All(context.Background(), runflow.ListRunsParams{Limit: 500}) {
		if err != nil {
			return total, fmt.Errorf("audit: %w", err)
		}
		total++
		i, ok := s.ledger.find(run.ClientRef)
		if !ok {
			s.findings.add("run %s: no caller created it, its ClientRef is %q", run.ID, run.ClientRef)
			continue
		}
		runs[i]++
		s.auditFeedback(i, run)
	}
	for i, n := range runs {
		if e := s.ledger.entries[i]; !e.creation.allows(n) {
			s.findings.add("creation %s%d, %s: found %d runs, but the SDK reported the outcome %s (status %d, attempts %d)",
				refPrefix, i, e.mode, n, e.creation, e.status, e.attempts)
		}
	}
	// On a busy machine, a few feedbacks are late. If there are many, the SDK has
	// sent requests that it should not have sent.
	if late, limit := s.counts.late.Load(), max(10, s.counts.feedback.Load()/100); late > limit {
		s.findings.add("%d feedbacks were late, more than %d", late, limit)
	}
	return total, nil
}

func (s *soak) auditFeedback(i int, run *runflow.Run) {
	e := &s.ledger.entries[i]
	switch e.compare(run) {
	case asReported:
	case late:
		s.counts.late.Add(1)
	case wrong:
		feedback, isSet := run.Feedback()
		s.findings.add("run %s (%s): found the feedback isSet=%t %+v, but the SDK reported feedback %d", run.ID, run.ClientRef, isSet, feedback, e.feedback)
	}
}
