package faults

import (
	"net/http"
	"time"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// statuses returns responses with the statuses of temporary errors, and 501, with
// every form of Retry-After. The clock of a synctest bubble starts in the year 2000.
func statuses() []Fault {
	forms := []struct {
		retryAfter string
		wait       time.Duration
		tooLong    bool // more than the default maximum of the backoff
	}{
		{"", 0, false},
		{"20", 20 * time.Second, false},
		{"20.5", 20500 * time.Millisecond, false},
		{"0", 0, false},
		{"Sat, 01 Jan 2000 00:00:25 GMT", 25 * time.Second, false},
		{"Saturday, 01-Jan-00 00:00:25 GMT", 25 * time.Second, false},
		{"Sat Jan  1 00:00:25 2000", 25 * time.Second, false},
		{"Fri, 31 Dec 1999 00:00:00 GMT", 0, false},
		{"33", 0, true},
		{"9223372037", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 0, true},
		{"soon", 0, false},
		{"-1", 0, false},
	}
	var all []Fault
	for _, status := range []int{408, 429, 500, 501, 502, 503, 504} {
		for _, form := range forms {
			f := Fault{Name: "without Retry-After", Status: status, Outcome: Unknown, RetryAfter: form.wait}
			var header []string
			if form.retryAfter != "" {
				f.Name = "with Retry-After: " + form.retryAfter
				header = []string{"Retry-After: " + form.retryAfter}
			}
			switch {
			case status == http.StatusTooManyRequests && form.tooLong:
				f.Outcome = Rejected
			case status == http.StatusTooManyRequests:
				f.Outcome = NotProcessed
			}
			f.start = scripted(wire.Respond(status, failure, header...))
			all = append(all, f)
		}
	}
	return all
}

// sequences returns faults in which the second request fails in another way than
// the first one.
func sequences() []Fault {
	lost := wire.Reset("")
	return []Fault{
		{Name: "429, then a lost connection", Outcome: Unknown, Retryable: 1, start: scripted(wire.Respond(429, failure), lost)},
		{Name: "503, then a lost connection", Outcome: Unknown, start: scripted(wire.Respond(503, failure), lost)},
		{Name: "lost connection, then 429", Outcome: Unknown, start: scripted(lost, wire.Respond(429, failure))},
		{Name: "lost connection, then 400", Outcome: Unknown, start: scripted(lost, wire.Respond(400, failure))},
	}
}
