package main

import (
	"context"
	"net/http"

	"github.com/runflow-io/runflow-go/benchmarks/peer/gitlab"
	"github.com/runflow-io/runflow-go/benchmarks/peer/godo"
	"github.com/runflow-io/runflow-go/benchmarks/peer/gogithub"
	"github.com/runflow-io/runflow-go/benchmarks/peer/gotfe"
	"github.com/runflow-io/runflow-go/benchmarks/peer/nethttp"
	"github.com/runflow-io/runflow-go/benchmarks/peer/openai"
	"github.com/runflow-io/runflow-go/benchmarks/peer/retryable"
	"github.com/runflow-io/runflow-go/benchmarks/peer/runflow"
	"github.com/runflow-io/runflow-go/benchmarks/peer/stripe"
)

// peer is one way to rate a run. The first of peers is what all are compared
// with.
type peer struct {
	name    string
	program string // below program/
	connect func(client *http.Client, url string, answer func() any) (func(context.Context) error, error)
}

var peers = []peer{
	{"net/http + encoding/json by hand", "nethttp", nethttp.New},
	{"**runflow-go**", "runflow", runflow.New},
	{"go-retryablehttp by hand", "retryable", retryable.New},
	{"go-github", "gogithub", gogithub.New},
	{"gitlab client-go", "gitlab", gitlab.New},
	{"godo", "godo", godo.New},
	{"go-tfe", "gotfe", gotfe.New},
	{"openai-go", "openai", openai.New},
	{"stripe-go", "stripe", stripe.New},
}
