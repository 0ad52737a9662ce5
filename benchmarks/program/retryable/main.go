// Command retryable rates a run by retryable's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/retryable"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(retryable.New) }
