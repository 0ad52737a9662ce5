package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/runflow-io/runflow-go"
)

// pages measures a list of runs, without a network.
func pages(run []byte, rounds int, ratios map[string]float64) (table, error) {
	const runs = 500
	client := &http.Client{Transport: stub(pageOf(runs, run))}
	sdk, err := runflow.NewClient("token", runflow.WithHTTPClient(client))
	if err != nil {
		return table{}, err
	}
	f, err := measure(rounds, listByHand(client), func(ctx context.Context) error {
		page, err := sdk.Runs.List(ctx, runflow.ListRunsParams{Limit: runs})
		if err == nil && len(page.Items) != runs {
			err = fmt.Errorf("the page has %d runs, want %d", len(page.Items), runs)
		}
		return err
	})
	if err != nil {
		return table{}, err
	}
	ratios[pageTime] = f[1].ns / f[0].ns
	return table{
		Title:   fmt.Sprintf("A page of %d runs", runs),
		Text:    "List runs with all their parts, without a network.",
		Columns: append([]string{""}, measuredColumns...),
		Rows: [][]string{
			append([]string{byHand.name}, f[0].cells(f[0])...),
			append([]string{runflowSDK.name}, f[1].cells(f[0])...),
		},
	}, nil
}

func listByHand(client *http.Client) call {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.com/v1/runs?limit=500", nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer token")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return json.NewDecoder(resp.Body).Decode(newPage())
	}
}
