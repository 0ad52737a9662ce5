package main

import (
	"context"
	"time"

	"github.com/runflow-io/runflow-go"
)

// setFeedback sets or clears the feedback on a run, until one call succeeds.
func (c *caller) setFeedback(e *entry, run *runflow.Run) {
	for n := e.feedback + 1; ; n++ {
		if n == maxFeedback || n > e.feedback+maxFailed {
			c.findings.add("run %s: too many feedbacks failed", run.ID)
			return
		}
		attempts, unanswered := c.log.attempts.Load(), c.log.unanswered.Load()
		var response runflow.Response
		updated, err := c.sendFeedback(run, n, &response)
		c.counts.feedback.Add(1)
		if logged := c.log.attempts.Load() - attempts; logged != int64(response.Attempts) {
			c.findings.add("run %s, feedback %d: %d attempts were logged, and %d are in the Response", run.ID, n, logged, response.Attempts)
		}
		if c.log.unanswered.Load() > unanswered {
			e.unanswered |= 1 << n
		}
		if err != nil {
			time.Sleep(settleTime)
			continue
		}
		e.feedback = n
		if !hasFeedback(updated, n) {
			c.findings.add("run %s: the response to feedback %d has another one", run.ID, n)
		}
		return
	}
}

// sendFeedback sends the n-th feedback on a run, with the token of the user.
func (c *caller) sendFeedback(run *runflow.Run, n uint8, response *runflow.Response) (updated *runflow.Run, err error) {
	feedback, isSet := feedbackOf(run.ClientRef, n)
	opts := []runflow.CallOption{runflow.WithToken(c.userToken), runflow.WithResponse(response)}
	err = c.call(func(ctx context.Context) (err error) {
		if isSet {
			updated, err = c.client.Runs.SetFeedback(ctx, run.ID, feedback, opts...)
		} else {
			updated, err = c.client.Runs.ClearFeedback(ctx, run.ID, opts...)
		}
		return err
	})
	return updated, err
}
