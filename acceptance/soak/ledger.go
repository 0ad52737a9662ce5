package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/runflow-io/runflow-go"
)

// ledger is what the callers were told. It has its full size from the start, so
// that it does not grow in the heap that is watched.
type ledger struct {
	entries []entry
	opened  atomic.Int64
}

// entry is what the caller of a dispatch was told of the run. It is written by
// that caller alone.
type entry struct {
	dispatch outcome
	how      way
	attempts uint8  // of the dispatch's last call
	status   uint16 // of its last answer; 0 is none
	told     uint8  // the number of the last rating that succeeded; 0 is none
	// overdue has a bit for each rating of which a request brought no answer. The
	// API may still carry such a request out, even after a later one: nobody who
	// speaks HTTP can know.
	overdue uint64
}

// way is how a caller deals with what a dispatch may cost.
type way uint8

const (
	plain     way = iota // without a key: after an ambiguous end it looks for the run
	keyed                // with a key of its own, by which it repeats the call
	recovered            // without one: it repeats the call by the error's key
)

func (w way) String() string {
	return [...]string{"without a key", "with a key of its own", "and repeated by the error's key"}[w]
}

// maxRatings is how many ratings of a run an entry has bits for.
const maxRatings = 63

// outcome is what a caller was told of a dispatch.
type outcome uint8

const (
	refused    outcome = iota // there is no run
	dispatched                // there is one
	ambiguous                 // there is one, or none
)

func (o outcome) String() string {
	return [...]string{"that there is none", "that there is one", "that there may be one"}[o]
}

// allows reports whether there may be n runs.
func (o outcome) allows(n int) bool {
	return n == 1 && o != refused || n == 0 && o != dispatched
}

// open opens an entry, and returns it with the ClientRef of its dispatch.
func (l *ledger) open() (*entry, string) {
	i := l.opened.Add(1) - 1
	return &l.entries[i], refPrefix + strconv.FormatInt(i, 10)
}

const refPrefix = "soak-"

// find returns the number of the dispatch with the given ClientRef.
func (l *ledger) find(ref string) (int, bool) {
	number, ok := strings.CutPrefix(ref, refPrefix)
	i, err := strconv.Atoi(number)
	return i, ok && err == nil && i >= 0 && int64(i) < l.opened.Load()
}

// rating returns the n-th rating of a run. Every fourth takes back the one
// before, and all others have a reason of their own, by which they are known.
func rating(ref string, n uint8) (fb runflow.Feedback, rated bool) {
	if n%4 == 0 {
		return fb, false
	}
	return runflow.Feedback{IsPositive: n%2 == 1, Reason: fmt.Sprintf("%s, rating %d", ref, n)}, true
}

func has(run *runflow.Run, n uint8) bool {
	fb, rated := run.Feedback()
	want, wanted := rating(run.ClientRef, n)
	return rated == wanted && fb == want
}

// standing is how a run's rating compares with what its caller was told.
type standing int

const (
	asTold standing = iota
	late            // a request to which no answer had come was carried out after the next one
	wrong
)

func (e *entry) standing(run *runflow.Run) standing {
	if has(run, e.told) {
		return asTold
	}
	for n := range uint8(maxRatings) {
		if e.overdue>>n&1 == 1 && has(run, n) {
			return late
		}
	}
	return wrong
}
