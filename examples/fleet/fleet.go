package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// fleet is the worker processes that have been started.
type fleet struct {
	stdins []io.WriteCloser
	exited chan error // receives the result of each worker when it exits
}

// startFleet starts the workers with the variables in env, and returns when they
// are ready. Secrets are passed in env, because others can see the arguments of a
// process.
func startFleet(ctx context.Context, o options, env ...string) (*fleet, error) {
	f := &fleet{exited: make(chan error, o.processes)}
	key := "runflow-fleet:" + rand.Text()
	for i := range o.processes {
		workerKey := key
		if o.apart {
			workerKey += strconv.Itoa(i)
		}
		if err := f.startWorker(ctx, o, "worker-"+strconv.Itoa(i+1), workerKey, env); err != nil {
			return nil, errors.Join(err, f.stop())
		}
	}
	return f, nil
}

func (f *fleet) startWorker(ctx context.Context, o options, name, key string, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Without the cancellation of ctx: a worker exits when its stdin is closed, even
	// if this process crashes.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, //nolint:gosec // it is this program
		"-worker", name, "-key", key, "-rate", strconv.Itoa(o.rate))
	cmd.Env = append(append(os.Environ(), "REDIS_URL="+o.redisURL), env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		return fmt.Errorf("%s did not start: %w", name, cmp.Or(cmd.Wait(), err))
	}
	f.stdins = append(f.stdins, stdin)
	go func() { f.exited <- cmd.Wait() }()
	return nil
}

// run lets the workers make calls until done is closed, ctx ends or a worker exits.
func (f *fleet) run(ctx context.Context, done <-chan struct{}) error {
	for _, stdin := range f.stdins {
		_, _ = io.WriteString(stdin, "go\n") // fails if the worker has exited, which is reported below
	}
	select {
	case <-ctx.Done():
	case <-done:
	case err := <-f.exited:
		f.exited <- err // stop expects one result for each worker
	}
	return errors.Join(ctx.Err(), f.stop())
}

// stop closes the stdin of the workers and waits until they have exited.
func (f *fleet) stop() error {
	var errs []error
	for _, stdin := range f.stdins {
		_ = stdin.Close()
	}
	for range f.stdins {
		errs = append(errs, <-f.exited)
	}
	return errors.Join(errs...)
}
