// Command sustain measures how many calls per second one process sustains, at
// increasing concurrency, with an API that responds at once and with one that takes
// 50 ms. It prints the table of docs/scale.md.
//
//	cd examples/fleet && go run ./sustain
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/runflow-io/runflow-go"
)

func main() {
	period := flag.Duration("period", 2*time.Second, "time to measure for each figure")
	serving := flag.Bool("serve", false, "run as the fake API; used by the command itself")
	delay := flag.Duration("delay", 0, "response time of the fake API")
	overTLS := flag.Bool("tls", false, "serve the fake API over TLS with HTTP/2")
	flag.Parse()
	var err error
	if *serving {
		err = serve(*delay, *overTLS)
	} else {
		err = printTable(context.Background(), *period)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// setup is how a process connects to the API.
type setup struct {
	name        string
	overTLS     bool
	connections int // maximum of the caller's own transport; 0 means the SDK's transport
}

const heading = `| connections | concurrency | calls/s | CPU s per 1000 calls | live heap, MB | 50 ms: calls/s | CPU s per 1000 calls | live heap, MB |
|---|---|---|---|---|---|---|---|`

func printTable(ctx context.Context, period time.Duration) error {
	fmt.Printf("%s, %s, %s/%s, %d cores; %s for each figure\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), period)
	fmt.Println(heading)
	for _, s := range []setup{
		{name: "HTTP/1.1, default (64)"},
		{name: "HTTP/1.1, up to 1024", connections: 1024},
		{name: "HTTP/2", overTLS: true, connections: 64},
	} {
		for _, concurrency := range []int{1, 8, 64, 256, 1024} {
			fmt.Printf("| %s | %d |", s.name, concurrency)
			for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
				f, err := s.measure(ctx, delay, concurrency, period)
				if err != nil {
					return err
				}
				fmt.Printf(" %.0f | %.2f | %.1f |", f.callsPerSecond, f.cpuPer1000.Seconds(), f.liveHeap/(1<<20))
			}
			fmt.Println()
		}
	}
	return nil
}

// measure starts a new API for each figure, so that no connection is left from the
// figure before.
func (s setup) measure(ctx context.Context, delay time.Duration, concurrency int, period time.Duration) (figures, error) {
	api, err := startAPI(ctx, delay, s.overTLS)
	if err != nil {
		return figures{}, err
	}
	defer api.stop()
	client, err := runflow.NewClient("token", runflow.WithBaseURL(api.URL), runflow.WithHTTPClient(s.httpClient(api.roots)))
	if err != nil {
		return figures{}, err
	}
	return measure(ctx, concurrency, period, func(ctx context.Context) error {
		_, err := client.Runs.SetFeedback(ctx, "run", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: "sharp and on brand"})
		return err
	})
}

func (s setup) httpClient(roots *x509.CertPool) *http.Client {
	if s.connections == 0 {
		return &http.Client{}
	}
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2:   true,
		MaxConnsPerHost:     s.connections,
		MaxIdleConnsPerHost: s.connections,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
}
