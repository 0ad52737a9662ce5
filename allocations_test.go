package runflow_test

import (
	"context"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// canned answers every request with itself.
type canned string

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(c))), ContentLength: int64(len(c)), Request: req,
	}, nil
}

func cannedClient(tb testing.TB, answer string) *runflow.Client {
	tb.Helper()
	client, err := runflow.NewClient(token, runflow.WithHTTPClient(&http.Client{Transport: canned(answer)}))
	require.NoError(tb, err)
	return client
}

// Allocations are the same on every machine, unlike times.
func TestCallsStayWithinTheirAllocations(t *testing.T) { //nolint:paralleltest // others would be counted
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector makes pools forget")
	}
	ctx := context.Background()
	rate := func(answer string) func() {
		client := cannedClient(t, answer)
		return func() {
			if _, err := client.Runs.SetFeedback(ctx, "1", runflow.Feedback{IsPositive: true}); err != nil {
				t.Error(err)
			}
		}
	}
	sample := string(sampleRun(t))
	page := `{"items":[` + strings.Repeat(sample+",", 99) + sample + `]}`
	list := cannedClient(t, page)
	for _, tc := range []struct {
		name string
		max  float64
		call func()
	}{
		{"an empty answer", 36, rate("{}")},
		{"a run with everything", 235, rate(sample)},
		{"a page of 100 of them", 100 * 190, func() {
			if _, err := list.Runs.List(ctx, nil); err != nil {
				t.Error(err)
			}
		}},
		{"reading a run", 195, func() {
			var run runflow.Run
			if err := run.UnmarshalJSON([]byte(sample)); err != nil {
				t.Error(err)
			}
		}},
	} {
		tc.call() // what is made once
		got := testing.AllocsPerRun(20, tc.call)
		t.Logf("%s: %v allocations", tc.name, got)
		assert.LessOrEqual(t, got, tc.max, tc.name)
	}
}

func BenchmarkSetFeedback(b *testing.B) {
	for name, answer := range map[string]string{"empty": "{}", "full": string(sampleRun(b))} {
		b.Run(name, func(b *testing.B) {
			client := cannedClient(b, answer)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Runs.SetFeedback(b.Context(), "1", runflow.Feedback{IsPositive: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
