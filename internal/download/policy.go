package download

import (
	"net/netip"
	"net/url"
)

// A Policy says which URLs of files may be fetched. An output comes from a model or
// a workflow, so its URL is untrusted data.
type Policy struct {
	IsLoopback bool // the API itself is on a loopback address
	AllowHTTP  bool // plain http is allowed to any host
}

// Check returns the reason why u must not be fetched, or "".
func (p Policy) Check(u *url.URL) string {
	switch host := u.Hostname(); {
	case u.Scheme != "https" && u.Scheme != "http" || host == "":
		return "must be an absolute http or https URL"
	case isLinkLocal(host):
		return "must not be a link-local address"
	case u.Scheme == "https" || p.AllowHTTP:
		return ""
	case p.IsLoopback && isInternal(host):
		return ""
	case isInternal(host):
		return "must not be plain http to a loopback or private address, unless the API is on a loopback address or WithInsecureHTTP is given"
	default:
		return "must not be plain http, unless WithInsecureHTTP is given"
	}
}

func isLinkLocal(host string) bool {
	at, err := netip.ParseAddr(host)
	return err == nil && (at.IsLinkLocalUnicast() || at.IsLinkLocalMulticast())
}

// isInternal reports whether host is a loopback or a private address.
func isInternal(host string) bool {
	at, err := netip.ParseAddr(host)
	return IsLoopback(host) || err == nil && (at.IsPrivate() || at.Unmap().IsUnspecified())
}

// IsLoopback reports whether host is this machine.
func IsLoopback(host string) bool {
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.IsLoopback()
}
