// Command gitlab rates a run by gitlab's means.
package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gitlab"
	"github.com/runflow-io/runflow-go/benchmarks/program"
)

func main() { program.Main(gitlab.New) }
