package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// The budgets of an upload.
const (
	uploadSize    = 50 << 20 // bytes
	maxUploadTime = 1.3      // × that of curl -T
	maxUploadHeap = 8 << 20  // bytes
)

// uploads measures uploads of a large file to the fake API in another process, prints
// the figures, and returns an error if one of them exceeds its budget. The time of
// curl is that of the transfer. The time of the SDK is that of all three steps.
func uploads(rounds int) error {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "file.bin")
	if err := os.WriteFile(path, make([]byte, uploadSize), 0o600); err != nil {
		return err
	}
	var times [2][]float64
	var heap uint64
	for round := range rounds {
		for i := range times {
			first := (round + i) % len(times) // each is the first one in half of the rounds
			took, err := withFake(func(client *runflow.Client) (float64, error) {
				return []func(*runflow.Client, string) (float64, error){uploadWithCurl, uploadWithSDK}[first](client, path)
			})
			if err != nil {
				return err
			}
			times[first] = append(times[first], took)
		}
	}
	if _, err := withFake(func(client *runflow.Client) (float64, error) {
		heap, err = liveHeap(client, path)
		return 0, err
	}); err != nil {
		return err
	}
	identity := func(seconds float64) float64 { return seconds }
	curl, sdk := median(times[0], identity), median(times[1], identity)
	fmt.Printf("time: %.3f s, %.2f × the %.3f s of curl -T (median of %d rounds, budget %.2f)\n", sdk, sdk/curl, curl, rounds, maxUploadTime)
	fmt.Printf("live heap: %.1f MiB (budget %d MiB)\n", float64(heap)/(1<<20), maxUploadHeap>>20)
	if sdk/curl >= maxUploadTime || heap >= maxUploadHeap {
		return errors.New("an upload exceeds its budget")
	}
	return nil
}

// withFake calls a function with a client of a fake API in another process.
func withFake(use func(*runflow.Client) (float64, error)) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := command(self, "-fake")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return 0, err
	}
	baseURL, token, _ := strings.Cut(strings.TrimSpace(line), " ")
	client, err := runflow.NewClient(token, runflow.WithBaseURL(baseURL))
	if err != nil {
		return 0, err
	}
	defer client.CloseIdleConnections()
	return use(client)
}

// serveFake serves the fake API until the standard input is closed.
func serveFake() error {
	server := runflowtest.NewServer()
	defer server.Close()
	fmt.Println(server.URL, server.APIKey)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func uploadWithSDK(client *runflow.Client, path string) (seconds float64, err error) {
	start := time.Now()
	_, err = client.Assets.UploadFile(context.Background(), path, runflow.UploadParams{})
	return time.Since(start).Seconds(), err
}

// uploadWithCurl opens a session and measures the transfer.
func uploadWithCurl(client *runflow.Client, path string) (seconds float64, err error) {
	const mimeType = "application/octet-stream"
	var session struct {
		UploadURL string `json:"upload_url"`
	}
	body := map[string]any{"filename": "file.bin", "mime_type": mimeType, "size_bytes": uploadSize}
	if err := client.Do(context.Background(), "POST", "/v1/asset-uploads", body, &session); err != nil {
		return 0, err
	}
	out, err := command("curl", "--silent", "--show-error", "--fail", "--output", os.DevNull, "--write-out", "%{time_total}",
		"--header", "Content-Type: "+mimeType, "-T", path, session.UploadURL).Output()
	if err != nil {
		return 0, fmt.Errorf("curl: %w", err)
	}
	return strconv.ParseFloat(string(out), 64)
}

// liveHeap returns the maximum size of the live heap during an upload. It collects the
// garbage after each tenth of the file.
func liveHeap(client *runflow.Client, path string) (uint64, error) {
	var most uint64
	next := int64(0)
	_, err := client.Assets.UploadFile(context.Background(), path, runflow.UploadParams{OnProgress: func(sent, total int64) {
		if sent < next {
			return
		}
		next = sent + total/10
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		most = max(most, stats.HeapAlloc)
	}})
	return most, err
}
