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

// inParallel is how many calls a worker has under way.
const inParallel = 16

// work is what a worker does: it rates a run, from the first line on its stdin
// to the end of that.
func work(ctx context.Context, o options, name, key string) error {
	redis, err := connect(o.redisURL)
	if err != nil {
		return err
	}
	defer redis.Close()
	if err := redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("no Redis answers: %w", err)
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
		return nil // the leader has thought better of it
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		stop()
	}()
	return rate(ctx, client, os.Getenv("RUN_ID"))
}

// rate rates a run until ctx ends.
func rate(ctx context.Context, client *runflow.Client, runID string) error {
	errs := make(chan error, inParallel)
	var all sync.WaitGroup
	for range inParallel {
		all.Go(func() {
			for ctx.Err() == nil {
				_, err := client.Runs.SetFeedback(ctx, runID, runflow.Feedback{IsPositive: true})
				if err != nil && ctx.Err() == nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}
