package callback_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
)

// A receiver is a server with a callback handler. It records events and errors.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	events []string
	errs   []error
}

func newReceiver(t *testing.T, handle func(context.Context, *callback.Event) error, opts ...callback.Option) *receiver {
	t.Helper()
	r := &receiver{}
	verifier := newVerifier(t, secret)
	verifier.MaxBodyBytes = 4 << 10
	handler := verifier.Handler(func(ctx context.Context, event *callback.Event) error {
		r.mu.Lock()
		r.events = append(r.events, event.Event+" "+event.RunID+event.BatchID)
		r.mu.Unlock()
		return handle(ctx, event)
	}, append(opts, nil, callback.WithErrorHandler(func(_ context.Context, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}))...)
	r.Server = serve(t, handler)
	return r
}

// serve serves a handler, which may panic, until the test ends.
func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// handled returns the events that have been passed to the handling function.
func (r *receiver) handled() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.events...)
}

// reported returns n errors, for which it waits: they are reported after the
// response.
func (r *receiver) reported(t *testing.T, n int) []error {
	t.Helper()
	r.Close() // waits for the handlers
	require.Len(t, r.errs, n)
	return r.errs
}

// deliver delivers a signed callback and returns the response.
func deliver(t *testing.T, server *httptest.Server, body string) (status int, text string) {
	t.Helper()
	return send(t, server, body, sign(secret, body))
}

func send(t *testing.T, server *httptest.Server, body, signature string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Runflow-Signature", signature)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err, "the response must be complete")
	return resp.StatusCode, string(data)
}

func succeed(context.Context, *callback.Event) error { return nil }

func TestVerifier_Handler_OncePerEvent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed)
	const (
		running   = `{"event":"run.updated","run_id":"run-1","status":"running"}`
		succeeded = `{"event":"run.updated","run_id":"run-1","status":"succeeded"}`
		failed    = `{"event":"run.failed","run_id":"run-1"}`
		batch     = `{"event":"run.completed","batch_id":"run-1"}`
		unknown   = `{"event":"news"}`
	)
	for range 3 {
		for _, body := range []string{running, succeeded, completed, failed, batch, unknown, completed + "\n", batch + "\n"} {
			status, text := deliver(t, r.Server, body)
			assert.Equal(t, 200, status)
			assert.Equal(t, "ok\n", text)
		}
	}
	assert.Equal(t, []string{"run.updated run-1", "run.updated run-1", "run.completed run-1", "run.failed run-1", "run.completed run-1", "news "}, r.handled())
	r.reported(t, 0)
}

func TestVerifier_Handler_OddMemberIsDelivered(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed)
	for _, body := range []string{
		`{"event":"run.completed","run_id":"a","duration_ms":1234.5}`,
		`{"event":"run.completed","run_id":"b","created_at":""}`,
		`{"event":"run.completed","run_id":"c","status":7}`,
	} {
		status, _ := deliver(t, r.Server, body)
		assert.Equal(t, 200, status, body)
	}
	status, _ := deliver(t, r.Server, `{"event":"run.completed","run_id":4}`)
	assert.Equal(t, 400, status)
	assert.Equal(t, []string{"run.completed a", "run.completed b", "run.completed c"}, r.handled())
	r.reported(t, 1)
}

func TestVerifier_Handler_ConcurrentDeliveries(t *testing.T) {
	t.Parallel()
	conflicts := make(chan struct{}, 63)
	r := newReceiver(t, func(context.Context, *callback.Event) error {
		for range cap(conflicts) { // until all other deliveries have a response
			<-conflicts
		}
		return nil
	})
	count := map[int]int{}
	var (
		mu  sync.Mutex
		all sync.WaitGroup
	)
	for range 64 {
		all.Go(func() {
			status, _ := deliver(t, r.Server, completed)
			if status == http.StatusConflict {
				conflicts <- struct{}{}
			}
			mu.Lock()
			defer mu.Unlock()
			count[status]++
		})
	}
	all.Wait()
	assert.Equal(t, map[int]int{200: 1, 409: 63}, count)
	assert.Len(t, r.handled(), 1)
}

func TestVerifier_Handler_RedeliveryAfterFailure(t *testing.T) {
	t.Parallel()
	failure := errors.New("canary: database down")
	for name, tc := range map[string]struct {
		fail func() error
		errs []error
	}{
		"error":  {func() error { return failure }, []error{failure, failure}},
		"panic":  {func() error { panic("canary") }, nil},
		"Goexit": {func() error { runtime.Goexit(); return nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			r := newReceiver(t, func(context.Context, *callback.Event) error {
				if calls.Add(1) < 3 {
					return tc.fail()
				}
				return nil
			})
			for _, want := range []int{500, 500, 200, 200} {
				status, text := deliver(t, r.Server, completed)
				assert.Equal(t, want, status)
				assert.NotContains(t, text, "canary")
			}
			assert.Len(t, r.handled(), 3)
			assert.Equal(t, tc.errs, r.reported(t, len(tc.errs)))
		})
	}
}

func TestVerifier_Handler_PanicContinues(t *testing.T) {
	t.Parallel()
	handler := newVerifier(t, secret).Handler(func(context.Context, *callback.Event) error { panic("mine") })
	w := httptest.NewRecorder()
	assert.PanicsWithValue(t, "mine", func() { handler.ServeHTTP(w, newCallback(t, completed)) })
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "close", w.Header().Get("Connection"), "the server closes the connection after a panic")
}

func TestVerifier_Handler_InvalidRequest(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed)
	status, text := send(t, r.Server, completed, sign("canary", completed))
	assert.Equal(t, 401, status)
	assert.Equal(t, "unauthorized\n", text)
	status, text = deliver(t, r.Server, "canary")
	assert.Equal(t, 400, status)
	assert.Equal(t, "bad request\n", text)
	status, text = deliver(t, r.Server, strings.Repeat("canary", 1<<10))
	assert.Equal(t, 413, status)
	assert.Equal(t, "request entity too large\n", text)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL, http.NoBody)
	require.NoError(t, err)
	resp, err := r.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 405, resp.StatusCode)
	assert.Equal(t, "POST", resp.Header.Get("Allow"))

	assert.Empty(t, r.handled())
	errs := r.reported(t, 4)
	require.ErrorIs(t, errs[0], callback.ErrInvalidSignature)
	require.ErrorIs(t, errs[2], callback.ErrTooLarge)
}

func TestVerifier_Handler_NilFunction(t *testing.T) {
	t.Parallel()
	var errs []error
	store := &callback.MemoryStore{}
	handler := newVerifier(t, secret).Handler(nil, callback.WithStore(store),
		callback.WithErrorHandler(func(_ context.Context, err error) { errs = append(errs, err) }))
	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, newCallback(t, completed))
		assert.Equal(t, 500, w.Code)
	}
	require.Len(t, errs, 2)
	require.EqualError(t, errs[1], "callback: the function that handles events is nil")
	assertState(t, store, callback.Granted)
}

func TestVerifier_Handler_NilVerifier(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	(*callback.Verifier)(nil).Handler(succeed).ServeHTTP(w, newRequest(t, completed, sign("", completed)))
	assert.Equal(t, 401, w.Code)
}

// Neither a response nor a log record nor a reported error quotes a callback.
func TestVerifier_Handler_RevealsNoSecret(t *testing.T) {
	t.Parallel()
	var (
		mu  sync.Mutex
		out strings.Builder
	)
	record := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		out.WriteString(text)
	}
	verifier := newVerifier(t, "canary-secret")
	verifier.MaxBodyBytes = 4 << 10
	server := httptest.NewUnstartedServer(verifier.Handler(
		func(context.Context, *callback.Event) error { panic("text of the caller") },
		callback.WithErrorHandler(func(_ context.Context, err error) {
			for ; err != nil; err = errors.Unwrap(err) {
				record(printed(err))
			}
		}),
	))
	server.Config.ErrorLog = log.New(writerFunc(record), "", 0)
	server.Start()
	t.Cleanup(server.Close)
	for _, body := range []string{
		`{"event":"run.succeeded","run_id":"canary","status":"succeeded","output":"canary"}`,
		`{"event":"canary`,
		`{"run_id":{"canary":"canary"}}`,
		strings.Repeat("canary", 1<<10),
		`canary`,
	} {
		for _, signature := range []string{"", "sha256=canary", sign("canary-secret", body)} {
			_, text := send(t, server, body, signature)
			record(text)
		}
	}
	server.Close()
	assert.Contains(t, out.String(), "text of the caller")
	assert.Contains(t, out.String(), "run_id: want a string")
	assertNoCanary(t, out.String())
}

type writerFunc func(string)

func (w writerFunc) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}
