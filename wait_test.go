package runflow_test

import (
	"context"
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

// A course serves a run that has the next state at each poll. At further polls it
// has the last state. A state is the status of a run, a JSON object, or an HTTP
// status of an error.
type course struct {
	mu     sync.Mutex
	states []string
	polls  []time.Time
	query  string
}

func (c *course) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.states[min(len(c.polls), len(c.states)-1)]
	c.polls = append(c.polls, time.Now())
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

// gaps returns the times between successive polls.
func (c *course) gaps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gaps []time.Duration
	for i := 1; i < len(c.polls); i++ {
		gaps = append(gaps, c.polls[i].Sub(c.polls[i-1]))
	}
	return gaps
}

func TestRunsService_Wait(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		states []string
		status runflow.RunStatus
		err    error
		polls  int
	}{
		"ended":                   {[]string{"succeeded"}, "succeeded", nil, 1},
		"usual course":            {[]string{"queued", "dispatching", "running", "running", "succeeded"}, "succeeded", nil, 5},
		"failed":                  {[]string{"running", "failed"}, "failed", runflow.ErrRunFailed, 2},
		"cancelled":               {[]string{"cancelled"}, "cancelled", runflow.ErrRunCancelled, 1},
		"canceled":                {[]string{"canceled"}, "cancelled", runflow.ErrRunCancelled, 1},
		"partial_succeeded":       {[]string{"partial_succeeded"}, "partial_succeeded", nil, 1},
		"unknown statuses":        {[]string{"warming_up", `{"id":"run-1"}`, "errored", "succeeded"}, "succeeded", nil, 4},
		"temporary errors":        {[]string{"503", "500", "429", "408", "running", "502", "succeeded"}, "succeeded", nil, 7},
		"responses without an ID": {[]string{"{}", `{"code":"OOPS"}`, "succeeded"}, "succeeded", nil, 3},
		"malformed response":      {[]string{`{"id":`, "succeeded"}, "succeeded", nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: tc.states}
				run, err := inBubble(t, c.ServeHTTP).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{Embed: []runflow.RunEmbed{runflow.RunEmbedLogs}})
				require.ErrorIs(t, err, tc.err)
				assert.Equal(t, tc.status, run.StatusCode)
				assert.Equal(t, "0.042", run.Cost.Decimal.String())
				assert.Len(t, c.polls, tc.polls)
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

func TestRunsService_Wait_Fields(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1","status_code":"succeeded"}`)
	_, err := server.client(t).Runs.Wait(t.Context(), "1", runflow.WaitRunParams{Fields: []string{"cost", "id"}})
	require.NoError(t, err)
	assert.Equal(t, "/v1/runs/1?fields=cost%2Cid%2Cstatus_code%2Cfailure_code%2Cfailure_message%2Cfailure_stage_code%2Cnodes_completed", server.only(t).URI)
}

func TestRunsService_Wait_Intervals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		params      runflow.WaitRunParams
		first, last time.Duration
	}{
		"default":       {runflow.WaitRunParams{}, time.Second, 10 * time.Second},
		"own":           {runflow.WaitRunParams{MinInterval: 200 * time.Millisecond, MaxInterval: 400 * time.Millisecond}, 200 * time.Millisecond, 400 * time.Millisecond},
		"long minimum":  {runflow.WaitRunParams{MinInterval: time.Minute}, time.Minute, time.Minute},
		"short maximum": {runflow.WaitRunParams{MaxInterval: 150 * time.Millisecond}, 150 * time.Millisecond, 150 * time.Millisecond},
		"clamped":       {runflow.WaitRunParams{MinInterval: 1, MaxInterval: 2}, 100 * time.Millisecond, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: append(strings.Split(strings.Repeat("running ", 20), " ")[:20], "succeeded")}
				_, err := inBubble(t, c.ServeHTTP).Runs.Wait(t.Context(), "run-1", tc.params)
				require.NoError(t, err)
				gaps := c.gaps()
				assert.LessOrEqual(t, gaps[0], tc.first*12/10)
				for _, gap := range gaps {
					assert.GreaterOrEqual(t, gap, tc.first)
					assert.LessOrEqual(t, gap, tc.last)
				}
				assert.GreaterOrEqual(t, gaps[len(gaps)-1], tc.last*9/10)
			})
		})
	}
}

func TestRunsService_Wait_UsesItsTimeToTheEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		params   runflow.WaitRunParams
		deadline time.Duration
		want     time.Duration
	}{
		"timeout":                   {runflow.WaitRunParams{Timeout: 25 * time.Second}, 0, 25 * time.Second},
		"deadline of the context":   {runflow.WaitRunParams{}, 25 * time.Second, 25 * time.Second},
		"the shorter one":           {runflow.WaitRunParams{Timeout: 25 * time.Second}, time.Hour, 25 * time.Second},
		"less than two intervals":   {runflow.WaitRunParams{Timeout: 4500 * time.Millisecond, MinInterval: 3 * time.Second}, 0, 4500 * time.Millisecond},
		"less than one interval":    {runflow.WaitRunParams{Timeout: 2 * time.Second, MinInterval: time.Minute}, 0, 2 * time.Second},
		"less than a poll's margin": {runflow.WaitRunParams{Timeout: 50 * time.Millisecond}, 0, 50 * time.Millisecond},
	} {
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
				run, err := client.Runs.Wait(ctx, "run-1", tc.params)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, tc.want, time.Since(start))
				require.NotNil(t, run)
				var waitErr *runflow.WaitError
				require.ErrorAs(t, err, &waitErr)
				assert.Equal(t, runflow.WaitError{Operation: "Runs.Wait", ID: "run-1", Status: string(run.StatusCode), Err: context.DeadlineExceeded}, *waitErr)
				require.EqualError(t, err, "runflow: Runs.Wait: wait for run-1 ended, last status "+string(run.StatusCode)+": context deadline exceeded")
				if tc.want > time.Second {
					last := c.polls[len(c.polls)-1].Sub(start)
					assert.Greater(t, last, tc.want-time.Second, "the last poll is shortly before the end")
				}
			})
		})
	}
}

func TestRunsService_Wait_Cancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{"queued"}}
		client := inBubble(t, c.ServeHTTP)
		why := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(4500*time.Millisecond, func() { cancel(why) })
		run, err := client.Runs.Wait(ctx, "run-1", runflow.WaitRunParams{})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		assert.Equal(t, 4500*time.Millisecond, time.Since(start))
		assert.Equal(t, runflow.RunStatusQueued, run.StatusCode)
	})
}

func TestRunsService_Wait_PermanentError(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		states  []string
		timeout time.Duration
		err     error
		polls   int
		text    string
	}{
		"not found":                    {[]string{"404"}, 0, runflow.ErrNotFound, 1, "runflow: Runs.Wait: wait for run-1 ended: runflow: Runs.Get: "},
		"not found later":              {[]string{"running", "404"}, 0, runflow.ErrNotFound, 2, "last status running"},
		"token is no longer valid":     {[]string{"running", "401"}, 0, runflow.ErrUnauthorized, 2, "last status running"},
		"not implemented":              {[]string{"501"}, 0, runflow.ErrServer, 1, "ended: "},
		"no error is tolerated":        {[]string{"running", "503"}, -1, runflow.ErrServer, 2, "last status running"},
		"no odd response is tolerated": {[]string{"{}"}, -1, nil, 1, "id: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: tc.states}
				run, err := inBubble(t, c.ServeHTTP).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{ErrorTimeout: tc.timeout})
				var waitErr *runflow.WaitError
				require.ErrorAs(t, err, &waitErr)
				if tc.err != nil {
					require.ErrorIs(t, err, tc.err)
				}
				assert.Len(t, c.polls, tc.polls)
				assert.Contains(t, err.Error(), tc.text)
				assert.Equal(t, tc.polls > 1, run != nil, "the run is returned if a poll has succeeded")
				info, ok := runflow.CallInfoOf(err)
				require.True(t, ok)
				assert.Equal(t, "Runs.Wait", info.Operation)
				assert.Equal(t, "/v1/runs/{run_id}", info.Route)
			})
		})
	}
}

func TestRunsService_Wait_ErrorTimeout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ timeout, want time.Duration }{
		"default": {0, 5 * time.Minute}, "own": {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &course{states: []string{"running", "503"}}
				_, err := inBubble(t, c.ServeHTTP).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{ErrorTimeout: tc.timeout})
				require.ErrorIs(t, err, runflow.ErrServer)
				assert.Equal(t, tc.want, c.polls[len(c.polls)-1].Sub(c.polls[1]), "polls fail for as long")
			})
		})
	}
}

// An outage must neither end the waits of a backend nor multiply their load.
func TestRunsService_Wait_Outage(t *testing.T) {
	t.Parallel()
	const waits, outage = 200, time.Minute
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		start := time.Now()
		during := 0
		client := inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
			now := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case now < 5*time.Second:
				_, _ = io.WriteString(w, `{"id":"run-1","status_code":"running"}`)
			case now < 5*time.Second+outage:
				during++
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				_, _ = io.WriteString(w, `{"id":"run-1","status_code":"succeeded"}`)
			}
		})
		const interval = 5 * time.Second
		var workers sync.WaitGroup
		for range waits {
			workers.Go(func() {
				run, err := client.Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{MinInterval: interval, MaxInterval: interval})
				assert.NoError(t, err)
				assert.Equal(t, runflow.RunStatusSucceeded, run.StatusCode)
			})
		}
		workers.Wait()
		assert.LessOrEqual(t, during, waits*int(outage/interval), "at most one poll per wait and interval")
		assert.Greater(t, during, waits*int(outage/interval)/2)
	})
}

func TestRunsService_Wait_TokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{"running", "succeeded"}}
		client := inBubble(t, c.ServeHTTP)
		n := 0
		start := time.Now()
		_, err := client.Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{}, runflow.WithAttemptTimeout(3*time.Second),
			runflow.WithTokenSource(func(ctx context.Context) (string, error) {
				switch n++; n {
				case 2:
					return "", errors.New("vault is sealed")
				case 3:
					<-ctx.Done() // hangs
					return "", ctx.Err()
				}
				return "token", nil
			}))
		require.NoError(t, err, "neither a failure nor a hanging call of the token source ends a wait")
		assert.Equal(t, 4, n)
		assert.Less(t, time.Since(start), 12*time.Second)
	})
}

func TestRunsService_Wait_RateLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &course{states: []string{"running", "succeeded"}}
		n := 0
		client, err := inBubble(t, c.ServeHTTP).With(runflow.WithRateLimiter(limiter(func(context.Context) error {
			if n++; n == 2 {
				return errors.New("the limiter is unavailable")
			}
			return nil
		})))
		require.NoError(t, err)
		run, err := client.Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{})
		require.NoError(t, err, "one failure of the rate limiter does not end a wait")
		assert.Equal(t, runflow.RunStatusSucceeded, run.StatusCode)
		assert.Equal(t, 3, n)
	})
}

func TestRunsService_Wait_RetryAfter(t *testing.T) {
	t.Parallel()
	limitedOnce := func() http.HandlerFunc {
		n := 0
		return func(w http.ResponseWriter, _ *http.Request) {
			if n++; n == 1 {
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = io.WriteString(w, `{"id":"run-1","status_code":"succeeded"}`)
		}
	}
	t.Run("above the interval", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := inBubble(t, limitedOnce()).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{})
			require.NoError(t, err)
			assert.Equal(t, time.Minute, time.Since(start))
		})
	})
	t.Run("beyond the end of the wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := inBubble(t, limitedOnce()).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{Timeout: 30 * time.Second})
			require.ErrorIs(t, err, context.DeadlineExceeded, "no poll before the time that the API asked for")
			require.ErrorIs(t, err, runflow.ErrRateLimited, "the last poll is part of the error")
			assert.Equal(t, 30*time.Second, time.Since(start))
		})
	})
	t.Run("beyond the error timeout", func(t *testing.T) {
		t.Parallel()
		server := newAPI(t, http.StatusTooManyRequests, "{}", "Retry-After", "99999999999999999999")
		_, err := server.client(t).Runs.Wait(t.Context(), "run-1", runflow.WaitRunParams{})
		require.ErrorIs(t, err, runflow.ErrRateLimited)
		assert.Len(t, server.seen(), 1)
	})
}

func TestRunsService_Watch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		states := []string{
			"queued", "queued",
			`{"id":"1","status_code":"running","nodes_total":2,"nodes_completed":0,"output":"https://x/?signature=1"}`,
			`{"id":"1","status_code":"running","nodes_total":2,"nodes_completed":0,"output":"https://x/?signature=2"}`,
			`{"id":"1","status_code":"running","nodes_total":2,"nodes_completed":1}`,
			`{"id":"1","status_code":"running","nodes_total":2,"nodes_completed":1,"logs":[{}]}`,
			"503",
			`{"id":"1","status_code":"failed","nodes_total":2,"nodes_completed":1}`,
		}
		c := &course{states: states}
		watch := inBubble(t, c.ServeHTTP).Runs.Watch(t.Context(), "run-1", runflow.WaitRunParams{})
		assert.Empty(t, c.polls, "no poll before the iterator is used")
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
		assert.Len(t, c.polls, len(states))

		c.states, c.polls = []string{"queued"}, nil
		for _, err := range watch {
			require.NoError(t, err)
			break
		}
		assert.Len(t, c.polls, 1, "a second use starts from the beginning, and ends with the loop")
	})
}

func TestRunsService_Wait_BadArguments(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"id":"1","status_code":"succeeded"}`)
	client := server.client(t, runflow.WithMaxRetries(3))
	for want, params := range map[string]runflow.WaitRunParams{
		"params.MinInterval: must not be negative": {MinInterval: -1},
		"params.MaxInterval: must not be shorter":  {MinInterval: 2, MaxInterval: 1},
		"params.MaxInterval: ":                     {MaxInterval: -1},
		"params.Timeout: must not be negative":     {Timeout: -1},
		"params.Embed[0]: must be a name":          {Embed: []runflow.RunEmbed{","}},
		"params.Fields[0]: must be a name":         {Fields: []string{","}},
	} {
		run, err := client.Runs.Wait(t.Context(), "1", params)
		assert.Nil(t, run)
		require.ErrorIs(t, err, runflow.ErrInvalidArgument)
		require.ErrorContains(t, err, "runflow: Runs.Wait: "+want)
	}
	for want, opt := range map[string]runflow.CallOption{
		"WithMaxRetries: must not be given to a wait":   runflow.WithMaxRetries(1),
		"WithRetryBackoff: must not be given to a wait": runflow.WithRetryBackoff(1, 1),
		"WithIdempotencyKey: must not be given to an":   runflow.WithIdempotencyKey("k"),
	} {
		_, err := client.Runs.Wait(t.Context(), "1", runflow.WaitRunParams{}, opt)
		require.ErrorContains(t, err, "runflow: Runs.Wait: "+want)
	}
	_, err := client.Runs.Wait(nil, "1", runflow.WaitRunParams{}) //nolint:staticcheck // a nil context must not panic
	require.ErrorContains(t, err, "ctx: must not be nil")
	_, err = client.Runs.Wait(t.Context(), "a/b", runflow.WaitRunParams{})
	require.EqualError(t, err, "runflow: Runs.Wait: runID: must not contain a slash")
	_, err = (*runflow.RunsService)(nil).Wait(t.Context(), "1", runflow.WaitRunParams{})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	assert.Empty(t, server.seen())
	_, err = client.Runs.Wait(t.Context(), "1", runflow.WaitRunParams{})
	require.NoError(t, err, "retry options of the client are allowed")
}

func TestRunError_Error(t *testing.T) {
	t.Parallel()
	run := &runflow.Run{
		ID: "run-1", StatusCode: runflow.RunStatusFailed, FailureCode: "OUT_OF_MEMORY", FailureStageCode: runflow.FailureStageExecution,
		FailureMessage: "line one\nline two https://x/?signature=canary", Cost: decimal.NewNullDecimal(decimal.RequireFromString("0.10")),
		Input: runflow.JSON(`"canary"`),
	}
	const want = "runflow: run run-1 failed: OUT_OF_MEMORY in execution: line one line two https://x/?[redacted], cost 0.1"
	err := error(&runflow.RunError{Run: run})
	for _, verb := range []string{"%v", "%+v", "%s"} {
		assert.Equal(t, want, fmt.Sprintf(verb, err))
	}
	assert.NotErrorIs(t, err, runflow.ErrRunCancelled)
	require.EqualError(t, &runflow.RunError{}, "runflow: the run failed")
	assert.NotErrorIs(t, &runflow.RunError{}, runflow.ErrRunFailed)
}

// The text of a foreign status or cause must not forge a log line or leak a URL.
func TestWaitError_Error(t *testing.T) {
	t.Parallel()
	err := &runflow.WaitError{
		Operation: "Runs.Wait", ID: "run\n1", Status: "run\x1b[31mning\r\nhttps://x/?signature=canary",
		Err: fmt.Errorf("%w: stopped\nby https://y/?key=canary", context.Canceled),
	}
	assert.Equal(t, "runflow: Runs.Wait: wait for run 1 ended, last status run [31mning https://x/?[redacted]: context canceled: stopped by https://y/?[redacted]", err.Error())
}
