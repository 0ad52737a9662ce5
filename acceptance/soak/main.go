// Command soak lets many callers at once dispatch, await, read, rate and
// download, against a fake API where 5 % of the requests fail in every way that
// runflowtest knows. It remembers what each caller was told, and looks at the
// end whether it is so:
//
//   - each rating is the one that its caller was told last,
//   - each dispatch happened once where the caller was told so, not at all where
//     it was told that, and never twice,
//   - memory and goroutines are what they were.
//
// It exits with 1 where something is not.
//
//	go run ./soak              # 200,000 calls, some minutes
//	go run ./soak -calls 5000  # some seconds, for CI
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	var o options
	flag.IntVar(&o.calls, "calls", 200_000, "how many `calls` to make")
	flag.IntVar(&o.workers, "workers", 64, "how many `callers` make them at once")
	flag.Float64Var(&o.faults, "faults", 0.05, "the `share` of requests that meet with a fault")
	flag.Uint64Var(&o.seed, "seed", 1, "`seed` of what happens by chance")
	serve := flag.Bool("serve", false, "serve the fake API until stdin ends: what the command starts itself with")
	flag.Parse()

	do := soakAndReport
	if *serve {
		do = serveUntilEOF
	}
	if err := do(o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// options are the flags of the command.
type options struct {
	calls, workers int
	faults         float64
	seed           uint64
}

func (o options) check() error {
	if o.calls < 1 || o.workers < 1 || o.faults < 0 || o.faults > 0.2 {
		return errors.New("-calls and -workers must be positive, and -faults from 0 to 0.2")
	}
	return nil
}
