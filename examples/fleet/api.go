package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

const runID = "run-1"

// api serves the endpoint for feedback, and records when each call arrives.
type api struct {
	done  chan struct{} // closed when calls have arrived
	calls int

	mu       sync.Mutex
	start    time.Time // before the first call
	arrivals []time.Time
	byWorker map[string]int // number of calls
}

func newAPI(calls int) *api {
	return &api{done: make(chan struct{}), calls: calls, byWorker: map[string]int{}}
}

// begin sets the time from which the limit is checked.
func (a *api) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start = time.Now()
}

// ServeHTTP implements [http.Handler].
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	worker, _, _ := strings.Cut(r.UserAgent(), " ")
	a.record(worker)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"`+runID+`","feedback_is_positive":true}`)
}

func (a *api) record(worker string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arrivals = append(a.arrivals, time.Now())
	a.byWorker[worker]++
	if len(a.arrivals) == a.calls {
		close(a.done)
	}
}

func (a *api) report(limit redis_rate.Limit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, worker := range slices.Sorted(maps.Keys(a.byWorker)) {
		fmt.Printf("%s: %d calls\n", worker, a.byWorker[worker])
	}
	if n := len(a.arrivals); n > 0 {
		seconds := a.arrivals[n-1].Sub(a.start).Seconds()
		fmt.Printf("total: %d calls in %.2f s, %.0f per second; the limit is %s\n", n, seconds, float64(n)/seconds, limit)
	}
}

// check returns an error if at any time more calls had arrived than the limit
// allows. A slow machine cannot make it fail: a call arrives after the limiter has
// allowed it, never before.
func (a *api) check(limit redis_rate.Limit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, at := range a.arrivals {
		elapsed := at.Sub(a.start)
		allowed := float64(limit.Burst) + float64(limit.Rate)*elapsed.Seconds()/limit.Period.Seconds()
		if float64(i+1) > allowed {
			return fmt.Errorf("limit exceeded: %d calls within %s, want at most %d", i+1, elapsed.Round(time.Millisecond), int(allowed))
		}
	}
	return nil
}
