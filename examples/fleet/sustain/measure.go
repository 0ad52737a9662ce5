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

// figures are what some time of calls came to.
type figures struct {
	perSecond  float64
	cpuPer1000 time.Duration // of this process
	heap       float64       // the most bytes that a collection left
}

// measure makes as many calls at once, and after a while measures for a period.
func measure(ctx context.Context, atOnce int, period time.Duration, call func(context.Context) error) (figures, error) {
	runtime.GC() // what was before is none of its heap
	var calls atomic.Int64
	var ended atomic.Bool
	errs := make(chan error, atOnce)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for !ended.Load() {
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
	ended.Store(true)
	all.Wait()
	close(errs)
	return f, errors.Join(err, <-errs)
}

func observe(period time.Duration, calls *atomic.Int64) (figures, error) {
	start, before := time.Now(), calls.Load()
	cpuBefore, err := cpu()
	if err != nil {
		return figures{}, err
	}
	var heap float64
	for time.Since(start) < period {
		time.Sleep(20 * time.Millisecond)
		heap = max(heap, liveHeap())
	}
	took, n := time.Since(start), float64(calls.Load()-before)
	cpuAfter, err := cpu()
	runtime.GC() // for there may have been no other
	return figures{
		perSecond:  n / took.Seconds(),
		cpuPer1000: time.Duration(float64(cpuAfter-cpuBefore) / max(n, 1) * 1000),
		heap:       max(heap, liveHeap()),
	}, err
}

// cpu returns how much of the processors this process has used.
func cpu() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

func liveHeap() float64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}
