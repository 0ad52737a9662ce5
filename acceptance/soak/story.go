package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

const (
	ratings   = 16 // of a run, as long as none fails
	patience  = 20 // calls that may fail in a row before a caller gives up
	abandoned = 50 // one call in so many is abandoned midway

	// landing is how long a caller lets a rating without an answer arrive before
	// it rates again: on another connection the next one might overtake it.
	landing = 100 * time.Millisecond
)

// soak is the process under test.
type soak struct {
	options

	client   *runflow.Client
	ledger   *ledger
	findings findings
	counts   counts
}

// counts are what the table shows of the calls.
type counts struct {
	calls, failed, requests                 atomic.Int64
	dispatches, ambiguous, rated, overtaken atomic.Int64
}

// findings are what is not as it should be.
type findings struct {
	mu    sync.Mutex
	count int
	first []string
}

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.first) < 20 {
		f.first = append(f.first, fmt.Sprintf(format, args...))
	}
}

func (f *findings) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 {
		return nil
	}
	return fmt.Errorf("%d findings:\n  %s", f.count, strings.Join(f.first, "\n  "))
}

func newSoak(o options, url string) (*soak, error) {
	client, err := runflow.NewClient(runflowtest.APIKey, runflow.WithBaseURL(url),
		runflow.WithRetryBackoff(time.Millisecond, 50*time.Millisecond), runflow.WithAttemptTimeout(attemptTimeout))
	return &soak{
		options: o,
		client:  client,
		ledger:  &ledger{entries: make([]entry, o.calls/8+16*o.workers)},
	}, err
}

// run lets all callers make calls until there were as many as wanted.
func (s *soak) run(calls int) error {
	var wg sync.WaitGroup
	for i := range s.workers {
		log := &attemptLog{all: &s.counts.requests}
		client, err := s.client.With(runflow.WithLogger(slog.New(log)))
		if err != nil {
			return err
		}
		w := &worker{
			soak: s, client: client, log: log, until: int64(calls),
			rand: rand.New(rand.NewPCG(s.seed, uint64(calls+i))), //nolint:gosec // a soak needs no secrecy
		}
		wg.Go(w.work)
	}
	wg.Wait()
	return nil
}

// worker is a caller with one run at a time.
type worker struct {
	*soak

	client *runflow.Client
	log    *attemptLog
	until  int64
	rand   *rand.Rand
}

// attemptLog is told of each attempt.
type attemptLog struct {
	all        *atomic.Int64 // attempts, of all callers
	mine       atomic.Int64
	unanswered atomic.Int64 // of mine
}

// Enabled reports that all records are of interest.
func (*attemptLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle counts a record.
func (l *attemptLog) Handle(_ context.Context, r slog.Record) error {
	l.all.Add(1)
	l.mine.Add(1)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "status" && a.Value.Int64() == 0 {
			l.unanswered.Add(1)
		}
		return true
	})
	return nil
}

// WithAttrs returns the handler as it is.
func (l *attemptLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup returns the handler as it is.
func (l *attemptLog) WithGroup(string) slog.Handler { return l }

func (w *worker) over() bool { return w.counts.calls.Load() >= w.until }

func (w *worker) work() {
	for !w.over() {
		w.story()
	}
}

// story is what happens to one run.
func (w *worker) story() {
	e, ref := w.ledger.open()
	run := w.dispatch(e, ref)
	if run == nil {
		return
	}
	run = w.wait(run)
	for n := 0; n < ratings && !w.over(); n++ {
		w.rate(e, run)
		switch w.rand.IntN(8) {
		case 0, 1, 2:
			w.read(e, run)
		case 3:
			w.browse(n)
		}
	}
	w.download(run)
}

// call makes a call, which a few callers abandon midway, and reports what of it
// is an error that no fault explains.
func (w *worker) call(do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if w.rand.IntN(abandoned) == 0 {
		defer time.AfterFunc(time.Duration(w.rand.IntN(3000))*time.Microsecond, cancel).Stop()
	}
	w.counts.calls.Add(1)
	err := do(ctx)
	if err != nil {
		w.counts.failed.Add(1)
		if !explained(err) {
			w.findings.add("an error that no fault explains: %v", err)
		}
	}
	return err
}

// explained reports whether an error comes of a fault, or of being abandoned.
func explained(err error) bool {
	if _, unanswered := errors.AsType[*runflow.TransportError](err); unanswered || errors.Is(err, context.Canceled) {
		return true
	}
	refusal, ok := errors.AsType[*runflow.APIError](err)
	return ok && (errors.Is(err, runflow.ErrRateLimited) || errors.Is(err, runflow.ErrServer) ||
		refusal.Operation == "Runs.Download" && errors.Is(err, runflow.ErrPermissionDenied)) // expired twice
}

// dispatch starts a run in one of three ways, or returns nil where the caller
// does not know of one.
func (w *worker) dispatch(e *entry, ref string) *runflow.Run {
	var opts []runflow.Option
	e.how = way(w.rand.IntN(3)) //nolint:gosec // 0 to 2
	if e.how != plain {
		opts = append(opts, runflow.WithHeader(keysHeader, "honoured"))
	}
	if e.how == keyed {
		opts = append(opts, runflow.WithIdempotencyKey(ref))
	}
	req := &runflow.RunRequest{Input: map[string]any{"prompt": "a cat"}, ClientRef: ref}
	run := w.client.Models.Run
	target := model
	if w.rand.IntN(4) == 0 {
		run, target = w.client.ComfyuiWorkflows.Run, workflow
	}
	w.counts.dispatches.Add(1)
	var response runflow.Response
	opts = append(opts, runflow.WithResponse(&response))
	for range patience {
		var started *runflow.Run
		err := w.call(func(ctx context.Context) (err error) {
			started, err = run(ctx, target, req, opts...)
			return err
		})
		e.attempts, e.status = uint8(response.Attempts), uint16(response.StatusCode) //nolint:gosec // small
		if err == nil {
			e.dispatch = dispatched
			return started
		}
		if !errors.Is(err, runflow.ErrAmbiguous) {
			return nil // and refused, unless an attempt before may have been taken
		}
		if e.dispatch != ambiguous {
			w.counts.ambiguous.Add(1)
			e.dispatch = ambiguous
		}
		if e.how == plain {
			return w.lookFor(e, ref)
		}
		opts = append(opts, runflow.WithIdempotencyKey(keyOf(err)))
	}
	return nil
}

// keyOf returns the idempotency key that a failed call was sent with.
func keyOf(err error) string {
	if e, ok := errors.AsType[*runflow.TransportError](err); ok {
		return e.IdempotencyKey
	}
	if e, ok := errors.AsType[*runflow.APIError](err); ok {
		return e.IdempotencyKey
	}
	return ""
}

// lookFor finds the run of a dispatch whose end was ambiguous, if there is one.
func (w *worker) lookFor(e *entry, ref string) *runflow.Run {
	query, err := runflow.Where("client_ref").Eq(ref).Query()
	if err != nil {
		w.findings.add("%s: %v", ref, err)
		return nil
	}
	var page *runflow.Page[runflow.Run]
	err = w.call(func(ctx context.Context) (err error) {
		page, err = w.client.Runs.List(ctx, &runflow.RunListParams{ListParams: runflow.ListParams{Query: query}})
		return err
	})
	if err != nil || len(page.Items) == 0 {
		return nil
	}
	e.dispatch = dispatched
	return &page.Items[0] // the audit sees whether there are more
}

// wait waits for the end of a run, and returns it as it was last seen.
func (w *worker) wait(run *runflow.Run) *runflow.Run {
	options := &runflow.WaitOptions{MinInterval: time.Millisecond, MaxInterval: 10 * time.Millisecond}
	for range patience {
		var seen *runflow.Run
		err := w.call(func(ctx context.Context) (err error) {
			seen, err = w.client.Runs.Wait(ctx, run.ID, options)
			if errors.Is(err, runflow.ErrRunFailed) {
				return nil // as those of the workflow do
			}
			return err
		})
		if err == nil {
			return seen
		}
	}
	w.findings.add("run %s: %d waits in a row failed", run.ID, patience)
	return run
}

// rate rates a run, or takes its rating back, until the caller is told a success.
func (w *worker) rate(e *entry, run *runflow.Run) {
	ref := run.ClientRef
	for n := e.told + 1; ; n++ {
		if n == maxRatings || n > e.told+patience {
			w.findings.add("run %s: too many ratings failed", run.ID)
			return
		}
		fb, rated := rating(ref, n)
		var response runflow.Response
		opts := []runflow.Option{runflow.WithToken(runflowtest.UserToken), runflow.WithResponse(&response)}
		requests, unanswered := w.log.mine.Load(), w.log.unanswered.Load()
		var answer *runflow.Run
		err := w.call(func(ctx context.Context) (err error) {
			if rated {
				answer, err = w.client.Runs.SetFeedback(ctx, run.ID, fb, opts...)
			} else {
				answer, err = w.client.Runs.ClearFeedback(ctx, run.ID, opts...)
			}
			return err
		})
		w.counts.rated.Add(1)
		if sent := w.log.mine.Load() - requests; sent != int64(response.Attempts) {
			w.findings.add("run %s, rating %d: %d attempts were logged, and %d are in the Response", run.ID, n, sent, response.Attempts)
		}
		if w.log.unanswered.Load() > unanswered {
			e.overdue |= 1 << n
		}
		if err != nil {
			time.Sleep(landing)
			continue
		}
		e.told = n
		if !has(answer, n) {
			w.findings.add("run %s: rating %d was answered with another", run.ID, n)
		}
		return
	}
}

// read reads a run between two ratings.
func (w *worker) read(e *entry, run *runflow.Run) {
	var seen *runflow.Run
	err := w.call(func(ctx context.Context) (err error) {
		seen, err = w.client.Runs.Get(ctx, run.ID, nil)
		return err
	})
	if err != nil {
		return
	}
	switch e.standing(seen) {
	case asTold:
	case late:
		w.counts.overtaken.Add(1)
	case wrong:
		fb, _ := seen.Feedback()
		w.findings.add("run %s: read after rating %d, it is rated %+v", run.ID, e.told, fb)
	}
}

// browse reads a page of runs, or walks over some.
func (w *worker) browse(n int) {
	const limit = 3
	params := &runflow.RunListParams{ListParams: runflow.ListParams{Limit: limit}}
	_ = w.call(func(ctx context.Context) error {
		if n%2 == 0 {
			page, err := w.client.Runs.List(ctx, params)
			if err == nil && (len(page.Items) == 0 || len(page.Items) > limit) {
				w.findings.add("a page of at most %d runs has %d", limit, len(page.Items))
			}
			return err
		}
		seen := 0
		for _, err := range w.client.Runs.All(ctx, params) {
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

// download fetches the picture that a run made.
func (w *worker) download(run *runflow.Run) {
	outputs := run.Outputs()
	if len(outputs) == 0 {
		return
	}
	var picture bytes.Buffer
	var n int64
	err := w.call(func(ctx context.Context) (err error) {
		n, err = w.client.Runs.Download(ctx, outputs[0], &picture)
		return err
	})
	if err == nil && (n != int64(picture.Len()) || http.DetectContentType(picture.Bytes()) != "image/png") {
		w.findings.add("run %s: the download is %d bytes of no picture", run.ID, n)
	}
}
