//go:build peers

// Command gogithub sets feedback on a run with the package peer/gogithub.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gogithub"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(gogithub.New) }
