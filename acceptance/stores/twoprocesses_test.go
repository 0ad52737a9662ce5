//go:build unix

package stores_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	events   = 1000
	copies   = 5  // deliveries of an event at the same time
	inFlight = 16 // events
	kills    = 5
	share    = events / kills
)

// A trial delivers events to two processes.
type trial struct {
	t      *testing.T
	client *http.Client
	slots  chan struct{} // one for each event in flight

	mu         sync.Mutex
	current    [2]*process
	processes  []*process // also those that were killed
	deliveries int
	pending    map[string]bool // IDs of the runs without a response with 200
	failures   []string        // that no kill explains
}

// runTrial delivers each event several times at the same time. Meanwhile it kills the
// first process and restarts it, several times, each time while the given number of
// handlers are running, or more. Then it redelivers events until all have been
// handled, and checks how often each was handled.
func runTrial(t *testing.T, w worker, handlers int) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: copies * inFlight}
	t.Cleanup(transport.CloseIdleConnections)
	tr := &trial{
		t: t, client: &http.Client{Transport: transport}, slots: make(chan struct{}, inFlight), pending: map[string]bool{},
	}
	for i := range events {
		tr.pending[runID(i)] = true
	}
	tr.start(1, w, nil)
	var delivered sync.WaitGroup
	for kill := range kills {
		first := kill * share
		var victims []string
		for i := range handlers {
			victims = append(victims, runID(first+share/4+kill+i))
		}
		tr.start(0, w, victims)
		killed := tr.current[0]
		delivered.Go(func() { tr.deliverShare(first, killed) })
		killed.kill(t)
	}
	tr.start(0, w, nil)
	delivered.Wait()
	require.Eventually(t, func() bool {
		for runID := range tr.pending {
			tr.deliver(runID, tr.current[tr.deliveries%2])
		}
		return len(tr.pending) == 0
	}, 6*claimTTL, 100*time.Millisecond, "not all events have been handled")
	tr.check(handlers)
}

func runID(i int) string { return fmt.Sprintf("run-%d", i) }

func (tr *trial) start(i int, w worker, victims []string) {
	p := startProcess(tr.t, w, victims)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.current[i] = p
	tr.processes = append(tr.processes, p)
}

func (tr *trial) process(i int) *process {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.current[i]
}

// deliverShare delivers a share of the events.
func (tr *trial) deliverShare(first int, killed *process) {
	var all sync.WaitGroup
	for i := first; i < first+share; i++ {
		tr.slots <- struct{}{}
		all.Go(func() {
			defer func() { <-tr.slots }()
			tr.deliverCopies(i, killed)
		})
	}
	all.Wait()
}

// deliverCopies delivers an event several times at the same time. If it is a victim of
// the process that will be killed, that process gets the first copy.
func (tr *trial) deliverCopies(i int, killed *process) {
	var all sync.WaitGroup
	first := 0
	if waits, isVictim := killed.victims[runID(i)]; isVictim {
		all.Go(func() { tr.deliver(runID(i), killed) })
		<-waits
		first = 1
	}
	for j := first; j < copies; j++ {
		all.Go(func() { tr.deliver(runID(i), tr.process((i+j)%2)) })
	}
	all.Wait()
}

// deliver delivers an event to a process once.
func (tr *trial) deliver(runID string, p *process) {
	tr.mu.Lock()
	tr.deliveries++
	tr.mu.Unlock()
	status, err := tr.post(p.url, `{"event":"run.completed","run_id":"`+runID+`","status":"succeeded"}`)
	isKilled := p.record(runID, status)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch {
	case status == http.StatusOK:
		delete(tr.pending, runID)
	case status == http.StatusConflict: // another delivery is being handled
	case err == nil || !isKilled:
		tr.failures = append(tr.failures, fmt.Sprint(runID, ": ", status, " ", err))
	}
}

func (tr *trial) post(url, body string) (status int, err error) {
	req, err := newDelivery(tr.t.Context(), url, body)
	if err != nil {
		return 0, err
	}
	resp, err := tr.client.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}

// newDelivery returns a signed request.
func newDelivery(ctx context.Context, url, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req.Header.Set("Runflow-Signature", hex.EncodeToString(mac.Sum(nil)))
	return req, nil
}

// check checks that each event was handled again only if the process was killed while
// it handled the event, and logs the figures.
func (tr *trial) check(handlers int) {
	tr.t.Helper()
	assert.Empty(tr.t, tr.failures)
	var once, twice, killed int
	for i := range events {
		runID := runID(i)
		var begun, killedInside int
		for _, p := range tr.processes {
			if p.begun[runID] {
				begun++
				if p.isKilled && !p.handled[runID] {
					killedInside++
				}
			}
		}
		assert.GreaterOrEqual(tr.t, begun, 1, "%s was not handled", runID)
		assert.LessOrEqual(tr.t, begun, 1+killedInside, "%s was handled too often", runID)
		killed += killedInside
		switch begun {
		case 1:
			once++
		case 2:
			twice++
		}
	}
	assert.GreaterOrEqual(tr.t, killed, kills*handlers, "each kill must interrupt the handlers of the victims")
	tr.t.Logf("events %d, deliveries %d, kills %d, handled once %d, handled twice %d, killed in handler %d",
		events, tr.deliveries, kills, once, twice, killed)
}
