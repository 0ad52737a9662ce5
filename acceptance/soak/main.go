// Command soak makes many concurrent calls to a fake API. 5 % of the requests fail,
// with all kinds of faults that runflowtest supports. Callers create runs, wait for
// them, get and list them, set feedback and download the output. They record the
// results of the calls in a ledger. At the end the soak checks that
//
//   - the feedback on each run is the last one that the SDK reported as set,
//   - each run exists once if it was reported as created, not at all if the creation
//     was reported as failed, and at most once if the outcome was reported as unknown,
//   - no error and no log record contains a secret,
//   - memory and goroutines have not grown.
//
// If one of these conditions is not met, it lists the findings and exits with
// status 1.
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
	flag.IntVar(&o.calls, "calls", 200_000, "number of `calls`")
	flag.IntVar(&o.workers, "workers", 64, "number of concurrent `callers`")
	flag.Float64Var(&o.faults, "faults", 0.05, "`share` of the requests that fail")
	flag.Uint64Var(&o.seed, "seed", 1, "`seed` of the random numbers")
	serve := flag.Bool("serve", false, "serve the fake API until stdin is closed; the command starts itself with this flag")
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
		return errors.New("-calls and -workers must be positive, and -faults between 0 and 0.2")
	}
	return nil
}
