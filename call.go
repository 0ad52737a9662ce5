package runflow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/go-querystring/query"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// A service is a group of methods. All services of a client are the same value. The
// settings are the result of a function, so that printing a service does not reveal
// the token.
type service struct{ settings func() *settings }

func newService(s *settings) *service { return &service{func() *settings { return s }} }

// A request holds the path, the query and the body of a call.
type request struct {
	path  []argument // for the placeholders of the route
	query validator  // a struct with url tags; nil for none
	body  validator  // a struct with json tags, or a rawBody; nil for none

	target       *url.URL // replaces path and query, see Client.Do
	withoutToken bool
}

// A validator refuses bad arguments before the request is sent.
type validator interface{ validate() error }

// An argument is the value of one placeholder, or of two if it has the form
// "owner/slug".
type argument struct {
	name, value string
	check       func(value string) error
	mayBeAny    bool
}

// id returns an argument that is one segment of the path.
func id(name, value string) argument { return argument{name, value, endpoint.CheckSegment, false} }

// parentID returns an argument like id, which may be AnyID.
func parentID(name, value string) argument { return argument{name, value, endpoint.CheckSegment, true} }

// ownerSlug returns an argument of the form "owner/slug", whose slug may contain
// slashes.
func ownerSlug(name, value string) argument {
	return argument{name, value, endpoint.CheckOwnerSlug, false}
}

// A rawBody is a body that is sent unchanged.
type rawBody []byte

func (rawBody) validate() error { return nil }

// A result is the destination of a successful response. The errors of decode are
// those of the codec, or a [*DecodeError].
type result interface {
	decode(ctx context.Context, s *settings, body []byte) error
}

// An object is a result that is decoded directly into value.
type object[T any] struct{ value *T }

func (o object[T]) decode(ctx context.Context, _ *settings, body []byte) error {
	return codec.Unmarshal(ctx, body, o.value)
}

// nothing is the result of an endpoint whose response has no content, or none that
// is documented.
type nothing struct{}

func (nothing) decode(context.Context, *settings, []byte) error { return nil }

// do calls an endpoint and returns its response, a T. If a *T is a result, it decodes
// itself.
func do[T any](ctx context.Context, s *service, e *endpoint.Endpoint, r request, opts []CallOption) (*T, error) {
	value := new(T)
	into, ok := any(value).(result)
	if !ok {
		into = object[T]{value}
	}
	if err := s.call(ctx, e, r, into, opts); err != nil {
		return nil, err
	}
	return value, nil
}

// call makes one call to the API. Every method uses it.
func (s *service) call(ctx context.Context, e *endpoint.Endpoint, r request, into result, opts []CallOption) error {
	if s == nil || s.settings == nil {
		return errNoClient(e.Operation)
	}
	own, bad := s.settings(), error(nil)
	if len(opts) > 0 {
		own, bad = own.forCall(opts)
	}
	if r.withoutToken {
		own = own.withoutToken()
	}
	req, err := r.build(e, own)
	if ctx == nil || bad != nil || err != nil {
		return refused(e.Operation, checkContext(ctx), bad, err)
	}
	ended := transport.Do(ctx, &own.Settings, req)
	defer ended.Response.Release()
	if own.call.response != nil {
		own.call.response.record(ended)
	}
	if ended.Err != nil || ended.Response.TooLarge || ended.Response.StatusCode/100 != 2 {
		return failure(ended)
	}
	if err := into.decode(ctx, own, ended.Response.Body); err != nil {
		return decodeFailure(ended, err)
	}
	return nil
}

// validate returns the errors of the arguments.
func (r request) validate() error {
	var errs []error
	for _, arg := range r.path {
		if arg.value == AnyID && !arg.mayBeAny {
			errs = append(errs, badArgument(arg.name, `must not be AnyID ("any")`))
		} else if err := arg.check(arg.value); err != nil {
			errs = append(errs, badArgument(arg.name, err.Error()))
		}
	}
	var badQuery, badBody error
	if r.query != nil {
		badQuery = r.query.validate()
	}
	if r.body != nil {
		badBody = r.body.validate()
	}
	return errors.Join(errors.Join(errs...), badQuery, badBody)
}

// build makes the request of a call, or returns the errors of its arguments.
func (r request) build(e *endpoint.Endpoint, s *settings) (*transport.Request, error) {
	err := r.validate()
	if s.call.key != "" && e.Retry == endpoint.Idempotent {
		err = errors.Join(err, badKey())
	}
	if err != nil {
		return nil, err
	}
	req := &transport.Request{Endpoint: e, URL: *s.baseURL, Key: s.call.key, Replayable: s.call.key != ""}
	u := &req.URL
	if r.target != nil {
		req.Route = r.target.Path
		u.RawPath, u.RawQuery = u.EscapedPath()+r.target.EscapedPath(), r.target.RawQuery
	} else {
		values := make([]string, 0, 3) // not longer in any route, so that it needs no allocation
		for _, arg := range r.path {
			values = append(values, arg.value)
		}
		u.RawPath = u.EscapedPath() + e.Path(values...)
	}
	u.Path, _ = url.PathUnescape(u.RawPath) // cannot fail: net/url has escaped it
	if r.query != nil || len(s.call.query) > 0 {
		if u.RawQuery, err = r.rawQuery(u.RawQuery, s.call.query); err != nil {
			return nil, err
		}
	}
	if raw, ok := r.body.(rawBody); ok {
		req.Body = raw
	} else if r.body != nil {
		if req.Body, err = codec.Marshal(r.body); err != nil {
			return nil, badArgument("body", err.Error())
		}
	}
	if req.Key == "" && e.Retry != endpoint.Idempotent && len(req.Body) > 0 {
		// A request without a body has no key: because of the key, net/http would
		// send the request again by itself.
		req.Key = rand.Text()
	}
	return req, nil
}

// rawQuery returns the query of the request, with the parameters of WithQuery. It
// refuses a parameter that the method itself sets.
func (r request) rawQuery(own string, added url.Values) (string, error) {
	var names []string
	if r.query != nil {
		values, err := query.Values(r.query)
		if err != nil {
			return "", badArgument("params", "cannot be written as a query")
		}
		own = values.Encode()
		for field := range reflect.TypeOf(r.query).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("url"), ",")
			names = append(names, name)
		}
	}
	set, _ := url.ParseQuery(own)
	var errs []error
	for key := range added {
		if set.Has(key) || slices.Contains(names, key) {
			errs = append(errs, badArgument("WithQuery", "must not set "+key+", which the method sets"))
		}
	}
	return strings.Trim(own+"&"+added.Encode(), "&"), errors.Join(errs...)
}

func checkContext(ctx context.Context) error {
	if ctx == nil {
		return badArgument("ctx", "must not be nil")
	}
	return nil
}

// Do calls an endpoint that has no method in the SDK.
//
// The path starts with "/" and is appended to the base URL. It may contain a query:
// "/v1/batches?limit=10".
//
// The body is JSON text as []byte, [JSON] or json.RawMessage, or any other value,
// which is encoded like encoding/json does. If the body is nil, the request has no
// body. For GET and HEAD it must be nil.
//
// The response is decoded into out, a non-nil pointer, like the SDK decodes its own
// types. For example, out may be a pointer to a struct that embeds one of these
// types, such as struct{ Run; NewField string `json:"new_field"` }, or to a [Page].
// If out is a *JSON or a *[]byte, it gets the exact bytes. If out is nil, the
// response is not decoded. If the response has no body, out is not changed.
//
// GET and HEAD are idempotent. Every other method is at-most-once, unless
// [WithIdempotencyKey] is given. Do returns errors of the same types as other
// methods, with the Operation "Client.Do". The Route of an [Attempt] is "{path}";
// that of an error is the path without its query.
func (c *Client) Do(ctx context.Context, method, path string, body, out any, opts ...CallOption) error {
	const operation = "Client.Do"
	if c == nil || c.common == nil {
		return errNoClient(operation)
	}
	e := &endpoint.Endpoint{Operation: operation, Method: method, Route: "{path}"}
	isRead := method == http.MethodGet || method == http.MethodHead
	if isRead {
		e.Retry = endpoint.Idempotent
	}
	target, badPath := parsePath(path)
	raw, badBody := encodeBody(body)
	if isRead && body != nil {
		badBody = badArgument("body", "must be nil for "+method)
	}
	if err := refused(operation, checkMethod(method), badPath, badBody, checkOut(out)); err != nil {
		return err
	}
	r := request{target: target}
	if raw != nil {
		r.body = raw
	}
	limit, _ := strconv.Atoi(target.Query().Get("limit"))
	return c.common.call(ctx, e, r, anyOut{out, limit}, opts)
}

func checkMethod(method string) error {
	if method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || method == http.MethodConnect {
		return badArgument("method", "must be an HTTP method in upper case")
	}
	return nil
}

// parsePath parses a path with its query. It refuses a path that could lead outside
// of the base URL.
func parsePath(path string) (*url.URL, error) {
	u, err := url.Parse(path)
	switch {
	case err != nil:
		return nil, badArgument("path", "must be a valid path")
	case u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return nil, badArgument("path", `must start with one "/", without a scheme or a host`)
	case strings.Contains(path, "#"):
		return nil, badArgument("path", "must not contain a fragment")
	case strings.Contains(u.Path, `\`):
		return nil, badArgument("path", "must not contain a backslash")
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return nil, badArgument("path", `must not contain ".."`)
	case strings.ContainsFunc(u.Path, unicode.IsControl):
		return nil, badArgument("path", "must not contain control characters")
	case strings.ContainsFunc(u.RawQuery, isInvisible):
		return nil, badArgument("path", "must have an escaped query")
	}
	return u, nil
}

func encodeBody(body any) (rawBody, error) {
	var raw []byte
	switch body := body.(type) {
	case nil:
		return nil, nil
	case io.Reader:
		return nil, badArgument("body", "must not be an io.Reader")
	case []byte:
		raw = body
	case JSON:
		raw = body
	case json.RawMessage:
		raw = body
	default:
		data, err := codec.MarshalForeign(body)
		if err != nil {
			return nil, badArgument("body", err.Error())
		}
		return data, nil
	}
	if !codec.Valid(raw) {
		return nil, badArgument("body", "must be valid JSON")
	}
	return slices.Clone(raw), nil
}

func checkOut(out any) error {
	if out == nil {
		return nil
	}
	if _, ok := out.(io.Writer); ok {
		return badArgument("out", "must not be an io.Writer")
	}
	if v := reflect.ValueOf(out); v.Kind() != reflect.Pointer || v.IsNil() {
		return badArgument("out", "must be nil or a non-nil pointer")
	}
	return nil
}

// anyOut is the result of Do. The limit is that of the query, for pages.
type anyOut struct {
	out   any
	limit int
}

func (o anyOut) decode(ctx context.Context, s *settings, body []byte) error {
	if o.out == nil || len(body) == 0 {
		return nil
	}
	switch out := o.out.(type) {
	case *JSON:
		*out = slices.Clone(body)
	case *[]byte:
		*out = slices.Clone(body)
	case pageDecoder:
		return out.decodePage(ctx, s.baseURL, o.limit, body, codec.UnmarshalForeign)
	default:
		return codec.UnmarshalForeign(ctx, body, out)
	}
	if !codec.Valid(body) {
		return &DecodeError{Err: errNotJSON}
	}
	return nil
}

var errNotJSON = errors.New("not valid JSON")
