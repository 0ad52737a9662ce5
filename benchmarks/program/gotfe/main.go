// Command gotfe rates a run by gotfe's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gotfe"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(gotfe.New) }
