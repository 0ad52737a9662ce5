package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// bulk measures how the clients use connections if many goroutines share one, over
// plain HTTP/1.1.
func bulk(peers []peer, run []byte, calls int) (table, error) {
	const callers = 64
	t := table{
		Title:   "Many calls at once",
		Text:    fmt.Sprintf("%d full calls by %d goroutines over loopback, to a handler that takes 1 ms. Each client has its default transport.", calls, callers),
		Columns: []string{"", "connections", "seconds", "calls/s"},
	}
	for _, p := range peers {
		opened, total, err := callInBulk(p, run, calls, callers)
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", p.name, err)
		}
		t.Rows = append(t.Rows, []string{
			p.name, strconv.FormatInt(opened, 10), fmt.Sprintf("%.2f", total.Seconds()), fmt.Sprintf("%.0f", float64(calls)/total.Seconds()),
		})
	}
	return t, nil
}

func callInBulk(p peer, run []byte, calls, callers int) (opened int64, total time.Duration, err error) {
	var connections atomic.Int64
	respond := respondWith(run)
	server, err := plainHTTP1.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		respond(w, r)
	}), func(l net.Listener) net.Listener {
		return countingListener{Listener: l, opened: &connections}
	})
	if err != nil {
		return 0, 0, err
	}
	defer server.Close()
	c, err := p.connect(&http.Client{}, server.URL, newRun)
	if err != nil {
		return 0, 0, err
	}
	_, total, err = inParallel(calls, callers, c)
	return connections.Load(), total, err
}

// countingListener counts the connections that clients open.
type countingListener struct {
	net.Listener

	opened *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.opened.Add(1)
	}
	return conn, err
}
