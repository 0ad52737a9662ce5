// Package faults lists the faults that can happen between a client and the API, and
// makes calls of each class under each fault. It is for tests only.
//
// [Run] makes one call under one fault and returns a [Report] (report.go): the
// requests, the log and the result. [Tabulate] (table.go) compares the reports of
// all faults with a table of a document, and checks each report against the rules
// that apply to every fault (invariants.go). The faults are in these files, by
// their cause: connections.go, responses.go, slow.go, statuses.go, redirects.go and
// certificates.go.
package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A Fault is a failure of a request or of its response.
type Fault struct {
	Name    string
	Status  int // status of the response; 0 if the name contains it
	Outcome Outcome
	// Retryable is the number of requests that fail first, with a status on which
	// calls of every class may be retried.
	Retryable int
	// NeedsBody reports that the SDK can prove the outcome only of a request with a
	// body. Without a body, net/http repeats the request by itself, or its error
	// does not show that nothing was sent.
	NeedsBody  bool
	RetryAfter time.Duration // delay that the server asks for
	Duration   time.Duration // duration of an attempt

	start func(t *testing.T, lasting bool) *server
}

// String returns the name with the status.
func (f Fault) String() string {
	if f.Status == 0 {
		return f.Name
	}
	return fmt.Sprintf("%d %s", f.Status, f.Name)
}

// An Outcome is the outcome of a request under a fault, as far as a client can know
// it.
type Outcome int

// The outcomes.
const (
	NotProcessed Outcome = iota // the server did not process it, but may process a retry
	Rejected                    // the server did not process it, and would not process a retry
	Unknown                     // the server may have processed it
	Processed                   // the server processed it, but the response cannot be used
	Success                     // the client gets the response in spite of the fault
)

// All returns the faults that can happen on a connection over HTTP/1.1.
func All() []Fault {
	return slices.Concat(connections(), responses(), slow(), statuses(), sequences(), redirects(), certificates())
}
