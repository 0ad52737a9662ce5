// Command benchmarks compares the SDK with code written by hand and with other SDKs,
// on each supported Go line, and writes the tables of README.md.
//
//	cd benchmarks && go run .
//
// With -print it only prints the tables. With -check it measures only the ratios
// that have a budget, and exits with status 1 if one of them is exceeded by more
// than 25 %. With -uploads it compares an upload with curl, and exits with status 1 if
// a budget is exceeded.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
)

// options are the command's flags.
type options struct {
	toolchains string
	printOnly  bool
	check      bool
	rounds     int
	benchTime  string // as the flag -benchtime of go test
	calls      int
}

func main() {
	var o options
	flag.StringVar(&o.toolchains, "toolchains", "go1.26.8,go1.27.4", "Go `versions` to measure with, separated by commas")
	flag.BoolVar(&o.printOnly, "print", false, "print the tables, and do not write README.md")
	flag.BoolVar(&o.check, "check", false, "measure the ratios and compare them with their budgets, in about a minute")
	flag.IntVar(&o.rounds, "rounds", 8, "number of rounds of which the median is taken")
	flag.StringVar(&o.benchTime, "benchtime", "1s", "time to measure each figure in a round, or the number of calls: 1x; with -check 250ms")
	flag.IntVar(&o.calls, "calls", 10_000, "number of calls in the tables with concurrent callers")
	upload := flag.Bool("uploads", false, "measure uploads of a large file, and compare them with curl -T")
	fake := flag.Bool("fake", false, "serve the fake API until the standard input is closed; used by the command itself")
	child := flag.Bool("child", false, "measure and print the result as JSON; used by the command itself")
	testing.Init() // registers the flag that sets the time of a benchmark
	flag.Parse()
	var err error
	switch {
	case *child:
		err = runChild(o)
	case o.check:
		err = check(o)
	case *upload:
		err = uploads(o.rounds)
	case *fake:
		err = serveFake()
	default:
		err = writeTables(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeTables measures with each toolchain, and prints the tables or writes them to
// README.md.
func writeTables(o options) error {
	results, err := measureToolchains(o)
	if err != nil {
		return err
	}
	if o.printOnly {
		fmt.Print(render(results))
		return nil
	}
	return writeREADME(results)
}

// runChild measures with the Go version that this program is built with.
func runChild(o options) error {
	if err := flag.Set("test.benchtime", o.benchTime); err != nil {
		return err
	}
	r, err := measureAll(o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
