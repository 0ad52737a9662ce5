// Package runflow is a client of the Runflow API (api.runflow.io), which runs
// generative-media models and ComfyUI workflows.
//
//	client, err := runflow.NewClient(os.Getenv("RUNFLOW_TOKEN"))
//	…
//	run, err := client.Models.Run(ctx, "owner/slug", &runflow.RunRequest{Input: input})
//	run, err = client.Runs.Wait(ctx, run.ID, nil)
//	n, err := client.Runs.Download(ctx, run.Outputs()[0], file)
//	run, err = client.Runs.SetFeedback(ctx, run.ID, runflow.Feedback{IsPositive: true})
//
// # Who may rate
//
// The API lets only people rate a run. A backend that works with its own API
// key rates with the token of each user, per call, on the same client:
//
//	run, err := client.Runs.SetFeedback(ctx, runID, fb, runflow.WithToken(userJWT))
//
// With an API key the API answers 403, which is [ErrPermissionDenied].
//
// # Options
//
// An [Option] given to [NewClient] is the default of every call; one given to a
// call holds for that call. [Client.With] derives a client with other defaults
// that shares the connections.
//
// # Errors
//
// Every failure is an [*APIError] (the API said no), a [*TransportError] (no
// answer came), a [*DecodeError] (the answer made no sense) or an
// [*ArgumentError] (refused before any request). A wait can also end with a
// [*RunError] (the run did not succeed) or a [*WaitError] (it has not ended yet).
// None of them can leak a token, a query or a body, by whatever verb they are
// printed.
//
// # Retries
//
// Each method says whether it is retried. Waits grow exponentially with full
// jitter, a Retry-After is honoured as a minimum, and where the wait would be
// longer than the backoff's maximum or than the context lives, the call returns
// at once. See [WithMaxRetries] and [WithRetryBackoff].
//
// What may cost money, as [ModelsService.Run] does, is sent again only where the
// API did not take it. Any other failure of such a call is [ErrAmbiguous]. See
// [WithIdempotencyKey].
package runflow

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-querystring/query"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// Version is the version of the SDK. It is sent as the product token
// "runflow-go/VERSION" in the User-Agent.
const Version = "0.1.0"

const defaultBaseURL = "https://api.runflow.io"

// A Client calls the Runflow API. It is made by [NewClient], safe for concurrent
// use, and prints without its token.
type Client struct {
	// Runs finds, reads, awaits and rates runs.
	Runs *RunsService
	// Models reads the catalog and runs models.
	Models *ModelsService
	// ComfyuiWorkflows reads and runs ComfyUI workflows.
	ComfyuiWorkflows *ComfyuiWorkflowsService

	settings *settings
}

// service is what all services are. Its settings are behind a function, where
// fmt cannot find them.
type service struct{ settings func() *settings }

func newService(operation string, s *settings, errs []error) (*service, error) {
	if err := joined(operation, append(errs, s.checkDefaults()...)); err != nil {
		return nil, err
	}
	return &service{settings: func() *settings { return s }}, nil
}

// with returns what a method that makes several calls makes them with.
func (s *service) with(ctx context.Context, operation string, opts []Option) (*service, error) {
	if s == nil || s.settings == nil {
		return nil, errNoClient(operation)
	}
	own, errs := s.settings().with(opts)
	return newService(operation, own, append(errs, checkContext(ctx)...))
}

// NewClient returns a client that sends token as its bearer token: an API key,
// or the token of a user. It does not touch the network. It returns an
// [*ArgumentError] for each argument that is bad, joined by errors.Join.
func NewClient(token string, opts ...Option) (*Client, error) {
	s := &settings{pool: transport.NewPool()}
	errs := s.apply([]Option{
		WithBaseURL(defaultBaseURL),
		WithHTTPClient(&http.Client{}),
		WithHeader("Accept", "application/json"),
		withProduct(""),
		WithMaxRetries(4),
		WithRetryBackoff(time.Second, 32*time.Second),
		WithRetryBudget(50),
		WithAttemptTimeout(30 * time.Second),
		WithMaxResponseBytes(64 << 20),
	})
	if token != "" {
		errs = append(errs, s.apply([]Option{withToken("token", token)})...)
	}
	errs = append(errs, s.apply(opts)...)
	return newClient(s, append(errs, s.check()...))
}

// With returns a client with other defaults, which shares the connections of c.
// It fails as [NewClient] does.
func (c *Client) With(opts ...Option) (*Client, error) {
	if c == nil || c.settings == nil {
		return nil, errNoClient("")
	}
	return newClient(c.settings.with(opts))
}

func newClient(s *settings, errs []error) (*Client, error) {
	common, err := newService("", s, errs)
	if err != nil {
		return nil, err
	}
	return &Client{
		Runs:             (*RunsService)(common),
		Models:           (*ModelsService)(common),
		ComfyuiWorkflows: (*ComfyuiWorkflowsService)(common),
		settings:         s,
	}, nil
}

// String returns the client's base URL, without its token.
func (c Client) String() string {
	if c.settings == nil {
		return "runflow.Client()"
	}
	return "runflow.Client(" + c.settings.BaseURL.String() + ")"
}

// Format prints what String returns, whatever the verb.
func (c Client) Format(s fmt.State, verb rune) { format(s, verb, c.String()) }

// MarshalText returns what String returns.
func (c Client) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Call identifies the attempt that an HTTP request belongs to.
type Call struct {
	Method  string // "PATCH"
	Route   string // path template: "/v1/runs/{run_id}/feedback"
	Attempt int    // 1 for the first
}

// CallFromContext returns the call that the context of a request belongs to. It
// lets an http.RoundTripper given by [WithHTTPClient] name its spans and label
// its metrics.
func CallFromContext(ctx context.Context) (Call, bool) {
	call, ok := transport.CallFromContext(ctx)
	return Call(call), ok
}

// A RateLimiter holds attempts back. A *rate.Limiter of golang.org/x/time/rate
// is one.
type RateLimiter interface {
	// Wait returns when the next attempt may be sent, or an error that ends the call.
	Wait(ctx context.Context) error
}

// A Response is what came back from the API, see [WithResponse].
type Response struct {
	StatusCode int // 0 where no answer came
	Header     http.Header
	RequestID  string // to quote to Runflow's support
	Attempts   int    // requests that were sent
	Body       []byte // the exact bytes

	IdempotencyKey string // that the call was sent with, see [WithIdempotencyKey]
}

// An Option sets how calls are made. Given to [NewClient] or [Client.With] it is
// the default of every call; given to a call it holds for that call. Of two
// that set the same, the later one counts.
type Option func(*settings) error

// settings are the options of a client or of a call. A call changes its own
// copy; nothing that it points to is ever changed.
type settings struct {
	transport.Settings

	pool      http.RoundTripper // the client's own connections
	plaintext bool

	// For one call only.
	response *Response
	key      string
}

// WithBaseURL sets where the API is, by default https://api.runflow.io. A path
// is put before that of each endpoint, which starts with /v1. Query, fragment,
// user info and hosts that are not in ASCII are refused, and so is plain http to
// a host that is not loopback, unless [WithPlaintext] is given.
func WithBaseURL(baseURL string) Option {
	return func(s *settings) error {
		u, reason := parseBaseURL(baseURL)
		if reason != "" {
			return badArgument("WithBaseURL", reason)
		}
		s.BaseURL = u
		return nil
	}
}

// WithPlaintext allows http:// to a host that is not loopback. The token then
// crosses the network for anybody on the way to read.
func WithPlaintext() Option {
	return func(s *settings) error {
		s.plaintext = true
		return nil
	}
}

// WithHTTPClient sets the HTTP client, of which a copy is kept. A transport, a
// cookie jar, a timeout and a redirect policy of its own are respected, but no
// redirect leaves the origin of the base URL. Without a transport of its own it
// uses the connections of the Client: at most 64 to a host over HTTP/1.1, which
// further calls wait for.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) error {
		if client == nil {
			return badArgument("WithHTTPClient", "must not be nil")
		}
		s.HTTPClient = transport.Guarded(client, s.pool)
		return nil
	}
}

// WithToken sets the bearer token: an API key of any prefix, or a user's token,
// which rating needs.
func WithToken(token string) Option { return withToken("WithToken", token) }

func withToken(argument, token string) Option {
	return func(s *settings) error {
		// Kept as a function, the token is in no field that could be printed.
		s.Token = func(context.Context) (string, error) { return token, nil }
		if reason := checkToken(token); reason != "" {
			return badArgument(argument, reason)
		}
		return nil
	}
}

// WithTokenSource sets where the bearer token of each attempt comes from, for
// tokens that are short-lived. The source should cache; it is called by many
// goroutines at once. Where it fails, so does the call, with a [*TransportError]
// that unwraps to the source's error.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(s *settings) error {
		if source == nil {
			return badArgument("WithTokenSource", "must not be nil")
		}
		s.Token = func(ctx context.Context) (string, error) {
			token, err := source(ctx)
			if err != nil {
				return "", err
			}
			if reason := checkToken(token); reason != "" {
				return "", badArgument("WithTokenSource", "its token "+reason)
			}
			return token, nil
		}
		return nil
	}
}

// WithOrganization sets the organization that calls are made for, by default
// the token's own. It is sent as X-Organization-Id.
func WithOrganization(id string) Option {
	return func(s *settings) error {
		if id == "" {
			return badArgument("WithOrganization", "must not be empty")
		}
		return s.setHeader("WithOrganization", "X-Organization-Id", id)
	}
}

// WithUserAgent puts a product of yours, such as "myapp/1.2", before the SDK's
// in the User-Agent.
func WithUserAgent(product string) Option {
	return func(s *settings) error {
		if strings.TrimSpace(product) == "" {
			return badArgument("WithUserAgent", "must not be empty")
		}
		return withProduct(product + " ")(s)
	}
}

func withProduct(prefix string) Option {
	return func(s *settings) error {
		return s.setHeader("WithUserAgent", "User-Agent", prefix+"runflow-go/"+Version)
	}
}

// WithHeader sets a header of every request. Headers that have an option of
// their own, or that belong to the connection, are refused.
func WithHeader(key, value string) Option {
	return func(s *settings) error {
		key := textproto.CanonicalMIMEHeaderKey(key)
		if instead, ok := ownedHeaders[key]; ok {
			return badArgument("WithHeader", key+" is "+instead)
		}
		return s.setHeader("WithHeader", key, value)
	}
}

// ownedHeaders says whose the headers are that WithHeader may not set.
var ownedHeaders = map[string]string{
	"Authorization":     "set by WithToken",
	"X-Organization-Id": "set by WithOrganization",
	"User-Agent":        "set by WithUserAgent",
	"Idempotency-Key":   "set by WithIdempotencyKey",
	"Content-Type":      "set by the SDK",
	"Content-Length":    "set by the connection",
	"Transfer-Encoding": "set by the connection",
	"Accept-Encoding":   "set by the connection",
	"Connection":        "set by the connection",
	"Host":              "set by WithBaseURL",
}

// WithMaxRetries sets how many attempts may follow the first, by default 4;
// 0 turns retries off.
func WithMaxRetries(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return badArgument("WithMaxRetries", "must not be negative")
		}
		s.MaxRetries = n
		return nil
	}
}

// WithRetryBackoff sets how long to wait between attempts: a random time of up
// to shortest after the first, doubled with each further one but never above
// longest. By default it is 1 s and 32 s. A Retry-After above longest ends the
// call.
func WithRetryBackoff(shortest, longest time.Duration) Option {
	return func(s *settings) error {
		if shortest <= 0 || longest < shortest {
			return badArgument("WithRetryBackoff", "must be a positive duration, and one that is not shorter")
		}
		s.BackoffMin, s.BackoffMax = shortest, longest
		return nil
	}
}

// WithRetryBudget sets how many retries the calls of a client, and of those
// derived from it, may share, by default 50; 0 sets no limit. In an outage they
// are soon used up, and calls are tried once, so that many callers do not
// multiply the load of a server that is down. Ten calls that are served give a
// retry back.
func WithRetryBudget(retries int) Option {
	return func(s *settings) error {
		if retries < 0 {
			return badArgument("WithRetryBudget", "must not be negative")
		}
		s.Budget = transport.NewBudget(retries)
		return nil
	}
}

// WithAttemptTimeout sets how long one attempt may take, from waiting for a
// connection to the end of the answer's body, by default 30 s; 0 sets no limit.
// What ends the call as a whole is its context.
func WithAttemptTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d < 0 {
			return badArgument("WithAttemptTimeout", "must not be negative")
		}
		s.AttemptTimeout = d
		return nil
	}
}

// WithMaxResponseBytes sets how large the body of an answer may be once it is
// decompressed, by default 64 MiB. A larger one is [ErrResponseTooLarge].
func WithMaxResponseBytes(n int64) Option {
	return func(s *settings) error {
		if n < 1 {
			return badArgument("WithMaxResponseBytes", "must be positive")
		}
		s.MaxResponseBytes = n
		return nil
	}
}

// WithLogger logs one record for each attempt, with the keys method, route (a
// template), status (0 without an answer), attempt, duration, delay (before the
// next attempt; 0 for none), request_id, and error where there is one. Never a
// body, a query or a token. The level is Warn for an attempt without an answer,
// for 429 and for 5xx, else Info.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) error {
		if logger == nil {
			return badArgument("WithLogger", "must not be nil")
		}
		s.Log = transport.LogTo(logger)
		return nil
	}
}

// WithRateLimiter makes each attempt wait for limiter first. Where its Wait
// fails, so does the call, with a [*TransportError] that unwraps to its error.
func WithRateLimiter(limiter RateLimiter) Option {
	return func(s *settings) error {
		if limiter == nil {
			return badArgument("WithRateLimiter", "must not be nil")
		}
		s.Limiter = limiter
		return nil
	}
}

// WithResponse fills response with what came back, whether the call succeeds or
// fails. It is for one call, and refused by [NewClient], by [Client.With] and by
// methods that make several, such as [RunsService.All].
func WithResponse(response *Response) Option {
	return func(s *settings) error {
		if response == nil {
			return badArgument("WithResponse", "must not be nil")
		}
		*response = Response{}
		s.response = response
		return nil
	}
}

// WithIdempotencyKey sets the Idempotency-Key of a call that may cost money or
// sets something going, such as [ModelsService.Run], in place of a random one.
//
// Runflow documents for some of these endpoints, and likely applies to all, that
// a request whose key it knows is not carried out again but answered as the
// first time, or refused with [ErrConflict] where its body is another. Without
// a key of yours the SDK does not count on that: it sends such a request again
// only after 429, or where the request had not been sent when the connection
// failed, and reports anything else that is not clear as [ErrAmbiguous]. With a
// key of yours it counts on it, and retries as it does what is idempotent.
//
// It is for one call, and refused by [NewClient], by [Client.With] and by calls
// that have no use for it.
func WithIdempotencyKey(key string) Option {
	return func(s *settings) error {
		if key == "" || strings.ContainsFunc(key, isInvisible) {
			return badArgument("WithIdempotencyKey", "must hold only visible ASCII characters")
		}
		s.key = key
		return nil
	}
}

func (s *settings) apply(opts []Option) []error {
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, badArgument(fmt.Sprintf("opts[%d]", i), "must not be nil"))
		} else if err := opt(s); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// with returns a copy that has the options, and what is wrong with it.
func (s *settings) with(opts []Option) (*settings, []error) {
	own := *s
	errs := own.apply(opts)
	return &own, append(errs, own.check()...)
}

// check refuses what is wrong only in combination.
func (s *settings) check() []error {
	var errs []error
	if s.Token == nil {
		errs = append(errs, badArgument("token", "must not be empty, unless WithTokenSource is given"))
	}
	if s.exposes(s.BaseURL) {
		errs = append(errs, badArgument("WithBaseURL", isExposed))
	}
	return errs
}

const isExposed = "must not be plain http to a host that is not loopback, unless WithPlaintext is given"

// exposes reports whether a request to u could be read by anybody on the way.
func (s *settings) exposes(u *url.URL) bool {
	return u.Scheme == "http" && !s.plaintext && !isLoopback(u.Hostname())
}

func checkContext(ctx context.Context) []error {
	if ctx == nil {
		return []error{badArgument("ctx", "must not be nil")}
	}
	return nil
}

// checkDefaults refuses what is for one call only.
func (s *settings) checkDefaults() []error {
	var errs []error
	if s.response != nil {
		errs = append(errs, badArgument("WithResponse", "is for one call only"))
	}
	if s.key != "" {
		errs = append(errs, badArgument("WithIdempotencyKey", "is for one call only"))
	}
	return errs
}

func (s *settings) setHeader(argument, key, value string) error {
	if !isHeaderKey(key) {
		return badArgument(argument, "is not a header's name")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }) {
		return badArgument(argument, "must hold only printable ASCII characters")
	}
	header := s.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set(key, value)
	s.Header = header
	return nil
}

func isHeaderKey(key string) bool {
	const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return key != "" && strings.Trim(key, tchar) == ""
}

// checkToken says what keeps a token from being sent as it is.
func checkToken(token string) string {
	switch {
	case token == "":
		return "must not be empty"
	case strings.ContainsFunc(token, isInvisible):
		return "must hold only visible ASCII characters: no space, no line break, no leading \"Bearer\""
	}
	return ""
}

func isInvisible(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }

func parseBaseURL(baseURL string) (u *url.URL, reason string) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, "is not a URL"
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must start with https://"
	case u.Hostname() == "":
		return nil, "must name a host"
	case strings.ContainsFunc(u.Host, isInvisible):
		return nil, "must name its host in ASCII, as xn--" // which others are sent differs between versions of Go
	case u.User != nil:
		return nil, "must not hold user info"
	case u.RawQuery != "" || u.ForceQuery:
		return nil, "must not hold a query"
	case strings.Contains(baseURL, "#"):
		return nil, "must not hold a fragment"
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, ""
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// input is what a method was given for its endpoint.
type input struct {
	path  []argument // fill the placeholders of the route
	query any        // a pointer to a struct with url tags, or nil
	body  any        // written as JSON, or nil
}

// argument is what a method was given for one or two placeholders.
type argument struct {
	name   string
	values [2]string // one for each placeholder
	double bool
	err    error
}

func (a argument) check() []error {
	if a.err == nil {
		return nil
	}
	return []error{badArgument(a.name, a.err.Error())}
}

// id fills one placeholder with one segment.
func id(name, value string) argument {
	return argument{name: name, values: [2]string{value}, err: endpoint.CheckSegment(value)}
}

// ownerSlug fills two placeholders with an "owner/slug" whose slug may hold
// slashes itself.
func ownerSlug(name, value string) argument {
	owner, slug, _ := strings.Cut(value, "/")
	return argument{name: name, values: [2]string{owner, slug}, double: true, err: endpoint.CheckOwnerSlug(value)}
}

// do is what every method does.
func do[T any](ctx context.Context, s *service, id endpoint.ID, in input, opts []Option) (*T, error) {
	out := new(T)
	if err := s.call(ctx, endpoint.Of(id), in, out, opts); err != nil {
		return nil, err
	}
	return out, nil
}

// own returns the settings of a call. Without options they are the client's, and
// have been checked.
func (s *service) own(opts []Option) (*settings, []error) {
	if len(opts) == 0 {
		return s.settings(), nil
	}
	return s.settings().with(opts)
}

func (s *service) call(ctx context.Context, ep endpoint.Endpoint, in input, out any, opts []Option) error {
	if s == nil || s.settings == nil {
		return errNoClient(ep.Operation)
	}
	own, errs := s.own(opts)
	errs = append(errs, checkContext(ctx)...)
	if own.key != "" && ep.Retry != endpoint.Guarded {
		errs = append(errs, badArgument("WithIdempotencyKey", "is of no use to this call"))
	}
	request, bad := in.request(ep)
	if err := joined(ep.Operation, append(errs, bad...)); err != nil {
		return err
	}
	request.Key, request.Vouched = own.key, own.key != ""
	if request.Key == "" && ep.Retry == endpoint.Guarded && request.Body != nil {
		request.Key = rand.Text()
	}
	if request.Body == nil && ep.Retry == endpoint.Guarded {
		request.Body = []byte{} // which shows whether it was sent
	}
	result := transport.Do(ctx, &own.Settings, request)
	defer result.Release()
	own.response.fill(result)
	if err := failure(result); err != nil {
		return err
	}
	return readAnswer(result, out, own.BaseURL)
}

func (in input) request(ep endpoint.Endpoint) (transport.Request, []error) {
	var errs []error
	var array [4]string
	values := array[:0]
	for _, arg := range in.path {
		values = append(values, arg.values[0])
		if arg.double {
			values = append(values, arg.values[1])
		}
		errs = append(errs, arg.check()...)
	}
	for _, part := range []any{in.query, in.body} {
		if c, ok := part.(interface{ check() []error }); ok {
			errs = append(errs, c.check()...)
		}
	}
	if errs != nil {
		return transport.Request{}, errs
	}
	request := transport.Request{Endpoint: ep, Path: ep.Path(values...)}
	if in.query != nil {
		values, err := query.Values(in.query)
		if err != nil {
			return request, []error{badArgument("params", "cannot be written as a query")}
		}
		request.Query = values.Encode()
	}
	if in.body != nil {
		body, err := jsonCodec.Marshal(in.body)
		if err != nil {
			return request, []error{badArgument("body", err.Error())}
		}
		request.Body = body
	}
	return request, nil
}

func (r *Response) fill(result *transport.Result) {
	if r == nil {
		return
	}
	r.Attempts = result.Attempts
	r.IdempotencyKey = result.Request.Key
	if answer := result.Answer; answer != nil {
		r.StatusCode = answer.StatusCode
		r.Header = answer.Header
		r.RequestID = answer.RequestID()
		r.Body = bytes.Clone(answer.Body)
	}
}

// checkList refuses what a comma-separated list cannot carry.
func checkList[T ~string](name string, values []T) []error {
	var errs []error
	for i, value := range values {
		if value == "" || strings.ContainsFunc(string(value), func(r rune) bool { return r == ',' || unicode.IsControl(r) }) {
			errs = append(errs, badArgument(fmt.Sprintf("%s[%d]", name, i), "must be a name, without a comma"))
		}
	}
	return errs
}
