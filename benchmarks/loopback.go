package main

import (
	"fmt"
	"net/http"
)

// loopback measures a call over a loopback connection, by one caller.
func loopback(peers []peer, run []byte, rounds int, ratios map[string]float64) (table, error) {
	t := table{
		Title:   "Over loopback",
		Text:    "A full call over one connection to a server in the same process.",
		Columns: []string{""},
	}
	for _, p := range peers {
		t.Rows = append(t.Rows, []string{p.name})
	}
	for _, protocol := range []protocol{plainHTTP1, tlsHTTP1, tlsHTTP2} {
		server, err := protocol.serve(respondWith(run), nil)
		if err != nil {
			return table{}, err
		}
		defer server.Close()
		calls, err := connect(peers, &http.Client{}, server.URL)
		if err != nil {
			return table{}, err
		}
		f, err := measure(rounds, calls...)
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", protocol, err)
		}
		if protocol == plainHTTP1 {
			ratios[loopbackTime] = f[1].ns / f[0].ns
		}
		t.Columns = append(t.Columns, string(protocol)+", ns/op", "×")
		for i := range peers {
			t.Rows[i] = append(t.Rows[i], f[i].cells(f[0])[:2]...)
		}
	}
	return t, nil
}
