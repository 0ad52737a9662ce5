// Command godo rates a run by godo's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/godo"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(godo.New) }
