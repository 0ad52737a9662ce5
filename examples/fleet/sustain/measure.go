package main

import (
	"context"
	"errors"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type figures struct {
	callsPerSecond float64
	cpuPer1000     time.Duration // CPU time of this process for 1000 calls
	liveHeap       float64       // maximum after a garbage collection, in bytes
}

// measure makes calls at the given concurrency, and measures them for a period
// after a warm-up.
func measure(ctx context.Context, concurrency int, period time.Duration, call func(context.Context) error) (figures, error) {
	runtime.GC() // so that garbage of the figure before is not measured
	var calls atomic.Int64
	var stopped atomic.Bool
	errs := make(chan error, concurrency)
	var wg sync.WaitGroup
	for range concurrency {
		wg.Go(func() {
			for !stopped.Load() {
				if err := call(ctx); err != nil {
					errs <- err
					return
				}
				calls.Add(1)
			}
		})
	}
	time.Sleep(period / 4)
	f, err := observe(period, &calls)
	stopped.Store(true)
	wg.Wait()
	close(errs)
	return f, errors.Join(err, <-errs)
}

func observe(period time.Duration, calls *atomic.Int64) (figures, error) {
	start, before := time.Now(), calls.Load()
	cpuBefore, err := cpuTime()
	if err != nil {
		return figures{}, err
	}
	var heap float64
	for time.Since(start) < period {
		time.Sleep(20 * time.Millisecond)
		heap = max(heap, liveHeap())
	}
	elapsed, n := time.Since(start), float64(calls.Load()-before)
	cpuAfter, err := cpuTime()
	runtime.GC() // there may have been no collection in the period
	return figures{
		callsPerSecond: n / elapsed.Seconds(),
		cpuPer1000:     time.Duration(float64(cpuAfter-cpuBefore) / max(n, 1) * 1000),
		liveHeap:       max(heap, liveHeap()),
	}, err
}

// cpuTime returns the CPU time that this process has used.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

func liveHeap() float64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}
