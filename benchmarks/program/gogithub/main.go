// Command gogithub rates a run by gogithub's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gogithub"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(gogithub.New) }
