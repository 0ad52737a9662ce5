package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/runflow-io/runflow-go"
)

// A ledger contains the results that the SDK reported to the callers. It has its
// full size from the start, so that the heap does not grow because of it.
type ledger struct {
	entries []entry
	opened  atomic.Int64
}

// An entry is about one run. Only the caller that creates the run writes it.
type entry struct {
	creation outcome
	mode     keyMode
	attempts uint8  // of the last call that creates the run
	status   uint16 // of the last response to it; 0 if there was none
	feedback uint8  // number of the last feedback that was reported as set; 0 if there is none
	// unanswered has a bit for each feedback for which a request got no response.
	// The server may still process such a request, even after a later one. No
	// client can prevent that over HTTP.
	unanswered uint64
}

// A keyMode is the kind of idempotency key with which a run is created. It
// determines how the caller recovers from an unknown outcome.
type keyMode uint8

const (
	randomKey keyMode = iota // the caller looks for the run
	ownKey                   // the caller repeats the call with its key
	errorKey                 // the caller repeats the call with the key in the error
)

// String returns the name of the mode.
func (m keyMode) String() string {
	return [...]string{"random key", "own key", "key of the error"}[m]
}

// maxFeedback is the number of feedbacks on a run for which an entry has bits.
const maxFeedback = 63

// An outcome is the outcome that the SDK reported for the creation of a run.
type outcome uint8

const (
	failed outcome = iota
	created
	unknown
)

// String returns the name of the outcome.
func (o outcome) String() string { return [...]string{"failed", "created", "unknown"}[o] }

// allows reports whether n runs may exist after this outcome.
func (o outcome) allows(n int) bool {
	return n == 1 && o != failed || n == 0 && o != created
}

// open opens an entry, and returns it with the ClientRef of its run.
func (l *ledger) open() (*entry, string) {
	i := l.opened.Add(1) - 1
	return &l.entries[i], refPrefix + strconv.FormatInt(i, 10)
}

const refPrefix = "soak-"

// find returns the number of the entry of the run with the given ClientRef.
func (l *ledger) find(ref string) (int, bool) {
	number, ok := strings.CutPrefix(ref, refPrefix)
	i, err := strconv.Atoi(number)
	return i, ok && err == nil && i >= 0 && int64(i) < l.opened.Load()
}

// feedbackOf returns the n-th feedback on a run. Every fourth one clears the
// feedback. All others have different reasons.
func feedbackOf(ref string, n uint8) (feedback runflow.Feedback, isSet bool) {
	if n%4 == 0 {
		return runflow.Feedback{}, false
	}
	return runflow.Feedback{Rating: runflow.RatingOf(n%2 == 1), Reason: fmt.Sprintf("%s %s, feedback %d", secretText, ref, n)}, true
}

func hasFeedback(run *runflow.Run, n uint8) bool {
	feedback, isSet := run.Feedback()
	want, wantSet := feedbackOf(run.ClientRef, n)
	return isSet == wantSet && feedback == want
}

// A comparison is the result of comparing the feedback on a run with the reported
// one.
type comparison int

const (
	asReported comparison = iota
	late                  // a request without a response was processed after the next one
	wrong
)

func (e *entry) compare(run *runflow.Run) comparison {
	if hasFeedback(run, e.feedback) {
		return asReported
	}
	for n := range uint8(maxFeedback) {
		if e.unanswered>>n&1 == 1 && hasFeedback(run, n) {
			return late
		}
	}
	return wrong
}
