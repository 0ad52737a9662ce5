package callback

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Option configures [Verifier.Handler].
type Option func(*handler)

// WithStore sets the store that remembers which events have been handled. If store
// is nil, and by default, the handler uses a new [MemoryStore].
func WithStore(store Store) Option {
	return func(h *handler) { h.store = store }
}

// WithErrorHandler sets a function that is called with each error: if a request is
// not a valid callback, if the store fails, and if the function that handles events
// fails. It is called after the response has been sent. By default errors are
// discarded.
func WithErrorHandler(handle func(context.Context, error)) Option {
	return func(h *handler) { h.onError = handle }
}

// Handler returns an http.Handler that verifies callbacks and calls handle with
// each event. Runflow may deliver an event several times, even concurrently; events
// with the same [Event.Key] are handled once.
//
// The handler claims an event before it calls handle, and marks it as done after
// handle has returned nil. If handle fails or panics, or if the process crashes,
// handle is called again when Runflow redelivers the event. Runflow redelivers an
// event only a few times; [runflow.RunsService.RedeliverCallback] requests a
// further delivery. In rare cases handle is called again although it has returned
// nil: if the store fails to mark the event as done, or if the claim expires while
// handle runs.
//
// Runflow waits only a few seconds for the response. The context of handle ends when
// Runflow closes the connection. The handler can still use the store after that, for
// at most 10 s per call.
//
// The handler responds with one of these statuses. Runflow redelivers the event
// unless the status is 2xx.
//
//	200  the event has been handled, by this delivery or by an earlier one
//	400, 401, 405, 413  the request is not a valid callback, see [Error]
//	409  another delivery of the event is being handled
//	500  handle or the store failed, handle panicked, or handle is nil
//
// After a panic of handle, the handler sends the response and then panics with the
// same value.
func (v *Verifier) Handler(handle func(context.Context, *Event) error, opts ...Option) http.Handler {
	h := &handler{verifier: v, handle: handle}
	for _, opt := range opts {
		if opt != nil {
			opt(h)
		}
	}
	if h.store == nil {
		h.store = &MemoryStore{}
	}
	return h
}

type handler struct {
	verifier *Verifier
	handle   func(context.Context, *Event) error
	store    Store
	onError  func(context.Context, error)
}

// storeTimeout is the maximum duration of a call to the store that continues after
// the sender has closed the connection.
const storeTimeout = 10 * time.Second

var errNilHandle = errors.New("callback: the function that handles events is nil")

// ServeHTTP handles one delivery.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	event, err := h.verifier.Parse(r)
	if err != nil {
		h.refuse(ctx, w, err)
		return
	}
	claim := Claim{Key: event.Key(), Owner: rand.Text()}
	state, err := h.store.Claim(ctx, claim)
	switch {
	case err != nil:
		h.fail(ctx, w, claim, fmt.Errorf("callback: claim event: %w", err))
	case state == Granted:
		h.run(ctx, w, event, claim)
	case state == Held:
		respond(w, http.StatusConflict)
	case state == Done:
		respond(w, http.StatusOK)
	default:
		h.fail(ctx, w, claim, fmt.Errorf("callback: claim event: unknown state %d, want Granted, Held or Done", state))
	}
}

// refuse responds to a request that is not a valid callback.
func (h *handler) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if refused, ok := errors.AsType[*Error](err); ok {
		status = refused.StatusCode
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	respond(w, status)
	h.report(ctx, err)
}

// run handles an event whose claim was granted.
func (h *handler) run(ctx context.Context, w http.ResponseWriter, event *Event, claim Claim) {
	if h.handle == nil {
		h.fail(ctx, w, claim, errNilHandle)
		return
	}
	hasReturned := false
	defer func() {
		if !hasReturned { // handle panicked; the panic continues after this function
			w.Header().Set("Connection", "close") // net/http also closes the connection after a panic
			h.fail(ctx, w, claim, nil)
		}
	}()
	err := h.handle(ctx, event)
	hasReturned = true
	if err != nil {
		h.fail(ctx, w, claim, err)
		return
	}
	storeCtx, cancel := withStoreTimeout(ctx)
	defer cancel()
	err = h.store.MarkDone(storeCtx, claim)
	respond(w, http.StatusOK) // even if MarkDone failed, because the event has been handled
	if err != nil {
		h.report(ctx, fmt.Errorf("callback: mark event as done: %w", err))
	}
}

// fail releases the claim and responds with 500, so that Runflow redelivers the
// event. It releases the claim even if Claim failed, because the store may have
// granted it. It reports the errors last, because the error handler may panic.
func (h *handler) fail(ctx context.Context, w http.ResponseWriter, claim Claim, err error) {
	storeCtx, cancel := withStoreTimeout(ctx)
	defer cancel()
	releaseErr := h.store.Release(storeCtx, claim)
	respond(w, http.StatusInternalServerError)
	if err != nil {
		h.report(ctx, err)
	}
	if releaseErr != nil {
		h.report(ctx, fmt.Errorf("callback: release event: %w", releaseErr))
	}
}

// withStoreTimeout returns a context that ends after storeTimeout, and not when ctx
// ends.
func withStoreTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

func (h *handler) report(ctx context.Context, err error) {
	if h.onError != nil {
		h.onError(ctx, err)
	}
}

// respond sends only the status and its text, because the sender may be unknown. It
// flushes the response, because a panic would discard a buffered one.
func respond(w http.ResponseWriter, status int) {
	text := strings.ToLower(http.StatusText(status)) + "\n"
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
}
