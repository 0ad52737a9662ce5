package main

import (
	"context"
	"errors"
	"time"

	"github.com/runflow-io/runflow-go"
)

// create creates a run with one of the key modes. It returns nil if no run is known
// to exist.
func (c *caller) create(e *entry, ref string) *runflow.Run {
	var opts []runflow.CallOption
	e.mode = keyMode(c.rand.IntN(3)) //nolint:gosec // 0 to 2
	if e.mode != randomKey {
		opts = append(opts, runflow.WithHeader(keysHeader, "yes"))
	}
	if e.mode == ownKey {
		opts = append(opts, runflow.WithIdempotencyKey(ref))
	}
	params := runflow.CreateRunParams{Input: map[string]any{"prompt": secretText}, ClientRef: ref}
	create, target := c.client.Models.CreateRun, model
	if c.rand.IntN(4) == 0 {
		create, target = c.client.ComfyuiWorkflows.CreateRun, workflow
	}
	c.counts.creations.Add(1)
	var response runflow.Response
	opts = append(opts, runflow.WithResponse(&response))
	for range maxFailed {
		var run *runflow.Run
		err := c.call(func(ctx context.Context) (err error) {
			run, err = create(ctx, target, params, opts...)
			return err
		})
		e.attempts, e.status = uint8(response.Attempts), uint16(response.StatusCode) //nolint:gosec // small numbers
		if err == nil {
			e.creation = created
			return run
		}
		if !errors.Is(err, runflow.ErrOutcomeUnknown) {
			return nil // a run may exist, because the outcome of an earlier call is unknown
		}
		if e.creation != unknown {
			c.counts.unknown.Add(1)
			e.creation = unknown
		}
		if e.mode == randomKey {
			return c.find(e, ref)
		}
		info, _ := runflow.CallInfoOf(err)
		opts = append(opts, runflow.WithIdempotencyKey(info.IdempotencyKey))
	}
	return nil
}

// find finds the run of a creation with an unknown outcome, if there is one.
func (c *caller) find(e *entry, ref string) *runflow.Run {
	var runs []runflow.Run
	err := c.call(func(ctx context.Context) (err error) {
		runs, err = c.client.Runs.FindByClientRef(ctx, ref)
		return err
	})
	if err != nil || len(runs) == 0 {
		return nil
	}
	e.creation = created
	return &runs[0] // the audit finds the others, if there are any
}

// wait waits until a run has ended, and returns its last state.
func (c *caller) wait(run *runflow.Run) *runflow.Run {
	params := runflow.WaitRunParams{MinInterval: 100 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
	for range maxFailed {
		var seen *runflow.Run
		err := c.call(func(ctx context.Context) (err error) {
			seen, err = c.client.Runs.Wait(ctx, run.ID, params)
			if errors.Is(err, runflow.ErrRunFailed) {
				c.secrets.checkError(&c.findings, err)
				return nil // the runs of the workflow fail
			}
			return err
		})
		if err == nil {
			return seen
		}
	}
	c.findings.add("run %s: %d waits failed one after the other", run.ID, maxFailed)
	return run
}
