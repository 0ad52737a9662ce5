package runflow

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go/internal/claims"
	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/redact"
)

var (
	// ErrInvalidSignature is a callback that no secret signed, or that is not
	// signed at all. Runflow signs callbacks once the organization has a secret.
	ErrInvalidSignature = errors.New("runflow: invalid callback signature")
	// ErrCallbackTooLarge is a callback of more than MaxBodyBytes.
	ErrCallbackTooLarge = errors.New("runflow: callback too large")
)

const (
	signatureHeader   = "Runflow-Signature"
	defaultMaxBody    = 1 << 20
	defaultEvents     = 10_000
	defaultClaimTime  = 5 * time.Minute
	signatureHexBytes = 2 * sha256.Size
)

// A CallbackEvent is what Runflow tells a callback URL when a run or a batch has
// ended, see https://docs.runflow.io/concepts/callbacks.
type CallbackEvent struct {
	Event       string     `json:"event,omitzero"`    // "run.completed", for example; it is open: Runflow may send others
	RunID       string     `json:"run_id,omitzero"`   // "" for a batch
	BatchID     string     `json:"batch_id,omitzero"` // "" for a run
	Status      RunStatus  `json:"status,omitzero"`
	Output      JSON       `json:"output,omitzero"`      // of a failed run an error, of a cancelled one null
	DurationMS  *int64     `json:"duration_ms,omitzero"` // milliseconds
	CreatedAt   *time.Time `json:"created_at,omitzero"`
	CompletedAt *time.Time `json:"completed_at,omitzero"`
	Metadata    JSON       `json:"metadata,omitzero"` // as given to the dispatch
	Raw         JSON       `json:"-"`                 // the whole event, as it was signed
}

// Outputs returns the files of the event's Output, as [Run.Outputs] does.
func (e *CallbackEvent) Outputs() []Output {
	if e == nil {
		return nil
	}
	return outputsOf(e.RunID, e.Output)
}

// key identifies what the event reports: nothing that is signed tells a replay
// from a first delivery.
func (e *CallbackEvent) key() string {
	switch {
	case e.RunID != "":
		return "run:" + e.RunID + ":" + e.Event
	case e.BatchID != "":
		return "batch:" + e.BatchID + ":" + e.Event
	default:
		return fmt.Sprintf("sha256:%x", sha256.Sum256(e.Raw))
	}
}

// A CallbackVerifier tells callbacks of Runflow from those of others. It is made
// by [NewCallbackVerifier], safe for concurrent use, and prints without its
// secrets.
type CallbackVerifier struct {
	// MaxBodyBytes is how large a callback may be, in bytes; what is not positive
	// is 1 MiB. Set it before use.
	MaxBodyBytes int64

	secrets func() [][]byte // a function, where fmt cannot find them
}

// NewCallbackVerifier returns a verifier of what any of the secrets signed,
// "whsec_" and all, of which there are several while one replaces another. It
// returns an [*ArgumentError] for each secret that is empty or surrounded by
// white space, joined by errors.Join. See
// https://docs.runflow.io/guides/verify-callback-signatures.
func NewCallbackVerifier(secrets ...string) (*CallbackVerifier, error) {
	var errs []error
	if len(secrets) == 0 {
		errs = append(errs, badArgument("secrets", "must be at least one"))
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		keys[i] = []byte(secret)
		if secret == "" || strings.TrimSpace(secret) != secret {
			errs = append(errs, badArgument(fmt.Sprintf("secrets[%d]", i), "must not be empty, nor have white space around it"))
		}
	}
	if err := joined("NewCallbackVerifier", errs); err != nil {
		return nil, err
	}
	return &CallbackVerifier{secrets: func() [][]byte { return keys }}, nil
}

// String returns what the verifier is, without its secrets.
func (CallbackVerifier) String() string { return "runflow.CallbackVerifier" }

// Format prints what String returns, whatever the verb.
func (v CallbackVerifier) Format(s fmt.State, verb rune) { format(s, verb, v.String()) }

// MarshalText returns what String returns.
func (v CallbackVerifier) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Verify returns nil where signature, the value of the header Runflow-Signature,
// is that of exactly these bytes, and else [ErrInvalidSignature], as it always
// does where NewCallbackVerifier did not make the verifier. See
// https://docs.runflow.io/guides/verify-callback-signatures.
func (v *CallbackVerifier) Verify(body []byte, signature string) error {
	var given [sha256.Size]byte
	wellFormed := len(signature) == signatureHexBytes && strings.Trim(signature, "0123456789abcdef") == ""
	if wellFormed {
		_, _ = hex.Decode(given[:], []byte(signature))
	}
	valid := false
	if v != nil && v.secrets != nil {
		for _, secret := range v.secrets() { // all of them, whichever it is
			mac := hmac.New(sha256.New, secret)
			_, _ = mac.Write(body)
			valid = hmac.Equal(mac.Sum(nil), given[:]) || valid
		}
	}
	if !wellFormed || !valid {
		return ErrInvalidSignature
	}
	return nil
}

// A CallbackError is a request that is no callback of Runflow. It unwraps to
// why: [ErrInvalidSignature], [ErrCallbackTooLarge], a [*DecodeError], or the
// error that broke the body off. Its text is as safe as that of an [*APIError].
type CallbackError struct {
	StatusCode int // to answer with: 400, 401, 405 or 413
	Err        error
}

// Error returns the error as one line.
func (e *CallbackError) Error() string {
	text := fmt.Sprintf("runflow: callback refused with %d", e.StatusCode)
	if e.Err != nil {
		text += ": " + redact.Line(strings.TrimPrefix(e.Err.Error(), "runflow: "))
	}
	return text
}

// Unwrap returns Err.
func (e *CallbackError) Unwrap() error { return e.Err }

// Format prints the error's one line, whatever the verb.
func (e *CallbackError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// MarshalText returns the error's one line.
func (e *CallbackError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

var (
	errNotPOST = errors.New("the method is not POST")
	errNoBody  = errors.New("there is no body")
)

// Parse reads the callback that r is: it reads the body, up to MaxBodyBytes,
// verifies it, and only then looks into it. It returns a [*CallbackError], which
// says what to answer. See https://docs.runflow.io/concepts/callbacks.
func (v *CallbackVerifier) Parse(r *http.Request) (*CallbackEvent, error) {
	if r == nil || r.Method != http.MethodPost {
		return nil, &CallbackError{http.StatusMethodNotAllowed, errNotPOST}
	}
	limit := int64(defaultMaxBody)
	if v != nil && v.MaxBodyBytes > 0 {
		limit = v.MaxBodyBytes
	}
	body, err := readBody(r, limit)
	switch signatures := r.Header.Values(signatureHeader); {
	case errors.Is(err, ErrCallbackTooLarge):
		return nil, &CallbackError{http.StatusRequestEntityTooLarge, err}
	case err != nil:
		return nil, &CallbackError{http.StatusBadRequest, err}
	case len(signatures) != 1 || v.Verify(body, signatures[0]) != nil:
		return nil, &CallbackError{http.StatusUnauthorized, ErrInvalidSignature}
	}
	event := &CallbackEvent{Raw: body}
	if !codec.IsObject(body) {
		return nil, &CallbackError{http.StatusBadRequest, &DecodeError{Err: errNothing}}
	}
	if err := decode(body, event); err != nil {
		return nil, &CallbackError{http.StatusBadRequest, err}
	}
	return event, nil
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, errNoBody
	}
	if r.ContentLength > limit {
		return nil, ErrCallbackTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, ErrCallbackTooLarge
	}
	return body, err
}

// A CallbackClaim says who handles an event.
type CallbackClaim struct {
	Key   string // of the event, the same for each delivery
	Owner string // of the claim, another one for each delivery
}

// A ClaimState is what became of a [CallbackClaim].
type ClaimState int

// What can become of a claim.
const (
	ClaimGranted ClaimState = iota + 1 // the event is the owner's to handle
	ClaimHeld                          // somebody else handles it
	ClaimDone                          // it has been handled
)

// A CallbackStore remembers which events have been handled, so that each is
// handled once however often it is delivered. It is safe for concurrent use.
//
// [NewCallbackStore] makes one for a single process. Where several processes
// receive callbacks, they share one. In SQL it is a table whose primary key is
// the Key, where Claim inserts a row or takes over one that has expired, and
// Release deletes the row of that Owner if it is not done. In Redis, Claim sets
// the Key to the Owner with NX and an expiry, Done sets it to a mark of its own
// with a longer one, and Release is a script that deletes the Key only while its
// value is the Owner.
type CallbackStore interface {
	// Claim claims an event, unless it is done, or claimed by another owner whose
	// claim has not expired. A claim expires because its owner may have crashed.
	Claim(ctx context.Context, claim CallbackClaim) (ClaimState, error)
	// Done remembers that the event was handled, whoever holds the claim by now.
	Done(ctx context.Context, claim CallbackClaim) error
	// Release gives the claim up, if Owner still holds it. It is called after a
	// Claim that failed, too, which may have been granted nevertheless.
	Release(ctx context.Context, claim CallbackClaim) error
}

// NewCallbackStore returns a store in memory. It remembers as many events as
// size says, and forgets the oldest that is done for a new one; where none is
// done, Claim fails. A claim expires after claimTime, which must be longer than
// any handler takes. What is not positive is 10,000 events and 5 minutes.
func NewCallbackStore(size int, claimTime time.Duration) CallbackStore {
	if size <= 0 {
		size = defaultEvents
	}
	if claimTime <= 0 {
		claimTime = defaultClaimTime
	}
	return memory{claims.New(size, claimTime)}
}

// memory is a store within the process, for which no context matters.
type memory struct{ claims *claims.Store }

func (m memory) Claim(_ context.Context, claim CallbackClaim) (ClaimState, error) {
	state, err := m.claims.Claim(claim.Key, claim.Owner)
	return map[claims.State]ClaimState{
		claims.Granted: ClaimGranted, claims.Held: ClaimHeld, claims.Done: ClaimDone,
	}[state], err
}

func (m memory) Done(_ context.Context, claim CallbackClaim) error {
	return m.claims.Done(claim.Key)
}

func (m memory) Release(_ context.Context, claim CallbackClaim) error {
	m.claims.Release(claim.Key, claim.Owner)
	return nil
}

// A CallbackOption sets how [CallbackVerifier.Handler] works.
type CallbackOption func(*callbackHandler)

// WithCallbackStore sets where handled events are remembered, by default and for
// nil in memory: 10,000 of them, with claims of 5 minutes.
func WithCallbackStore(store CallbackStore) CallbackOption {
	return func(h *callbackHandler) { h.store = store }
}

// WithCallbackErrors sets what is told of each error: of requests that are no
// callbacks, of the store, and of the handler itself. Nil tells nobody, as is
// the default.
func WithCallbackErrors(report func(context.Context, error)) CallbackOption {
	return func(h *callbackHandler) { h.report = report }
}

// Handler returns an http.Handler that calls handle with each event, once,
// however often and however concurrently Runflow delivers it: nothing that is
// signed tells a replay from the first delivery, so that events are told apart
// by their run or batch, and their name.
//
// No event is lost, either. It is claimed before handle runs, and done only when
// handle has returned nil. Where handle fails or panics, or the process
// crashes, Runflow delivers the event again, and handle gets it again. Answer
// soon: Runflow waits for some seconds only, and the context of handle ends when
// it has gone. See https://docs.runflow.io/concepts/callbacks.
//
// It answers 200 to what is handled, or was before; 409 while the event is being
// handled elsewhere; 401, 400, 405 or 413 to what is no callback; and 500 where
// handle or the store fails. Runflow delivers again after all but 200. A panic
// is passed on when it has been answered. A nil handle is a handle that fails,
// and a nil verifier finds every signature invalid.
func (v *CallbackVerifier) Handler(handle func(context.Context, *CallbackEvent) error, opts ...CallbackOption) http.Handler {
	h := &callbackHandler{verifier: v, handle: handle}
	for _, opt := range opts {
		if opt != nil {
			opt(h)
		}
	}
	if h.store == nil {
		h.store = NewCallbackStore(0, 0)
	}
	return h
}

type callbackHandler struct {
	verifier *CallbackVerifier
	handle   func(context.Context, *CallbackEvent) error
	store    CallbackStore
	report   func(context.Context, error)
}

var errNoHandler = errors.New("runflow: the callback handler is nil")

func (h *callbackHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	event, err := h.verifier.Parse(r)
	if err != nil {
		h.tell(ctx, err)
		status := http.StatusBadRequest
		if refused, ok := errors.AsType[*CallbackError](err); ok {
			status = refused.StatusCode
		}
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		answer(w, status)
		return
	}
	claim := CallbackClaim{Key: event.key(), Owner: rand.Text()}
	state, err := h.store.Claim(ctx, claim)
	if err == nil && (state < ClaimGranted || state > ClaimDone) {
		err = fmt.Errorf("the store answered with state %d", state)
	}
	switch {
	case err != nil:
		h.release(ctx, claim) // perhaps only the answer was lost
		answer(w, http.StatusInternalServerError)
		h.tell(ctx, fmt.Errorf("runflow: claiming a callback: %w", err))
	case state == ClaimDone:
		answer(w, http.StatusOK)
	case state == ClaimHeld:
		answer(w, http.StatusConflict)
	default:
		h.run(ctx, w, event, claim)
	}
}

// run handles an event that was claimed.
func (h *callbackHandler) run(ctx context.Context, w http.ResponseWriter, event *CallbackEvent, claim CallbackClaim) {
	returned := false
	defer func() {
		if !returned { // the panic goes on from here
			h.release(ctx, claim)
			answer(w, http.StatusInternalServerError)
			_ = http.NewResponseController(w).Flush()
		}
	}()
	err := errNoHandler
	if h.handle != nil {
		err = h.handle(ctx, event)
	}
	returned = true
	if err != nil {
		h.release(ctx, claim)
		answer(w, http.StatusInternalServerError)
		h.tell(ctx, err)
		return
	}
	// The work is done, even where that cannot be remembered.
	err = h.store.Done(context.WithoutCancel(ctx), claim)
	answer(w, http.StatusOK)
	if err != nil {
		h.tell(ctx, fmt.Errorf("runflow: remembering a callback: %w", err))
	}
}

// release gives the claim up, though the sender may be gone by now. Nothing is
// told before, as whoever is told may panic.
func (h *callbackHandler) release(ctx context.Context, claim CallbackClaim) {
	if err := h.store.Release(context.WithoutCancel(ctx), claim); err != nil {
		h.tell(ctx, fmt.Errorf("runflow: releasing a callback: %w", err))
	}
}

func (h *callbackHandler) tell(ctx context.Context, err error) {
	if h.report != nil {
		h.report(ctx, err)
	}
}

// answer says nothing but the status: whoever asks may be anybody.
func answer(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, strings.ToLower(http.StatusText(status))+"\n")
}
