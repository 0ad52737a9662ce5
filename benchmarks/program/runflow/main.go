// Command runflow sets feedback on a run with the package peer/runflow.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/runflow"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(runflow.New) }
