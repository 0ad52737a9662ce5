package download

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPolicy_Check(t *testing.T) {
	t.Parallel()
	const (
		public    = "must not be plain http, unless WithInsecureHTTP is given"
		internal  = "must not be plain http to a loopback or private address, unless the API is on a loopback address or WithInsecureHTTP is given"
		linkLocal = "must not be a link-local address"
		notHTTP   = "must be an absolute http or https URL"
	)
	for _, tc := range []struct {
		target                     string
		remote, loopback, insecure string // by policy
	}{
		{"https://storage.test/x", "", "", ""},
		{"https://127.0.0.1/x", "", "", ""},
		{"https://10.0.0.1/x", "", "", ""},
		{"http://storage.test/x", public, public, ""},
		{"http://8.8.8.8/x", public, public, ""},
		{"http://localhost/x", internal, "", ""},
		{"http://127.0.0.1:8080/x", internal, "", ""},
		{"http://127.1.2.3/x", internal, "", ""},
		{"http://[::1]/x", internal, "", ""},
		{"http://[::ffff:127.0.0.1]/x", internal, "", ""},
		{"http://0.0.0.0/x", internal, "", ""},
		{"http://[::]/x", internal, "", ""},
		{"http://[::ffff:0.0.0.0]/x", internal, "", ""},
		{"http://10.0.0.1/x", internal, "", ""},
		{"http://172.16.0.1/x", internal, "", ""},
		{"http://192.168.0.1/x", internal, "", ""},
		{"http://[fd00:ec2::254]/x", internal, "", ""},
		{"http://[::ffff:10.0.0.1]/x", internal, "", ""},
		{"http://169.254.169.254/x", linkLocal, linkLocal, linkLocal},
		{"https://169.254.0.1/x", linkLocal, linkLocal, linkLocal},
		{"https://[::ffff:169.254.169.254]/x", linkLocal, linkLocal, linkLocal},
		{"https://[fe80::1]/x", linkLocal, linkLocal, linkLocal},
		{"https://[fe80::1%25eth0]/x", linkLocal, linkLocal, linkLocal},
		{"https://[ff02::1]/x", linkLocal, linkLocal, linkLocal},
		{"ftp://storage.test/x", notHTTP, notHTTP, notHTTP},
		{"file:///etc/passwd", notHTTP, notHTTP, notHTTP},
		{"https:///x", notHTTP, notHTTP, notHTTP},
		{"https:opaque", notHTTP, notHTTP, notHTTP},
		{"/x", notHTTP, notHTTP, notHTTP},
		{"", notHTTP, notHTTP, notHTTP},
	} {
		u, err := url.Parse(tc.target)
		require.NoError(t, err)
		assert.Equal(t, tc.remote, Policy{}.Check(u), tc.target)
		assert.Equal(t, tc.loopback, Policy{IsLoopback: true}.Check(u), tc.target)
		assert.Equal(t, tc.insecure, Policy{AllowHTTP: true}.Check(u), tc.target)
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.255.0.1": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.evil.test": false, "127.0.0.1.evil.test": false, "10.0.0.1": false, "0.0.0.0": false, "::": false,
	} {
		assert.Equal(t, want, IsLoopback(host), host)
	}
}
