package main

import (
	"bytes"
	"context"
	"net/http"
)

// emptyCalls measures what the SDK adds to net/http, with the smallest run that it
// accepts as a response.
func emptyCalls(rounds int, ratios map[string]float64) (table, error) {
	client := &http.Client{Transport: stub(`{"id":"x"}`)}
	sdk, err := connect([]peer{runflowSDK}, client, "https://api.example.com")
	if err != nil {
		return table{}, err
	}
	f, err := measure(rounds, withoutDecoding(client), sdk[0])
	if err != nil {
		return table{}, err
	}
	ratios[emptyCallTime] = f[1].ns / f[0].ns
	return table{
		Title:   "An empty call",
		Text:    "The same request with the response `{\"id\":\"x\"}`. net/http alone sends a fixed body, and does not read the response.",
		Columns: append([]string{""}, measuredColumns...),
		Rows: [][]string{
			append([]string{"net/http alone"}, f[0].cells(f[0])...),
			append([]string{runflowSDK.name}, f[1].cells(f[0])...),
		},
	}, nil
}

func withoutDecoding(client *http.Client) call {
	body := []byte(`{"is_positive":true,"reason":null}`)
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPatch, "https://api.example.com/v1/runs/x/feedback", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer token")
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
}
