// Package upload sends a file to the host that stores it. Like a download, an upload
// is not a call to the API: the request has no token and no JSON, and its body is
// not held in memory.
//
// [Send] makes several attempts if the file can be rewound. A [File] (file.go) knows
// its size before it is sent, and a body (body.go) is one reading of it, which sends
// exactly that many bytes. A source (source.go) reads from the reader of the caller.
package upload

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/envelope"
	"github.com/runflow-io/runflow-go/internal/transport"
)

var (
	errNotStored = errors.New("the storage host reported an error in the body of a success")
	errTooEarly  = errors.New("the storage host reported a success before it received the file")
)

// maxResponse is how many bytes of a response are read. A success has no body.
const maxResponse = 1 << 20

// Send sends the file to target with one PUT request, from its beginning. It retries
// temporary errors if the file can be rewound. A file that fails, or has not the size
// that it should have, ends the upload before its last byte is sent. The body of the
// result's response is at most an error's.
func Send(ctx context.Context, settings *transport.Settings, target *url.URL, f *File) *transport.Result {
	result := transport.NewResult(settings, &transport.Request{Endpoint: endpoint.AssetsSend, URL: *target})
	for {
		if ctx.Err() != nil {
			result.Err = transport.Ended(ctx)
			return result
		}
		if result.Err = f.Rewind(); result.Err != nil {
			return result
		}
		result.Attempts++
		started := time.Now()
		response, err := attempt(ctx, settings, result, f)
		if !result.Next(ctx, transport.Ending{
			Started: started, Response: response, Err: err, MayRetry: mayRetry(response, err) && f.CanRewind(), Failed: result.Attempts,
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
	_, isOfFile := errors.AsType[*FileError](err)
	return !isOfFile && transport.IsTransient(err)
}

func attempt(ctx context.Context, settings *transport.Settings, result *transport.Result, f *File) (*transport.Response, error) {
	limited, deadline := settings.NewAttempt(ctx, endpoint.AssetsSend, result.Attempts)
	defer deadline.Stop()
	b := newBody(f, deadline)
	resp, err := settings.HTTPClient.Do(newRequest(&result.Request.URL, f, b, settings.Header["User-Agent"]).WithContext(limited)) //nolint:bodyclose // Read closes it
	var response *transport.Response
	if err == nil {
		response, err = transport.Read(resp, min(settings.MaxResponseBytes, maxResponse))
	}
	if failed := b.end(); failed != nil {
		return nil, failed
	}
	switch {
	case err != nil:
		return nil, transport.Explain(ctx, deadline, err)
	case response.StatusCode/100 != 2:
		return response, nil
	case isError(response.Body):
		return nil, errNotStored
	case b.sent < f.Size:
		return nil, errTooEarly
	}
	return response, f.checkUnchanged()
}

// largeFile is the size from which the storage host is asked first whether it accepts
// the file. Many hosts refuse a request and close the connection at once: if a large
// file is being sent, the response is then lost.
const largeFile = 1 << 20

func newRequest(target *url.URL, f *File, b *body, userAgent []string) *http.Request {
	req := &http.Request{
		Method: http.MethodPut, URL: target, Host: target.Host, Body: b, ContentLength: f.Size,
		Header: http.Header{"Content-Type": {f.MIMEType}, "User-Agent": userAgent},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if f.Size >= largeFile {
		req.Header["Expect"] = []string{"100-continue"}
	}
	return req
}

// isError reports whether the body of a success is that of an error: S3 can send
// one after it has sent the status.
func isError(body []byte) bool {
	return bytes.Contains(body[:min(len(body), longestProlog)], []byte("<Error")) || envelope.Parse(body).Code != ""
}

// longestProlog is how far the first element of an XML document may be from its
// start.
const longestProlog = 512
