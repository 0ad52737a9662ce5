package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

// soakAndReport is the process under test.
func soakAndReport(o options) error {
	if err := o.check(); err != nil {
		return err
	}
	start := time.Now()
	m := measures{goroutinesBefore: runtime.NumGoroutine()}
	server, err := startChild(o)
	if err != nil {
		return err
	}
	s, err := newSoak(o, server.started)
	if err == nil {
		err = s.measure(&m)
	}
	stopped, stopErr := server.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return err
	}
	m.goroutinesAfter = waitForGoroutines(m.goroutinesBefore)
	m.duration = time.Since(start)
	m.check(&s.findings, stopped)
	return errors.Join(s.print(&m, stopped), s.findings.err())
}

// measures are the measurements of the process.
type measures struct {
	heapEarly, heapEnd                uint64 // bytes
	goroutinesBefore, goroutinesAfter int
	runs                              int
	duration                          time.Duration
}

// measure makes the calls and audits the result.
func (s *soak) measure(m *measures) (err error) {
	if err := s.run(s.calls / 5); err != nil {
		return err
	}
	m.heapEarly = liveHeap()
	if err := s.run(s.calls); err != nil {
		return err
	}
	m.heapEnd = liveHeap()
	m.runs, err = s.audit()
	return err
}

// maxServerHeap is the maximum heap of the fake API, in bytes. It is enough for the
// runs of the full form and the requests that the server keeps.
const maxServerHeap = 96 << 20

// check adds findings about the measures.
func (m *measures) check(f *findings, server stopped) {
	if limit := m.heapEarly*3/2 + 2<<20; m.heapEnd > limit {
		f.add("the heap grew from %d to %d bytes, more than %d", m.heapEarly, m.heapEnd, limit)
	}
	if m.goroutinesAfter > m.goroutinesBefore {
		stacks := make([]byte, 1<<12)
		f.add("%d goroutines before, and %d after:\n%s", m.goroutinesBefore, m.goroutinesAfter, stacks[:runtime.Stack(stacks, true)])
	}
	if server.Heap > maxServerHeap {
		f.add("the fake API has %d bytes of heap, more than %d", server.Heap, maxServerHeap)
	}
}

// waitForGoroutines waits until there are at most want goroutines, or for 5 s, and
// returns their number.
func waitForGoroutines(want int) int {
	for range 50 {
		if runtime.NumGoroutine() <= want {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return runtime.NumGoroutine()
}

// liveHeap returns the size of the live heap in bytes, without memory that pools
// and finalizers retain.
func liveHeap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// print prints the report.
func (s *soak) print(m *measures, server stopped) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, value any) { _, _ = fmt.Fprintf(w, "%v\t  %s\n", value, name) }
	row("calls", s.counts.calls.Load())
	row("failed calls", s.counts.failed.Load())
	row("attempts", s.counts.attempts.Load())
	row("requests that the server received", server.Requests)
	total := int64(0)
	for _, hits := range server.Faults {
		total += hits.Count
	}
	row("faults", total)
	for _, hits := range server.Faults {
		row("  "+hits.Fault, hits.Count)
	}
	row("creations", s.counts.creations.Load())
	row("creations with an outcome that was unknown at first", s.counts.unknown.Load())
	row("runs", m.runs)
	row("feedbacks", s.counts.feedback.Load())
	row("late feedbacks", s.counts.late.Load())
	row("findings", s.findings.count)
	row("KB of heap after 20 % of the calls", m.heapEarly>>10)
	row("KB of heap at the end", m.heapEnd>>10)
	row("goroutines before", m.goroutinesBefore)
	row("goroutines after", m.goroutinesAfter)
	row("MB of heap of the server at the end", server.Heap>>20)
	row("seconds", fmt.Sprintf("%.1f", m.duration.Seconds()))
	return w.Flush()
}
