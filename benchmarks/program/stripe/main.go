// Command stripe rates a run by stripe's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/stripe"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(stripe.New) }
