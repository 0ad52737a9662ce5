package transport

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

func TestRedirectsToAnotherOriginAreRefused(t *testing.T) {
	t.Parallel()
	other := wire.Serve(t, wire.Answer(200, ok))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, target := range map[string]string{
			"another port":   other.URL + "/elsewhere?token=canary-location",
			"another host":   "http://localhost:" + strings.Split(other.URL, ":")[2],
			"another scheme": "https://127.0.0.1:1/",
			"no scheme":      "//" + strings.TrimPrefix(other.URL, "http://"),
			"not a URL":      "http://[canary-location",
		} {
			t.Run(strconv.Itoa(status)+" "+name, func(t *testing.T) {
				t.Parallel()
				server := wire.Serve(t, wire.Answer(status, "", "Location: "+target))
				result := Do(t.Context(), settings(t, server.URL, pool(t)), getRun)
				require.NoError(t, result.Err)
				assert.Equal(t, status, result.Answer.StatusCode)
				assert.Regexp(t, "^a redirect to (another origin|an invalid URL) was not followed$", result.Answer.Refused)
				assert.Len(t, server.Requests(), 1)
			})
		}
	}
	t.Cleanup(func() { assert.Empty(t, other.Requests()) })
}

func TestRedirectsWithinTheOriginAreFollowed(t *testing.T) {
	t.Parallel()
	for status, repeatsWrite := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			redirect := wire.Answer(status, "", "Location: /moved")

			server := wire.Serve(t, redirect, wire.Answer(200, ok))
			result := Do(t.Context(), settings(t, server.URL, pool(t)), getRun)
			require.NoError(t, result.Err)
			assert.Equal(t, 200, result.Answer.StatusCode)
			require.Len(t, server.Requests(), 2)
			assert.Equal(t, "/moved", server.Requests()[1].URI)
			assert.Equal(t, "Bearer "+testToken, server.Requests()[1].Header.Get("Authorization"))

			server = wire.Serve(t, redirect, wire.Answer(200, ok))
			result = Do(t.Context(), settings(t, server.URL, pool(t)), rating(endpoint.Idempotent))
			require.NoError(t, result.Err)
			if !repeatsWrite {
				assert.Equal(t, status, result.Answer.StatusCode)
				assert.Equal(t, "a redirect that would drop the PATCH was not followed", result.Answer.Refused)
				assert.Len(t, server.Requests(), 1)
				return
			}
			require.Len(t, server.Requests(), 2)
			moved := server.Requests()[1]
			assert.Equal(t, "PATCH", moved.Method)
			assert.Equal(t, `{"reason":"canary-body"}`, moved.Body)
		})
	}
}

func TestEndlessRedirectsEndTheCall(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(307, "", "Location: /round"))
	result := Do(t.Context(), settings(t, server.URL, pool(t)), getRun)
	require.ErrorContains(t, result.Err, "stopped after 10 redirects")
	assert.Equal(t, 1, result.Attempts)
	assert.Len(t, server.Requests(), 10)
}

func TestTheCallersRedirectPolicyHolds(t *testing.T) {
	t.Parallel()
	no := errors.New("no redirects here")
	for name, policy := range map[string]error{"an error": no, "the redirect itself": http.ErrUseLastResponse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Answer(307, "", "Location: /moved"), wire.Answer(200, ok))
			s := settings(t, server.URL, pool(t))
			s.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return policy }
			result := Do(t.Context(), s, getRun)
			if errors.Is(policy, http.ErrUseLastResponse) {
				require.NoError(t, result.Err)
				assert.Equal(t, 307, result.Answer.StatusCode)
			} else {
				require.ErrorIs(t, result.Err, no)
			}
			assert.Equal(t, 1, result.Attempts)
			assert.Len(t, server.Requests(), 1)
		})
	}
}

func TestARefusalIsForgottenByTheNextAttempt(t *testing.T) {
	t.Parallel()
	// 503 with a Location is no redirect.
	server := wire.Serve(t, wire.Answer(503, "{}", "Location: https://other.example/"), wire.Answer(200, ok))
	s := settings(t, server.URL, pool(t))
	s.BackoffMin, s.BackoffMax = 1, 1
	result := Do(t.Context(), s, getRun)
	require.NoError(t, result.Err)
	assert.Empty(t, result.Answer.Refused)
	assert.Equal(t, 200, result.Answer.StatusCode)
}

func TestALocationOfWhatWasCreatedIsNoRedirect(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(201, ok, "Location: https://other.example/"))
	result := Do(t.Context(), settings(t, server.URL, pool(t)), rating(endpoint.Never))
	require.NoError(t, result.Err)
	assert.Empty(t, result.Answer.Refused)
	assert.Equal(t, "https://other.example/", result.Answer.Header.Get("Location"))
}

func TestSameOriginKnowsTheDefaultPorts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"https://a.example", "https://A.example:443/x", true},
		{"http://a.example", "http://a.example:80", true},
		{"https://a.example", "https://a.example:80", false},
		{"http://a.example", "http://a.example:443", false},
		{"http://a.example", "https://a.example", false},
		{"https://a.example", "https://b.example", false},
	} {
		a, err := url.Parse(tt.a)
		require.NoError(t, err)
		b, err := url.Parse(tt.b)
		require.NoError(t, err)
		assert.Equal(t, tt.same, SameOrigin(a, b), "%s and %s", tt.a, tt.b)
	}
}

func TestGuardedLeavesTheCallersClientAlone(t *testing.T) {
	t.Parallel()
	given := &http.Client{}
	guarded := Guarded(given, http.DefaultTransport)
	assert.NotSame(t, given, guarded)
	assert.Nil(t, given.Transport)
	assert.Equal(t, guard{http.DefaultTransport}, guarded.Transport)
}

func TestATransportWithoutAnAnswerIsAnError(t *testing.T) {
	t.Parallel()
	s := settings(t, "http://127.0.0.1:1", roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })) //nolint:nilnil // what a careless transport does
	s.MaxRetries = 0
	require.ErrorContains(t, Do(t.Context(), s, getRun).Err, "nil *Response")
}
