//go:build peers

// Command stripe sets feedback on a run with the package peer/stripe.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/stripe"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(stripe.New) }
