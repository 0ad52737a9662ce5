package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A result is the figures of one Go version.
type result struct {
	Date   string             `json:"date"`
	Go     string             `json:"go"` // "go1.26.8"
	System string             `json:"system"`
	Rounds int                `json:"rounds"`
	Bytes  int                `json:"bytes"` // of the response to a full call
	Ratios map[string]float64 `json:"ratios"`
	Tables []table            `json:"tables"`
}

// A table is rendered as a section of README.md.
type table struct {
	Title   string     `json:"title"`
	Text    string     `json:"text"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// measureAll measures all tables, or with -check those that have a budget.
func measureAll(o options) (result, error) {
	run, err := sampleRun()
	if err != nil {
		return result{}, err
	}
	r := result{
		Date: time.Now().UTC().Format(time.DateOnly), Go: runtime.Version(),
		System: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		Rounds: o.rounds, Bytes: len(run), Ratios: map[string]float64{},
	}
	peers := []peer{byHand, runflowSDK}
	tables := []func() (table, error){
		func() (table, error) { return fullCalls(peers, run, o.rounds, r.Ratios) },
		func() (table, error) { return emptyCalls(o.rounds, r.Ratios) },
		func() (table, error) { return pages(run, o.rounds, r.Ratios) },
		func() (table, error) { return loopback(peers, run, o.rounds, r.Ratios) },
	}
	if !o.check {
		peers = append(peers, others...)
		tables = append(tables,
			func() (table, error) { return slowNetwork(run, o.calls) },
			func() (table, error) { return bulk(peers, run, o.calls) },
			func() (table, error) { return programs(peers, run, o.rounds) },
		)
	}
	for _, measure := range tables {
		t, err := measure()
		if err != nil {
			return result{}, err
		}
		fmt.Fprintln(os.Stderr, "measured:", t.Title)
		r.Tables = append(r.Tables, t)
	}
	return r, nil
}

// figures are the medians of all rounds, per call.
type figures struct{ ns, bytes, allocs float64 }

// measure returns the figures of each call. Each round measures all calls, so that
// a disturbance of the machine affects all of them.
func measure(rounds int, calls ...call) ([]figures, error) {
	results := make([][]testing.BenchmarkResult, len(calls))
	for range rounds {
		for i, c := range calls {
			var err error
			r := testing.Benchmark(func(b *testing.B) { //nolint:thelper // it is the benchmark
				b.ReportAllocs()
				for b.Loop() {
					if err = c(context.Background()); err != nil {
						b.FailNow()
					}
				}
			})
			if err != nil {
				return nil, err
			}
			results[i] = append(results[i], r)
		}
	}
	all := make([]figures, len(calls))
	for i, rounds := range results {
		all[i] = figures{
			ns:     median(rounds, func(r testing.BenchmarkResult) float64 { return float64(r.T) / float64(r.N) }),
			bytes:  median(rounds, func(r testing.BenchmarkResult) float64 { return float64(r.MemBytes) / float64(r.N) }),
			allocs: median(rounds, func(r testing.BenchmarkResult) float64 { return float64(r.MemAllocs) / float64(r.N) }),
		}
	}
	return all, nil
}

func median[T any](rounds []T, value func(T) float64) float64 {
	values := make([]float64, len(rounds))
	for i, round := range rounds {
		values[i] = value(round)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

// measuredColumns are the columns of [figures.cells].
var measuredColumns = []string{"ns/op", "×", "B/op", "×", "allocs/op"}

// cells returns the figures and their ratios to those of base.
func (f figures) cells(base figures) []string {
	return []string{
		fmt.Sprintf("%.0f", f.ns), fmt.Sprintf("%.2f", f.ns/base.ns),
		fmt.Sprintf("%.0f", f.bytes), fmt.Sprintf("%.2f", f.bytes/base.bytes),
		fmt.Sprintf("%.0f", f.allocs),
	}
}

// inParallel makes n calls by so many concurrent callers. It returns how long each
// of them took, sorted, and how long all of them took together.
func inParallel(n, callers int, c call) (latencies []time.Duration, total time.Duration, err error) {
	latencies = make([]time.Duration, n)
	errs := make(chan error, callers)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				begin := time.Now()
				if err := c(context.Background()); err != nil {
					errs <- err
					return
				}
				latencies[i] = time.Since(begin)
			}
		})
	}
	wg.Wait()
	total = time.Since(start)
	close(errs)
	slices.Sort(latencies)
	return latencies, total, <-errs
}
