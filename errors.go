package runflow

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/envelope"
	"github.com/runflow-io/runflow-go/internal/redact"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// What an [*APIError] is, by its status, for errors.Is.
var (
	ErrBadRequest         = errors.New("runflow: bad request")         // 400
	ErrUnauthorized       = errors.New("runflow: unauthorized")        // 401: no such token
	ErrInsufficientCredit = errors.New("runflow: insufficient credit") // 402
	ErrPermissionDenied   = errors.New("runflow: permission denied")   // 403
	ErrNotFound           = errors.New("runflow: not found")           // 404
	ErrConflict           = errors.New("runflow: conflict")            // 409
	ErrValidation         = errors.New("runflow: validation failed")   // 422: see Details
	ErrRateLimited        = errors.New("runflow: rate limited")        // 429: see RetryAfter
	ErrServer             = errors.New("runflow: server error")        // 5xx
)

var (
	// ErrInvalidArgument is what every [*ArgumentError] is.
	ErrInvalidArgument = errors.New("runflow: invalid argument")
	// ErrResponseTooLarge is why an answer larger than [WithMaxResponseBytes]
	// allows is a [*DecodeError].
	ErrResponseTooLarge = errors.New("runflow: response too large")
	// ErrAmbiguous is what a call that may cost money, such as [ModelsService.Run],
	// fails with where the API may nevertheless have done what it was asked for.
	// Look for it before you ask again, by [RunRequest].ClientRef for example, or
	// repeat the call with the error's IdempotencyKey.
	ErrAmbiguous = errors.New("runflow: the outcome is unknown")
)

func errOf(status int) error {
	switch status {
	case http.StatusBadRequest:
		return ErrBadRequest
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusPaymentRequired:
		return ErrInsufficientCredit
	case http.StatusForbidden:
		return ErrPermissionDenied
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	case http.StatusUnprocessableEntity:
		return ErrValidation
	case http.StatusTooManyRequests:
		return ErrRateLimited
	}
	if status/100 == 5 {
		return ErrServer
	}
	return nil
}

// An APIError is an answer of the API that is not a success. It is one of the
// sentinels above, by its status:
//
//	if errors.Is(err, runflow.ErrNotFound) { … }
//
// Its text is one line that holds no query, no token and no body, by any verb.
type APIError struct {
	StatusCode int           // of the HTTP response
	Code       string        // the API's own: "RUN_NOT_FOUND"; "" where it gave none
	Message    string        // the API's own, as one line of at most 300 bytes
	Details    []ErrorDetail // what is wrong with which field, on 422
	RequestID  string        // to quote to Runflow's support
	Operation  string        // the method that failed: "Runs.Get"
	Method     string        // of the HTTP request
	Route      string        // path template: "/v1/runs/{run_id}"
	Attempts   int           // requests that were sent
	RetryAfter time.Duration // how long the API asks to wait; 0 where it does not

	IdempotencyKey string // that the call was sent with; "" for most
	Ambiguous      bool   // the error is ErrAmbiguous
}

// An ErrorDetail says what is wrong with one field of a request.
type ErrorDetail struct {
	Loc  []string // path of the field: "body", "is_positive"
	Msg  string   // what is wrong with it, as one line of at most 300 bytes
	Type string   // the kind of error, where the API gives one
}

// Field returns Loc as one text: "body.is_positive".
func (d ErrorDetail) Field() string { return strings.Join(d.Loc, ".") }

// Error returns the error as one line.
func (e *APIError) Error() string {
	what := e.Code
	if what == "" {
		what = http.StatusText(e.StatusCode)
	}
	text := strings.TrimSpace(strconv.Itoa(e.StatusCode) + " " + what)
	if e.Message != "" {
		text += ": " + redact.Line(e.Message)
	}
	return report(e.Operation, e.Method, e.Route, text, e.RequestID, e.Attempts, e.Ambiguous)
}

// Is reports whether target is the sentinel of the error's status, or
// [ErrAmbiguous] where it is that.
func (e *APIError) Is(target error) bool {
	if target == ErrAmbiguous {
		return e.Ambiguous
	}
	return target != nil && target == errOf(e.StatusCode)
}

// A TransportError is a call to which no answer came: the connection failed, an
// attempt took too long, or the context ended. Its text is as safe as that of
// an [*APIError].
type TransportError struct {
	Operation string // the method that failed: "Runs.Get"
	Method    string // of the HTTP request
	Route     string // path template: "/v1/runs/{run_id}"
	Attempts  int    // requests that were sent
	// Err is why the last attempt brought no answer. Where the context ended
	// it is context.Canceled or context.DeadlineExceeded, with the cause that
	// the context was given.
	Err error
	// Last is what the API answered to an earlier attempt, or nil.
	Last *APIError

	IdempotencyKey string // that the call was sent with; "" for most
	Ambiguous      bool   // the error is ErrAmbiguous

	reason string // Err's text, fit to be shown
}

// Error returns the error as one line.
func (e *TransportError) Error() string {
	reason := e.reason
	if reason == "" && e.Err != nil {
		reason = redact.Line(e.Err.Error())
	}
	text := report(e.Operation, e.Method, e.Route, reason, "", e.Attempts, e.Ambiguous)
	if e.Last != nil {
		last := APIError{StatusCode: e.Last.StatusCode, Code: e.Last.Code, Message: e.Last.Message, RequestID: e.Last.RequestID}
		text += "; the last answer was " + strings.TrimPrefix(last.Error(), "runflow: ")
	}
	return text
}

// Unwrap returns Err, and Last where there is one.
func (e *TransportError) Unwrap() []error {
	if e.Last == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Last}
}

// Is reports whether target is [ErrAmbiguous] and the error is that.
func (e *TransportError) Is(target error) bool { return e.Ambiguous && target == ErrAmbiguous }

// Timeout reports whether time ran out: an attempt's, or the context's.
func (e *TransportError) Timeout() bool {
	err, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](e.Err)
	return ok && err.Timeout()
}

// A DecodeError is a successful answer that made no sense, or a JSON value that
// does not fit what it is read into. Its text is as safe as that of an
// [*APIError] and quotes no values.
type DecodeError struct {
	StatusCode int    // of the HTTP response; 0 where a value was read by itself
	RequestID  string // to quote to Runflow's support
	Operation  string // the method that failed; "" where a value was read by itself
	Method     string // of the HTTP request
	Route      string // path template
	Attempts   int    // requests that were sent
	Field      string // "model.pricing[0].price"; "" where it is the whole value
	Err        error  // why

	IdempotencyKey string // that the call was sent with; "" for most
	Ambiguous      bool   // the error is ErrAmbiguous
}

// Error returns the error as one line.
func (e *DecodeError) Error() string {
	text := "cannot read the JSON"
	if e.Operation != "" {
		text = strconv.Itoa(e.StatusCode) + " with a body that cannot be read"
	}
	if e.Err != nil {
		text += ": " + redact.Line(e.Err.Error())
	}
	return report(e.Operation, e.Method, e.Route, text, e.RequestID, e.Attempts, e.Ambiguous)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrAmbiguous] and the error is that.
func (e *DecodeError) Is(target error) bool { return e.Ambiguous && target == ErrAmbiguous }

// An ArgumentError is a call that was refused before any request, because of
// what it was given. It is [ErrInvalidArgument].
type ArgumentError struct {
	Operation string // the method that was called; "" for NewClient and With
	Argument  string // "runID", "WithBaseURL"
	Reason    string // what is wrong with it, without its value
}

// Error returns the error as one line.
func (e *ArgumentError) Error() string {
	return report(e.Operation, "", "", e.Argument+": "+redact.Line(e.Reason), "", 0, false)
}

// Is reports whether target is [ErrInvalidArgument].
func (e *ArgumentError) Is(target error) bool { return target == ErrInvalidArgument }

// report writes the one line that all errors share; what is empty is left out.
func report(operation, method, route, text, requestID string, attempts int, ambiguous bool) string {
	parts := []string{"runflow: "}
	if operation != "" {
		parts = append(parts, operation, ": ")
	}
	if method != "" {
		parts = append(parts, method, " ", route, ": ")
	}
	parts = append(parts, text)
	if requestID != "" {
		parts = append(parts, ", request id ", redact.Line(requestID))
	}
	if attempts > 0 {
		parts = append(parts, ", attempts ", strconv.Itoa(attempts))
	}
	if ambiguous {
		parts = append(parts, ", the API may have taken it")
	}
	return strings.Join(parts, "")
}

// The errors print as their one line by every verb, and so do they in JSON and
// in logs: their fields may lead to what must not be shown.

// Format prints the error's one line, whatever the verb.
func (e *APIError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// Format prints the error's one line, whatever the verb.
func (e *TransportError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// Format prints the error's one line, whatever the verb.
func (e *DecodeError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// Format prints the error's one line, whatever the verb.
func (e *ArgumentError) Format(s fmt.State, verb rune) { format(s, verb, e.Error()) }

// MarshalText returns the error's one line.
func (e *APIError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// MarshalText returns the error's one line.
func (e *TransportError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// MarshalText returns the error's one line.
func (e *DecodeError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// MarshalText returns the error's one line.
func (e *ArgumentError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

func badArgument(argument, reason string) error {
	return &ArgumentError{Argument: argument, Reason: reason}
}

func errNoClient(operation string) error {
	return &ArgumentError{Operation: operation, Argument: "client", Reason: "must be made by NewClient"}
}

// joined returns errs as one error, and says of arguments what they were for.
func joined(operation string, errs []error) error {
	for _, err := range errs {
		if argument, ok := errors.AsType[*ArgumentError](err); ok {
			argument.Operation = operation
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

func format(s fmt.State, verb rune, text string) {
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(s, text)
}

// failure returns the error that result amounts to, or nil for a success.
func failure(result *transport.Result) error {
	ep := result.Request.Endpoint
	switch {
	case result.Err != nil:
		e := &TransportError{
			Operation:      ep.Operation,
			Method:         ep.Method,
			Route:          ep.Route,
			Attempts:       result.Attempts,
			Err:            result.Err,
			IdempotencyKey: result.Request.Key,
			Ambiguous:      result.Ambiguous,
			reason:         result.Redact(result.Err.Error()),
		}
		if result.Answer != nil {
			e.Last = apiError(result)
		}
		return e
	case result.Answer.StatusCode/100 != 2:
		return apiError(result)
	case result.Answer.TooLarge:
		return undecodable(result, &DecodeError{Err: ErrResponseTooLarge})
	default:
		return nil
	}
}

func apiError(result *transport.Result) *APIError {
	ep, answer := result.Request.Endpoint, result.Answer
	problem := envelope.Parse(answer.Body)
	e := &APIError{
		StatusCode:     answer.StatusCode,
		Code:           result.Redact(problem.Code),
		Message:        result.Redact(cmp.Or(answer.Refused, problem.Message)),
		RequestID:      result.Redact(cmp.Or(answer.RequestID(), problem.RequestID)),
		Operation:      ep.Operation,
		Method:         ep.Method,
		Route:          ep.Route,
		Attempts:       result.Attempts,
		IdempotencyKey: result.Request.Key,
		Ambiguous:      result.Ambiguous,
	}
	e.RetryAfter, _ = transport.RetryAfter(answer.Header, time.Now())
	for _, d := range problem.Details {
		detail := ErrorDetail{Msg: result.Redact(d.Msg), Type: result.Redact(d.Type)}
		for _, part := range d.Loc {
			detail.Loc = append(detail.Loc, result.Redact(part))
		}
		e.Details = append(e.Details, detail)
	}
	return e
}

// undecodable adds to err, which says what cannot be read, to which call it was
// the answer. Whatever was guarded has been done by then.
func undecodable(result *transport.Result, err *DecodeError) *DecodeError {
	ep := result.Request.Endpoint
	err.StatusCode = result.Answer.StatusCode
	err.RequestID = result.Redact(result.Answer.RequestID())
	err.Operation = ep.Operation
	err.Method = ep.Method
	err.Route = ep.Route
	err.Attempts = result.Attempts
	err.IdempotencyKey = result.Request.Key
	err.Ambiguous = ep.Retry == endpoint.Guarded
	return err
}

// readAnswer reads the body of a success into out.
func readAnswer(result *transport.Result, out any, baseURL *url.URL) error {
	if codec.IsNull(result.Answer.Body) {
		return undecodable(result, &DecodeError{Err: errNothing})
	}
	err := decode(result.Answer.Body, out)
	if page, ok := out.(interface{ locate(*url.URL) error }); ok && err == nil {
		err = page.locate(baseURL)
	}
	if err, ok := errors.AsType[*DecodeError](err); ok {
		return undecodable(result, err)
	}
	return nil
}

var errNothing = errors.New("nothing where an object should be")

// decode reads data into v. Its error is a [*DecodeError].
func decode(data []byte, v any) error {
	err := jsonCodec.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	if inner, ok := errors.AsType[*codec.Error](err); ok {
		return &DecodeError{Field: inner.Field, Err: inner}
	}
	return &DecodeError{Err: err}
}
