// Command nethttp sets feedback on a run with the package peer/nethttp.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/nethttp"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(nethttp.New) }
