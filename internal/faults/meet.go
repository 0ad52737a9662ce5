// Package faults is what goes wrong between a client and the API: a list of
// faults over real sockets, the classes of calls that meet with them, and what
// the server, the log and the caller see of it. It is for tests only.
package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/wire"
)

// What must not leak: the client sends the first ones, and Response is in every
// answer that is a fault.
const (
	Token     = "canary-token-0123456789"
	Header    = "canary-header"
	Query     = "canary_query"
	Body      = "canary-body"
	Response  = "canary-response"
	Signature = "canary-signature"
)

// A Class is a kind of calls that are repeated under the same conditions.
type Class struct {
	Name string
	// Once says that a call of the class must not be carried out twice, and
	// that the SDK does not know whether its key sees to that.
	Once bool
	Key  string // that its requests bear; "" for a random one or none
	Call func(ctx context.Context, client *runflow.Client, opts ...runflow.Option) error
}

// OwnKey is the key of the class whose callers choose one.
const OwnKey = "order-42"

// Classes returns all classes.
func Classes() []Class {
	dispatch := func(ctx context.Context, client *runflow.Client, opts ...runflow.Option) error {
		_, err := client.Models.Run(ctx, "acme/cat", &runflow.RunRequest{Input: map[string]string{"prompt": Body}}, opts...)
		return err
	}
	return []Class{
		{Name: "read", Call: func(ctx context.Context, client *runflow.Client, opts ...runflow.Option) error {
			_, err := client.Runs.Get(ctx, "1", &runflow.RunGetParams{Fields: []string{Query}}, opts...)
			return err
		}},
		{Name: "rate", Call: func(ctx context.Context, client *runflow.Client, opts ...runflow.Option) error {
			_, err := client.Runs.SetFeedback(ctx, "1", runflow.Feedback{IsPositive: true, Reason: Body}, opts...)
			return err
		}},
		{Name: "dispatch, own key", Key: OwnKey, Call: func(ctx context.Context, client *runflow.Client, opts ...runflow.Option) error {
			return dispatch(ctx, client, append(opts, runflow.WithIdempotencyKey(OwnKey))...)
		}},
		{Name: "dispatch", Once: true, Call: dispatch},
	}
}

// Download is the class of what is asked of a storage host, under a signed URL.
// It is sent to the API's own host, for want of another.
func Download() Class {
	return Class{Name: "download", Call: func(ctx context.Context, client *runflow.Client, _ ...runflow.Option) error {
		host := strings.TrimSuffix(strings.TrimPrefix(client.String(), "runflow.Client("), ")")
		_, err := client.Runs.Download(ctx, runflow.Output{URL: host + "/file?X-Amz-Signature=" + Signature}, io.Discard)
		return err
	}}
}

// A Meeting is what comes of a call that meets with a fault.
type Meeting struct {
	Requests []wire.Request // that the server saw
	Response runflow.Response
	Err      error
	Waited   time.Duration
	Log      string
}

// Meet lets a call meet with a fault, once, or whenever it tries, in simulated
// time.
func Meet(t *testing.T, fault Fault, class Class, lasting bool, opts ...runflow.Option) (m Meeting) {
	t.Helper()
	site := fault.open(t, lasting)
	synctest.Test(t, func(t *testing.T) {
		m = At(t, site.URL, site.Transport(t), class, opts...)
		synctest.Wait() // for a server that sees the end of its connection
	})
	m.Requests = site.Requests()
	return m
}

// At makes a call with the default options, and those given, to a place.
func At(t *testing.T, url string, base http.RoundTripper, class Class, opts ...runflow.Option) (m Meeting) {
	t.Helper()
	var written bytes.Buffer
	client, err := runflow.NewClient(Token, append([]runflow.Option{
		runflow.WithBaseURL(url),
		runflow.WithHTTPClient(&http.Client{Transport: base}),
		runflow.WithHeader("X-Secret", Header),
		runflow.WithMaxResponseBytes(maxBody),
		runflow.WithLogger(slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}, opts...)...)
	require.NoError(t, err)
	start := time.Now()
	m.Err = class.Call(t.Context(), client, runflow.WithResponse(&m.Response))
	m.Waited = time.Since(start)
	m.Log = written.String()
	return m
}

var sentinels = []struct {
	err  error
	name string
}{
	{runflow.ErrBadRequest, "ErrBadRequest"},
	{runflow.ErrNotFound, "ErrNotFound"},
	{runflow.ErrRateLimited, "ErrRateLimited"},
	{runflow.ErrServer, "ErrServer"},
	{runflow.ErrResponseTooLarge, "ErrResponseTooLarge"},
	{runflow.ErrAmbiguous, "ErrAmbiguous"},
}

// Outcome says what the caller got.
func (m *Meeting) Outcome() string {
	if m.Err == nil {
		return "ok"
	}
	var names []string
	if _, ok := errors.AsType[*runflow.TransportError](m.Err); ok {
		names = append(names, "TransportError")
	}
	if _, ok := errors.AsType[*runflow.DecodeError](m.Err); ok {
		names = append(names, "DecodeError")
	}
	if err, ok := errors.AsType[*runflow.APIError](m.Err); ok && err.StatusCode < 400 {
		names = append(names, "APIError "+strconv.Itoa(err.StatusCode))
	}
	for _, sentinel := range sentinels {
		if errors.Is(m.Err, sentinel.err) {
			names = append(names, sentinel.name)
		}
	}
	return strings.Join(names, " ")
}

// String says how many requests the server saw and what the caller got.
func (m *Meeting) String() string {
	text := strconv.Itoa(len(m.Requests))
	if len(m.Requests) >= 10 { // at the discretion of net/http
		text = "≥ 10"
	}
	if m.Response.Attempts != len(m.Requests) {
		text += fmt.Sprintf(" (attempts: %d)", m.Response.Attempts)
	}
	return text + " " + m.Outcome()
}
