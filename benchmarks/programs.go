package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// programs measures programs of ten lines that make one call.
func programs(peers []peer, run []byte, rounds int) (table, error) {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return table{}, err
	}
	defer os.RemoveAll(dir)
	server, err := plainHTTP1.serve(respondWith(run), nil)
	if err != nil {
		return table{}, err
	}
	defer server.Close()
	t := table{
		Title:   "A program of ten lines",
		Text:    "It makes one call over loopback. It is built with `-trimpath -ldflags=\"-s -w\"`; the module that is measured counts as linked.",
		Columns: []string{"", "size, bytes", "linked modules", "from start to exit, ms"},
	}
	for _, p := range peers {
		binary, source := filepath.Join(dir, p.program), "./program/"+p.program
		if out, err := command("go", "build", withPeers, "-trimpath", "-ldflags=-s -w", "-o", binary, source).CombinedOutput(); err != nil {
			return table{}, fmt.Errorf("%s: %w\n%s", p.name, err, out)
		}
		info, err := os.Stat(binary)
		if err != nil {
			return table{}, err
		}
		modules, err := linkedModules(source)
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", p.name, err)
		}
		runTime, err := measureRuns(binary, server.URL, 5*rounds)
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", p.name, err)
		}
		t.Rows = append(t.Rows, []string{p.name, strconv.FormatInt(info.Size(), 10), strconv.Itoa(modules), fmt.Sprintf("%.1f", runTime.Seconds()*1000)})
	}
	return t, nil
}

// linkedModules returns the number of modules of which a program has packages, but
// without this module.
func linkedModules(source string) (int, error) {
	out, err := command("go", "list", withPeers, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", source).Output()
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return len(slices.Compact(modules)) - 1, err
}

// measureRuns returns the median time from start to exit of a program.
func measureRuns(binary, baseURL string, runs int) (time.Duration, error) {
	times := make([]time.Duration, 0, runs)
	for range runs {
		start := time.Now()
		if out, err := command(binary, baseURL).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%w\n%s", err, out)
		}
		times = append(times, time.Since(start))
	}
	return time.Duration(median(times, func(d time.Duration) float64 { return float64(d) })), nil
}
