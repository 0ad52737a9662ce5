package runflow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/testing/calls"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// newArgs returns the arguments of all calls, and a server that knows them.
func newArgs(t *testing.T) (*runflowtest.Server, *calls.Args) {
	t.Helper()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	server.AddWorkflow("acme/swap", runflow.ComfyuiWorkflow{})
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	run, err := client.Models.CreateRun(t.Context(), "acme/cat", emptyInput)
	require.NoError(t, err)
	server.FinishRun(run.ID)
	run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
	require.NoError(t, err)
	require.NotEmpty(t, run.OutputFiles())
	args := calls.New(run.ID, "acme/cat", "acme/swap", run.OutputFiles()[0])
	args.Path = filepath.Join(t.TempDir(), "cat.png")
	require.NoError(t, os.WriteFile(args.Path, []byte("picture"), 0o600))
	return server, args
}

// hasResponse reports whether a call got a response, including one that the object
// does not exist, or that it exists already.
func hasResponse(err error) bool {
	return err == nil || errors.Is(err, runflow.ErrNotFound) || errors.Is(err, runflow.ErrValidation) || errors.Is(err, runflow.ErrConflict)
}

func TestCalls_CoverEveryMethod(t *testing.T) {
	t.Parallel()
	var names []string
	for _, call := range calls.All() {
		names = append(names, call.Name)
	}
	assert.ElementsMatch(t, append(slices.Collect(maps.Keys(methodDocs(t))), "Client.Do"), names)
}

// copied returns a deep copy. Its slices also contain the elements between length
// and capacity.
func copied(v reflect.Value) reflect.Value {
	switch out := reflect.New(v.Type()).Elem(); v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(copied(v.Elem()))
		}
		return out
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(copied(v.Elem()))
		}
		return out
	case reflect.Struct:
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(copied(v.Field(i)))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return out
		}
		whole := v.Slice(0, v.Cap())
		out.Set(reflect.MakeSlice(v.Type(), v.Cap(), v.Cap()))
		for i := range whole.Len() {
			out.Index(i).Set(copied(whole.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return out
		}
		out.Set(reflect.MakeMap(v.Type()))
		for _, key := range v.MapKeys() {
			out.SetMapIndex(key, copied(v.MapIndex(key)))
		}
		return out
	default:
		return v
	}
}

func deepCopy[T any](v T) T {
	out, _ := reflect.TypeAssert[T](copied(reflect.ValueOf(&v).Elem()))
	return out
}

func TestCalls_LeaveArgumentsUnchanged(t *testing.T) {
	t.Parallel()
	server, args := newArgs(t)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	httpClient := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Jar: jar, Timeout: time.Minute}
	t.Cleanup(httpClient.CloseIdleConnections)
	before := *httpClient
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL), runflow.WithHTTPClient(httpClient), runflow.WithHeader("X-A", "a"))
	require.NoError(t, err)
	marker := runflow.WithHeader("X-Marker", "m")
	for _, call := range calls.All() {
		t.Run(call.Name, func(t *testing.T) {
			t.Parallel()
			want := deepCopy(args)
			opts := append(make([]runflow.CallOption, 0, 8), runflow.WithHeader("X-B", "b"), runflow.WithAttemptTimeout(time.Hour))
			opts[:3][2] = marker
			err := call.Make(t.Context(), client, args, opts...)
			assert.True(t, hasResponse(err), "%v", err)
			assert.Equal(t, want, deepCopy(args))
			assert.Equal(t, reflect.ValueOf(marker).Pointer(), reflect.ValueOf(opts[:3][2]).Pointer())
			assert.Nil(t, opts[:4][3])
		})
	}
	t.Cleanup(func() {
		assert.Equal(t, before, *httpClient)
		assert.Same(t, before.Transport, httpClient.Transport)
	})
}

func TestCalls_ConcurrentUse(t *testing.T) {
	t.Parallel()
	server, args := newArgs(t)
	var limited, logged atomic.Int64
	defaults := []runflow.ClientOption{
		runflow.WithBaseURL(server.URL), runflow.WithUserAgent("shared/1"), runflow.WithOrganization(server.OrgID),
		runflow.WithHeader("X-A", "a"), runflow.WithHeader("X-B", "b"), runflow.WithHeader("X-C", "c"),
		runflow.WithMaxRetries(2), runflow.WithRetryBackoff(1, 1), runflow.WithAttemptTimeout(time.Minute), runflow.WithMaxResponseBytes(1 << 20),
		runflow.WithRateLimiter(limiter(func(context.Context) error { limited.Add(1); return nil })),
		runflow.WithLogger(slog.New(counted{slog.DiscardHandler, &logged})),
	}
	client, err := runflow.NewClient(server.UserToken, defaults...)
	require.NoError(t, err)
	server.MaxRequests = 1 << 20
	before := len(server.Requests())
	const n = 24
	var workers sync.WaitGroup
	for i := range n {
		user := fmt.Sprintf("user-%d", i)
		server.AddUser(user, server.OrgID)
		workers.Go(func() {
			shared := client
			if i%2 == 0 {
				var err error
				shared, err = client.With(runflow.WithToken(user), runflow.WithHeader("X-Derived", user))
				assert.NoError(t, err)
			}
			for _, call := range calls.All() {
				opts := []runflow.CallOption{
					runflow.WithToken(user), runflow.WithHeader("X-Call", user), runflow.WithHeader("X-B", user), runflow.WithAttemptTimeout(time.Hour),
				}
				if !call.Waits {
					opts = append(opts, runflow.WithMaxRetries(i%3))
				}
				err := call.Make(t.Context(), shared, args, opts...)
				assert.True(t, hasResponse(err), "%v", err)
			}
		})
	}
	workers.Wait()
	requests := server.Requests()[before:]
	files := 0
	for _, request := range requests {
		if !strings.HasPrefix(request.Path, "/v1/") {
			files++ // the storage host must not receive a token
			assert.Empty(t, request.Header.Get("Authorization"))
			continue
		}
		user := request.Header.Get("X-Call")
		if request.Path == "/v1/health" || request.Path == "/v1/readiness" { // which need no token
			assert.Empty(t, request.Header.Get("Authorization"))
		} else {
			assert.Equal(t, "Bearer "+user, request.Header.Get("Authorization"))
		}
		assert.Equal(t, "a", request.Header.Get("X-A"))
		assert.Equal(t, user, request.Header.Get("X-B"))
		assert.Contains(t, []string{"", user}, request.Header.Get("X-Derived"))
		assert.Contains(t, request.Header.Get("User-Agent"), "shared/1 runflow-go/")
	}
	assert.Greater(t, len(requests)-files, n*len(calls.All())-n)
	assert.Equal(t, int64(len(requests)-files), limited.Load())
	assert.GreaterOrEqual(t, logged.Load(), limited.Load())
}

// counted is a slog.Handler that counts its records.
type counted struct {
	slog.Handler

	n *atomic.Int64
}

func (counted) Enabled(context.Context, slog.Level) bool { return true }

func (c counted) Handle(context.Context, slog.Record) error {
	c.n.Add(1)
	return nil
}
