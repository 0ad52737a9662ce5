// Command sustain measures how many ratings a second one process sustains, by
// more and more calls at once, where the API answers at once and where it takes
// 50 ms. It prints the table of SCALE.md.
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
	period := flag.Duration("period", 2*time.Second, "how long to measure each figure")
	serving := flag.Bool("serve", false, "be the API, as which the command starts itself")
	delay := flag.Duration("delay", 0, "how long the API takes")
	overTLS := flag.Bool("tls", false, "the API is served by HTTP/2 over TLS")
	flag.Parse()
	var err error
	if *serving {
		err = serve(*delay, *overTLS)
	} else {
		err = tabulate(context.Background(), *period)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// way is how a process is connected to the API.
type way struct {
	name        string
	overTLS     bool
	connections int // of a transport of the caller's; 0: the SDK's own
}

func tabulate(ctx context.Context, period time.Duration) error {
	fmt.Printf("%s, %s, %s/%s, %d cores; %s for each figure\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), period)
	fmt.Println("| connections | calls at once | ratings/s | CPU s per 1000 | live heap, MB | 50 ms: ratings/s | CPU s per 1000 | live heap, MB |\n|---|---|---|---|---|---|---|---|")
	for _, w := range []way{
		{name: "HTTP/1.1, by default"},
		{name: "HTTP/1.1, up to 1024", connections: 1024},
		{name: "HTTP/2", overTLS: true, connections: 64},
	} {
		for _, atOnce := range []int{1, 8, 64, 256, 1024} {
			fmt.Printf("| %s | %d |", w.name, atOnce)
			for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
				f, err := w.measure(ctx, delay, atOnce, period)
				if err != nil {
					return err
				}
				fmt.Printf(" %.0f | %.2f | %.1f |", f.perSecond, f.cpuPer1000.Seconds(), f.heap/(1<<20))
			}
			fmt.Println()
		}
	}
	return nil
}

// measure has an API of its own, whose end closes the connections.
func (w way) measure(ctx context.Context, delay time.Duration, atOnce int, period time.Duration) (figures, error) {
	api, err := startAPI(ctx, delay, w.overTLS)
	if err != nil {
		return figures{}, err
	}
	defer api.stop()
	client, err := runflow.NewClient("token", runflow.WithBaseURL(api.URL), runflow.WithHTTPClient(w.client(api.roots)))
	if err != nil {
		return figures{}, err
	}
	return measure(ctx, atOnce, period, func(ctx context.Context) error {
		_, err := client.Runs.SetFeedback(ctx, "run", runflow.Feedback{IsPositive: true, Reason: "sharp and on brand"})
		return err
	})
}

func (w way) client(roots *x509.CertPool) *http.Client {
	if w.connections == 0 {
		return &http.Client{}
	}
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2:   true,
		MaxConnsPerHost:     w.connections,
		MaxIdleConnsPerHost: w.connections,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
}
