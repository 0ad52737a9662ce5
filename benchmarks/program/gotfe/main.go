//go:build peers

// Command gotfe sets feedback on a run with the package peer/gotfe.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gotfe"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(gotfe.New) }
