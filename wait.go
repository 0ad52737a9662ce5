package runflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go/internal/redact"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// How a run ended that did not succeed, for errors.Is.
var (
	ErrRunFailed    = errors.New("runflow: run failed")
	ErrRunCancelled = errors.New("runflow: run cancelled")
)

// A RunError is a run that ended badly. It is [ErrRunFailed] or
// [ErrRunCancelled]. Its text is as safe as that of an [*APIError].
type RunError struct {
	Run *Run // with FailureCode, FailureStageCode, FailureMessage and Cost
}

// Error returns the error as one line.
func (e *RunError) Error() string {
	run := e.Run
	if run == nil {
		return "runflow: the run ended badly"
	}
	text := "runflow: run " + run.ID + " " + string(run.StatusCode)
	if run.FailureCode != "" {
		text += ": " + run.FailureCode
	}
	if run.FailureStageCode != "" {
		text += " in " + string(run.FailureStageCode)
	}
	if run.FailureMessage != "" {
		text += ": " + redact.Line(run.FailureMessage)
	}
	if run.Cost.Valid {
		text += ", cost " + run.Cost.Decimal.String()
	}
	return redact.Line(text)
}

// Is reports whether target is the sentinel of how the run ended.
func (e *RunError) Is(target error) bool {
	return e.Run != nil && target != nil && target == badEnd(e.Run.StatusCode)
}

// badEnd returns the sentinel of a status that is a bad end, nil for any other.
func badEnd(status RunStatus) error {
	switch status {
	case RunStatusFailed:
		return ErrRunFailed
	case RunStatusCancelled, runStatusCanceled:
		return ErrRunCancelled
	default:
		return nil
	}
}

// Format prints the error's one line, whatever the verb.
func (e *RunError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// MarshalText returns the error's one line.
func (e *RunError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// A WaitError is a wait that ended before the run did. It unwraps to why: the
// end of the context, or the error of a read.
type WaitError struct {
	RunID string
	Last  *Run  // as it was last seen; nil where it was not
	Err   error // why the wait ended
}

// Error returns the error as one line.
func (e *WaitError) Error() string {
	seen := "not seen yet"
	if e.Last != nil {
		seen = "last seen " + string(e.Last.StatusCode)
	}
	why := ""
	if e.Err != nil {
		why = ": " + strings.TrimPrefix(e.Err.Error(), "runflow: ")
	}
	return "runflow: waiting for run " + redact.Line(e.RunID) + ", " + seen + why
}

// Unwrap returns Err.
func (e *WaitError) Unwrap() error { return e.Err }

// Format prints the error's one line, whatever the verb.
func (e *WaitError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// MarshalText returns the error's one line.
func (e *WaitError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// WaitOptions says how to wait for a run. Nil options and zero fields are the
// defaults.
type WaitOptions struct {
	MinInterval time.Duration // between the first two reads, by default 1 s
	MaxInterval time.Duration // between two reads, by default 10 s, or MinInterval where that is longer
	Timeout     time.Duration // for the whole wait; by default only the context ends it
	// MaxErrors is how many reads in a row may fail for a reason that may pass,
	// each after its own retries, by default 3; -1 is none.
	MaxErrors int
	Embed     []RunEmbed // what to read with the run
}

const (
	defaultMinInterval = time.Second
	defaultMaxInterval = 10 * time.Second
	defaultMaxErrors   = 3

	growth = 1.5 // from one interval to the next
	jitter = 0.2 // of an interval, at most, is added to it

	longestDelay = 5 * time.Minute // that the API may ask for before the wait ends
)

// own returns a copy of o with the defaults in place.
func (o *WaitOptions) own() (WaitOptions, []error) {
	var own WaitOptions
	if o != nil {
		own = *o
		own.Embed = slices.Clone(o.Embed)
	}
	errs := checkList("opts.Embed", own.Embed)
	if own.MinInterval < 0 {
		errs = append(errs, badArgument("opts.MinInterval", "must not be negative"))
	}
	if own.MaxInterval < 0 || own.MaxInterval > 0 && own.MaxInterval < own.MinInterval {
		errs = append(errs, badArgument("opts.MaxInterval", "must not be shorter than MinInterval"))
	}
	if own.Timeout < 0 {
		errs = append(errs, badArgument("opts.Timeout", "must not be negative"))
	}
	if own.MaxErrors < -1 {
		errs = append(errs, badArgument("opts.MaxErrors", "must not be less than -1"))
	}
	own.MinInterval = cmp.Or(own.MinInterval, min(defaultMinInterval, cmp.Or(own.MaxInterval, defaultMinInterval)))
	own.MaxInterval = cmp.Or(own.MaxInterval, max(defaultMaxInterval, own.MinInterval))
	own.MaxErrors = cmp.Or(own.MaxErrors, defaultMaxErrors)
	return own, errs
}

// Wait waits for the end of a run and returns the run. It reads the run at once
// and then at growing intervals, the last time shortly before the context, or
// the timeout, ends.
//
// Where the run did not succeed it returns the run and a [*RunError]. Where the
// wait ended before the run did it returns the run as it was last seen, or nil,
// and a [*WaitError].
//
// It reads with [RunsService.Get]. A status that the SDK does not know is one of
// a run that goes on.
func (s *RunsService) Wait(ctx context.Context, runID string, opts *WaitOptions, callOpts ...Option) (*Run, error) {
	var run *Run
	var err error
	for run, err = range s.watch(ctx, "Runs.Wait", runID, opts, callOpts) {
		continue
	}
	return run, err
}

// Watch waits as [RunsService.Wait] does, and yields the run whenever it has
// changed: its status, how many of its nodes are completed, or how many log
// lines and node runs are embedded. The last time it yields what Wait returns.
//
// It reads with [RunsService.Get].
func (s *RunsService) Watch(ctx context.Context, runID string, opts *WaitOptions, callOpts ...Option) iter.Seq2[*Run, error] {
	return s.watch(ctx, "Runs.Watch", runID, opts, callOpts)
}

func (s *RunsService) watch(ctx context.Context, operation, runID string, opts *WaitOptions, callOpts []Option) iter.Seq2[*Run, error] {
	own, errs := opts.own()
	errs = append(errs, id("runID", runID).check()...)
	fixed, err := (*service)(s).with(ctx, operation, callOpts)
	err = errors.Join(err, joined(operation, errs))
	return func(yield func(*Run, error) bool) {
		if err != nil {
			yield(nil, err)
			return
		}
		w := &wait{WaitOptions: own, runs: (*RunsService)(fixed), runID: runID}
		ctx := ctx
		if own.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, own.Timeout)
			defer cancel()
		}
		w.watch(ctx, yield)
	}
}

// wait is the state of one wait.
type wait struct {
	WaitOptions

	runs   *RunsService
	runID  string
	last   *Run
	failed int // reads in a row
}

func (w *wait) watch(ctx context.Context, yield func(*Run, error) bool) {
	for interval := w.MinInterval; ; interval = min(time.Duration(float64(interval)*growth), w.MaxInterval) {
		run, err := w.runs.Get(ctx, w.runID, &RunGetParams{Embed: w.Embed})
		if err != nil && !w.tolerates(ctx, err) {
			yield(w.last, w.end(err))
			return
		}
		if run != nil {
			changed := w.last == nil || progressOf(run) != progressOf(w.last)
			w.last, w.failed = run, 0
			if run.StatusCode.IsTerminal() {
				yield(run, verdict(run))
				return
			}
			if changed && !yield(run, nil) {
				return
			}
		}
		if err := w.sleep(ctx, interval, err); err != nil {
			yield(w.last, w.end(err))
			return
		}
	}
}

// tolerates reports whether a failed read is one that may pass.
func (w *wait) tolerates(ctx context.Context, err error) bool {
	w.failed++
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || w.failed > w.MaxErrors {
		return false
	}
	if unanswered, ok := errors.AsType[*TransportError](err); ok {
		return unanswered.Attempts > 0
	}
	refusal, ok := errors.AsType[*APIError](err)
	return ok && refusal.RetryAfter <= longestDelay && (errors.Is(err, ErrRateLimited) || errors.Is(err, ErrServer))
}

// sleep waits until the next read: an interval, or longer where the API asked
// for it, but early enough for one more read before the context ends.
func (w *wait) sleep(ctx context.Context, interval time.Duration, failure error) error {
	delay := min(interval+time.Duration(rand.Float64()*jitter*float64(interval)), w.MaxInterval) //nolint:gosec // jitter needs no secrecy
	if refusal, ok := errors.AsType[*APIError](failure); ok {
		delay = max(delay, refusal.RetryAfter)
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if delay > left/2 {
			delay = max(left/2, w.MinInterval)
		}
		if delay >= left {
			return fmt.Errorf("no time for another read: %w", context.DeadlineExceeded)
		}
	}
	return transport.Sleep(ctx, delay)
}

func (w *wait) end(err error) error { return &WaitError{RunID: w.runID, Last: w.last, Err: err} }

// progress is what a change of a run shows in. Its URLs are signed anew with
// each read, and say nothing.
type progress struct {
	status                                RunStatus
	nodesTotal, nodesDone, nodeRuns, logs int
}

func progressOf(run *Run) progress {
	p := progress{status: run.StatusCode, nodeRuns: len(run.NodeRuns), logs: len(run.Logs)}
	if run.NodesTotal != nil {
		p.nodesTotal = *run.NodesTotal
	}
	if run.NodesCompleted != nil {
		p.nodesDone = *run.NodesCompleted
	}
	return p
}

// verdict returns how a run that has ended ended.
func verdict(run *Run) error {
	if badEnd(run.StatusCode) == nil {
		return nil
	}
	return &RunError{Run: run}
}
