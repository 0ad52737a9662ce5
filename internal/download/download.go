// Package download fetches a file from the host that stores it. A download is not
// a call to the API: it has no token, no rate limit and no JSON, and it is resumed
// instead of repeated.
//
// [Fetch] writes a file in one or more attempts. A [File] (file.go) writes the
// bytes and resumes the transfer. A [Policy] (policy.go) decides which hosts may be
// used.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/transport"
)

// NewHTTPClient returns a client for storage hosts, which sends its requests over
// connections. It has no cookies, follows redirects only with the same method and to
// URLs that the policy allows, and does not tell the next host the signed URL that
// led there.
func NewHTTPClient(connections http.RoundTripper, policy Policy) *http.Client {
	return &http.Client{
		Transport: quiet{connections},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if policy.Check(req.URL) != "" || req.Method != via[0].Method || req.URL.Scheme != "https" && !transport.SameOrigin(req.URL, via[0].URL) {
				return http.ErrUseLastResponse
			}
			if len(via) >= maxRedirects {
				return &finalError{fmt.Errorf("stopped after %d redirects", maxRedirects)}
			}
			return nil
		},
	}
}

const maxRedirects = 10

// quiet removes the Referer, which net/http adds after a redirect, and a Location
// that net/http would quote in an error.
type quiet struct{ http.RoundTripper }

// RoundTrip sends the request.
func (q quiet) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("Referer") != "" {
		req = req.WithContext(req.Context())
		req.Header = req.Header.Clone()
		req.Header.Del("Referer")
	}
	resp, err := q.RoundTripper.RoundTrip(req)
	transport.DropInvalidLocation(req, resp)
	return resp, err
}

// Fetch writes the rest of the file at target to f, after the bytes that f already
// has. It retries temporary errors. An attempt that made progress resets the number
// of failed attempts and needs no retry budget. The response of the result has no
// body, unless it is an error response.
func Fetch(ctx context.Context, settings *transport.Settings, target *url.URL, f *File) *transport.Result {
	result := transport.NewResult(settings, &transport.Request{Endpoint: endpoint.RunsDownload, URL: *target})
	for failed := 0; ; {
		if ctx.Err() != nil {
			result.Err = transport.Ended(ctx)
			return result
		}
		result.Attempts++
		started, best := time.Now(), f.best
		response, err := attempt(ctx, settings, result, f)
		failed++
		advanced := f.best > best
		if advanced {
			failed = 1
		}
		retry := mayRetry(response, err)
		if retry && err != nil && !f.canContinue() {
			err, retry = fmt.Errorf("%w: %w", errOtherFile, err), false
		}
		if !result.Next(ctx, transport.Ending{
			Started: started, Response: response, Err: err, MayRetry: retry, Failed: failed, IsFree: advanced,
		}) {
			return result
		}
	}
}

// mayRetry reports whether another attempt may succeed.
func mayRetry(response *transport.Response, err error) bool {
	if err == nil {
		return response.StatusCode/100 != 2 && transport.IsTemporary(response.StatusCode)
	}
	_, final := errors.AsType[*finalError](err)
	return !final && transport.IsTransient(err)
}

// A finalError is an error that another attempt cannot avoid.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func attempt(ctx context.Context, settings *transport.Settings, result *transport.Result, f *File) (*transport.Response, error) {
	target := &result.Request.URL
	limited, deadline := settings.NewAttempt(ctx, endpoint.RunsDownload, result.Attempts)
	defer deadline.Stop()
	req := (&http.Request{
		Method: http.MethodGet, URL: target, Host: target.Host, Header: f.header(settings.Header["User-Agent"]),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(limited)
	resp, err := settings.HTTPClient.Do(req)
	if err != nil {
		return nil, transport.Explain(ctx, deadline, err)
	}
	switch {
	case f.isComplete(resp):
		_ = resp.Body.Close()
		return &transport.Response{StatusCode: http.StatusOK, Header: resp.Header}, nil
	case resp.StatusCode/100 != 2:
		response, err := transport.Read(resp, settings.MaxResponseBytes)
		if err != nil {
			return nil, transport.Explain(ctx, deadline, err)
		}
		return response, nil
	}
	defer resp.Body.Close()
	response := &transport.Response{StatusCode: resp.StatusCode, Header: resp.Header}
	deadline.Pause()
	if err := f.receive(resp, &timed{resp.Body, deadline, settings.AttemptTimeout, smallestRead}); err != nil {
		if _, final := errors.AsType[*finalError](err); !final {
			err = transport.Explain(ctx, deadline, err)
		}
		return response, err
	}
	return response, nil
}

// timed is the body of an attempt. The time of the attempt counts only while timed
// waits for the body, not while the writer or a function of the caller runs.
type timed struct {
	io.Reader

	deadline *transport.Deadline
	limit    time.Duration // limit of the deadline
	size     int           // maximum size of the next read
}

const (
	smallestRead = 1 << 10
	largestRead  = 32 << 10
)

// Read reads the next part. Inside of a chunk, net/http returns only after it has
// read the whole part, so reading a part must take much less time than the limit:
// parts are small at first, and grow while the reads are fast.
func (t *timed) Read(p []byte) (int, error) {
	started := time.Now()
	t.deadline.Restart()
	defer t.deadline.Pause()
	n, err := t.Reader.Read(p[:min(len(p), t.size)])
	if took := time.Since(started); took > t.limit/8 {
		t.size = max(t.size/2, smallestRead)
	} else if took < t.limit/32 || t.limit == 0 {
		t.size = min(2*t.size, largestRead)
	}
	return n, err
}
