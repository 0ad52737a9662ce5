package main

import (
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

const (
	model    = "acme/cat"  // its runs succeed
	workflow = "acme/swap" // its runs fail

	// auditHeader is the header of requests that never fail.
	auditHeader = "X-Soak-Audit"
	// keysHeader is the header of requests whose idempotency key the server
	// recognizes. The server ignores all other keys, because Runflow does not
	// document that it recognizes the keys of single runs.
	keysHeader = "X-Soak-Keys"

	attemptTimeout = 250 * time.Millisecond
	slowDelay      = 400 * time.Millisecond
	expiry         = 10_000 // number of requests after which the links to files expire
)

// A fault is a kind of fault.
type fault struct {
	name   string
	inject runflowtest.Fault
	exempt string       // an HTTP method to which it does not apply
	count  atomic.Int64 // number of requests to which it applied
}

// newFaults returns every kind of fault. Like a real API, the fake API may process
// a request after its client has given up. A late feedback could then be processed
// after the next one, so requests that set feedback are never slow.
func newFaults() []*fault {
	named := func(name string, f runflowtest.Fault) *fault {
		return &fault{name: name, inject: f}
	}
	slow := named("slow", runflowtest.Fault{Delay: slowDelay})
	slow.exempt = http.MethodPatch
	all := []*fault{
		slow,
		named("slow, then 503", runflowtest.Fault{Delay: slowDelay, Status: http.StatusServiceUnavailable}),
		named("429, Retry-After: 1", runflowtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}),
		named("connection lost before processing", runflowtest.Fault{}),
		named("connection lost after processing", runflowtest.Fault{AfterProcessing: true}),
		named("truncated", runflowtest.Fault{Truncate: true}),
	}
	for _, status := range []int{408, 429, 500, 501, 502, 503, 504} {
		all = append(all, named(strconv.Itoa(status), runflowtest.Fault{Status: status}))
	}
	for _, status := range []int{408, 500, 502} {
		all = append(all, named(strconv.Itoa(status)+" after processing", runflowtest.Fault{Status: status, AfterProcessing: true}))
	}
	return all
}

// serveUntilEOF is the child process.
func serveUntilEOF(o options) error {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel(model, runflow.Model{Name: "Cat"})
	server.AddWorkflow(workflow, runflow.ComfyuiWorkflow{Name: "Swap"})
	server.Script(workflow, runflowtest.StepStatus(runflow.RunStatusRunning),
		runflowtest.StepFail("OUT_OF_MEMORY", runflow.FailureStageExecution, "out of memory"))

	var requests atomic.Int64
	server.InjectFault(math.MaxInt, runflowtest.Fault{Match: func(r *http.Request) bool {
		if r.Header.Get(keysHeader) == "" {
			r.Header.Del("Idempotency-Key")
		}
		if requests.Add(1)%expiry == 0 {
			server.ExpireFiles()
		}
		return false // it is not a fault, but is called for each request
	}})
	faults := newFaults()
	dice := &dice{rand: rand.New(rand.NewPCG(o.seed, 0))} //nolint:gosec // not for secrets
	for _, f := range faults {
		f.inject.Match = func(r *http.Request) bool {
			hit := r.Header.Get(auditHeader) == "" && r.Method != f.exempt && dice.roll(o.shareOf(r)/float64(len(faults)))
			if hit {
				f.count.Add(1)
			}
			return hit
		}
		server.InjectFault(math.MaxInt, f.inject)
	}

	output := json.NewEncoder(os.Stdout)
	if err := output.Encode(started{server.URL, server.APIKey, server.UserToken}); err != nil { //nolint:gosec // the secrets of a fake
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	result := stopped{Requests: requests.Load(), Heap: liveHeap()}
	for _, f := range faults {
		result.Faults = append(result.Faults, hits{f.name, f.count.Load()})
	}
	return output.Encode(result)
}

// shareOf returns the share of requests like r that fail. It is higher for
// creations, because there are few of them and their outcomes matter most.
func (o options) shareOf(r *http.Request) float64 {
	if r.Method == http.MethodPost {
		return 5 * o.faults
	}
	return 0.85 * o.faults
}

// A dice is a seeded source of random events. It is safe for concurrent use.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func (d *dice) roll(share float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < share
}
