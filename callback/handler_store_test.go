package callback_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/internal/testing/bubble"
)

// A faultyStore returns its errors, and those of contexts that have ended.
type faultyStore struct {
	callback.Store

	claim, markDone, release error
}

func (s *faultyStore) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	if s.claim != nil {
		return 0, s.claim
	}
	return s.Store.Claim(ctx, claim)
}

func (s *faultyStore) MarkDone(ctx context.Context, claim callback.Claim) error {
	return errors.Join(s.markDone, ctx.Err(), s.Store.MarkDone(ctx, claim))
}

func (s *faultyStore) Release(ctx context.Context, claim callback.Claim) error {
	return errors.Join(s.release, ctx.Err(), s.Store.Release(ctx, claim))
}

func TestVerifier_Handler_StoreFails(t *testing.T) {
	t.Parallel()
	down, failed := errors.New("store down"), errors.New("failed")
	fail := func(context.Context, *callback.Event) error { return failed }
	for name, tc := range map[string]struct {
		store   *faultyStore
		handle  func(context.Context, *callback.Event) error
		status  int
		handled int
		errs    []string
	}{
		"Claim":             {&faultyStore{claim: down}, succeed, 500, 0, []string{"callback: claim event: store down"}},
		"MarkDone":          {&faultyStore{markDone: down}, succeed, 200, 1, []string{"callback: mark event as done: store down"}},
		"Release":           {&faultyStore{release: down}, fail, 500, 1, []string{"failed", "callback: release event: store down"}},
		"Claim and Release": {&faultyStore{claim: down, release: down}, succeed, 500, 0, []string{"callback: claim event: store down", "callback: release event: store down"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.store.Store = &callback.MemoryStore{}
			r := newReceiver(t, tc.handle, callback.WithStore(tc.store))
			status, _ := deliver(t, r.Server, completed)
			assert.Equal(t, tc.status, status)
			assert.Len(t, r.handled(), tc.handled)
			errs := r.reported(t, len(tc.errs))
			for i, want := range tc.errs {
				assert.EqualError(t, errs[i], want)
			}
			assert.ErrorIs(t, errs[len(errs)-1], down)
		})
	}
}

// A stateStore returns a fixed state.
type stateStore struct {
	callback.MemoryStore

	state callback.State
}

func (s *stateStore) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	_, err := s.MemoryStore.Claim(ctx, claim)
	return s.state, err
}

func TestVerifier_Handler_UnknownState(t *testing.T) {
	t.Parallel()
	for state, text := range map[callback.State]string{-1: "-1", 0: "0", callback.Done + 1: "4"} {
		store := &stateStore{state: state}
		r := newReceiver(t, succeed, callback.WithStore(store))
		status, _ := deliver(t, r.Server, completed)
		assert.Equal(t, 500, status)
		assert.Empty(t, r.handled())
		errs := r.reported(t, 1)
		assert.EqualError(t, errs[0], "callback: claim event: unknown state "+text+", want Granted, Held or Done")
		assertState(t, &store.MemoryStore, callback.Granted)
	}
}

// assertState claims the event completed for a new owner and checks the result.
func assertState(t *testing.T, store callback.Store, want callback.State) {
	t.Helper()
	state, err := store.Claim(t.Context(), callback.Claim{Key: "run:run-1:run.completed:succeeded", Owner: "another owner"})
	require.NoError(t, err)
	assert.Equal(t, want, state)
}

// A lossyStore loses the response to the first Claim.
type lossyStore struct {
	callback.MemoryStore

	hasLost atomic.Bool
}

func (s *lossyStore) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	state, err := s.MemoryStore.Claim(ctx, claim)
	if s.hasLost.CompareAndSwap(false, true) {
		return 0, io.ErrUnexpectedEOF
	}
	return state, err
}

func TestVerifier_Handler_ReleasesClaimThatFailed(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed, callback.WithStore(&lossyStore{}))
	for _, want := range []int{500, 200} {
		status, _ := deliver(t, r.Server, completed)
		assert.Equal(t, want, status)
	}
	assert.Len(t, r.handled(), 1)
}

func TestVerifier_Handler_NilStoreAndNilOption(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, succeed, callback.WithStore(&stateStore{state: callback.Held}), callback.WithStore(nil), nil)
	for range 2 {
		status, _ := deliver(t, r.Server, completed)
		assert.Equal(t, 200, status)
	}
	assert.Len(t, r.handled(), 1)
}

// The response is complete, and the claim is released, before the error handler is
// called.
func TestWithErrorHandler_Panics(t *testing.T) {
	t.Parallel()
	down := errors.New("store down")
	for name, tc := range map[string]struct {
		store     *faultyStore
		handleErr error
		signature string
		status    int
		text      string
		state     callback.State
	}{
		"invalid signature": {&faultyStore{}, nil, "", 401, "unauthorized\n", callback.Granted},
		"handle fails":      {&faultyStore{}, down, sign(secret, completed), 500, "internal server error\n", callback.Granted},
		"Claim fails":       {&faultyStore{claim: down}, nil, sign(secret, completed), 500, "internal server error\n", callback.Granted},
		"MarkDone fails":    {&faultyStore{markDone: down}, nil, sign(secret, completed), 200, "ok\n", callback.Done},
		"Release fails":     {&faultyStore{claim: down, release: down}, nil, sign(secret, completed), 500, "internal server error\n", callback.Granted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := &callback.MemoryStore{}
			tc.store.Store = memory
			var panics atomic.Int32
			server := serve(t, newVerifier(t, secret).Handler(
				func(context.Context, *callback.Event) error { return tc.handleErr },
				callback.WithStore(tc.store),
				callback.WithErrorHandler(func(context.Context, error) {
					panics.Add(1)
					panic("mine")
				}),
			))
			status, text := send(t, server, completed, tc.signature)
			assert.Equal(t, tc.status, status)
			assert.Equal(t, tc.text, text)
			server.Close() // waits for the handler
			assert.EqualValues(t, 1, panics.Load())
			assertState(t, memory, tc.state)
		})
	}
}

func TestVerifier_Handler_LateOwnerKeepsNewClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls int
		handler := newVerifier(t, secret).Handler(func(context.Context, *callback.Event) error {
			calls++
			time.Sleep(90 * time.Second)
			return errors.New("failed")
		}, callback.WithStore(&callback.MemoryStore{ClaimTTL: time.Minute}))
		var all sync.WaitGroup
		deliver := func(want int) {
			all.Go(func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, newCallback(t, completed))
				assert.Equal(t, want, w.Code)
			})
			synctest.Wait()
		}
		deliver(500)
		time.Sleep(time.Minute - time.Nanosecond)
		deliver(409)
		time.Sleep(time.Nanosecond)
		deliver(500) // the first claim has expired
		time.Sleep(31 * time.Second)
		deliver(409) // the first owner failed; the second one still has the claim
		all.Wait()
		assert.Equal(t, 2, calls)
	})
}

func TestVerifier_Handler_FullMemoryStore(t *testing.T) {
	t.Parallel()
	store := &callback.MemoryStore{MaxEvents: 1}
	other := callback.Claim{Key: "other", Owner: "x"}
	state, err := store.Claim(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, callback.Granted, state)
	r := newReceiver(t, succeed, callback.WithStore(store))
	status, _ := deliver(t, r.Server, completed)
	assert.Equal(t, 500, status)
	assert.Empty(t, r.handled())

	require.NoError(t, store.MarkDone(t.Context(), other))
	status, _ = deliver(t, r.Server, completed)
	assert.Equal(t, 200, status)
	assert.Len(t, r.handled(), 1)
	r.reported(t, 1)
}

func TestVerifier_Handler_StoreCallsOutliveRequest(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		result error
		state  callback.State
	}{
		"MarkDone": {nil, callback.Done},
		"Release":  {errors.New("failed"), callback.Granted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			store := &faultyStore{Store: &callback.MemoryStore{}}
			handler := newVerifier(t, secret).Handler(func(ctx context.Context, _ *callback.Event) error {
				cancel()
				assert.ErrorIs(t, ctx.Err(), context.Canceled)
				return tc.result
			}, callback.WithStore(store), callback.WithErrorHandler(func(_ context.Context, err error) {
				assert.Equal(t, tc.result, err, "the store reports contexts that have ended")
			}))
			handler.ServeHTTP(httptest.NewRecorder(), newCallback(t, completed).WithContext(ctx))
			assertState(t, store.Store, tc.state)
		})
	}
}

// A hangingStore has methods that return only when their context ends, or when the
// test does.
type hangingStore struct {
	callback.MemoryStore

	hangs   map[string]bool
	stop    chan struct{}
	running atomic.Int32
}

func (s *hangingStore) hang(ctx context.Context, method string) error {
	if !s.hangs[method] {
		return nil
	}
	s.running.Add(1)
	defer s.running.Add(-1)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return errors.New("the test has ended")
	}
}

func (s *hangingStore) Claim(ctx context.Context, claim callback.Claim) (callback.State, error) {
	if err := s.hang(ctx, "Claim"); err != nil {
		return 0, err
	}
	return s.MemoryStore.Claim(ctx, claim)
}

func (s *hangingStore) MarkDone(ctx context.Context, claim callback.Claim) error {
	if err := s.hang(ctx, "MarkDone"); err != nil {
		return err
	}
	return s.MemoryStore.MarkDone(ctx, claim)
}

func (s *hangingStore) Release(ctx context.Context, claim callback.Claim) error {
	if err := s.hang(ctx, "Release"); err != nil {
		return err
	}
	return s.MemoryStore.Release(ctx, claim)
}

// Calls to the store have a time limit, even after the sender has closed the
// connection. Otherwise each delivery could leave a goroutine behind.
func TestVerifier_Handler_StoreHangs(t *testing.T) {
	t.Parallel()
	const deliveries = 50
	for name, tc := range map[string]struct {
		hangs  map[string]bool
		result error
	}{
		"Claim":             {map[string]bool{"Claim": true}, nil},
		"Claim and Release": {map[string]bool{"Claim": true, "Release": true}, nil},
		"MarkDone":          {map[string]bool{"MarkDone": true}, nil},
		"Release":           {map[string]bool{"Release": true}, errors.New("failed")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &hangingStore{hangs: tc.hangs, stop: make(chan struct{})}
				defer close(store.stop)
				var serving atomic.Int32
				handler := newVerifier(t, secret).Handler(func(ctx context.Context, _ *callback.Event) error {
					<-ctx.Done() // until the sender has closed the connection
					return tc.result
				}, callback.WithStore(store))
				transport := bubble.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					serving.Add(1)
					defer serving.Add(-1)
					handler.ServeHTTP(w, r)
				}))

				var senders sync.WaitGroup
				for i := range deliveries {
					senders.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						defer cancel()
						body := strings.Replace(completed, "run-1", "run-"+strconv.Itoa(i), 1)
						req := newRequest(t, body, sign(secret, body)).WithContext(ctx)
						req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", "receiver"
						resp, err := transport.RoundTrip(req)
						if err == nil {
							_ = resp.Body.Close()
						}
						assert.ErrorIs(t, err, context.DeadlineExceeded, "the sender does not wait for the store")
					})
				}
				senders.Wait()
				synctest.Wait()
				if !tc.hangs["Claim"] || tc.hangs["Release"] {
					assert.EqualValues(t, deliveries, store.running.Load(), "calls to the store continue after the sender has closed the connection")
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				assert.Zero(t, store.running.Load(), "calls to the store end after 10 s")
				assert.Zero(t, serving.Load(), "all handlers have returned")
			})
		})
	}
}
