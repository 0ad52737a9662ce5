package transport

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxRedirects is the number of redirects that net/http follows by default.
const maxRedirects = 10

// NewHTTPClient returns a copy of client that sends its requests over connections
// and follows a redirect only within the origin that the request was sent to, and
// only with the same method. If a redirect is not followed, it is the response. For
// other redirects, the client's own redirect policy decides.
func NewHTTPClient(client *http.Client, connections http.RoundTripper) *http.Client {
	own := *client
	own.Transport = connections
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		switch {
		case !SameOrigin(req.URL, via[0].URL) || req.Method != via[0].Method:
			return http.ErrUseLastResponse
		case client.CheckRedirect != nil:
			return client.CheckRedirect(req, via)
		case len(via) >= maxRedirects:
			return fmt.Errorf("stopped after %d redirects", maxRedirects)
		}
		return nil
	}
	return &own
}

// refusal returns the reason why resp, a redirect, was not followed.
func refusal(resp *http.Response) string {
	if resp.Request == nil {
		return ""
	}
	location := resp.Header.Get("Location")
	to, err := resp.Request.URL.Parse(location)
	switch {
	case location == "" || err != nil:
		return "a redirect without a valid URL was not followed"
	case !SameOrigin(resp.Request.URL, to):
		return "a redirect to another origin was not followed"
	case replacesMethod(resp):
		return "a redirect that would replace the " + resp.Request.Method + " by a GET was not followed"
	}
	return "a redirect was not followed"
}

// replacesMethod reports whether net/http would follow the redirect with a GET.
func replacesMethod(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		return resp.Request.Method != http.MethodGet && resp.Request.Method != http.MethodHead
	}
	return false
}

// DropInvalidLocation removes an invalid Location header. Otherwise net/http would
// return an error that quotes the header instead of the response. It does nothing
// if resp is nil.
func DropInvalidLocation(req *http.Request, resp *http.Response) {
	if resp == nil || resp.Header == nil {
		return
	}
	if location := resp.Header.Get("Location"); location != "" {
		if _, err := req.URL.Parse(location); err != nil {
			resp.Header.Del("Location")
		}
	}
}

// SameOrigin reports whether two URLs have the same scheme, host and port.
func SameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
