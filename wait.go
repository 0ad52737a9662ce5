package runflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/redact"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// The sentinel errors that a [*RunError] matches with [errors.Is], by the status of
// its run.
var (
	ErrRunFailed    = errors.New("runflow: run failed")
	ErrRunCancelled = errors.New("runflow: run cancelled")
)

// A RunError is returned if a run failed or was cancelled. It matches
// [ErrRunFailed] or [ErrRunCancelled]. Its text is one line.
type RunError struct {
	Run *Run // with FailureCode, FailureStageCode, FailureMessage and Cost
}

// Error returns the error as one line.
func (e *RunError) Error() string {
	if e.Run == nil {
		return "runflow: the run failed"
	}
	r := e.Run
	return failureText("run "+r.ID, string(r.StatusCode), r.FailureCode, r.FailureStageCode, r.FailureMessage, r.Cost)
}

// failureText returns the text of an error about an object that failed or was
// cancelled.
func failureText(object, status, code string, stage FailureStage, message string, cost decimal.NullDecimal) string {
	text := "runflow: " + object + " " + status
	if code != "" {
		text += ": " + code
	}
	if stage != "" {
		text += " in " + string(stage)
	}
	if message != "" {
		text += ": " + message
	}
	text = redact.Line(text)
	if cost.Valid {
		text += ", cost " + cost.Decimal.String()
	}
	return text
}

// Is reports whether target is the sentinel of the run's status.
func (e *RunError) Is(target error) bool {
	return e.Run != nil && target != nil && target == runSentinel(e.Run.StatusCode)
}

// runSentinel returns the sentinel of a run that failed or was cancelled, or nil.
func runSentinel(status RunStatus) error {
	switch status {
	case RunStatusFailed:
		return ErrRunFailed
	case RunStatusCancelled, runStatusCanceled:
		return ErrRunCancelled
	default:
		return nil
	}
}

// A WaitError is returned if waiting ends before the run does. It unwraps to the
// reason: the end of the context, or the error of a poll. The run itself continues.
type WaitError struct {
	Operation string // the method that was called: "Runs.Wait"
	ID        string // ID of the run
	Status    string // the last known status of the run; "" if there is none
	Err       error  // the reason why the wait ended
}

func (e *WaitError) operation() string { return e.Operation }

// Error returns the error as one line.
func (e *WaitError) Error() string {
	text := "wait for " + redact.Line(e.ID) + " ended"
	if e.Status != "" {
		text += ", last status " + redact.Line(e.Status)
	}
	if e.Err != nil {
		text += ": " + redact.Line(e.Err.Error())
	}
	return CallInfo{Operation: e.Operation}.report(text)
}

// Unwrap returns Err.
func (e *WaitError) Unwrap() error { return e.Err }

// WaitRunParams are the params of [RunsService.Wait], [RunsService.Watch] and
// RunAndWait. The zero value waits until the context ends.
//
// A poll is one request, which is not retried and does not use the retry budget: if
// it fails with a temporary error, the wait polls again after the interval.
// Temporary errors are the statuses 408, 429 and 5xx except 501, failed
// connections, attempt timeouts, errors of the token source and of the rate
// limiter, and responses that cannot be decoded.
type WaitRunParams struct {
	MinInterval time.Duration // between the first two polls; 0 means 1 s; less than 100 ms means 100 ms
	MaxInterval time.Duration // between any two polls; 0 means 10 s; must not be shorter than MinInterval
	Timeout     time.Duration // of the whole wait; 0 means that only the context limits it
	// ErrorTimeout is the time for which the wait continues if all polls fail with
	// temporary errors. 0 means 5 min. If it is negative, the first error ends the
	// wait.
	ErrorTimeout time.Duration
	Embed        []RunEmbed // parts of the run to get
	// Fields are the fields to get, by their names in the API. None means all. The
	// fields id, status_code and nodes_completed, and those about a failure, are
	// always added.
	Fields []string
}

func (p WaitRunParams) query() getQuery {
	return getQuery{Embed: texts(p.Embed), Fields: withFields(p.Fields,
		"id", "status_code", "failure_code", "failure_message", "failure_stage_code", "nodes_completed")}
}

// Wait polls a run until it ends, and returns it. The first poll is immediate,
// further ones follow at growing intervals, and the last one is shortly before the
// end of the context or the timeout. If the API sends a longer Retry-After, Wait
// waits for that time. A run with a status that the SDK does not know has not
// ended.
//
// If the run failed or was cancelled, Wait returns the run and a [*RunError]. If
// waiting ends before the run does, Wait returns a [*WaitError] and the run as of
// the last successful poll, or nil if there was none. The run itself continues.
// Wait refuses [WithMaxRetries] and [WithRetryBackoff]. It calls [RunsService.Get].
func (s *RunsService) Wait(ctx context.Context, runID string, params WaitRunParams, opts ...CallOption) (*Run, error) {
	w, err := newRunWaiter(ctx, (*service)(s), "Runs.Wait", runID, params, opts)
	if err != nil {
		return nil, err
	}
	return w.wait(ctx)
}

// Watch is like [RunsService.Wait], but returns an iterator. It yields the run
// after the first poll and whenever its status, its number of completed nodes, or
// the number of its embedded log lines and node runs has changed. The last values
// that it yields are those that Wait returns.
func (s *RunsService) Watch(ctx context.Context, runID string, params WaitRunParams, opts ...CallOption) iter.Seq2[*Run, error] {
	w, err := newRunWaiter(ctx, (*service)(s), "Runs.Watch", runID, params, opts)
	return w.all(ctx, err)
}

// runAndWait creates a run and waits for it.
func runAndWait(ctx context.Context, s *service, operation string, create func([]CallOption) (*Run, error), params WaitRunParams, opts []CallOption) (*Run, error) {
	w, err := newRunWaiter(ctx, s, operation, notYet, params, opts)
	if err != nil {
		return nil, err
	}
	run, err := create(opts)
	if err != nil {
		return nil, err
	}
	w.id, w.first = run.ID, run
	return w.wait(ctx)
}

func newRunWaiter(ctx context.Context, s *service, operation, runID string, params WaitRunParams, opts []CallOption) (*waiter[Run], error) {
	query := params.query()
	polls, times, err := s.newPolls(ctx, operation, id("runID", runID),
		waitParams{params.MinInterval, params.MaxInterval, params.Timeout, params.ErrorTimeout, query}, opts)
	if err != nil {
		return nil, err
	}
	w := &waiter[Run]{intervals: times, operation: operation, id: runID, isComplete: len(query.Embed) == 0}
	w.get = func(ctx context.Context) (*Run, error) {
		return do[Run](ctx, polls, endpoint.RunsGet, request{path: []argument{id("runID", w.id)}, query: query}, nil)
	}
	w.state = func(run *Run) (string, bool) { return string(run.StatusCode), run.StatusCode.IsTerminal() }
	w.progress = runProgress
	w.verdict = func(run *Run) error {
		if runSentinel(run.StatusCode) == nil {
			return nil
		}
		return &RunError{Run: run}
	}
	return w, nil
}

// runProgress returns values of a run that change when it progresses. URLs are not
// among them, because the API signs them again for each poll.
func runProgress(run *Run) any {
	return [...]int{value(run.NodesTotal), value(run.NodesCompleted), len(run.NodeRuns), len(run.Logs)}
}

// notYet stands for the ID of a run that is created after the arguments of its wait
// have been checked.
const notYet = "…"

// waitParams are the params of all waits.
type waitParams struct {
	minInterval, maxInterval, timeout, errorTimeout time.Duration
	query                                           getQuery
}

// newPolls returns the service that makes the polls of a wait, and the intervals of
// the wait. Options for the creation of a run are allowed only if the ID is notYet.
func (s *service) newPolls(ctx context.Context, operation string, of argument, params waitParams, opts []CallOption) (*service, intervals, error) {
	if s == nil || s.settings == nil {
		return nil, intervals{}, errNoClient(operation)
	}
	isAfterCreation, name := of.value == notYet, "params"
	if isAfterCreation {
		name = "wait"
	}
	own, err := s.settings().forCall(opts)
	times, badTimes := newIntervals(name, params.minInterval, params.maxInterval, params.timeout, params.errorTimeout)
	_, badQuery := request{query: params.query}.rawQuery("", own.call.query)
	errs := []error{checkContext(ctx), err, request{path: []argument{of}}.validate(), badTimes, badQuery,
		checkNames(name+".Embed", params.query.Embed), checkNames(name+".Fields", params.query.Fields)}
	if !isAfterCreation {
		for _, option := range own.call.retryOptions {
			errs = append(errs, badArgument(option, "must not be given to a wait, whose polls are not retried"))
		}
		if own.call.key != "" {
			errs = append(errs, badKey())
		}
	}
	if err := refused(operation, errs...); err != nil {
		return nil, intervals{}, err
	}
	polls := *own
	polls.MaxRetries, polls.Budget = 0, nil
	polls.call.key = ""
	return newService(&polls), times, nil
}

const (
	defaultMinInterval  = time.Second
	defaultMaxInterval  = 10 * time.Second
	defaultErrorTimeout = 5 * time.Minute
	shortestInterval    = 100 * time.Millisecond

	growth = 1.5 // factor from one interval to the next
	jitter = 0.2 // maximum random addition to an interval, as a part of it

	lastPoll = 250 * time.Millisecond // time between the last poll and the end of a wait
)

// intervals are the durations of a wait.
type intervals struct{ shortest, longest, timeout, errorTimeout time.Duration }

func newIntervals(params string, shortest, longest, timeout, errorTimeout time.Duration) (intervals, error) {
	var errs []error
	if shortest < 0 {
		errs = append(errs, badArgument(params+".MinInterval", "must not be negative"))
	}
	if longest < 0 || longest > 0 && longest < shortest {
		errs = append(errs, badArgument(params+".MaxInterval", "must not be shorter than MinInterval"))
	}
	if timeout < 0 {
		errs = append(errs, badArgument(params+".Timeout", "must not be negative"))
	}
	if shortest == 0 {
		shortest = min(defaultMinInterval, cmp.Or(longest, defaultMinInterval))
	}
	shortest = max(shortest, shortestInterval)
	longest = max(cmp.Or(longest, defaultMaxInterval), shortest)
	return intervals{shortest, longest, timeout, cmp.Or(errorTimeout, defaultErrorTimeout)}, errors.Join(errs...)
}

// A waiter polls a T until it ends.
type waiter[T any] struct {
	intervals

	operation  string
	id         string
	get        func(context.Context) (*T, error)
	state      func(*T) (status string, ended bool)
	progress   func(*T) any // comparable; a change is yielded
	verdict    func(*T) error
	first      *T   // the value before the first poll, or nil
	isComplete bool // whether first has everything that a poll would get
}

func (w *waiter[T]) wait(ctx context.Context) (*T, error) {
	var last *T
	var err error
	w.watch(ctx, func(value *T, failure error) bool {
		last, err = value, failure
		return true
	})
	return last, err
}

// all returns an iterator over what watch yields. If w could not be made, it yields
// only the reason.
func (w *waiter[T]) all(ctx context.Context, bad error) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		if bad != nil {
			yield(nil, bad)
			return
		}
		w.watch(ctx, yield)
	}
}

// watch yields the value after each change. At the end it yields the value with the
// verdict or with a [*WaitError].
func (w *waiter[T]) watch(ctx context.Context, yield func(*T, error) bool) {
	if w.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.timeout)
		defer cancel()
	}
	s := &watch[T]{waiter: w, yield: yield, last: w.first}
	if s.last != nil && w.isComplete && w.hasEnded(s.last) {
		yield(s.last, w.verdict(s.last))
		return
	}
	isPoll := s.last == nil
	for interval := w.shortest; ; interval = min(time.Duration(float64(interval)*growth), w.longest) {
		delay, atLeast := interval+time.Duration(rand.Float64()*jitter*float64(interval)), time.Duration(0) //nolint:gosec // jitter needs no secrecy
		if isPoll {
			var goesOn bool
			if delay, atLeast, goesOn = s.poll(ctx, delay); !goesOn {
				return
			}
		}
		isPoll = true
		if err := sleepWithin(ctx, min(delay, max(w.longest, atLeast)), atLeast); err != nil {
			s.end(err)
			return
		}
	}
}

func (w *waiter[T]) hasEnded(value *T) bool {
	_, ended := w.state(value)
	return ended
}

func (w *waiter[T]) hasChanged(before, after *T) bool {
	was, _ := w.state(before)
	is, _ := w.state(after)
	return was != is || w.progress(before) != w.progress(after)
}

// A watch is one use of a waiter.
type watch[T any] struct {
	*waiter[T]

	yield   func(*T, error) bool
	last    *T        // the last value that a poll returned, or nil
	failure error     // of the last poll
	failing time.Time // since when polls have failed; zero if the last one succeeded
}

// poll polls once. It returns the delay before the next poll, the minimum of the
// delay that the server asked for, and whether the watch continues.
func (s *watch[T]) poll(ctx context.Context, delay time.Duration) (_, atLeast time.Duration, goesOn bool) {
	s.failure = nil
	value, err := s.get(ctx)
	if err == nil {
		s.failing = time.Time{}
		return delay, 0, s.report(value)
	}
	if s.failing.IsZero() {
		s.failing = time.Now()
	}
	left := s.errorTimeout - time.Since(s.failing)
	if apiErr, ok := errors.AsType[*APIError](err); ok {
		atLeast = apiErr.RetryAfter
	}
	if ctx.Err() != nil || !isTemporary(err) || left <= 0 || atLeast > left {
		s.end(err)
		return 0, 0, false
	}
	s.failure = err
	return max(min(delay, left), atLeast), atLeast, true
}

// report yields the value of a poll if it has changed or ended, and returns whether
// the watch continues.
func (s *watch[T]) report(value *T) bool {
	before := s.last
	s.last = value
	switch {
	case s.hasEnded(value):
		s.yield(value, s.verdict(value))
		return false
	case before == nil || s.hasChanged(before, value):
		return s.yield(value, nil)
	}
	return true
}

// end yields a [*WaitError]: the watch ends before the run does.
func (s *watch[T]) end(err error) {
	if s.failure != nil {
		err = fmt.Errorf("%w; the last poll failed: %w", err, s.failure)
	}
	e := &WaitError{Operation: s.operation, ID: s.id, Err: err}
	if s.last != nil {
		e.Status, _ = s.state(s.last)
	}
	s.yield(s.last, e)
}

// sleepWithin sleeps for delay. It sleeps for less if otherwise no last poll would
// be possible before ctx ends, but never for less than atLeast. If ctx ends, it
// returns the reason.
func sleepWithin(ctx context.Context, delay, atLeast time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		latest := left - min(lastPoll, delay/2)
		switch {
		case delay <= latest:
		case latest <= 0, atLeast > latest:
			delay = left // until the end, without another poll
		default:
			delay = latest
		}
	}
	if err := transport.Sleep(ctx, delay); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done() // the timer of the context may be late
		return transport.Ended(ctx)
	}
	return nil
}

// isTemporary reports whether a poll may succeed the next time.
func isTemporary(err error) bool {
	if failed, ok := errors.AsType[*TransportError](err); ok {
		return transport.IsTransient(failed.Err)
	}
	if undecoded, ok := errors.AsType[*DecodeError](err); ok {
		return !errors.Is(undecoded, ErrResponseTooLarge)
	}
	apiErr, ok := errors.AsType[*APIError](err)
	return ok && transport.IsTemporary(apiErr.StatusCode)
}

// value returns what p points to, or 0.
func value(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}
