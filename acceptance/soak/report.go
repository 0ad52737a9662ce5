package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/runflow-io/runflow-go"
)

// soakAndReport is the parent: the process under test.
func soakAndReport(o options) error {
	if err := o.check(); err != nil {
		return err
	}
	started := time.Now()
	m := measured{goroutinesBefore: runtime.NumGoroutine()}
	server, err := startChild(o)
	if err != nil {
		return err
	}
	s, err := newSoak(o, server.url)
	if err == nil {
		err = s.soak(&m)
	}
	report, ended := server.end()
	if err := errors.Join(err, ended); err != nil {
		return err
	}
	m.goroutinesAfter = settled(m.goroutinesBefore)
	m.took = time.Since(started)
	m.check(&s.findings)
	return errors.Join(s.print(&m, report), s.findings.err())
}

// measured is what is measured of the process.
type measured struct {
	heapEarly, heapEnd                uint64 // bytes
	goroutinesBefore, goroutinesAfter int
	runs                              int
	took                              time.Duration
}

// soak makes the calls, and then audits what came of them.
func (s *soak) soak(m *measured) error {
	if err := s.run(s.calls / 5); err != nil {
		return err
	}
	m.heapEarly = liveHeap()
	if err := s.run(s.calls); err != nil {
		return err
	}
	m.heapEnd = liveHeap()
	return s.audit(m)
}

// audit compares what there is with what the callers were told.
func (s *soak) audit(m *measured) error {
	time.Sleep(tooLong) // so that what was given up is over
	client, err := s.client.With(runflow.WithHeader(auditHeader, "1"), runflow.WithAttemptTimeout(time.Minute))
	if err != nil {
		return err
	}
	runs := make([]int, s.ledger.opened.Load()) // of each dispatch
	for run, err := range client.Runs.All(context.Background(), &runflow.RunListParams{ListParams: runflow.ListParams{Limit: 500}}) {
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		m.runs++
		i, known := s.ledger.find(run.ClientRef)
		if !known {
			s.findings.add("run %s: nobody dispatched it, its ClientRef is %q", run.ID, run.ClientRef)
			continue
		}
		runs[i]++
		s.auditRating(i, run)
	}
	for i, n := range runs {
		if e := s.ledger.entries[i]; !e.dispatch.allows(n) {
			s.findings.add("dispatch %s%d, %s: there are %d runs, and the caller was told %s (status %d, attempts %d)",
				refPrefix, i, e.how, n, e.dispatch, e.status, e.attempts)
		}
	}
	// Some may be, on a busy machine; many come of requests that the SDK should not
	// have sent.
	if overtaken, limit := s.counts.overtaken.Load(), max(10, s.counts.rated.Load()/100); overtaken > limit {
		s.findings.add("%d ratings were overtaken by the next ones, more than %d", overtaken, limit)
	}
	return nil
}

func (s *soak) auditRating(i int, run *runflow.Run) {
	e := &s.ledger.entries[i]
	switch e.standing(run) {
	case asTold:
	case late:
		s.counts.overtaken.Add(1)
	case wrong:
		fb, rated := run.Feedback()
		s.findings.add("run %s (%s): rated=%t %+v, and the caller was told rating %d", run.ID, run.ClientRef, rated, fb, e.told)
	}
}

// check adds what the measures say.
func (m *measured) check(f *findings) {
	if limit := m.heapEarly*3/2 + 2<<20; m.heapEnd > limit {
		f.add("the heap grew from %d to %d bytes, more than %d", m.heapEarly, m.heapEnd, limit)
	}
	if m.goroutinesAfter > m.goroutinesBefore {
		stacks := make([]byte, 1<<12)
		f.add("%d goroutines before, and %d after:\n%s", m.goroutinesBefore, m.goroutinesAfter, stacks[:runtime.Stack(stacks, true)])
	}
}

// settled returns how many goroutines there are, when those that are about to
// end have had the time.
func settled(wanted int) int {
	for range 50 {
		if runtime.NumGoroutine() <= wanted {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return runtime.NumGoroutine()
}

// print prints the table.
func (s *soak) print(m *measured, report served) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, value any) { _, _ = fmt.Fprintf(w, "%v\t  %s\n", value, name) }
	row("calls", s.counts.calls.Load())
	row("of them failed", s.counts.failed.Load())
	row("requests sent", s.counts.requests.Load())
	row("of them to the API, and seen by it", report.Requests)
	faults := int64(0)
	for _, met := range report.Faults {
		faults += met.Times
	}
	row("faults met", faults)
	for _, met := range report.Faults {
		row("  "+met.Fault, met.Times)
	}
	row("dispatches", s.counts.dispatches.Load())
	row("of them ambiguous at first", s.counts.ambiguous.Load())
	row("runs", m.runs)
	row("ratings", s.counts.rated.Load())
	row("of them overtaken by the next", s.counts.overtaken.Load())
	row("findings", s.findings.count)
	row("KB of heap after 20 % of the calls", m.heapEarly>>10)
	row("KB of heap at the end", m.heapEnd>>10)
	row("goroutines before", m.goroutinesBefore)
	row("goroutines after", m.goroutinesAfter)
	row("MB of heap of the server at the end", report.Heap>>20)
	row("seconds", fmt.Sprintf("%.1f", m.took.Seconds()))
	return w.Flush()
}
