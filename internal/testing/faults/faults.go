// Package faults lists what can go wrong between a client and the API, and makes
// calls of each class under each of these faults. It is for tests only.
//
// [Run] makes one call under one fault and returns a [Report] (report.go) of what
// the server, the log and the caller saw. [Tabulate] (table.go) compares the reports
// of all faults with a table of a document, and checks each report against the rules
// that hold under every fault (invariants.go). The faults themselves are declared by
// what causes them: connections.go, responses.go, slow.go, statuses.go, redirects.go
// and certificates.go.
package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A Fault is something that goes wrong with a request.
type Fault struct {
	Name    string
	Status  int // of the response; 0 if the name says it
	Outcome Outcome
	// Retryable is how many requests fail at first with a status that every class
	// of calls may retry.
	Retryable int
	// NeedsBody says that the SDK can only prove for a request with a body what
	// became of it. Without one, net/http repeats the request by itself, or its
	// error does not show that nothing was sent.
	NeedsBody  bool
	RetryAfter time.Duration // how long the server asks the client to wait
	Duration   time.Duration // of an attempt

	start func(t *testing.T, lasting bool) *server
}

// String returns the name with the status.
func (f Fault) String() string {
	if f.Status == 0 {
		return f.Name
	}
	return fmt.Sprintf("%d %s", f.Status, f.Name)
}

// An Outcome says what a client can know of a request under a fault.
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
