// Command benchmarks compares the SDK with what one would write by hand, and
// with the cores of other SDKs: the same PATCH, read into the same fields. It
// prints the tables of the README.
//
//	cd benchmarks && go run .
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runflow-io/runflow-go"
)

func main() {
	rounds := flag.Int("rounds", 8, "medians are of this many rounds")
	calls := flag.Int("calls", 10_000, "calls of the bulk scenario")
	testing.Init() // for -test.benchtime
	flag.Parse()
	if err := compare(*rounds, *calls); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compare(rounds, calls int) error {
	answer, err := sample()
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s, %s/%s, %d cores; an answer of %d bytes; medians of %d rounds\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), len(answer), rounds)
	for _, table := range []func() error{
		func() error { return compareCalls(answer, rounds) },
		func() error { return compareReads(answer, rounds) },
		func() error { return compareBulk(answer, calls) },
		func() error { return comparePrograms(answer, rounds) },
	} {
		if err := table(); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// measures are what several rounds of several things came to.
type measures [][]testing.BenchmarkResult

// measure runs each thing once a round, so that whatever else the machine does
// hits all of them alike.
func measure(rounds int, things ...func(*testing.B)) measures {
	m := make(measures, len(things))
	for range rounds {
		for i, thing := range things {
			m[i] = append(m[i], testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				thing(b)
			}))
		}
	}
	return m
}

func median[T cmp.Ordered](rounds []testing.BenchmarkResult, of func(testing.BenchmarkResult) T) T {
	values := make([]T, len(rounds))
	for i, round := range rounds {
		values[i] = of(round)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (m measures) time(i int) int64 { return median(m[i], testing.BenchmarkResult.NsPerOp) }

// row prints what the i-th thing took, and its ratio to the first.
func (m measures) row(i int) string {
	bytes := func(i int) int64 { return median(m[i], testing.BenchmarkResult.AllocedBytesPerOp) }
	return fmt.Sprintf("%d | %.2f | %d | %.2f | %d",
		m.time(i), float64(m.time(i))/float64(m.time(0)), bytes(i), float64(bytes(i))/float64(bytes(0)),
		median(m[i], testing.BenchmarkResult.AllocsPerOp))
}

// compareCalls compares a whole call: without a network, and over loopback.
func compareCalls(answer []byte, rounds int) error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	var inProcess, loopback []func(*testing.B)
	for _, p := range peers {
		stubbed, err := p.connect(&http.Client{Transport: stub(answer)}, "https://api.example.com", newByHand)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		real, err := p.connect(&http.Client{}, server.URL, newByHand)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		inProcess = append(inProcess, repeat(stubbed))
		loopback = append(loopback, repeat(real))
	}
	m, l := measure(rounds, inProcess...), measure(rounds, loopback...)
	fmt.Println("| PATCH and read the whole run | ns/op | × | B/op | × | allocs | over loopback, ns/op | × |\n|---|---|---|---|---|---|---|---|")
	for i, p := range peers {
		fmt.Printf("| %s | %s | %d | %.2f |\n", p.name, m.row(i), l.time(i), float64(l.time(i))/float64(l.time(0)))
	}
	return nil
}

func repeat(call func(context.Context) error) func(*testing.B) {
	return func(b *testing.B) {
		for b.Loop() {
			if err := call(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// compareReads compares what the SDK adds to net/http, and how it reads.
func compareReads(answer []byte, rounds int) error {
	const runs = 500
	page := pageOf(runs, answer)
	empty, err := runflow.NewClient("token", runflow.WithHTTPClient(&http.Client{Transport: stub("{}")}))
	if err != nil {
		return err
	}
	list, err := runflow.NewClient("token", runflow.WithHTTPClient(&http.Client{Transport: stub(page)}))
	if err != nil {
		return err
	}
	pageByHand := reflect.StructOf([]reflect.StructField{{Name: "Items", Type: reflect.SliceOf(byHand), Tag: `json:"items"`}})

	calls := measure(rounds, bare, repeat(func(ctx context.Context) error {
		_, err := empty.Runs.SetFeedback(ctx, "x", runflow.Feedback{IsPositive: true})
		return err
	}))
	pages := measure(rounds, func(b *testing.B) {
		for b.Loop() {
			if err := json.NewDecoder(bytes.NewReader(page)).Decode(reflect.New(pageByHand).Interface()); err != nil {
				b.Fatal(err)
			}
		}
	}, repeat(func(ctx context.Context) error {
		page, err := list.Runs.List(ctx, nil)
		if err == nil && len(page.Items) != runs {
			err = errors.New("runs are missing")
		}
		return err
	}))
	fmt.Println("| | ns/op | × | B/op | × | allocs |\n|---|---|---|---|---|---|")
	fmt.Printf("| an empty answer: net/http alone, unread | %s |\n| an empty answer: **runflow-go** | %s |\n", calls.row(0), calls.row(1))
	fmt.Printf("| a page of %d runs: encoding/json alone | %s |\n| a page of %d runs: **runflow-go**, List | %s |\n", runs, pages.row(0), runs, pages.row(1))
	return nil
}

// bare is net/http alone.
func bare(b *testing.B) {
	client := &http.Client{Transport: stub("{}")}
	body := []byte(`{"is_positive":true,"reason":null}`)
	for b.Loop() {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, "https://api.example.com/v1/runs/x/feedback", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer token")
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}

// compareBulk lets many goroutines share a client with its default connections.
func compareBulk(answer []byte, calls int) error {
	const concurrency = 64
	fmt.Printf("| %d calls by %d goroutines, a server that takes 1 ms | connections | seconds | calls/s |\n|---|---|---|---|\n", calls, concurrency)
	for _, p := range peers {
		var opened atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Millisecond)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer)
		}))
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}
		server.Start()
		if base, ok := http.DefaultTransport.(*http.Transport); ok { // each starts anew
			base.CloseIdleConnections()
		}
		call, err := p.connect(&http.Client{}, server.URL, newByHand)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		start := time.Now()
		err = inParallel(calls, concurrency, call)
		took := time.Since(start)
		server.CloseClientConnections()
		server.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Printf("| %s | %d | %.2f | %.0f |\n", p.name, opened.Load(), took.Seconds(), float64(calls)/took.Seconds())
	}
	return nil
}

func inParallel(calls, concurrency int, call func(context.Context) error) error {
	var left atomic.Int64
	left.Store(int64(calls))
	errs := make(chan error, concurrency)
	var all sync.WaitGroup
	for range concurrency {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(context.Background()); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}

// comparePrograms compares programs that rate one run.
func comparePrograms(answer []byte, rounds int) error {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	fmt.Println("| a stripped program of ten lines | bytes | modules linked | from start to end, ms |\n|---|---|---|---|")
	for _, p := range peers {
		binary, source := filepath.Join(dir, p.program), "./program/"+p.program
		if out, err := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, source).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", p.name, err, out)
		}
		info, err := os.Stat(binary)
		if err != nil {
			return err
		}
		list, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", source).Output()
		if err != nil {
			return err
		}
		modules := strings.Fields(string(list))
		slices.Sort(modules)
		modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return strings.HasSuffix(m, "/benchmarks") })
		var took []time.Duration
		for range 5 * rounds {
			start := time.Now()
			if out, err := exec.Command(binary, server.URL).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", p.name, err, out)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		fmt.Printf("| %s | %d | %d | %.1f |\n", p.name, info.Size(), len(modules), took[len(took)/2].Seconds()*1000)
	}
	return nil
}
