package runflow

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/download"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/envelope"
	"github.com/runflow-io/runflow-go/internal/redact"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// The sentinel errors that an [*APIError] matches with [errors.Is], by its status.
var (
	ErrBadRequest         = errors.New("runflow: bad request")         // 400
	ErrUnauthorized       = errors.New("runflow: unauthorized")        // 401: the token is not valid
	ErrInsufficientCredit = errors.New("runflow: insufficient credit") // 402
	ErrPermissionDenied   = errors.New("runflow: permission denied")   // 403
	ErrNotFound           = errors.New("runflow: not found")           // 404
	ErrConflict           = errors.New("runflow: conflict")            // 409
	ErrValidation         = errors.New("runflow: validation failed")   // 422; see APIError.Fields
	ErrRateLimited        = errors.New("runflow: rate limited")        // 429; see APIError.RetryAfter
	ErrServer             = errors.New("runflow: server error")        // 5xx
)

var (
	// ErrInvalidArgument matches every [*ArgumentError].
	ErrInvalidArgument = errors.New("runflow: invalid argument")
	// ErrResponseTooLarge is returned if a response is larger than
	// [WithMaxResponseBytes], or a file is larger than [DownloadParams] allows.
	ErrResponseTooLarge = errors.New("runflow: response too large")
	// ErrOutcomeUnknown is returned if an at-most-once call failed although the
	// server may have processed it. Before you make the call again, look for its
	// effect, for example with [RunsService.FindByClientRef], or make it again with
	// the IdempotencyKey that [CallInfoOf] returns, see [WithIdempotencyKey].
	ErrOutcomeUnknown = errors.New("runflow: the outcome is unknown")
)

// sentinelOf returns the sentinel of a status, or nil.
func sentinelOf(status int) error {
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

// A CallInfo describes the call that failed with an error.
type CallInfo struct {
	Operation      string // the method that was called: "Runs.Get"
	Method         string // HTTP method: "GET"
	Route          string // path template: "/v1/runs/{run_id}"
	Attempts       int    // number of attempts
	RequestID      string // ID of the request, for Runflow's support; "" if there is none
	IdempotencyKey string // the key that was sent; "" if there was none
	OutcomeUnknown bool   // whether the error matches ErrOutcomeUnknown
}

// newCallInfo describes a call of which only the endpoint is known.
func newCallInfo(e *endpoint.Endpoint) CallInfo {
	return CallInfo{Operation: e.Operation, Method: e.Method, Route: e.Route}
}

func (c CallInfo) callInfo() CallInfo { return c }
func (c CallInfo) operation() string  { return c.Operation }

// CallInfoOf returns the CallInfo of the first error in the chain of err that has
// one. Its Operation is that of the outermost error of the SDK, such as
// "Runs.Wait". For an [*ArgumentError], only the Operation is set. CallInfoOf
// returns false for other errors, such as a [*RunError] or those of [JSON.Decode].
func CallInfoOf(err error) (CallInfo, bool) {
	var info CallInfo
	found, ok := errors.AsType[interface {
		error
		callInfo() CallInfo
	}](err)
	if ok {
		info = found.callInfo()
	}
	outermost, known := errors.AsType[interface {
		error
		operation() string
	}](err)
	if known && outermost.operation() != "" {
		info.Operation = outermost.operation()
	}
	return info, info != CallInfo{}
}

// An APIError is an error response from the API, or from the host of an output
// file. It matches the sentinel of its status:
//
//	if errors.Is(err, runflow.ErrNotFound) { … }
//
// Its text is one line without any query, token or body.
type APIError struct {
	CallInfo

	StatusCode int           // of the HTTP response
	Code       string        // the API's code: "RUN_NOT_FOUND"; "" if there is none
	Message    string        // the API's message, as one line of at most 300 bytes
	Fields     []FieldError  // the invalid fields, at most 32; usually with status 422
	RetryAfter time.Duration // the delay that the API asks for; 0 if there is none

	moreFields int // number of fields that are not in Fields
}

// A FieldError says what is wrong with one field of a request.
type FieldError struct {
	Path    []string // path of the field: "body", "reason"
	Message string   // one line of at most 300 bytes
	Type    string   // the kind of error, by its name in the API; "" if there is none
}

// Error returns the path and the message: "body.reason: too long".
func (e FieldError) Error() string {
	path := strings.Join(e.Path, ".")
	if path == "" || e.Message == "" {
		return redact.Line(path + e.Message)
	}
	return redact.Line(path + ": " + e.Message)
}

// shownFields is the number of fields that the text of an APIError names.
const shownFields = 3

// Error returns the error as one line, which names up to three fields.
func (e *APIError) Error() string {
	text := strings.TrimSpace(strconv.Itoa(e.StatusCode) + " " + cmp.Or(e.Code, http.StatusText(e.StatusCode)))
	if e.Message != "" {
		text += ": " + redact.Line(e.Message)
	}
	var fields []string
	for _, field := range e.Fields[:min(len(e.Fields), shownFields)] {
		fields = append(fields, field.Error())
	}
	if len(fields) > 0 {
		text += ": " + strings.Join(fields, ", ")
	}
	if more := max(0, len(e.Fields)-shownFields) + e.moreFields; more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return e.report(text)
}

// Is reports whether target is the sentinel of the error's status, or
// [ErrOutcomeUnknown] if the outcome is unknown. An error with an unknown outcome
// is never [ErrRateLimited], because an earlier attempt may have been processed.
func (e *APIError) Is(target error) bool {
	switch target {
	case nil:
		return false
	case ErrOutcomeUnknown:
		return e.OutcomeUnknown
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests && !e.OutcomeUnknown
	}
	return target == sentinelOf(e.StatusCode)
}

// A TransportError is returned if no response was received: the connection failed,
// an attempt took too long, the token source or the rate limiter failed, or the
// context ended. Its text is one line without any query, token or body.
type TransportError struct {
	CallInfo

	// Err is the reason why the last attempt got no response. If the context ended,
	// Err wraps context.Canceled or context.DeadlineExceeded, and the cause of the
	// context.
	Err error
	// Last is the response to an earlier attempt, or nil. The error does not
	// unwrap to it.
	Last *APIError

	text string // text of Err, redacted
}

// Error returns the error as one line.
func (e *TransportError) Error() string {
	reason := e.text
	if reason == "" && e.Err != nil {
		reason = redact.Line(e.Err.Error())
	}
	info := e.CallInfo
	info.RequestID = "" // it belongs to the last response, which is shown below
	text := info.report(reason)
	if e.Last != nil {
		last := APIError{StatusCode: e.Last.StatusCode, Code: e.Last.Code, Message: e.Last.Message}
		last.RequestID = e.Last.RequestID
		text += "; the last response was " + strings.TrimPrefix(last.Error(), "runflow: ")
	}
	return text
}

// Unwrap returns Err.
func (e *TransportError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrOutcomeUnknown] and the outcome is unknown.
func (e *TransportError) Is(target error) bool {
	return target == ErrOutcomeUnknown && e.OutcomeUnknown
}

// Timeout reports whether an attempt took too long or the deadline of the context
// passed.
func (e *TransportError) Timeout() bool {
	err, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](e.Err)
	return ok && err.Timeout()
}

// A DecodeError is returned if a successful response, or another JSON value,
// cannot be decoded. Its text is one line that quotes no values.
type DecodeError struct {
	CallInfo

	StatusCode int    // of the HTTP response; 0 if there was none
	Field      string // path of the field: "model.pricing[0].price"; "" for the whole value
	Err        error  // the reason
}

// Error returns the error as one line.
func (e *DecodeError) Error() string {
	text := "cannot decode the JSON"
	switch {
	case errors.Is(e.Err, ErrResponseTooLarge):
		return e.report("the response is too large")
	case e.StatusCode != 0:
		text = strconv.Itoa(e.StatusCode) + ": cannot decode the response body"
	}
	if e.Field != "" {
		text += ": " + redact.Line(e.Field)
	}
	if e.Err != nil {
		text += ": " + redact.Line(e.Err.Error())
	}
	return e.report(text)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrOutcomeUnknown] and the outcome is unknown.
func (e *DecodeError) Is(target error) bool {
	return target == ErrOutcomeUnknown && e.OutcomeUnknown
}

// An ArgumentError is returned if an argument is invalid. No request was sent. It
// matches [ErrInvalidArgument].
type ArgumentError struct {
	Operation string // the method that was called; "" for NewClient and Client.With
	Argument  string // name of the argument: "runID", "params.Limit", "WithBaseURL"
	Reason    string // requirement that it does not meet: "must not be empty"
}

func (e *ArgumentError) operation() string { return e.Operation }

// Error returns the error as one line.
func (e *ArgumentError) Error() string {
	return CallInfo{Operation: e.Operation}.report(e.Argument + ": " + redact.Line(e.Reason))
}

// Is reports whether target is [ErrInvalidArgument].
func (e *ArgumentError) Is(target error) bool { return target == ErrInvalidArgument }

// report returns text with the parts that the errors of calls share. It leaves out
// empty parts.
func (c CallInfo) report(text string) string {
	line := "runflow: "
	if c.Operation != "" {
		line += c.Operation + ": "
	}
	if c.Method != "" {
		line += c.Method + " " + redact.Line(c.Route) + ": "
	}
	line += text
	if c.RequestID != "" {
		line += ", request ID " + redact.Line(c.RequestID)
	}
	if c.Attempts > 0 {
		line += ", attempts " + strconv.Itoa(c.Attempts)
	}
	if c.OutcomeUnknown {
		line += ", the request may have been processed"
	}
	return line
}

func badArgument(argument, reason string) error {
	return &ArgumentError{Argument: argument, Reason: reason}
}

func errNoClient(operation string) error {
	return &ArgumentError{Operation: operation, Argument: "client", Reason: "must be created by NewClient"}
}

// refused joins the errors, and sets the operation of those about arguments. It
// returns nil if there is none.
func refused(operation string, errs ...error) error {
	var all []error
	for _, err := range errs {
		all = flatten(all, err)
	}
	for _, err := range all {
		if argument, ok := err.(*ArgumentError); ok { //nolint:errorlint // flatten has unwrapped it
			argument.Operation = operation
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// flatten appends err, or the errors that it joins, to all.
func flatten(all []error, err error) []error {
	if err == nil {
		return all
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return append(all, err)
	}
	for _, err := range joined.Unwrap() {
		all = flatten(all, err)
	}
	return all
}

// failure returns the error of a call that ended with result, or nil.
func failure(result *transport.Result) error {
	switch {
	case errors.Is(result.Err, download.ErrTooLarge):
		return decodeFailure(result, &DecodeError{Err: ErrResponseTooLarge})
	case result.Err != nil:
		redactor := result.Redactor()
		e := &TransportError{CallInfo: callInfo(result, redactor, ""), Err: result.Err, text: redactor.Line(result.Err.Error())}
		if result.Response != nil && result.Response.StatusCode/100 != 2 {
			e.Last = apiError(result)
		}
		return e
	case result.Response.StatusCode/100 != 2:
		return apiError(result)
	case result.Response.TooLarge:
		return decodeFailure(result, &DecodeError{Err: ErrResponseTooLarge})
	}
	return nil
}

// callInfo describes a call. It uses requestID, which is that of the body, if the
// header has none.
func callInfo(result *transport.Result, redactor *redact.Redactor, requestID string) CallInfo {
	if result.Response != nil {
		requestID = cmp.Or(result.Response.RequestID(), requestID)
	}
	req := result.Request
	return CallInfo{
		Operation:      req.Endpoint.Operation,
		Method:         req.Endpoint.Method,
		Route:          cmp.Or(req.Route, req.Endpoint.Route),
		Attempts:       result.Attempts,
		RequestID:      redactor.Line(requestID),
		IdempotencyKey: req.Key,
		OutcomeUnknown: result.OutcomeUnknown,
	}
}

func apiError(result *transport.Result) *APIError {
	response, redactor := result.Response, result.Redactor()
	problem := envelope.Parse(response.Body)
	e := &APIError{
		CallInfo:   callInfo(result, redactor, problem.RequestID),
		StatusCode: response.StatusCode,
		Code:       redactor.Line(problem.Code),
		Message:    redactor.Line(cmp.Or(response.Refused, problem.Message)),
		moreFields: problem.Total - len(problem.Details),
	}
	e.RetryAfter, _ = transport.RetryAfter(response.Header, time.Now())
	for _, d := range problem.Details {
		field := FieldError{Message: redactor.Line(d.Message), Type: redactor.Line(d.Type)}
		for _, part := range d.Path {
			field.Path = append(field.Path, redactor.Line(part))
		}
		e.Fields = append(e.Fields, field)
	}
	return e
}

// decodeFailure returns the error of a successful response that cannot be decoded
// because of err. It reports the outcome of an at-most-once request as unknown: the
// request has been processed, but its result cannot be decoded.
func decodeFailure(result *transport.Result, err error) error {
	e, ok := err.(*DecodeError) //nolint:errorlint // it is not wrapped
	if !ok {
		e = decodeError(err)
	}
	e.CallInfo = callInfo(result, result.Redactor(), "")
	e.OutcomeUnknown = result.Request.Endpoint.Retry != endpoint.Idempotent
	if result.Response != nil {
		e.StatusCode = result.Response.StatusCode
	}
	return e
}

// decodeError returns an error of the codec as a [*DecodeError].
func decodeError(err error) *DecodeError {
	if inner, ok := errors.AsType[*codec.Error](err); ok {
		return &DecodeError{Field: inner.Field, Err: &codec.Error{Reason: inner.Reason, Cause: inner.Cause}}
	}
	return &DecodeError{Err: err}
}
