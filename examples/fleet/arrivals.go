package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// arrivals are the calls that a server has seen.
type arrivals struct {
	enough chan struct{} // closed once there are as many as wanted
	wanted int

	mu    sync.Mutex
	start time.Time // before the first
	times []time.Time
	of    map[string]int // by worker
}

func newArrivals(wanted int) *arrivals {
	return &arrivals{enough: make(chan struct{}), wanted: wanted, of: map[string]int{}}
}

func (a *arrivals) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start = time.Now()
}

// note remembers a call. It is the Match of a fault that no call meets with.
func (a *arrivals) note(r *http.Request) bool {
	worker, _, _ := strings.Cut(r.UserAgent(), " ")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, time.Now())
	a.of[worker]++
	if len(a.times) == a.wanted {
		close(a.enough)
	}
	return false
}

func (a *arrivals) report(limit redis_rate.Limit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, worker := range slices.Sorted(maps.Keys(a.of)) {
		fmt.Printf("%s made %d calls\n", worker, a.of[worker])
	}
	if n := len(a.times); n > 0 {
		took := a.times[n-1].Sub(a.start).Seconds()
		fmt.Printf("together %d calls in %.2f s, which is %.0f a second; the limit is %s\n", n, took, float64(n)/took, limit)
	}
}

// check returns an error where at any time more calls had come than the limit
// allows. A call comes after it was allowed, never before: however slow the
// machine is, what keeps the limit passes.
func (a *arrivals) check(limit redis_rate.Limit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, at := range a.times {
		since := at.Sub(a.start)
		if allowed := float64(limit.Burst) + float64(limit.Rate)*since.Seconds()/limit.Period.Seconds(); float64(i+1) > allowed {
			return fmt.Errorf("the limit is broken: %d calls within %s, in which it allows %.1f", i+1, since.Round(time.Millisecond), allowed)
		}
	}
	return nil
}
