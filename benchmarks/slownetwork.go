package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const roundTrip = 20 * time.Millisecond

const slowNetworkText = `%d full calls by concurrent callers, after a warm-up of 5 calls per caller. The delay is in the listener, not in the handler: data
takes 10 ms in each direction, and opening a connection takes the round trips of its TCP and TLS handshakes. With a handler that sleeps
for 20 ms, opening a connection would take no time. Client and server share the cores.

"Connections" counts all that were opened, also in the warm-up. Over HTTP/2, clients open one for each caller at the start, and close most
of them when the first has been established. "512 connections" is the SDK with a transport whose MaxConnsPerHost and
MaxIdleConnsPerHost are 512, given with WithHTTPClient; the SDK's default is 64. The other SDKs are left out: they use the default
transport of net/http, as the code by hand does.`

// slowNetwork measures connections and latencies of many concurrent callers.
func slowNetwork(run []byte, calls int) (table, error) {
	t := table{
		Title: "20 ms of simulated network delay",
		Text:  fmt.Sprintf(slowNetworkText, calls),
		Columns: []string{
			"", "protocol", "callers", "connections", "calls per connection", "calls/s", "p50, ms", "p99, ms", "p99.9, ms",
		},
	}
	for _, protocol := range []protocol{tlsHTTP1, tlsHTTP2} {
		for _, callers := range []int{64, 512} {
			setups := []struct {
				name   string
				peer   peer
				client *http.Client
			}{
				{byHand.name, byHand, &http.Client{}},
				{runflowSDK.name, runflowSDK, &http.Client{}},
			}
			if callers > 64 && protocol == tlsHTTP1 {
				setups = append(setups, setups[1])
				setups[2].name += ", 512 connections"
				setups[2].client = &http.Client{Transport: &http.Transport{MaxConnsPerHost: 512, MaxIdleConnsPerHost: 512}}
			}
			for _, s := range setups {
				cells, err := callSlowNetwork(protocol, s.peer, s.client, run, calls, callers)
				if err != nil {
					return table{}, fmt.Errorf("%s, %s: %w", s.name, protocol, err)
				}
				t.Rows = append(t.Rows, append([]string{s.name, string(protocol), strconv.Itoa(callers)}, cells...))
			}
		}
	}
	return t, nil
}

func callSlowNetwork(protocol protocol, p peer, client *http.Client, run []byte, calls, callers int) ([]string, error) {
	var opened atomic.Int64
	server, err := protocol.serve(respondWith(run), func(l net.Listener) net.Listener {
		return delayedListener{Listener: l, roundTrip: roundTrip, opened: &opened}
	})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	c, err := p.connect(client, server.URL, newRun)
	if err != nil {
		return nil, err
	}
	warmUp := 5 * callers
	if _, _, err := inParallel(warmUp, callers, c); err != nil {
		return nil, err
	}
	latencies, total, err := inParallel(calls, callers, c)
	if err != nil {
		return nil, err
	}
	percentile := func(p float64) string {
		i := min(int(p/100*float64(calls)), calls-1)
		return fmt.Sprintf("%.1f", latencies[i].Seconds()*1000)
	}
	return []string{
		strconv.FormatInt(opened.Load(), 10),
		fmt.Sprintf("%.1f", float64(calls+warmUp)/float64(opened.Load())),
		fmt.Sprintf("%.0f", float64(calls)/total.Seconds()),
		percentile(50), percentile(99), percentile(99.9),
	}, nil
}
