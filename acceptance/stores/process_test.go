//go:build unix

package stores_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process is a worker from its start until it ends or is killed. Its handlers send
// it requests when they begin and end.
type process struct {
	cmd     *exec.Cmd
	url     string
	victims map[string]chan struct{} // by run ID; closed when the handler of the run waits to be killed

	mu       sync.Mutex
	begun    map[string]bool // IDs of the runs that its handlers have begun to handle
	handled  map[string]bool // IDs of the runs for which it has responded with 200
	isKilled bool
}

// startProcess starts a worker, whose handlers of the victims never end. The worker
// stops when the test closes its stdin or ends.
func startProcess(t *testing.T, w worker, victims []string) *process {
	t.Helper()
	p := &process{victims: map[string]chan struct{}{}, begun: map[string]bool{}, handled: map[string]bool{}}
	for _, runID := range victims {
		p.victims[runID] = make(chan struct{})
	}
	observer := httptest.NewServer(p)
	w.ObserverURL = observer.URL
	config, err := json.Marshal(w)
	require.NoError(t, err)
	p.cmd = exec.CommandContext(t.Context(), os.Args[0])
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(config))
	p.cmd.Stderr = os.Stderr
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = p.cmd.Wait()
		observer.Close()
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	p.url = strings.TrimSpace(url)
	return p
}

// ServeHTTP receives the requests of handlers. Victims wait here: one half of them
// before they write their results, and the others after that.
func (p *process) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	isBegin, runID := r.Method == begin, strings.TrimPrefix(r.URL.Path, "/")
	waitsAtBegin := strings.ContainsAny(runID[len(runID)-1:], "02468")
	if isBegin {
		p.mu.Lock()
		p.begun[runID] = true
		p.mu.Unlock()
	}
	if waits, isVictim := p.victims[runID]; isVictim && isBegin == waitsAtBegin {
		close(waits)
		<-r.Context().Done()
	}
}

// kill kills the process when all of its victims wait.
func (p *process) kill(t *testing.T) {
	t.Helper()
	for runID, waits := range p.victims {
		select {
		case <-waits:
		case <-time.After(2 * time.Minute):
			require.FailNow(t, "a victim does not wait", runID)
		}
	}
	p.mu.Lock()
	p.isKilled = true
	p.mu.Unlock()
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait() // returns an error, because the process was killed
}

// record records the status of a response, and reports whether the process was killed.
func (p *process) record(runID string, status int) (isKilled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if status == http.StatusOK {
		p.handled[runID] = true
	}
	return p.isKilled
}
