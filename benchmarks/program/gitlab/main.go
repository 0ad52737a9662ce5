//go:build peers

// Command gitlab sets feedback on a run with the package peer/gitlab.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gitlab"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(gitlab.New) }
