package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/bubble"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/wire"
)

// dispatch is a request that costs money each time the server takes it.
func dispatch(vouched bool) Request {
	return Request{
		Endpoint: endpoint.Endpoint{Operation: "Models.Run", Method: http.MethodPost, Route: "/v1/runs", Retry: endpoint.Guarded},
		Path:     "/v1/runs",
		Body:     []byte(`{"input":{}}`),
		Key:      "key-1",
		Vouched:  vouched,
	}
}

func TestAGuardedRequestIsRepeatedOnlyWhereItWasNotTaken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault     wire.Step
		repeated  bool
		ambiguous bool
	}{
		"429":                  {wire.Answer(429, "{}", "Retry-After: 2"), true, false},
		"400":                  {wire.Answer(400, "{}"), false, false},
		"409":                  {wire.Answer(409, "{}"), false, false},
		"500":                  {wire.Answer(500, "{}"), false, true},
		"501":                  {wire.Answer(501, "{}"), false, true},
		"503":                  {wire.Answer(503, "{}", "Retry-After: 1"), false, true},
		"reset before headers": {wire.Reset(""), false, true},
		"closed":               {wire.Close(""), false, true},
		"reset amid headers":   {wire.Reset("HTTP/1.1 201 Created\r\nContent-Le"), false, true},
		"truncated body":       {wire.Close("HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{\"id\""), false, true},
		"redirect":             {wire.Answer(307, "", "Location: /elsewhere"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.fault, wire.Answer(201, ok))
			base := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				result := Do(t.Context(), settings(t, server.URL, base), dispatch(false))
				assert.Equal(t, tc.ambiguous, result.Ambiguous)
				assert.Equal(t, tc.repeated, result.Err == nil && result.Answer.StatusCode == 201)
			})
			requests := server.Requests()
			assert.Len(t, requests, map[bool]int{false: 1, true: 2}[tc.repeated])
			for _, r := range requests {
				assert.Equal(t, "key-1", r.Header.Get("Idempotency-Key"))
				assert.Equal(t, `{"input":{}}`, r.Body)
			}
		})
		t.Run(name+", under the caller's own key", func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, tc.fault, wire.Answer(201, ok))
			base := newOutside(t)
			synctest.Test(t, func(t *testing.T) {
				Do(t.Context(), settings(t, server.URL, base), dispatch(true))
			})
			retried := tc.repeated || tc.ambiguous && name != "501" || name == "redirect" // which keeps the method
			assert.Len(t, server.Requests(), map[bool]int{false: 1, true: 2}[retried])
		})
	}
}

// net/http would send a request with an Idempotency-Key again by itself when a
// connection that it had used before is reset.
func TestAReusedConnectionThatIsResetDoesNotRepeatAGuardedRequest(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(200, ok), wire.Reset(""), wire.Answer(201, ok))
	s := settings(t, server.URL, pool(t))
	require.NoError(t, Do(t.Context(), s, getRun).Err)
	result := Do(t.Context(), s, dispatch(false))
	require.Error(t, result.Err)
	assert.True(t, result.Ambiguous)
	assert.Len(t, server.Requests(), 2)
}

// Nor does it where the caller vouches: the SDK would not know that the request
// was sent before the one that was answered.
func TestAReusedConnectionThatIsResetDoesNotRepeatAVouchedRequestUnseen(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(200, ok), wire.Reset(""), wire.Answer(429, "{}", "Retry-After: 33"))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, server.URL, base)
		require.NoError(t, Do(t.Context(), s, getRun).Err)
		result := Do(t.Context(), s, dispatch(true))
		require.NoError(t, result.Err)
		assert.Equal(t, 429, result.Answer.StatusCode)
		assert.Equal(t, 2, result.Attempts)
		assert.True(t, result.Ambiguous)
	})
	assert.Len(t, server.Requests(), 3)
}

// A redirect is followed with a body of its own, which counts as the same.
func TestABodyThatWasSentElsewhereByARedirectWasSent(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(307, "", "Location: /elsewhere"), wire.Reset(""))
	s := settings(t, server.URL, pool(t))
	s.MaxRetries = 0
	result := Do(t.Context(), s, dispatch(true))
	require.Error(t, result.Err)
	assert.True(t, result.Ambiguous)
	assert.Len(t, server.Requests(), 2)
}

func TestAGuardedRequestThatWasNotSentIsSentAgain(t *testing.T) {
	t.Parallel()
	t.Run("refused connections", func(t *testing.T) {
		t.Parallel()
		target, base := wire.Refused(t), newOutside(t)
		synctest.Test(t, func(t *testing.T) {
			result := Do(t.Context(), settings(t, target, base), dispatch(false))
			require.Error(t, result.Err)
			assert.Equal(t, 5, result.Attempts)
			assert.False(t, result.Ambiguous)
		})
	})
	t.Run("no free connection within the attempt's time", func(t *testing.T) {
		t.Parallel()
		var dials atomic.Int32
		base := pool(t)
		base.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			dials.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		s := settings(t, "http://127.0.0.1:1", base)
		s.AttemptTimeout, s.MaxRetries, s.BackoffMin, s.BackoffMax = time.Millisecond, 2, time.Nanosecond, time.Nanosecond
		result := Do(t.Context(), s, dispatch(false))
		require.ErrorIs(t, result.Err, timeoutError(time.Millisecond))
		assert.Equal(t, 3, result.Attempts)
		assert.False(t, result.Ambiguous)
	})
	t.Run("a peer without a valid certificate", func(t *testing.T) {
		t.Parallel()
		var seen atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
		server.Config.ErrorLog = discardLog()
		server.StartTLS()
		t.Cleanup(server.Close)
		base := pool(t)
		base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		result := Do(t.Context(), settings(t, server.URL, base), dispatch(false))
		require.Error(t, result.Err)
		assert.Equal(t, 1, result.Attempts)
		assert.False(t, result.Ambiguous)
		assert.Zero(t, seen.Load())
	})
	t.Run("a token source that fails", func(t *testing.T) {
		t.Parallel()
		s := settings(t, "http://127.0.0.1:1", pool(t))
		s.Token = func(context.Context) (string, error) { return "", assert.AnError }
		result := Do(t.Context(), s, dispatch(false))
		require.ErrorIs(t, result.Err, assert.AnError)
		assert.False(t, result.Ambiguous)
	})
}

func TestAnAnswerThatNeverComesIsAmbiguous(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := 0
		base := bubble.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			taken++
			_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection goes unnoticed
			<-r.Context().Done()
		}))
		start := time.Now()
		result := Do(t.Context(), settings(t, "http://runflow.test", base), dispatch(false))
		require.ErrorIs(t, result.Err, timeoutError(30*time.Second))
		assert.True(t, result.Ambiguous)
		assert.Equal(t, 30*time.Second, time.Since(start))
		synctest.Wait()
		assert.Equal(t, 1, taken)
	})
}

func TestAnEarlierDoubtOutlivesALaterRefusal(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Answer(503, "{}"), wire.Answer(409, "{}"))
	base := newOutside(t)
	synctest.Test(t, func(t *testing.T) {
		result := Do(t.Context(), settings(t, server.URL, base), dispatch(true))
		assert.Equal(t, 409, result.Answer.StatusCode)
		assert.True(t, result.Ambiguous)
	})
}

// Without a body there is nothing to tell whether the request was sent.
func TestAGuardedRequestWithoutABodyIsNotSentAgainOnAFailedConnection(t *testing.T) {
	t.Parallel()
	request := dispatch(false)
	request.Body, request.Key = nil, ""
	result := Do(t.Context(), settings(t, wire.Refused(t), pool(t)), request)
	require.Error(t, result.Err)
	assert.Equal(t, 1, result.Attempts)
	assert.True(t, result.Ambiguous)
}

func TestABodyThatWasGivenUpIsNeverRead(t *testing.T) {
	t.Parallel()
	body := &watchedBody{io.NopCloser(strings.NewReader("text")), new(atomic.Int32)}
	assert.True(t, body.unsent())
	_, err := io.ReadAll(body)
	require.ErrorIs(t, err, errSealed)
	assert.True(t, body.unsent())

	body = &watchedBody{io.NopCloser(strings.NewReader("text")), new(atomic.Int32)}
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	assert.Equal(t, "text", string(data))
	assert.False(t, body.unsent())
}
