package runflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go/internal/download"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// A ClientOption configures a client. It is given to [NewClient] or [Client.With].
// If two options set the same thing, the later one takes effect. Declare the
// variables that hold options as ClientOption or [CallOption]: an option that is a
// ClientOption now may be a [SharedOption] in a later version.
type ClientOption interface {
	applyToClient(*settings) error
}

// A CallOption configures one call. If two options set the same thing, the later
// one takes effect.
type CallOption interface {
	applyToCall(*settings) error
}

// A SharedOption is both a [ClientOption] and a [CallOption]. If it is given to a
// client, it is the default for the client's calls.
type SharedOption interface {
	ClientOption
	CallOption
}

type clientOption func(*settings) error

func (o clientOption) applyToClient(s *settings) error { return o(s) }

type callOption func(*settings) error

func (o callOption) applyToCall(s *settings) error { return o(s) }

type sharedOption func(*settings) error

func (o sharedOption) applyToClient(s *settings) error { return o(s) }
func (o sharedOption) applyToCall(s *settings) error   { return o(s) }

// settings are the values that the options set. A call with options has its own
// copy; values that settings point to are never changed.
type settings struct {
	transport.Settings

	baseURL      *url.URL
	insecureHTTP bool
	httpClient   *http.Client // a copy of the caller's client
	pool         http.RoundTripper
	middleware   []func(http.RoundTripper) http.RoundTripper
	storage      *http.Client // for the hosts that store output files

	call callSettings
}

// callSettings are set by options of a single call.
type callSettings struct {
	response     *Response
	key          string
	query        url.Values
	retryOptions []string // names of the retry options that were given
}

// badKey returns the error of a key that was given to an idempotent call.
func badKey() error {
	return badArgument("WithIdempotencyKey", "must not be given to an idempotent call")
}

// checkTransfer refuses the options that neither a download nor an upload can have.
func (s *callSettings) checkTransfer(kind string) error {
	var errs []error
	if s.key != "" {
		errs = append(errs, badKey())
	}
	if len(s.query) > 0 {
		errs = append(errs, badArgument("WithQuery", "must not be given to "+kind))
	}
	return errors.Join(errs...)
}

func defaultSettings() *settings {
	s := &settings{httpClient: &http.Client{}, pool: transport.NewPool()}
	s.baseURL, _ = url.Parse(DefaultBaseURL)
	s.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}}
	s.MaxRetries = 4
	s.BackoffMin, s.BackoffMax = time.Second, 32*time.Second
	s.AttemptTimeout = 30 * time.Second
	s.MaxResponseBytes = 64 << 20
	s.Budget = transport.NewBudget(50)
	return s
}

const userAgent = "runflow-go/" + Version

func (s *settings) applyClient(opts []ClientOption) error {
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, badArgument(fmt.Sprintf("opts[%d]", i), "must not be nil"))
			continue
		}
		errs = append(errs, opt.applyToClient(s))
	}
	return errors.Join(errs...)
}

// forCall returns the settings of a call with its options.
func (s *settings) forCall(opts []CallOption) (*settings, error) {
	if len(opts) == 0 {
		return s, nil
	}
	own := *s
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, badArgument(fmt.Sprintf("opts[%d]", i), "must not be nil"))
			continue
		}
		errs = append(errs, opt.applyToCall(&own))
	}
	return &own, errors.Join(errs...)
}

// withoutToken returns the settings of a call that needs no token, and sends none.
func (s *settings) withoutToken() *settings {
	own := *s
	own.Token, own.TokenSource = "", nil
	own.Header = s.Header.Clone()
	own.Header.Del("X-Organization-Id")
	return &own
}

// validate refuses combinations of options that are invalid.
func (s *settings) validate() error {
	var errs []error
	if s.Token == "" && s.TokenSource == nil {
		errs = append(errs, badArgument("token", "must not be empty, unless WithTokenSource is given"))
	}
	if s.baseURL.Scheme == "http" && !s.insecureHTTP && !download.IsLoopback(s.baseURL.Hostname()) {
		errs = append(errs, badArgument("WithBaseURL", "must not be plain http to a host that is not loopback, unless WithInsecureHTTP is given"))
	}
	return errors.Join(errs...)
}

// base returns the transport below all middleware.
func (s *settings) base() http.RoundTripper {
	if s.httpClient.Transport != nil {
		return s.httpClient.Transport
	}
	return s.pool
}

// connect makes the HTTP clients for the API and for storage hosts. They are
// different, because the client for the API has the caller's cookie jar.
func (s *settings) connect() error {
	chain := s.base()
	if s.httpClient.Transport != nil {
		chain = transport.Quiet(chain)
	}
	for i, wrap := range slices.Backward(s.middleware) {
		if chain = wrap(chain); chain == nil {
			return badArgument("WithMiddleware", fmt.Sprintf("must not return nil (middleware %d)", i))
		}
	}
	s.HTTPClient = transport.NewHTTPClient(s.httpClient, chain)
	s.MayQueue = transport.MayQueue(s.base())
	s.storage = download.NewHTTPClient(chain, s.storagePolicy())
	return nil
}

func (s *settings) storagePolicy() download.Policy {
	return download.Policy{IsLoopback: download.IsLoopback(s.baseURL.Hostname()), AllowHTTP: s.insecureHTTP}
}

// WithBaseURL sets the base URL of the API. An empty string selects
// [DefaultBaseURL]. If the URL has a path, it is a prefix of the paths of all
// endpoints, which start with /v1. WithBaseURL refuses a URL with a query, a
// fragment, user info or a host that is not in ASCII. It also refuses plain http to
// a host that is not loopback, unless [WithInsecureHTTP] is given.
func WithBaseURL(baseURL string) ClientOption {
	return clientOption(func(s *settings) error {
		if baseURL == "" {
			baseURL = DefaultBaseURL
		}
		u, reason := parseBaseURL(baseURL)
		if reason != "" {
			return badArgument("WithBaseURL", reason)
		}
		s.baseURL = u
		return nil
	})
}

// WithInsecureHTTP allows plain http to hosts that are not loopback, for the API
// and for output files. Anyone on the network path can then read the token.
func WithInsecureHTTP() ClientOption {
	return clientOption(func(s *settings) error {
		s.insecureHTTP = true
		return nil
	})
}

// WithHTTPClient sets the HTTP client. The SDK keeps a copy of it. It uses the
// client's transport, its cookie jar (for the API only), its timeout (for one
// attempt) and its redirect policy. The SDK never follows a redirect of the API to
// another origin. If the client has no transport, the SDK uses its own pool: at
// most 64 connections per host over HTTP/1.1. Further calls wait for a free
// connection.
//
// Do not use a transport that retries requests by itself: it may send an
// at-most-once call twice.
func WithHTTPClient(client *http.Client) ClientOption {
	return clientOption(func(s *settings) error {
		if client == nil {
			return badArgument("WithHTTPClient", "must not be nil")
		}
		own := *client
		s.httpClient = &own
		return nil
	})
}

// WithMiddleware wraps the transport that the client uses: the SDK's connections,
// or the transport of [WithHTTPClient]. The SDK calls the function once per client.
// If there are several middlewares, the first one is the outermost. Those that are
// given to [Client.With] are inside those of the client that it is called on.
//
// A middleware sees each HTTP request: attempts, redirects, downloads and uploads.
// Headers that it adds are also sent to storage hosts. The URLs of storage hosts
// contain signatures that should not be recorded. To recognize such a request,
// check whether the Route of [AttemptFromContext] is "{output_url}" or
// "{upload_url}".
func WithMiddleware(middleware func(next http.RoundTripper) http.RoundTripper) ClientOption {
	return clientOption(func(s *settings) error {
		if middleware == nil {
			return badArgument("WithMiddleware", "must not be nil")
		}
		s.middleware = append(slices.Clip(s.middleware), middleware)
		return nil
	})
}

// WithToken sets the bearer token: an API key, or the session token of a user. Only
// the session token of a user can set feedback.
func WithToken(token string) SharedOption {
	return sharedOption(func(s *settings) error { return s.setToken("WithToken", token) })
}

func (s *settings) setToken(argument, token string) error {
	s.Token, s.TokenSource = token, nil
	if reason := checkToken(token); reason != "" {
		return badArgument(argument, reason)
	}
	return nil
}

// WithTokenSource sets a function that returns the bearer token of each attempt,
// for tokens that expire. The function may be called concurrently and should cache
// the token. It must return when its context ends, which is at the latest after the
// attempt timeout. If it returns an error, the call fails with a [*TransportError]
// that unwraps to its error.
func WithTokenSource(source func(context.Context) (string, error)) SharedOption {
	return sharedOption(func(s *settings) error {
		if source == nil {
			return badArgument("WithTokenSource", "must not be nil")
		}
		s.TokenSource = func(ctx context.Context) (string, error) {
			token, err := source(ctx)
			if err != nil {
				return "", err
			}
			if reason := checkToken(token); reason != "" {
				return "", badArgument("WithTokenSource", "the token "+reason)
			}
			return token, nil
		}
		return nil
	})
}

// WithOrganization sets the ID of the organization that calls are made for. The
// default is the organization of the token. It is sent as X-Organization-Id.
func WithOrganization(id string) SharedOption {
	return sharedOption(func(s *settings) error {
		if id == "" {
			return badArgument("WithOrganization", "must not be empty")
		}
		return s.setHeader("WithOrganization", "X-Organization-Id", id)
	})
}

// WithHeader sets a header of every request to the API. It refuses headers that
// another option sets, and headers of the connection such as Upgrade.
func WithHeader(key, value string) SharedOption {
	return sharedOption(func(s *settings) error {
		key := textproto.CanonicalMIMEHeaderKey(key)
		if owner, ok := ownedHeaders[key]; ok {
			return badArgument("WithHeader", key+" is set by "+owner)
		}
		return s.setHeader("WithHeader", key, value)
	})
}

// ownedHeaders maps each header that WithHeader refuses to the name of its owner,
// which sets it.
var ownedHeaders = map[string]string{
	"Accept-Encoding":   "the connection",
	"Authorization":     "WithToken",
	"Connection":        "the connection",
	"Content-Length":    "the connection",
	"Content-Type":      "the SDK",
	"Expect":            "the connection",
	"Host":              "WithBaseURL",
	"Idempotency-Key":   "WithIdempotencyKey",
	"Keep-Alive":        "the connection",
	"Proxy-Connection":  "the connection",
	"Te":                "the connection",
	"Trailer":           "the connection",
	"Transfer-Encoding": "the connection",
	"Upgrade":           "the connection",
	"User-Agent":        "WithUserAgent",
	"X-Idempotency-Key": "WithIdempotencyKey",
	"X-Organization-Id": "WithOrganization",
}

// WithUserAgent puts the name of a program, such as "myapp/1.2", before that of
// the SDK in the User-Agent header.
func WithUserAgent(product string) ClientOption {
	return clientOption(func(s *settings) error {
		if strings.TrimSpace(product) == "" {
			return badArgument("WithUserAgent", "must not be empty")
		}
		return s.setHeader("WithUserAgent", "User-Agent", product+" "+userAgent)
	})
}

// WithMaxRetries sets how many times a call may be retried. The default is 4; 0
// turns retries off. The polls of a wait are not retried, see [WaitRunParams].
func WithMaxRetries(n int) SharedOption {
	return sharedOption(func(s *settings) error {
		s.call.retryOptions = append(slices.Clip(s.call.retryOptions), "WithMaxRetries")
		if n < 0 {
			return badArgument("WithMaxRetries", "must not be negative")
		}
		s.MaxRetries = n
		return nil
	})
}

// WithRetryBackoff sets the delay before a retry. The delay is random: at most
// minDelay before the first retry. This limit doubles for each further retry, up to
// maxDelay. The defaults are 1 s and 32 s. If the API sends a Retry-After above
// maxDelay, the call fails without a retry.
func WithRetryBackoff(minDelay, maxDelay time.Duration) SharedOption {
	return sharedOption(func(s *settings) error {
		s.call.retryOptions = append(slices.Clip(s.call.retryOptions), "WithRetryBackoff")
		if minDelay <= 0 || maxDelay < minDelay {
			return badArgument("WithRetryBackoff", "want 0 < min <= max")
		}
		s.BackoffMin, s.BackoffMax = minDelay, maxDelay
		return nil
	})
}

// WithRetryBudget sets how many retries the calls of a client, and of the clients
// that With derives from it, may share. The default is 50; 0 means no limit. During
// an outage the budget is soon used up. Calls are then sent only once, so that many
// callers do not multiply the load on a server that is down. Every ten calls
// without a temporary error give one retry back.
func WithRetryBudget(retries int) ClientOption {
	return clientOption(func(s *settings) error {
		if retries < 0 {
			return badArgument("WithRetryBudget", "must not be negative")
		}
		s.Budget = transport.NewBudget(retries)
		return nil
	})
}

// WithAttemptTimeout sets how long one attempt may take, from its start to the end
// of the response body. The default is 30 s; 0 means no limit. The time does not
// count while the attempt waits for a free connection of the pool, unless a
// connection is being opened for it. For a download or an upload, d is the maximum
// time without progress. To limit the call as a whole, use its context.
func WithAttemptTimeout(d time.Duration) SharedOption {
	return sharedOption(func(s *settings) error {
		if d < 0 {
			return badArgument("WithAttemptTimeout", "must not be negative")
		}
		s.AttemptTimeout = d
		return nil
	})
}

// WithMaxResponseBytes sets the maximum size of the body of an API response, after
// decompression. The default is 64 MiB. If a response is larger, the call fails
// with [ErrResponseTooLarge]. For downloads, see [DownloadParams].
func WithMaxResponseBytes(n int64) SharedOption {
	return sharedOption(func(s *settings) error {
		if n < 1 {
			return badArgument("WithMaxResponseBytes", "must be positive")
		}
		s.MaxResponseBytes = n
		return nil
	})
}

// WithLogger logs one record for each attempt, with the attributes method, route
// (a path template), status (0 without a response), attempt, duration, delay
// (before the next attempt, or 0), request_id, and error if there was no response.
// It never logs a body, a query or a token. The level is Warn if there was no
// response and on 408, 429 and 5xx except 501; it is Info otherwise.
func WithLogger(logger *slog.Logger) ClientOption {
	return clientOption(func(s *settings) error {
		if logger == nil {
			return badArgument("WithLogger", "must not be nil")
		}
		s.Log = transport.LogTo(logger)
		return nil
	})
}

// WithRateLimiter calls limiter.Wait before each attempt. If Wait returns an error,
// the call fails with a [*TransportError] that unwraps to its error. Requests to
// storage hosts do not wait.
func WithRateLimiter(limiter RateLimiter) ClientOption {
	return clientOption(func(s *settings) error {
		if limiter == nil {
			return badArgument("WithRateLimiter", "must not be nil")
		}
		s.Limiter = limiter
		return nil
	})
}

// WithResponse fills response with the HTTP response to the call, whether the call
// succeeds or fails. If a method makes several calls, such as [RunsService.All],
// response holds the last one. For a download, Body is nil.
func WithResponse(response *Response) CallOption {
	return callOption(func(s *settings) error {
		if response == nil {
			return badArgument("WithResponse", "must not be nil")
		}
		*response = Response{}
		s.call.response = response
		return nil
	})
}

// WithQuery adds a query parameter for which the SDK has no field. It refuses a
// parameter that the method itself sets.
func WithQuery(key, value string) CallOption {
	return callOption(func(s *settings) error {
		if key == "" || !utf8.ValidString(key) || !utf8.ValidString(value) {
			return badArgument("WithQuery", "must have a key, and be valid UTF-8")
		}
		query := make(url.Values, len(s.call.query)+1)
		for key, values := range s.call.query {
			query[key] = slices.Clip(values)
		}
		query.Add(key, value)
		s.call.query = query
		return nil
	})
}

// WithIdempotencyKey sets the Idempotency-Key of an at-most-once call, such as
// [ModelsService.CreateRun], instead of a random one. Idempotent calls refuse it.
//
// Runflow documents for some endpoints that it does not process a request again if
// it knows the key: it repeats the first response, or refuses a request with
// another body with [ErrConflict]. This is likely true for all endpoints. The SDK
// does not rely on it for random keys: it retries such a call only if the server
// cannot have processed it, and returns [ErrOutcomeUnknown] if the outcome is
// unknown. The SDK relies on it for your own key, and retries the call like an
// idempotent one.
func WithIdempotencyKey(key string) CallOption {
	return callOption(func(s *settings) error {
		if key == "" || strings.ContainsFunc(key, isInvisible) {
			return badArgument("WithIdempotencyKey", "must contain only visible ASCII characters")
		}
		s.call.key = key
		return nil
	})
}

func (s *settings) setHeader(argument, key, value string) error {
	const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if key == "" || strings.Trim(key, tchar) != "" {
		return badArgument(argument, "must have a valid header name")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }) {
		return badArgument(argument, "must contain only printable ASCII characters")
	}
	s.Header = s.Header.Clone()
	s.Header.Set(key, value)
	return nil
}

// checkToken returns why a token cannot be sent, or "".
func checkToken(token string) string {
	switch {
	case token == "":
		return "must not be empty"
	case strings.ContainsFunc(token, isInvisible):
		return `must contain only visible ASCII characters: no space, no line break, no "Bearer" before it`
	}
	return ""
}

func isInvisible(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }

func parseBaseURL(baseURL string) (u *url.URL, reason string) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, "must be a URL"
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must start with https://"
	case u.Hostname() == "":
		return nil, "must have a host"
	case strings.ContainsFunc(u.Host, isInvisible):
		return nil, "must have a host in ASCII; write other names in the form xn--…" // Go 1.26 and 1.27 encode them differently
	case u.User != nil:
		return nil, "must not contain user info"
	case u.RawQuery != "" || u.ForceQuery:
		return nil, "must not contain a query"
	case strings.Contains(baseURL, "#"):
		return nil, "must not contain a fragment"
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, ""
}

// record fills r with the result of a call.
func (r *Response) record(result *transport.Result) {
	if r == nil {
		return
	}
	*r = Response{Attempts: result.Attempts, IdempotencyKey: result.Request.Key}
	if response := result.Response; response != nil {
		r.StatusCode = response.StatusCode
		r.Header = response.Header
		r.RequestID = response.RequestID()
		r.Body = bytes.Clone(response.Body)
	}
}
