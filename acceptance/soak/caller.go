package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/runflow-io/runflow-go"
)

const (
	feedbacks = 16 // number of feedbacks on a run, if none fails
	maxFailed = 20 // consecutive failures of a call after which a caller gives up
	abandoned = 50 // a caller cancels one of this number of calls

	// settleTime is the time that a caller waits after a feedback without a
	// response. Otherwise the server could process the next feedback first, over
	// another connection.
	settleTime = 100 * time.Millisecond
)

// A caller has one run at a time.
type caller struct {
	*soak

	client *runflow.Client
	log    *attemptLog
	until  int64
	rand   *rand.Rand
}

func (c *caller) isDone() bool { return c.counts.calls.Load() >= c.until }

func (c *caller) work() {
	for !c.isDone() {
		c.handleRun()
	}
}

// handleRun makes the calls about one run, from its creation to its download.
func (c *caller) handleRun() {
	e, ref := c.ledger.open()
	run := c.create(e, ref)
	if run == nil {
		return
	}
	run = c.wait(run)
	for n := 0; n < feedbacks && !c.isDone(); n++ {
		c.setFeedback(e, run)
		switch c.rand.IntN(8) {
		case 0, 1, 2:
			c.get(e, run)
		case 3:
			c.list(n)
		}
	}
	c.download(run)
}

// call makes a call and checks its error. It cancels some of the calls.
func (c *caller) call(do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.rand.IntN(abandoned) == 0 {
		defer time.AfterFunc(time.Duration(c.rand.IntN(3000))*time.Microsecond, cancel).Stop()
	}
	c.counts.calls.Add(1)
	err := do(ctx)
	if err != nil {
		c.counts.failed.Add(1)
		c.secrets.checkError(&c.findings, err)
		if !isExpected(err) {
			c.findings.add("no fault explains this error: %v", err)
		}
	}
	return err
}

// isExpected reports whether the cause of an error is a fault or the cancellation
// of the call.
func isExpected(err error) bool {
	if _, isTransport := errors.AsType[*runflow.TransportError](err); isTransport || errors.Is(err, context.Canceled) {
		return true
	}
	refusal, ok := errors.AsType[*runflow.APIError](err)
	if !ok {
		return false
	}
	switch refusal.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		return refusal.Operation == "Runs.Download" // the link expired twice
	}
	return refusal.StatusCode >= http.StatusInternalServerError
}

// get gets a run between two feedbacks.
func (c *caller) get(e *entry, run *runflow.Run) {
	var seen *runflow.Run
	err := c.call(func(ctx context.Context) (err error) {
		seen, err = c.client.Runs.Get(ctx, run.ID, runflow.GetRunParams{})
		return err
	})
	if err != nil {
		return
	}
	switch e.compare(seen) {
	case asReported:
	case late:
		c.counts.late.Add(1)
	case wrong:
		feedback, _ := seen.Feedback()
		c.findings.add("run %s: after feedback %d the run has %+v", run.ID, e.feedback, feedback)
	}
}

// list gets one page of runs, or iterates over some.
func (c *caller) list(n int) {
	const limit = 3
	params := runflow.ListRunsParams{Limit: limit}
	_ = c.call(func(ctx context.Context) error {
		if n%2 == 0 {
			page, err := c.client.Runs.List(ctx, params)
			if err == nil && (len(page.Items) == 0 || len(page.Items) > limit) {
				c.findings.add("a page of at most %d runs has %d", limit, len(page.Items))
			}
			return err
		}
		seen := 0
		for _, err := range c.client.Runs.All(ctx, params) {
			if err != nil {
				return err
			}
			if seen++; seen > limit {
				break
			}
		}
		return nil
	})
}

// download downloads the output of a run.
func (c *caller) download(run *runflow.Run) {
	files := run.OutputFiles()
	if len(files) == 0 {
		return
	}
	var picture bytes.Buffer
	var info runflow.FileInfo
	err := c.call(func(ctx context.Context) (err error) {
		info, err = c.client.Runs.Download(ctx, files[0], &picture, runflow.DownloadParams{})
		return err
	})
	if err == nil && (info.Size != int64(picture.Len()) || http.DetectContentType(picture.Bytes()) != "image/png") {
		c.findings.add("run %s: the download has %d bytes and is not an image", run.ID, picture.Len())
	}
}
