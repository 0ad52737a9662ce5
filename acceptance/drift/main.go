// Command drift compares the SDK with a description of the API, an OpenAPI document of
// version 3.0 or 3.1:
//
//	go run ./drift -spec openapi.public.json
//	go run ./drift -spec https://docs.runflow.io/api/openapi.public.json -json drift.json
//
// It prints the differences by severity: those that break calls, those that lose data,
// and those that say what the SDK does not cover yet. It exits with status 1 if a
// difference breaks calls, and with status 2 if the document cannot be read.
//
// The SDK's side is not written down here. What it sends is recorded from its methods,
// what it decodes is read from its exported types, and its endpoints are those of the
// package endpoint.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.StringVar(&o.spec, "spec", "", "OpenAPI document: a `file` or an https URL")
	flag.StringVar(&o.json, "json", "", "`file` to write the differences to, as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Stdout, os.Stderr, o)
	stop()
	os.Exit(status)
}

// options are the flags of the command.
type options struct {
	spec, json string
	client     *http.Client // for URLs; nil means a new one
}

// run compares and prints. It returns the exit status.
func run(ctx context.Context, out, failures io.Writer, o options) int {
	r, err := drift(ctx, o)
	if err == nil && o.json != "" {
		err = r.writeJSON(o.json)
	}
	if err != nil {
		fmt.Fprintln(failures, "drift:", err)
		return 2
	}
	r.print(out)
	if r.count(breaksCalls) > 0 {
		return 1
	}
	return 0
}

// drift returns the differences between the SDK and the document.
func drift(ctx context.Context, o options) (*report, error) {
	doc, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	uses, err := usesOf(ctx)
	if err != nil {
		return nil, err
	}
	return compare(uses, doc)
}
