package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

var (
	errNotHTTP = errors.New("the response is not valid HTTP")
	errGoAway  = errors.New("the server closed the connection")
	errProxy   = errors.New("the proxy refused the connection")
)

// withoutQuote replaces an error of net/http that quotes bytes of the server.
func withoutQuote(err error) error {
	text := err.Error()
	broken := strings.Contains(text, "net/http: HTTP/1.x transport connection broken: ")
	switch {
	case is[textproto.ProtocolError](err), broken && !isDisconnect(err):
		return errNotHTTP
	case strings.Contains(text, "http2: server sent GOAWAY"):
		return errGoAway
	}
	return err
}

// withoutURL unwraps an error of net/http whose text contains the query.
func withoutURL(err error) error {
	for {
		withURL, ok := err.(*url.Error) //nolint:errorlint // an error of a caller's transport stays as it is
		if !ok {
			return err
		}
		err = withURL.Err
	}
}

// isDisconnect reports whether err only reports a broken connection.
func isDisconnect(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Quiet wraps a caller's transport so that its errors do not quote a proxy. If a
// proxy refuses a connection, the text of the error of net/http is the reason
// phrase that the proxy sent.
func Quiet(base http.RoundTripper) http.RoundTripper {
	if pool, ok := base.(*http.Transport); ok && pool.Proxy != nil {
		return quiet{pool}
	}
	return base
}

type quiet struct{ *http.Transport }

// RoundTrip sends the request.
func (q quiet) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := q.Transport.RoundTrip(req)
	if err != nil && fmt.Sprintf("%T", err) == "*errors.errorString" && q.isRefusal(req, err) {
		err = errProxy
	}
	return resp, err
}

func (q quiet) isRefusal(req *http.Request, err error) bool {
	text := err.Error()
	if req.URL.Scheme != "https" || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.HasPrefix(text, "net/http: ") || text == "http: server closed idle connection" {
		return false
	}
	proxy, _ := q.Proxy(req)
	return proxy != nil
}
