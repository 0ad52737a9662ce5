package faults

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

// redirects returns redirects. A 307 and a 308 ask the client to send the same
// request to another URL: the server has not processed it. A 301, a 302 and a 303
// may refer to the result of a request that has been processed.
func redirects() []Fault {
	const place = "/elsewhere"
	var all []Fault
	for _, status := range []int{307, 308} {
		all = append(all, Fault{Name: strconv.Itoa(status) + " within the origin", Outcome: NotProcessed, start: scripted(redirect(status, place))})
	}
	for _, status := range []int{301, 302, 303} {
		all = append(all, Fault{Name: strconv.Itoa(status) + " within the origin", Outcome: Unknown, start: scripted(redirect(status, place))})
	}
	return append(all,
		Fault{Name: "307 within the origin, then a lost connection", Outcome: Unknown, Retryable: 1, start: scripted(redirect(307, place), wire.Reset(""))},
		Fault{Name: "304 Not Modified", Outcome: Unknown, start: scripted(wire.Send("HTTP/1.1 304 Not Modified\r\n\r\n"))},
		Fault{Name: "307 to another origin", Outcome: Rejected, start: func(t *testing.T, lasting bool) *server {
			t.Helper()
			return scripted(redirect(307, otherOrigin(t)+"/?"+secretResponse))(t, lasting)
		}},
		Fault{Name: "302 to another origin", Outcome: Unknown, start: func(t *testing.T, lasting bool) *server {
			t.Helper()
			return scripted(redirect(302, otherOrigin(t)+"/?"+secretResponse))(t, lasting)
		}},
		Fault{Name: "307 from https to http", Outcome: Rejected, start: func(t *testing.T, lasting bool) *server {
			t.Helper()
			certificate, authorities := wire.Certificate(t, "", time.Now().Add(time.Hour))
			script := wire.ServeTLS(t, certificate, steps(lasting, redirect(307, otherOrigin(t)+"/"))...)
			return trusting(t, script.URL, authorities, script.Requests)
		}},
		Fault{Name: "307 to an invalid URL", Outcome: Rejected, start: scripted(redirect(307, "http://["+secretResponse))},
		Fault{Name: "307 without a Location", Outcome: Rejected, start: scripted(wire.Respond(307, failure))},
	)
}

func redirect(status int, location string) wire.Step {
	return wire.Respond(status, "", "Location: "+location)
}

// otherOrigin returns the URL of a server that must not receive a request.
func otherOrigin(t *testing.T) string {
	t.Helper()
	script := wire.Serve(t, wire.Respond(200, success))
	t.Cleanup(func() { assert.Empty(t, script.Requests(), "a request was sent to another origin") })
	return script.URL
}
