package upload

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/testing/bubble"
	"github.com/runflow-io/runflow-go/internal/testing/wire"
	"github.com/runflow-io/runflow-go/internal/transport"
)

func TestSend_RequestOnTheWire(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 204} {
		server := wire.Serve(t, wire.Respond(status, ""))
		result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
		require.NoError(t, result.Err)
		assert.Equal(t, status, result.Response.StatusCode)
		assert.Equal(t, 1, result.Attempts)
		assert.False(t, result.OutcomeUnknown)
		assert.Equal(t, []wire.Request{{
			Method: "PUT", URI: "/put?signature=canary-signature", Body: content,
			Header: http.Header{"Content-Type": {"image/gif"}, "Content-Length": {"20"}, "User-Agent": {"test"}, "Accept-Encoding": {"gzip"}},
		}}, server.Requests(), "neither a token nor headers of the API")
	}
}

func TestSend_HTTP2(t *testing.T) {
	t.Parallel()
	var received []byte
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received, _ = io.ReadAll(r.Body)
		assert.Equal(t, 2, r.ProtoMajor)
		assert.Equal(t, int64(len(received)), r.ContentLength)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	data := bytes.Repeat([]byte(content), largeFile/10)
	f := opened(t, t.Context(), bytes.NewReader(data), 0)
	require.NoError(t, Send(t.Context(), newSettings(server.Client().Transport), targetAt(t, server.URL), f).Err)
	assert.True(t, bytes.Equal(data, received))
}

func TestSend_CarriesAttempt(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, ""), wire.Respond(200, ""))
	pool := newPool(t)
	var attempts []transport.Attempt
	s := newSettings(roundTripper(func(req *http.Request) (*http.Response, error) {
		attempt, _ := transport.FromContext(req.Context())
		attempts = append(attempts, attempt)
		return pool.RoundTrip(req)
	}))
	require.NoError(t, Send(t.Context(), s, targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0)).Err)
	assert.Equal(t, []transport.Attempt{
		{Operation: "Assets.Upload", Method: "PUT", Route: "{upload_url}", Number: 1},
		{Operation: "Assets.Upload", Method: "PUT", Route: "{upload_url}", Number: 2},
	}, attempts)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestSend_ErrorResponse(t *testing.T) {
	t.Parallel()
	const denied = "<Error><Code>AccessDenied</Code></Error>"
	for status, retries := range map[int]bool{400: false, 403: false, 404: false, 417: false, 501: false, 408: true, 429: true, 500: true, 503: true} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(status, denied))
			attempts := map[bool]int{true: 5, false: 1}[retries]
			result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
			require.NoError(t, result.Err)
			assert.Equal(t, status, result.Response.StatusCode)
			assert.Equal(t, denied, string(result.Response.Body))
			assert.Equal(t, attempts, result.Attempts)
			require.Len(t, server.Requests(), attempts)
			for _, sent := range server.Requests() {
				assert.Equal(t, content, sent.Body, "the file is rewound")
			}

			stream := opened(t, t.Context(), plain{strings.NewReader(content)}, 20)
			result = Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), stream)
			require.NoError(t, result.Err)
			assert.Equal(t, status, result.Response.StatusCode)
			assert.Equal(t, 1, result.Attempts, "the stream cannot be rewound")
		})
	}
}

// A stream can be sent again if nothing of it has been read.
func TestSend_NoConnection(t *testing.T) {
	t.Parallel()
	stream := opened(t, t.Context(), plain{strings.NewReader(content)}, 20)
	result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, wire.Refused(t)), stream)
	require.Error(t, result.Err)
	assert.Equal(t, 5, result.Attempts)
}

func TestSend_ConnectionFails(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]wire.Step{
		"close":           wire.Close(""),
		"reset":           wire.Reset(""),
		"cut off headers": wire.Close("HTTP/1.1 200 OK\r\nContent-"),
		"cut off body":    wire.Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
		"not HTTP":        wire.Close("canary\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, step, wire.Respond(200, ""))
			result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
			require.NoError(t, result.Err)
			assert.Equal(t, 2, result.Attempts)
			for _, sent := range server.Requests() {
				assert.Equal(t, content, sent.Body)
			}
		})
	}
}

func TestSend_Budget(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, "", "X-Request-Id: req-1"))
	s := newSettings(newPool(t))
	s.Budget = transport.NewBudget(1)
	var records []transport.Record
	s.Log = func(_ context.Context, r transport.Record) { records = append(records, r) }
	s.BackoffMin, s.BackoffMax = 1, 1
	assert.Equal(t, 2, Send(t.Context(), s, targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0)).Attempts)
	require.Len(t, records, 2)
	assert.Equal(t, 503, records[0].Status)
	assert.Equal(t, "req-1", records[0].RequestID)
	assert.Equal(t, "{upload_url}", records[0].Route)
	assert.Zero(t, records[1].Delay, "no attempt follows")
}

func TestSend_ErrorInSuccess(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"XML":              "<Error><Code>InternalError</Code></Error>",
		"XML, prolog":      `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Error xmlns="x"><Code>SlowDown</Code></Error>`,
		"JSON":             `{"code":"INTERNAL","message":"canary"}`,
		"JSON in envelope": `{"error":{"code":"INTERNAL"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(200, body), wire.Respond(200, ""))
			result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
			require.NoError(t, result.Err)
			assert.Equal(t, 2, result.Attempts)

			server = wire.Serve(t, wire.Respond(200, body))
			result = Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
			require.ErrorIs(t, result.Err, errNotStored)
			assert.Equal(t, 5, result.Attempts)
		})
	}
	for name, body := range map[string]string{"XML": "<PutObjectResult/>", "JSON": `{"ok":true}`, "text": "OK", "JSON, empty": "{}"} {
		server := wire.Serve(t, wire.Respond(200, body))
		result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
		require.NoError(t, result.Err, name)
	}
}

func TestSend_LargeResponse(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(200, strings.Repeat("x", maxResponse+1)))
	s := newSettings(newPool(t))
	s.MaxResponseBytes = 64 << 20
	result := Send(t.Context(), s, targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
	require.NoError(t, result.Err)
	assert.True(t, result.Response.TooLarge)
	assert.Len(t, result.Response.Body, maxResponse)
}

func TestSend_SuccessBeforeTheFile(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	f := opened(t, t.Context(), bytes.NewReader(make([]byte, 8<<20)), 0)
	result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), f)
	require.ErrorIs(t, result.Err, errTooEarly)
	assert.Equal(t, 5, result.Attempts)
}

// A host that refuses a request and closes the connection at once resets it, if it has
// not read the body. The response must arrive nevertheless.
func TestSend_RefusalBeforeTheFile(t *testing.T) {
	t.Parallel()
	host := refuseAtOnce(t)
	for range 20 {
		s := newSettings(newPool(t))
		s.MaxRetries = 0
		f := opened(t, t.Context(), plain{bytes.NewReader(make([]byte, 8<<20))}, 8<<20)
		result := Send(t.Context(), s, targetAt(t, host), f)
		require.NoError(t, result.Err)
		assert.Equal(t, 403, result.Response.StatusCode)
		assert.True(t, f.CanRewind(), "nothing of the stream has been read")
	}
}

// refuseAtOnce returns the URL of a host that reads only the headers of a request.
func refuseAtOnce(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		conns.Wait()
	})
	return "http://" + listener.Addr().String()
}

func TestSend_Expect(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{largeFile - 1: "", largeFile: "100-continue"} {
		var got atomic.Value
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got.Store(r.Header.Get("Expect"))
			_, _ = io.Copy(io.Discard, r.Body)
		}))
		t.Cleanup(server.Close)
		f := opened(t, t.Context(), bytes.NewReader(make([]byte, size)), 0)
		require.NoError(t, Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), f).Err)
		assert.Equal(t, want, got.Load())
	}
}

func TestSend_Redirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			other := wire.Serve(t, wire.Respond(200, ""))
			for _, location := range []string{other.URL + "/put", "/other", "https://169.254.169.254/"} {
				server := wire.Serve(t, wire.Respond(status, "", "Location: "+location))
				result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), strings.NewReader(content), 0))
				require.NoError(t, result.Err)
				assert.Equal(t, status, result.Response.StatusCode)
				assert.NotEmpty(t, result.Response.Refused)
				assert.Len(t, server.Requests(), 1)
			}
			assert.Empty(t, other.Requests())
		})
	}
}

// A file that fails, or has another size, is never sent completely.
func TestSend_BadFile(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("x", 100_000)
	for name, tc := range map[string]struct {
		reader io.Reader
		size   int64
		want   error
	}{
		"fails":                         {io.MultiReader(strings.NewReader(many), iotest.ErrReader(errTest)), 200_000, errTest},
		"fails in place of its end":     {io.MultiReader(strings.NewReader(content), iotest.ErrReader(errTest)), 20, errTest},
		"fails with its last bytes":     {failsOnce(content), 20, errTest},
		"fails with bytes":              {io.MultiReader(failsOnce("GIF"), strings.NewReader(content)), 23, errTest},
		"fails because it is cut off":   {io.MultiReader(strings.NewReader("GIF"), iotest.ErrReader(io.ErrUnexpectedEOF)), 20, io.ErrUnexpectedEOF},
		"returns nothing":               {readerFunc(func([]byte) (int, error) { return 0, nil }), 20, io.ErrNoProgress},
		"returns an invalid number":     {readerFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), 20, errBadCount},
		"shorter stream":                {plain{strings.NewReader(content)}, 21, errShorter},
		"shorter seeker":                {strings.NewReader(content), 21, errShorter},
		"shorter, one byte at a time":   {iotest.OneByteReader(strings.NewReader(content)), 21, errShorter},
		"longer stream":                 {plain{strings.NewReader(content)}, 19, errLonger},
		"longer seeker":                 {strings.NewReader(content), 19, errLonger},
		"longer, one byte at a time":    {iotest.OneByteReader(strings.NewReader(content)), 19, errLonger},
		"much longer":                   {strings.NewReader(many), 20, errLonger},
		"Len is wrong":                  {withLen{strings.NewReader(content), 10}, 0, errLonger},
		"rewound by somebody else":      {&shrinking{Reader: strings.NewReader(content)}, 0, errShorter},
		"cannot go back to its start":   {brokenSeeker{io.SeekStart}, 20, errTest},
		"EOF comes with the last bytes": {iotest.DataErrReader(strings.NewReader(content)), 20, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wire.Serve(t, wire.Respond(200, ""))
			f := opened(t, t.Context(), tc.reader, tc.size)
			result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), f)
			if tc.want == nil {
				require.NoError(t, result.Err)
				return
			}
			require.ErrorIs(t, result.Err, tc.want)
			_, isOfFile := errors.AsType[*FileError](result.Err)
			assert.True(t, isOfFile)
			assert.LessOrEqual(t, result.Attempts, 1)
			assert.Empty(t, server.Requests(), "no complete request")
		})
	}
}

// failsOnce returns a reader that returns errTest together with its text, and then
// continues as if nothing had happened.
func failsOnce(text string) io.Reader {
	failed := false
	return readerFunc(func(p []byte) (int, error) {
		if failed {
			return 0, io.EOF
		}
		failed = true
		return copy(p, text), errTest
	})
}

// shrinking has fewer bytes after it has been rewound.
type shrinking struct{ *strings.Reader }

func (s *shrinking) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		s.Reader = strings.NewReader("GIF")
	}
	return s.Reader.Seek(offset, whence)
}

func TestSend_FileChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*os.File) error{
		"time": func(f *os.File) error { return os.Chtimes(f.Name(), time.Time{}, time.Unix(1, 0)) },
		"size": func(f *os.File) error { // it has the old time
			info, err := f.Stat()
			return errors.Join(err, os.Truncate(f.Name(), 3), os.Chtimes(f.Name(), time.Time{}, info.ModTime()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk, ok := onDisk(t).(*os.File)
			require.True(t, ok)
			server := wire.Serve(t, func(conn net.Conn, r wire.Request) {
				assert.NoError(t, change(disk))
				wire.Respond(200, "")(conn, r)
			})
			result := Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), opened(t, t.Context(), disk, 0))
			require.ErrorIs(t, result.Err, errChanged)
			assert.Equal(t, 1, result.Attempts)
		})
	}
}

func TestSend_Progress(t *testing.T) {
	t.Parallel()
	server := wire.Serve(t, wire.Respond(503, ""), wire.Reset(""), wire.Respond(200, ""))
	var seen []int64
	f := opened(t, t.Context(), strings.NewReader(strings.Repeat("x", 100_000)), 0)
	f.OnProgress = func(sent, total int64) {
		assert.Equal(t, int64(100_000), total)
		seen = append(seen, sent)
	}
	require.NoError(t, Send(t.Context(), newSettings(newPool(t)), targetAt(t, server.URL), f).Err)
	var starts, ends int
	for i, sent := range seen {
		if sent == 0 {
			starts++
		} else {
			assert.Greater(t, sent, seen[i-1])
		}
		if sent == 100_000 {
			ends++
		}
	}
	assert.Zero(t, seen[0])
	assert.Equal(t, 3, starts)
	assert.Equal(t, 3, ends)
}

// The time in which the caller's reader is read does not count.
func TestSend_SlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })))
		s.AttemptTimeout = time.Second
		f := opened(t, t.Context(), slowly(strings.NewReader(content), time.Minute), 20)
		start := time.Now()
		require.NoError(t, Send(t.Context(), s, targetAt(t, "http://storage.test"), f).Err)
		assert.GreaterOrEqual(t, time.Since(start), 20*time.Minute)
	})
}

// slowly returns one byte each time.
func slowly(r io.Reader, d time.Duration) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		time.Sleep(d)
		return iotest.OneByteReader(r).Read(p)
	})
}

// A host may take longer than the timeout for the whole file.
func TestSend_SlowHost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pause time.Duration // of the host, before each part
		want  error
	}{
		"makes progress":         {time.Second, nil},
		"does not make progress": {time.Hour, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSettings(bubble.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					part := make([]byte, 16<<10)
					for err := error(nil); err == nil; _, err = io.ReadFull(r.Body, part) {
						_ = transport.Sleep(r.Context(), tc.pause)
					}
				})))
				s.AttemptTimeout = 20 * time.Second
				f := opened(t, t.Context(), bytes.NewReader(make([]byte, largeFile)), 0)
				start := time.Now()
				result := Send(t.Context(), s, targetAt(t, "http://storage.test"), f)
				if tc.want == nil {
					require.NoError(t, result.Err)
					assert.Greater(t, time.Since(start), s.AttemptTimeout)
					return
				}
				require.ErrorIs(t, result.Err, tc.want)
				assert.Equal(t, 5, result.Attempts)
				time.Sleep(2 * tc.pause) // until the handlers have returned
			})
		})
	}
}

func TestSend_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusServiceUnavailable)
		})))
		s.BackoffMax = time.Minute
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errTest) })
		start := time.Now()
		f := opened(t, t.Context(), strings.NewReader(content), 0)
		result := Send(ctx, s, targetAt(t, "http://storage.test"), f)
		require.ErrorIs(t, result.Err, context.Canceled)
		require.ErrorIs(t, result.Err, errTest)
		assert.Equal(t, time.Second, time.Since(start))

		result = Send(ctx, s, targetAt(t, "http://storage.test"), f)
		require.ErrorIs(t, result.Err, errTest)
		assert.Zero(t, result.Attempts)
	})
}

// If a Read of the caller blocks, nothing can stop it. When it returns later, the
// reader is left alone.
func TestSend_ContextEndsDuringRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSettings(bubble.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })))
		ctx, cancel := context.WithCancel(t.Context())
		reads, returned, release := 0, false, make(chan struct{})
		f := opened(t, ctx, readerFunc(func(p []byte) (int, error) {
			reads++
			<-release
			return copy(p, "x"), nil
		}), 20)
		f.OnProgress = func(int64, int64) { assert.False(t, returned) }
		time.AfterFunc(time.Second, cancel)
		result := Send(ctx, s, targetAt(t, "http://storage.test"), f)
		returned = true
		require.ErrorIs(t, result.Err, context.Canceled)
		assert.Equal(t, 1, result.Attempts)
		close(release)
		synctest.Wait()
		assert.Equal(t, 1, reads)
	})
}

// The response arrives while the file is being read. Send then leaves the reader
// alone.
func TestSend_ResponseDuringRead(t *testing.T) {
	t.Parallel()
	host := refuseAtOnce(t)
	for range 20 {
		var returned atomic.Bool
		f := opened(t, t.Context(), readerFunc(func(p []byte) (int, error) {
			assert.False(t, returned.Load())
			return copy(p, "x"), nil
		}), largeFile-1)
		f.OnProgress = func(int64, int64) { assert.False(t, returned.Load()) }
		s := newSettings(newPool(t))
		s.MaxRetries = 0
		Send(t.Context(), s, targetAt(t, host), f)
		returned.Store(true)
	}
}
