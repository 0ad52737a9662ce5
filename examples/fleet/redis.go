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

var errNotInstalled = errors.New("redis-server is not installed, and neither -redis nor REDIS_URL is set: apt-get install redis-server")

// connect returns a client of Redis. Its timeouts are short and it does not retry,
// because calls of the SDK wait meanwhile.
func connect(redisURL string) (*redis.Client, error) {
	opts, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, errors.New("-redis: must be the URL of a Redis") // the error of ParseURL may contain a password
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = time.Second, time.Second, time.Second
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = -1
	opts.DialerRetries = 1
	return redis.NewClient(opts), nil
}

// startRedis starts a Redis that only this user can connect to and that saves
// nothing. It returns its URL and a function that stops it.
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
	// Without the cancellation of ctx: Redis stops after the workers.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), binary, //nolint:gosec // found in the user's PATH
		"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	if err := waitForRedis(ctx, socket); err != nil {
		stop()
		return "", nil, err
	}
	return "unix://" + socket, stop, nil
}

// waitForRedis returns when Redis accepts connections. Its socket exists before
// that.
func waitForRedis(ctx context.Context, socket string) error {
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
