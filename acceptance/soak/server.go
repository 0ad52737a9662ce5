package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

const (
	model    = "acme/cat"  // whose runs succeed
	workflow = "acme/swap" // whose runs fail

	// auditHeader spares a request from faults.
	auditHeader = "X-Soak-Audit"
	// keysHeader says that the API honours the request's idempotency key. That it
	// does is documented of no single run, so that it ignores those of others.
	keysHeader = "X-Soak-Keys"

	attemptTimeout = 250 * time.Millisecond
	tooLong        = 400 * time.Millisecond
	expiry         = 10_000 // requests after which the links to files expire
)

// served is what the server tells when it ends.
type served struct {
	Requests int64  `json:"requests"`
	Faults   []met  `json:"faults"`
	Heap     uint64 `json:"heap"` // bytes
}

// met says how many requests met with a fault.
type met struct {
	Fault string `json:"fault"`
	Times int64  `json:"times"`
}

// misfortune is a kind of fault, and how often it was met with.
type misfortune struct {
	met

	fault  runflowtest.Fault
	spares string // a method
}

// misfortunes returns every kind of fault. Where a client gives up on a request,
// the fake carries it out nevertheless, and so might an API: for a dispatch that
// does no harm, but a rating might arrive after the next one. So what is too
// slow never rates.
func misfortunes() []*misfortune {
	named := func(name string, f runflowtest.Fault) *misfortune {
		return &misfortune{met: met{Fault: name}, fault: f}
	}
	slow := named("too slow", runflowtest.Fault{Delay: tooLong})
	slow.spares = http.MethodPatch
	all := []*misfortune{
		slow,
		named("too slow, and nothing done", runflowtest.Fault{Delay: tooLong, Status: http.StatusServiceUnavailable}),
		named("429, wait for 1 s", runflowtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}),
		named("dropped before the work", runflowtest.Fault{}),
		named("dropped after the work", runflowtest.Fault{AfterWork: true}),
		named("truncated", runflowtest.Fault{Truncate: true}),
	}
	for _, status := range []int{429, 500, 501, 502, 503, 504} {
		all = append(all, named(strconv.Itoa(status), runflowtest.Fault{Status: status}))
	}
	for _, status := range []int{500, 502} {
		all = append(all, named(strconv.Itoa(status)+" after the work", runflowtest.Fault{Status: status, AfterWork: true}))
	}
	return all
}

// serveUntilEOF is the child: it prints where it serves, and at the end of stdin
// what came of it.
func serveUntilEOF(o options) error {
	server := runflowtest.NewServer()
	defer server.Close()
	server.AddModel(model, runflow.Model{Name: "Cat"})
	server.AddWorkflow(workflow, runflow.ComfyuiWorkflow{Name: "Swap"})
	server.Script(workflow, runflowtest.Status(runflow.RunStatusRunning),
		runflowtest.Fail("OUT_OF_MEMORY", runflow.FailureStageExecution, "out of memory"))

	var requests atomic.Int64
	server.Fail(math.MaxInt, runflowtest.Fault{Match: func(r *http.Request) bool {
		if r.Header.Get(keysHeader) == "" {
			r.Header.Del("Idempotency-Key")
		}
		if requests.Add(1)%expiry == 0 {
			server.ExpireFiles()
		}
		return false
	}})
	kinds := misfortunes()
	dice := &dice{rand: rand.New(rand.NewPCG(o.seed, 0))} //nolint:gosec // a soak needs no secrecy
	for _, kind := range kinds {
		kind.fault.Match = func(r *http.Request) bool {
			hit := r.Header.Get(auditHeader) == "" && r.Method != kind.spares && dice.roll(o.shareOf(r)/float64(len(kinds)))
			if hit {
				atomic.AddInt64(&kind.Times, 1)
			}
			return hit
		}
		server.Fail(math.MaxInt, kind.fault)
	}

	if _, err := fmt.Fprintln(os.Stdout, server.URL); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	report := served{Requests: requests.Load(), Heap: liveHeap()}
	for _, kind := range kinds {
		report.Faults = append(report.Faults, met{kind.Fault, atomic.LoadInt64(&kind.Times)})
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// shareOf returns which share of requests such as r meet with a fault. There are
// few dispatches, of which it matters most, so that they meet with more; the
// others meet with less, which makes it the share that was asked for.
func (o options) shareOf(r *http.Request) float64 {
	if r.Method == http.MethodPost {
		return 5 * o.faults
	}
	return 0.85 * o.faults
}

// dice falls by a seed, for many goroutines.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func (d *dice) roll(share float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < share
}

// child is the process that serves, so that the memory and the goroutines of
// this one are those of the SDK.
type child struct {
	url    string
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

func startChild(o options) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(context.Background(), program, "-serve", //nolint:gosec // itself
		"-faults", strconv.FormatFloat(o.faults, 'g', -1, 64), "-seed", strconv.FormatUint(o.seed, 10))}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.stdout = bufio.NewReader(stdout)
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		_, _ = c.end()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	c.url = strings.TrimSpace(line)
	return c, nil
}

// end ends the child, and with it all connections to it.
func (c *child) end() (served, error) {
	var report served
	_ = c.stdin.Close()
	err := json.NewDecoder(c.stdout).Decode(&report)
	if ended := c.cmd.Wait(); ended != nil {
		err = ended
	}
	return report, err
}

// liveHeap returns how many bytes are in use, when what is in pools and to be
// finalized is gone.
func liveHeap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
