package runflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// course is a run that is in another state at each read; the last one stays. A
// state is a status, a JSON object, or a failing HTTP status.
type course struct {
	mu     sync.Mutex
	states []string
	reads  []time.Time
	query  string
}

func (c *course) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.states[min(len(c.reads), len(c.states)-1)]
	c.reads = append(c.reads, time.Now())
	c.query = r.URL.RawQuery
	var status int
	if _, err := fmt.Sscanf(state, "%d", &status); err == nil {
		w.WriteHeader(status)
		return
	}
	if !strings.HasPrefix(state, "{") {
		state = fmt.Sprintf(`{"id":"run-1","status_code":%q,"cost":"0.0420"}`, state)
	}
	_, _ = io.WriteString(w, state)
}

// gaps returns the times between reads.
func (c *course) gaps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gaps []time.Duration
	for i := 1; i < len(c.reads); i++ {
		gaps = append(gaps, c.reads[i].Sub(c.reads[i-1]))
	}
	return gaps
}

func TestWaitReturnsTheRunThatEnded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		states []string
		status runflow.RunStatus
		err    error
		reads  int
	}{
		"ended already":      {[]string{"succeeded"}, "succeeded", nil, 1},
		"the usual course":   {[]string{"queued", "dispatching", "running", "running", "succeeded"}, "succeeded", nil, 5},
		"failed":             {[]string{"running", "failed"}, "failed", runflow.ErrRunFailed, 2},
		"cancelled":          {[]string{"cancelled"}, "cancelled", runflow.ErrRunCancelled, 1},
		"the other spelling": {[]string{"canceled"}, "cancelled", runflow.ErrRunCancelled, 1},
		"partly succeeded":   {[]string{"partial_succeeded"}, "partial_succeeded", nil, 1},
		"unknown statuses":   {[]string{"warming_up", "{}", "errored", "succeeded"}, "succeeded", nil, 4},
		"failures that pass": {[]string{"503", "500", "429", "running", "502", "succeeded"}, "succeeded", nil, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: tc.states}
				client := inBubble(t, c.ServeHTTP, runflow.WithMaxRetries(0))
				run, err := client.Runs.Wait(t.Context(), "run-1", &runflow.WaitOptions{Embed: []runflow.RunEmbed{runflow.RunEmbedLogs}})
				require.ErrorIs(t, err, tc.err)
				assert.Equal(t, tc.status, run.StatusCode)
				assert.Equal(t, "0.0420", run.Cost.Decimal.StringFixed(4))
				assert.Len(t, c.reads, tc.reads)
				assert.Equal(t, "embed=logs", c.query)
				if tc.err != nil {
					var runErr *runflow.RunError
					require.ErrorAs(t, err, &runErr)
					assert.Same(t, run, runErr.Run)
				}
			})
		})
	}
}

func TestIntervalsGrow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts        *runflow.WaitOptions
		first, last time.Duration
	}{
		"by default":      {nil, time.Second, 10 * time.Second},
		"as asked for":    {&runflow.WaitOptions{MinInterval: 10 * time.Millisecond, MaxInterval: 40 * time.Millisecond}, 10 * time.Millisecond, 40 * time.Millisecond},
		"a long minimum":  {&runflow.WaitOptions{MinInterval: time.Minute}, time.Minute, time.Minute},
		"a short maximum": {&runflow.WaitOptions{MaxInterval: 100 * time.Millisecond}, 100 * time.Millisecond, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: append(strings.Split(strings.Repeat("running ", 20), " ")[:20], "succeeded")}
				_, err := inBubble(t, c.ServeHTTP).Runs.Wait(t.Context(), "run-1", tc.opts)
				require.NoError(t, err)
				gaps := c.gaps()
				assert.GreaterOrEqual(t, gaps[0], tc.first)
				assert.LessOrEqual(t, gaps[0], max(tc.first*12/10, tc.first))
				for _, gap := range gaps {
					assert.GreaterOrEqual(t, gap, tc.first)
					assert.LessOrEqual(t, gap, tc.last)
				}
				assert.GreaterOrEqual(t, gaps[len(gaps)-1], tc.last*9/10)
			})
		})
	}
}

func TestWaitEndsWithItsTime(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		timeout, deadline time.Duration
	}{"its own": {timeout: 25 * time.Second}, "the context's": {deadline: 25 * time.Second}, "the shorter": {timeout: 25 * time.Second, deadline: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: []string{"queued", "running"}}
				client := inBubble(t, c.ServeHTTP)
				ctx := t.Context()
				if tc.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.deadline)
					defer cancel()
				}
				start := time.Now()
				run, err := client.Runs.Wait(ctx, "run-1", &runflow.WaitOptions{Timeout: tc.timeout})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, runflow.RunStatusRunning, run.StatusCode)
				var waitErr *runflow.WaitError
				require.ErrorAs(t, err, &waitErr)
				assert.Equal(t, "run-1", waitErr.RunID)
				assert.Same(t, run, waitErr.Last)
				require.EqualError(t, err, "runflow: waiting for run run-1, last seen running: no time for another read: context deadline exceeded")
				waited := time.Since(start)
				assert.LessOrEqual(t, waited, 25*time.Second)
				assert.Greater(t, waited, 23*time.Second, "the last read is shortly before the end")
			})
		})
	}
}

func TestWaitEndsWhenItIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{"queued"}}
		client := inBubble(t, c.ServeHTTP)
		why := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(4500*time.Millisecond, func() { cancel(why) })
		run, err := client.Runs.Wait(ctx, "run-1", nil)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		assert.Equal(t, 4500*time.Millisecond, time.Since(start))
		assert.Equal(t, runflow.RunStatusQueued, run.StatusCode)
	})
}

func TestWaitGivesUpOnWhatDoesNotPass(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		states    []string
		maxErrors int
		err       error
		reads     int
		text      string
	}{
		"not found":          {[]string{"404"}, 0, runflow.ErrNotFound, 1, "waiting for run run-1, not seen yet: Runs.Get: "},
		"not found later":    {[]string{"running", "404"}, 0, runflow.ErrNotFound, 2, "last seen running"},
		"no token any more":  {[]string{"running", "401"}, 0, runflow.ErrUnauthorized, 2, "last seen running"},
		"an answer of junk":  {[]string{"{"}, 0, nil, 1, "not seen yet"},
		"four in a row":      {[]string{"running", "503"}, 0, runflow.ErrServer, 5, "last seen running"},
		"two in a row":       {[]string{"503"}, 1, runflow.ErrServer, 2, "not seen yet"},
		"none are tolerated": {[]string{"running", "503"}, -1, runflow.ErrServer, 2, "last seen running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: tc.states}
				client := inBubble(t, c.ServeHTTP, runflow.WithMaxRetries(0))
				_, err := client.Runs.Wait(t.Context(), "run-1", &runflow.WaitOptions{MaxErrors: tc.maxErrors})
				var waitErr *runflow.WaitError
				require.ErrorAs(t, err, &waitErr)
				if tc.err != nil {
					require.ErrorIs(t, err, tc.err)
				}
				assert.Len(t, c.reads, tc.reads)
				assert.Contains(t, err.Error(), tc.text)
			})
		})
	}
}

func TestARetryAfterDelaysTheNextRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		client := inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
			if n++; n == 1 {
				w.Header().Set("Retry-After", "60") // above the backoff's maximum
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = io.WriteString(w, `{"status_code":"succeeded"}`)
		})
		start := time.Now()
		_, err := client.Runs.Wait(t.Context(), "run-1", nil)
		require.NoError(t, err)
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestARetryAfterThatIsTooLongEndsTheWait(t *testing.T) {
	t.Parallel()
	server := newAPI(t, http.StatusTooManyRequests, "{}", "Retry-After", "99999999999999999999")
	_, err := server.client(t).Runs.Wait(t.Context(), "run-1", nil)
	require.ErrorIs(t, err, runflow.ErrRateLimited)
	assert.Len(t, server.seen(), 1)
}

func TestWatchYieldsEachChangeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		states := []string{
			"queued", "queued",
			`{"status_code":"running","nodes_total":2,"nodes_completed":0,"output":"https://x/?signature=1"}`,
			`{"status_code":"running","nodes_total":2,"nodes_completed":0,"output":"https://x/?signature=2"}`,
			`{"status_code":"running","nodes_total":2,"nodes_completed":1}`,
			`{"status_code":"running","nodes_total":2,"nodes_completed":1,"logs":[{}]}`,
			"503",
			`{"status_code":"failed","nodes_total":2,"nodes_completed":1}`,
		}
		c := &course{states: states}
		client := inBubble(t, c.ServeHTTP, runflow.WithMaxRetries(0))
		watch := client.Runs.Watch(t.Context(), "run-1", nil)
		assert.Empty(t, c.reads, "nothing is read before it is used")
		var seen []string
		var last error
		for run, err := range watch {
			require.NoError(t, last, "an error is the last")
			done := 0
			if run.NodesCompleted != nil {
				done = *run.NodesCompleted
			}
			seen = append(seen, fmt.Sprintf("%s %d %d", run.StatusCode, done, len(run.Logs)))
			last = err
		}
		assert.Equal(t, []string{"queued 0 0", "running 0 0", "running 1 0", "running 1 1", "failed 1 0"}, seen)
		require.ErrorIs(t, last, runflow.ErrRunFailed)
		assert.Len(t, c.reads, len(states))

		c.states, c.reads = []string{"queued"}, nil
		for _, err := range watch {
			require.NoError(t, err)
			break
		}
		assert.Len(t, c.reads, 1, "it starts again, and stops when nobody looks")
	})
}

func TestWaitRefusesBadOptions(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"status_code":"succeeded"}`)
	client := server.client(t)
	for want, opts := range map[string]runflow.WaitOptions{
		"opts.MinInterval: must not be negative":   {MinInterval: -1},
		"opts.MaxInterval: must not be shorter":    {MinInterval: 2, MaxInterval: 1},
		"opts.MaxInterval: ":                       {MaxInterval: -1},
		"opts.Timeout: must not be negative":       {Timeout: -1},
		"opts.MaxErrors: must not be less than -1": {MaxErrors: -2},
		"opts.Embed[0]: must be a name":            {Embed: []runflow.RunEmbed{","}},
	} {
		run, err := client.Runs.Wait(t.Context(), "1", &opts)
		assert.Nil(t, run)
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		require.ErrorContains(t, err, want)
	}
	_, err := client.Runs.Wait(nil, "1", nil) //nolint:staticcheck // what a nil context gets
	require.ErrorContains(t, err, "ctx: must not be nil")
	_, err = client.Runs.Wait(t.Context(), "a/b", nil)
	require.EqualError(t, err, "runflow: Runs.Wait: runID: must not contain a slash")
	_, err = (*runflow.RunsService)(nil).Wait(t.Context(), "1", nil)
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.Empty(t, server.seen())
}

func TestARunErrorSaysWhy(t *testing.T) {
	t.Parallel()
	run := &runflow.Run{
		ID: "run-1", StatusCode: runflow.RunStatusFailed, FailureCode: "OUT_OF_MEMORY", FailureStageCode: runflow.FailureStageExecution,
		FailureMessage: "line one\nline two", Cost: decimal.NewNullDecimal(decimal.RequireFromString("0.10")),
		Input: runflow.JSON(`"canary"`),
	}
	const want = "runflow: run run-1 failed: OUT_OF_MEMORY in execution: line one line two, cost 0.1"
	err := error(&runflow.RunError{Run: run})
	require.EqualError(t, err, want)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, want, fmt.Sprintf(verb, err))
	}
	data, jsonErr := json.Marshal(map[string]any{"err": err})
	require.NoError(t, jsonErr)
	assert.JSONEq(t, `{"err":"`+want+`"}`, string(data))
	assert.NotErrorIs(t, err, runflow.ErrRunCancelled)
	require.EqualError(t, &runflow.RunError{}, "runflow: the run ended badly")
	assert.NotErrorIs(t, &runflow.RunError{}, runflow.ErrRunFailed)

	waitErr := &runflow.WaitError{RunID: "run-1", Last: run, Err: context.Canceled}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "runflow: waiting for run run-1, last seen failed: context canceled", fmt.Sprintf(verb, waitErr))
	}
	text, _ := waitErr.MarshalText()
	assert.NotContains(t, string(text), "canary")
}
