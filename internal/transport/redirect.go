package transport

import (
	"net/http"
	"net/url"
	"strings"
)

// Guarded returns a copy of client that follows a redirect only within the
// origin that it was sent to, and only with the same method. Where client has
// no transport, it gets pool.
func Guarded(client *http.Client, pool http.RoundTripper) *http.Client {
	guarded := *client
	if guarded.Transport == nil {
		guarded.Transport = pool
	}
	guarded.Transport = guard{guarded.Transport}
	return &guarded
}

// guard hides the target of a redirect that must not be followed from the
// http.Client above it, which then returns the redirect itself.
type guard struct{ base http.RoundTripper }

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callFrom(req.Context())
	if c.Request.Target != nil {
		req.Header.Del("Referer") // the signed URL that net/http was redirected from, in headers of its own
	}
	resp, err := g.base.RoundTrip(sentOnce(req))
	if err != nil || resp == nil {
		return resp, err
	}
	if target := resp.Header.Get("Location"); target != "" && resp.StatusCode/100 == 3 {
		if reason := c.refuse(req, resp.StatusCode, target); reason != "" {
			c.refused = reason
			resp.Header.Del("Location")
		}
	}
	return resp, nil
}

func (c *call) refuse(req *http.Request, status int, target string) string {
	to, err := req.URL.Parse(target)
	switch {
	case err != nil:
		return "a redirect to an invalid URL was not followed"
	case c.Request.Target != nil && to.Scheme == "https": // it carries no secret of the API
		return ""
	case !SameOrigin(req.URL, to):
		return "a redirect to another origin was not followed"
	case changesMethod(req.Method, status):
		return "a redirect that would drop the " + req.Method + " was not followed"
	}
	return ""
}

func changesMethod(method string, status int) bool {
	keeps := status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
	return !keeps && method != http.MethodGet && method != http.MethodHead
}

// SameOrigin reports whether two URLs have scheme, host and port in common.
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
