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

// A canned is a transport that returns itself as the response to every request.
type canned string

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(c))), ContentLength: int64(len(c)), Request: req,
	}, nil
}

func cannedClient(tb testing.TB, body string) *runflow.Client {
	tb.Helper()
	client, err := runflow.NewClient(token, runflow.WithHTTPClient(&http.Client{Transport: canned(body)}))
	require.NoError(tb, err)
	return client
}

// Allocations are the same on every machine, unlike times.
func TestCalls_Allocations(t *testing.T) { //nolint:paralleltest // it counts the allocations of the process
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector empties pools")
	}
	ctx := context.Background()
	setFeedback := func(body string) func() {
		client := cannedClient(t, body)
		return func() {
			if _, err := client.Runs.SetFeedback(ctx, "1", runflow.Feedback{Rating: runflow.ThumbsUp}); err != nil {
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
		{"run without fields", 41, setFeedback(`{"id":"1"}`)},
		{"run with everything", 210, setFeedback(sample)},
		{"page of 100 runs with everything", 100 * 170, func() {
			if _, err := list.Runs.List(ctx, runflow.ListRunsParams{}); err != nil {
				t.Error(err)
			}
		}},
		{"decoding of a run", 170, func() {
			var run runflow.Run
			if err := runflow.JSON(sample).Decode(&run); err != nil {
				t.Error(err)
			}
		}},
	} {
		tc.call() // so that the pools are filled
		got := testing.AllocsPerRun(20, tc.call)
		t.Logf("%s: %v allocations", tc.name, got)
		assert.LessOrEqual(t, got, tc.max, tc.name)
	}
}

func BenchmarkRunsService_SetFeedback(b *testing.B) {
	for name, body := range map[string]string{"empty": `{"id":"1"}`, "full": string(sampleRun(b))} {
		b.Run(name, func(b *testing.B) {
			client := cannedClient(b, body)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Runs.SetFeedback(b.Context(), "1", runflow.Feedback{Rating: runflow.ThumbsUp}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
