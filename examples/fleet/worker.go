package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/runflow-io/runflow-go"
)

// concurrency is the number of concurrent calls of a worker.
const concurrency = 16

// runWorker sets feedback on a run from the first line on stdin until stdin is
// closed.
func runWorker(ctx context.Context, o options, name, key string) error {
	redis, err := connect(o.redisURL)
	if err != nil {
		return err
	}
	defer redis.Close()
	if err := redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("connect to Redis: %w", err)
	}
	client, err := runflow.NewClient(os.Getenv("RUNFLOW_TOKEN"),
		runflow.WithBaseURL(os.Getenv("RUNFLOW_BASE_URL")),
		runflow.WithUserAgent(name),
		runflow.WithRateLimiter(newLimiter(redis, key, o.limit())),
	)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		return nil // closed before the start, because another worker failed
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		stop()
	}()
	return setFeedback(ctx, client, os.Getenv("RUN_ID"))
}

// setFeedback sets feedback on a run again and again, until ctx ends or a call
// fails.
func setFeedback(ctx context.Context, client *runflow.Client, runID string) error {
	errs := make(chan error, concurrency)
	var wg sync.WaitGroup
	for range concurrency {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := client.Runs.SetFeedback(ctx, runID, runflow.Feedback{Rating: runflow.ThumbsUp})
				if err != nil && ctx.Err() == nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
