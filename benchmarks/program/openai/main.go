// Command openai rates a run by openai's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/openai"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(openai.New) }
