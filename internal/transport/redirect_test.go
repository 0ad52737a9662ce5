package transport

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/wire"
)

func TestNewHTTPClient_RedirectToAnotherOrigin(t *testing.T) {
	t.Parallel()
	other := wire.Serve(t, wire.Respond(200, ok))
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
				server := wire.Serve(t, wire.Respond(status, "", "Location: "+target))
				result := Do(t.Context(), newSettings(newPool(t)), getRun(t, server.URL))
				require.NoError(t, result.Err)
				assert.Equal(t, status, result.Response.StatusCode)
				want := "a redirect to another origin was not followed"
				if name == "not a URL" {
					want = "a redirect without a valid URL was not followed"
				}
				assert.Equal(t, want, result.Response.Refused)
				assert.Len(t, server.Requests(), 1)
			})
		}
	}
	t.Cleanup(func() { assert.Empty(t, other.Requests()) })
}

func TestNewHTTPClient_RedirectWithinOrigin(t *testing.T) {
	t.Parallel()
	for status, keepsMethod := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			redirect := wire.Respond(status, "", "Location: /moved")

			server := wire.Serve(t, redirect, wire.Respond(200, ok))
			result := Do(t.Context(), newSettings(newPool(t)), getRun(t, server.URL))
			require.NoError(t, result.Err)
			assert.Equal(t, 200, result.Response.StatusCode)
			require.Len(t, server.Requests(), 2)
			assert.Equal(t, "/moved", server.Requests()[1].URI)
			assert.Equal(t, "Bearer "+testToken, server.Requests()[1].Header.Get("Authorization"))

			server = wire.Serve(t, redirect, wire.Respond(200, ok))
			result = Do(t.Context(), newSettings(newPool(t)), setFeedback(t, server.URL))
			require.NoError(t, result.Err)
			if !keepsMethod {
				assert.Equal(t, status, result.Response.StatusCode)
				assert.Equal(t, "a redirect that would replace the PATCH by a GET was not followed", result.Response.Refused)
				assert.Len(t, server.Requests(), 1)
				return
			}
			require.Len(t, server.Requests(), 2)
			moved := server.Requests()[1]
			assert.Equal(t, "PATCH", moved.Method)
			assert.Equal(t, `{"reason":"canary-body"}`, moved.Body)
			assert.Equal(t, "application/json", moved.Header.Get("Content-Type"))
			assert.Equal(t, []string{"Bearer " + testToken}, moved.Header["Authorization"])
		})
	}
}

func TestNewHTTPClient_EndlessRedirects(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(307, "", "Location: /round"))
	result := Do(t.Context(), newSettings(newPool(t)), getRun(t, server.URL))
	require.ErrorContains(t, result.Err, "stopped after 10 redirects")
	assert.Equal(t, 1, result.Attempts)
	assert.Len(t, server.Requests(), 10)
}

func TestNewHTTPClient_PolicyOfCaller(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]error{"error": errTest, "last response": http.ErrUseLastResponse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(307, "", "Location: /moved"), wire.Respond(200, ok))
			s := newSettings(nil)
			s.HTTPClient = NewHTTPClient(&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return policy }}, newPool(t))
			result := Do(t.Context(), s, getRun(t, server.URL))
			if errors.Is(policy, http.ErrUseLastResponse) {
				require.NoError(t, result.Err)
				assert.Equal(t, 307, result.Response.StatusCode)
				assert.Equal(t, "a redirect was not followed", result.Response.Refused)
			} else {
				require.ErrorIs(t, result.Err, errTest)
			}
			assert.Equal(t, 1, result.Attempts)
			assert.Len(t, server.Requests(), 1)
		})
	}
	t.Run("allows another origin", func(t *testing.T) {
		t.Parallel()
		other := wire.Serve(t, wire.Respond(200, ok))
		server := wire.Serve(t, wire.Respond(307, "", "Location: "+other.URL))
		s := newSettings(nil)
		s.HTTPClient = NewHTTPClient(&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}, newPool(t))
		result := Do(t.Context(), s, getRun(t, server.URL))
		require.NoError(t, result.Err)
		assert.Equal(t, 307, result.Response.StatusCode)
		assert.Empty(t, other.Requests())
	})
}

func TestNewHTTPClient_PolicyChangesHeaders(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(307, "", "Location: /moved"), wire.Respond(200, ok))
	s := newSettings(nil)
	s.Header["X-Deleted"], s.Header["X-Copied"], s.Header["Referer"] = []string{"1"}, []string{"2"}, []string{"https://own.example/"}
	s.HTTPClient = NewHTTPClient(&http.Client{CheckRedirect: func(req *http.Request, via []*http.Request) error {
		req.Header.Del("X-Deleted")
		req.Header.Set("Authorization", "Bearer other")
		req.Header.Set("X-Copied", via[0].Header.Get("X-Copied"))
		return nil
	}}, newPool(t))
	require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err)
	requests := server.Requests()
	require.Len(t, requests, 2)
	moved := requests[1].Header
	assert.Empty(t, moved["X-Deleted"])
	assert.Equal(t, "Bearer other", moved.Get("Authorization"))
	assert.Equal(t, "2", moved.Get("X-Copied"))
	assert.Equal(t, "https://own.example/", moved.Get("Referer"))
}

func TestDo_HeadersAddedByClient(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ own, want []string }{
		"jar":                 {nil, []string{"session=1"}},
		"jar and own cookies": {[]string{"own=1"}, []string{"own=1; session=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(503, "{}"), wire.Respond(307, "", "Location: /moved"), wire.Respond(200, ok))
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			u, err := url.Parse(server.URL)
			require.NoError(t, err)
			jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: "1", Path: "/"}})
			s := newSettings(nil)
			s.BackoffMin, s.BackoffMax = 1, 1
			if tc.own != nil {
				s.Header["Cookie"] = tc.own
			}
			before := s.Header.Clone()
			s.HTTPClient = NewHTTPClient(&http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
				req.Header.Set("X-Redirected", "yes")
				return nil
			}}, newPool(t))
			require.NoError(t, Do(t.Context(), s, getRun(t, server.URL)).Err)
			requests := server.Requests()
			require.Len(t, requests, 3)
			for _, r := range requests {
				assert.Equal(t, tc.want, r.Header["Cookie"], "each request has them once")
				assert.Equal(t, []string{"Bearer " + testToken}, r.Header["Authorization"])
			}
			assert.Equal(t, "yes", requests[2].Header.Get("X-Redirected"))
			assert.Equal(t, before, s.Header, "the settings are not changed")
		})
	}
}

func TestNewHTTPClient_CopiesClient(t *testing.T) {
	t.Parallel()
	given := &http.Client{}
	client := NewHTTPClient(given, http.DefaultTransport)
	assert.NotSame(t, given, client)
	assert.Equal(t, &http.Client{}, given)
	assert.Equal(t, http.DefaultTransport, client.Transport)
}

func TestResponse_Refused_LocationWithoutRedirect(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t,
		wire.Respond(503, "{}", "Location: https://other.example/"),
		wire.Respond(201, ok, "Location: https://other.example/"),
	)
	outside := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), newSettings(outside), setFeedback(t, server.URL))
		require.NoError(t, result.Err)
		assert.Equal(t, 201, result.Response.StatusCode)
		assert.Empty(t, result.Response.Refused)
		assert.Equal(t, "https://other.example/", result.Response.Header.Get("Location"))
	})
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"https://a.example", "https://A.example:443/x", true},
		{"http://a.example", "http://a.example:80", true},
		{"http://[::1]:8080", "http://[::1]:8080/x", true},
		{"https://a.example", "https://a.example:80", false},
		{"http://a.example", "http://a.example:443", false},
		{"http://a.example", "https://a.example", false},
		{"https://a.example", "https://b.example", false},
	} {
		a, err := url.Parse(tc.a)
		require.NoError(t, err)
		b, err := url.Parse(tc.b)
		require.NoError(t, err)
		assert.Equal(t, tc.same, SameOrigin(a, b), "%s and %s", tc.a, tc.b)
	}
}

func TestDropInvalidLocation_NoHeader(t *testing.T) {
	t.Parallel()
	DropInvalidLocation(nil, nil)
	DropInvalidLocation(nil, &http.Response{})
}
