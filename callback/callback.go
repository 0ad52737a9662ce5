// Package callback receives the callbacks that Runflow sends when a run or a batch
// ends, see https://docs.runflow.io/concepts/callbacks.
//
//	verifier, err := callback.NewVerifier(os.Getenv("RUNFLOW_CALLBACK_SECRET"))
//	if err != nil {
//		log.Fatal(err)
//	}
//	http.Handle("POST /runflow", verifier.Handler(func(ctx context.Context, event *callback.Event) error {
//		return save(ctx, event.RunID, event.Status, event.OutputFiles())
//	}))
//
// The handler verifies the signature and calls the function once per event, even if
// Runflow delivers the event several times. If the function fails, Runflow redelivers
// the event.
//
// # Creating a run and receiving its callback
//
// A callback can arrive before the call that creates the run returns. Therefore
// insert your own record before you create the run, and put the key of the record
// into the ClientRef and the Metadata of the run. The event has the same Metadata, so
// the function can find the record without the run ID.
//
// # Stores
//
// A [Store] remembers which events have been handled. The default, a [MemoryStore],
// is for a single process. Processes that receive the same callbacks need a shared
// store. The package sqlstore is one in a table of a database, and the module
// redisstore is one in Redis. To write your own, for example in PostgreSQL, create a
// table:
//
//	CREATE TABLE callback_events (
//		key        text PRIMARY KEY,
//		owner      text NOT NULL,
//		done       boolean NOT NULL DEFAULT false,
//		expires_at timestamptz NOT NULL
//	);
//
// Implement Claim with this statement. If it affects a row, return [Granted].
// Otherwise select the column done of the row: return [Done] if it is true, and
// [Held] if it is false or if the row has been deleted in the meantime.
//
//	INSERT INTO callback_events (key, owner, expires_at)
//	VALUES ($1, $2, now() + interval '5 minutes')
//	ON CONFLICT (key) DO UPDATE
//	SET owner = excluded.owner, expires_at = excluded.expires_at
//	WHERE NOT callback_events.done AND
//		(callback_events.owner = excluded.owner OR callback_events.expires_at <= now());
//
// Implement MarkDone and Release with these statements:
//
//	INSERT INTO callback_events (key, owner, done, expires_at)
//	VALUES ($1, $2, true, now())
//	ON CONFLICT (key) DO UPDATE SET done = true;
//
//	DELETE FROM callback_events WHERE key = $1 AND owner = $2 AND NOT done;
//
// Test your own store with the package storetest.
package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/redact"
)

var (
	// ErrInvalidSignature is returned if the signature is missing or matches none
	// of the secrets. Runflow signs callbacks only if the organization has a
	// secret.
	ErrInvalidSignature = errors.New("callback: invalid signature")
	// ErrTooLarge is returned if the body is larger than MaxBodyBytes.
	ErrTooLarge = errors.New("callback: body too large")
)

const (
	signatureHeader = "Runflow-Signature"
	defaultMaxBody  = 1 << 20
)

// An Event is the content of a callback. It usually reports the end of a run or of a
// batch. A field that cannot be decoded is zero, except for RunID and BatchID: if one
// of them is not a string, Parse fails. Raw always has the whole event.
type Event struct {
	Event       string            `json:"event,omitzero"`    // "run.completed", for example; Runflow may send others
	RunID       string            `json:"run_id,omitzero"`   // "" for a batch
	BatchID     string            `json:"batch_id,omitzero"` // "" for a run
	Status      runflow.RunStatus `json:"status,omitzero"`
	Output      runflow.JSON      `json:"output,omitzero"`      // the error if the run failed; null if it was cancelled
	DurationMS  *int64            `json:"duration_ms,omitzero"` // milliseconds; nil if unknown
	CreatedAt   time.Time         `json:"created_at,omitzero"`
	CompletedAt time.Time         `json:"completed_at,omitzero"`
	Metadata    runflow.JSON      `json:"metadata,omitzero"` // metadata of the run or the batch
	Raw         runflow.JSON      `json:"-"`                 // the whole event, as it was signed
}

// OutputFiles returns the files in the event's Output, like
// [runflow.Run.OutputFiles].
func (e *Event) OutputFiles() []runflow.OutputFile {
	if e == nil {
		return nil
	}
	return (&runflow.Run{ID: e.RunID, Output: e.Output}).OutputFiles()
}

// Key returns the key of the event in a [Store]. It consists of the ID of the run or
// the batch, the name of the event and the status. If the event has no ID, it is the
// SHA-256 hash of Raw. All deliveries of an event have the same key.
func (e *Event) Key() string {
	switch {
	case e.RunID != "":
		return "run:" + e.RunID + ":" + e.Event + ":" + string(e.Status)
	case e.BatchID != "":
		return "batch:" + e.BatchID + ":" + e.Event + ":" + string(e.Status)
	default:
		return fmt.Sprintf("sha256:%x", sha256.Sum256(e.Raw))
	}
}

// decode decodes a body whose signature is valid. It refuses an ID that is not a
// string: without the ID, different events would have the same key.
func decode(body []byte) (*Event, error) {
	if !codec.IsObject(body) {
		return nil, &runflow.DecodeError{Err: errNotObject}
	}
	event := &Event{Raw: body}
	if err := event.Raw.Decode(event); err != nil {
		return nil, err
	}
	for name, value := range codec.Members(body) {
		if (name == "run_id" || name == "batch_id") && !codec.IsNull(value) && value[0] != '"' {
			return nil, &runflow.DecodeError{Field: name, Err: errNotString}
		}
	}
	return event, nil
}

var (
	errNotObject = errors.New("want a JSON object")
	errNotString = errors.New("want a string")
	errNotPOST   = errors.New("wrong method, want POST")
	errNoBody    = errors.New("no body, want a JSON object")
)

// A Verifier verifies the signatures of callbacks. Create it with [NewVerifier]. It
// is safe for concurrent use. Printing, logging or encoding it does not reveal its
// secrets.
type Verifier struct {
	// MaxBodyBytes is the maximum size of a callback. Zero or a negative value
	// selects the default, 1 MiB. Set it before use.
	MaxBodyBytes int64

	secrets func() [][]byte // a function, because fmt would print a slice
}

// NewVerifier returns a Verifier that accepts a signature made with any of the
// secrets. Pass each secret complete, including "whsec_". While you replace a secret,
// pass the old and the new one.
//
// It returns a [*runflow.ArgumentError] if no secrets are given, and one for each
// secret that is empty or has white space around it. Several errors are joined by
// [errors.Join]. See https://docs.runflow.io/guides/verify-callback-signatures.
func NewVerifier(secrets ...string) (*Verifier, error) {
	const operation = "callback.NewVerifier"
	var errs []error
	if len(secrets) == 0 {
		errs = append(errs, &runflow.ArgumentError{Operation: operation, Argument: "secrets", Reason: "must be at least one"})
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		keys[i] = []byte(secret)
		if secret == "" || strings.TrimSpace(secret) != secret {
			errs = append(errs, &runflow.ArgumentError{
				Operation: operation, Argument: fmt.Sprintf("secrets[%d]", i), Reason: "must not be empty or have white space around it",
			})
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Verifier{secrets: func() [][]byte { return keys }}, nil
}

// String returns the name of the type, without the secrets.
func (Verifier) String() string { return "callback.Verifier" }

// Verify returns nil if signature is the signature of body, and
// [ErrInvalidSignature] otherwise. The signature is the value of the header
// Runflow-Signature; the body is the exact bytes of the request's body. A Verifier
// that was not created by NewVerifier accepts no signature.
func (v *Verifier) Verify(body []byte, signature string) error {
	var given [sha256.Size]byte
	isWellFormed := len(signature) == hex.EncodedLen(len(given)) && strings.Trim(signature, "0123456789abcdef") == ""
	if isWellFormed {
		_, _ = hex.Decode(given[:], []byte(signature))
	}
	isValid := false
	if v != nil && v.secrets != nil {
		for _, secret := range v.secrets() { // all of them, so that the time does not reveal which one matches
			mac := hmac.New(sha256.New, secret)
			_, _ = mac.Write(body)
			isValid = hmac.Equal(mac.Sum(nil), given[:]) || isValid
		}
	}
	if !isWellFormed || !isValid {
		return ErrInvalidSignature
	}
	return nil
}

// An Error is returned if a request is not a valid callback. It unwraps to the
// reason: [ErrInvalidSignature], [ErrTooLarge], a [*runflow.DecodeError], or the
// error of reading the body. Its text is one line that quotes no values.
type Error struct {
	// StatusCode is the status to respond with: 400 if the body cannot be read or
	// decoded, 401 if the signature is invalid, 405 if the method is not POST, and
	// 413 if the body is too large.
	StatusCode int
	Err        error
}

// Error returns the error as one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("callback: request refused with %d", e.StatusCode)
	if e.Err != nil {
		text += ": " + redact.Line(strings.TrimPrefix(strings.TrimPrefix(e.Err.Error(), "callback: "), "runflow: "))
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Parse reads the body of r, verifies its signature, and decodes it. Its errors are
// of the type [*Error], which has the status to respond with.
func (v *Verifier) Parse(r *http.Request) (*Event, error) {
	if r == nil || r.Method != http.MethodPost {
		return nil, &Error{http.StatusMethodNotAllowed, errNotPOST}
	}
	limit := int64(defaultMaxBody)
	if v != nil && v.MaxBodyBytes > 0 {
		limit = v.MaxBodyBytes
	}
	body, err := readBody(r, limit)
	switch signatures := r.Header.Values(signatureHeader); {
	case errors.Is(err, ErrTooLarge):
		return nil, &Error{http.StatusRequestEntityTooLarge, err}
	case err != nil:
		return nil, &Error{http.StatusBadRequest, err}
	case len(signatures) != 1 || v.Verify(body, signatures[0]) != nil:
		return nil, &Error{http.StatusUnauthorized, ErrInvalidSignature}
	}
	event, err := decode(body)
	if err != nil {
		return nil, &Error{http.StatusBadRequest, err}
	}
	return event, nil
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, errNoBody
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if _, isTooLarge := errors.AsType[*http.MaxBytesError](err); isTooLarge {
		return nil, ErrTooLarge
	}
	return body, err
}
