package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/runflow-io/runflow-go/benchmarks/peer/nethttp"
	"github.com/runflow-io/runflow-go/benchmarks/peer/runflow"
)

// A call sets feedback on a run and decodes the response, or makes another call of
// the API.
type call func(context.Context) error

// A peer is a way to make the same call.
type peer struct {
	name    string
	program string // directory below program/
	connect func(client *http.Client, baseURL string, newRun func() any) (func(context.Context) error, error)
}

// withPeers is the flag of the go command for the long run, see others.go.
const withPeers = "-tags=peers"

var (
	byHand     = peer{"net/http + encoding/json by hand", "nethttp", nethttp.New}
	runflowSDK = peer{"**runflow-go**", "runflow", runflow.New}
)

// connect returns the call of each peer.
func connect(peers []peer, client *http.Client, baseURL string) ([]call, error) {
	calls := make([]call, len(peers))
	for i, p := range peers {
		c, err := p.connect(client, baseURL, newRun)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		calls[i] = c
	}
	return calls, nil
}
