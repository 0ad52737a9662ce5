package transport

import (
	"net"
	"net/http"
	"time"
)

// connections is how many a pool opens to one host over HTTP/1.1, and how many
// of them it keeps. Without the first, net/http dials for every call that
// finds none idle, and opens more than there are calls.
const connections = 64

// NewPool returns a pool of connections for a busy backend.
func NewPool() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		// Without pings a connection that has gone silent is kept for all that follows.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}
