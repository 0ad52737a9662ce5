package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// measureToolchains builds this program with each toolchain and runs it. It reports
// a toolchain that is not available, and goes on with the others.
func measureToolchains(o options) ([]result, error) {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tags := withPeers
	if o.check {
		tags = "-tags="
	}
	var available []string
	for toolchain := range strings.SplitSeq(o.toolchains, ",") {
		if out, err := goCommand(toolchain, "version"); err != nil {
			fmt.Fprintf(os.Stderr, "%s is not available: %v\n%s", toolchain, err, out)
			continue
		}
		if out, err := goCommand(toolchain, "build", tags, "-o", filepath.Join(dir, toolchain), "."); err != nil {
			return nil, fmt.Errorf("build with %s: %w\n%s", toolchain, err, out)
		}
		available = append(available, toolchain)
	}
	if len(available) == 0 {
		return nil, errors.New("no toolchain is available: " + o.toolchains)
	}
	var results []result
	for _, toolchain := range available {
		fmt.Fprintln(os.Stderr, "measuring with", toolchain)
		r, err := measureWith(toolchain, filepath.Join(dir, toolchain), o)
		if err != nil {
			return nil, fmt.Errorf("measure with %s: %w", toolchain, err)
		}
		results = append(results, r)
	}
	return results, nil
}

func goCommand(toolchain string, args ...string) ([]byte, error) {
	cmd := command("go", args...)
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain)
	return cmd.CombinedOutput()
}

// measureWith runs this program as it was built with a toolchain. It sets
// GOTOOLCHAIN, because the program builds others.
func measureWith(toolchain, binary string, o options) (result, error) {
	cmd := command(binary, "-child", fmt.Sprintf("-check=%t", o.check), "-benchtime="+o.benchTime,
		fmt.Sprintf("-rounds=%d", o.rounds), fmt.Sprintf("-calls=%d", o.calls))
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return result{}, err
	}
	var r result
	err = json.Unmarshal(out, &r)
	return r, err
}

func command(name string, args ...string) *exec.Cmd {
	return exec.CommandContext(context.Background(), name, args...) //nolint:gosec // go and the programs that it has built
}
