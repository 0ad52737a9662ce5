// Command retryable sets feedback on a run with the package peer/retryable.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/retryable"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(retryable.New) }
