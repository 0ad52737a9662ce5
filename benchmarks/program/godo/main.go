//go:build peers

// Command godo sets feedback on a run with the package peer/godo.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/godo"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(godo.New) }
