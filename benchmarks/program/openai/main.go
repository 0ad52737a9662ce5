//go:build peers

// Command openai sets feedback on a run with the package peer/openai.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/openai"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(openai.New) }
