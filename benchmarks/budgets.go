package main

import (
	"errors"
	"fmt"
	"go/version"
)

// The names of the ratios that have a budget. A ratio is the median of the SDK
// divided by the median of code written by hand, measured in the same process.
const (
	fullCallTime  = "a full call, time"
	fullCallBytes = "a full call, bytes allocated"
	emptyCallTime = "an empty call, time, to net/http alone"
	pageTime      = "a page of 500 runs, time"
	loopbackTime  = "over loopback with HTTP/1.1, time"
)

// tolerance is how far a ratio may exceed its budget. It covers the noise of a
// shared machine.
const tolerance = 1.25

// A budget is the ratio that is allowed on each Go line.
type budget struct {
	ratio  string
	target float64 // for documentation: the aim on Go 1.27
	byLine map[string]float64
}

var budgets = []budget{
	{fullCallTime, 0.50, map[string]float64{"go1.26": 0.35, "go1.27": 0.51}},
	{fullCallBytes, 0.40, map[string]float64{"go1.26": 0.33, "go1.27": 0.35}},
	{emptyCallTime, 2.50, map[string]float64{"go1.26": 2.45, "go1.27": 2.70}},
	{pageTime, 0.45, map[string]float64{"go1.26": 0.30, "go1.27": 0.48}},
	{loopbackTime, 0.85, map[string]float64{"go1.26": 0.65, "go1.27": 0.80}},
}

// check measures the ratios with each toolchain, prints them, and returns an error
// for each that exceeds its budget.
func check(o options) error {
	o.benchTime = "250ms"
	results, err := measureToolchains(o)
	if err != nil {
		return err
	}
	fmt.Print(ratioTable(results))
	var errs []error
	for _, r := range results {
		for _, b := range budgets {
			allowed, ok := b.byLine[version.Lang(r.Go)]
			switch {
			case !ok:
				errs = append(errs, fmt.Errorf("%s: no budget for %s", r.Go, b.ratio))
			case r.Ratios[b.ratio] > allowed*tolerance:
				errs = append(errs, fmt.Errorf("%s: %s is %.2f, want at most %.2f × %.2f", r.Go, b.ratio, r.Ratios[b.ratio], allowed, tolerance))
			}
		}
	}
	return errors.Join(errs...)
}

// ratioTable returns the ratios and budgets of each Go version.
func ratioTable(results []result) string {
	t := table{Columns: []string{"", "target"}}
	for _, r := range results {
		t.Columns = append(t.Columns, r.Go, "budget")
	}
	for _, b := range budgets {
		row := []string{b.ratio, fmt.Sprintf("%.2f", b.target)}
		for _, r := range results {
			row = append(row, fmt.Sprintf("%.2f", r.Ratios[b.ratio]), fmt.Sprintf("%.2f", b.byLine[version.Lang(r.Go)]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t.markdown()
}
