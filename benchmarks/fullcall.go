package main

import "net/http"

// fullCalls measures a call without a network, with a response of all parts of a
// run.
func fullCalls(peers []peer, run []byte, rounds int, ratios map[string]float64) (table, error) {
	calls, err := connect(peers, &http.Client{Transport: stub(run)}, "https://api.example.com")
	if err != nil {
		return table{}, err
	}
	f, err := measure(rounds, calls...)
	if err != nil {
		return table{}, err
	}
	ratios[fullCallTime] = f[1].ns / f[0].ns
	ratios[fullCallBytes] = f[1].bytes / f[0].bytes
	t := table{
		Title:   "A full call",
		Text:    "Set feedback on a run and decode the whole run from the response, without a network.",
		Columns: append([]string{""}, measuredColumns...),
	}
	for i, p := range peers {
		t.Rows = append(t.Rows, append([]string{p.name}, f[i].cells(f[0])...))
	}
	return t, nil
}
