package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// connections is the maximum number of connections that a pool opens to one host
// over HTTP/1.1, and of idle ones that it keeps. Without the first limit, net/http
// dials for every call that finds no idle connection, and opens more connections
// than there are calls.
const connections = 64

// NewPool returns a pool of connections for a busy backend.
func NewPool() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, ControlContext: refuseLinkLocal}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		OnProxyConnectResponse: refuseQuietly,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		// Without pings, the pool would use a dead HTTP/2 connection for all
		// further calls.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// refuseQuietly returns an error if a proxy refuses the connection. The error does
// not quote the proxy.
func refuseQuietly(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return errProxy
	}
	return nil
}

// MayQueue reports whether an attempt may have to wait for a connection of the
// transport's pool. The dialer of the transport must be a net.Dialer. With another
// one, the [Deadline] cannot detect that a connection is being opened.
func MayQueue(transport http.RoundTripper) bool {
	pool, ok := transport.(*http.Transport)
	return ok && pool.MaxConnsPerHost > 0
}

var errLinkLocal = errors.New("the host has a link-local address, which is not allowed")

// refuseLinkLocal refuses connections to link-local addresses, also if a host name
// resolves to one: cloud providers serve the credentials of a machine at such
// addresses.
func refuseLinkLocal(_ context.Context, _, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().IsLinkLocalUnicast() {
		return errLinkLocal
	}
	return nil
}
