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

// fleet is the workers that have been started.
type fleet struct {
	stdins []io.WriteCloser
	ended  chan error // each worker, as it ends
}

// launch starts the workers of a fleet, which find what is secret in env, and
// returns when they are ready.
func launch(ctx context.Context, o options, env ...string) (*fleet, error) {
	f := &fleet{ended: make(chan error, o.processes)}
	key := "runflow-fleet:" + rand.Text() // which Redis drops after a second
	for i := range o.processes {
		own := key
		if o.apart {
			own += strconv.Itoa(i)
		}
		if err := f.add(ctx, o, "worker-"+strconv.Itoa(i+1), own, env); err != nil {
			return nil, errors.Join(err, f.stop())
		}
	}
	return f, nil
}

func (f *fleet) add(ctx context.Context, o options, name, key string, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Not with ctx: a worker ends by the end of its stdin, even where its leader crashes.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, //nolint:gosec // which is this program
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
	go func() { f.ended <- cmd.Wait() }()
	return nil
}

// run lets the workers rate until it is enough, or one of them fails.
func (f *fleet) run(ctx context.Context, enough <-chan struct{}) error {
	for _, stdin := range f.stdins {
		_, _ = io.WriteString(stdin, "go\n") // one that is gone has ended
	}
	select {
	case <-ctx.Done():
	case <-enough:
	case err := <-f.ended:
		f.ended <- err
	}
	return errors.Join(ctx.Err(), f.stop())
}

// stop ends the workers by the end of their stdin.
func (f *fleet) stop() error {
	var errs []error
	for _, stdin := range f.stdins {
		_ = stdin.Close()
	}
	for range f.stdins {
		errs = append(errs, <-f.ended)
	}
	return errors.Join(errs...)
}
