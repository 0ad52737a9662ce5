// Command nethttp rates a run by nethttp's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/nethttp"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(nethttp.New) }
