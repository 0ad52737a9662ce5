// Command runflow rates a run by runflow's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/runflow"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(runflow.New) }
