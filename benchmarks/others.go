//go:build peers

package main

import (
	"github.com/runflow-io/runflow-go/benchmarks/peer/gitlab"
	"github.com/runflow-io/runflow-go/benchmarks/peer/godo"
	"github.com/runflow-io/runflow-go/benchmarks/peer/gogithub"
	"github.com/runflow-io/runflow-go/benchmarks/peer/gotfe"
	"github.com/runflow-io/runflow-go/benchmarks/peer/openai"
	"github.com/runflow-io/runflow-go/benchmarks/peer/retryable"
	"github.com/runflow-io/runflow-go/benchmarks/peer/stripe"
)

// others are the peers that only the long run measures. It takes minutes to compile
// the other SDKs, so everything else is built without the tag.
var others = []peer{
	{"go-retryablehttp by hand", "retryable", retryable.New},
	{"go-github", "gogithub", gogithub.New},
	{"gitlab client-go", "gitlab", gitlab.New},
	{"godo", "godo", godo.New},
	{"go-tfe", "gotfe", gotfe.New},
	{"openai-go", "openai", openai.New},
	{"stripe-go", "stripe", stripe.New},
}
