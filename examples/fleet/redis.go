package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
)

var errNotInstalled = errors.New("no -redis, no REDIS_URL, and no redis-server to start: apt-get install redis-server")

// connect returns a client that soon gives up, for calls wait meanwhile.
func connect(redisURL string) (*redis.Client, error) {
	opts, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, errors.New("-redis is not the URL of a Redis") // the error may hold a password
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = time.Second, time.Second, time.Second
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = -1
	opts.DialerRetries = 1
	return redis.NewClient(opts), nil
}

// startRedis starts a Redis that only this user can reach and that writes
// nothing down, and returns its URL and what stops it.
func startRedis(ctx context.Context) (redisURL string, stop func(), err error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, errNotInstalled
	}
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return "", nil, err
	}
	socket := filepath.Join(dir, "redis.sock")
	// Not with ctx: it ends after the workers.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), binary, //nolint:gosec // the user's own
		"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	if err := untilListens(ctx, socket); err != nil {
		stop()
		return "", nil, err
	}
	return "unix://" + socket, stop, nil
}

// untilListens returns once redis-server does: its socket exists before that.
func untilListens(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err == nil {
			return conn.Close()
		}
		if sleep(ctx, 10*time.Millisecond) != nil {
			return fmt.Errorf("redis-server did not start: %w", err)
		}
	}
}
