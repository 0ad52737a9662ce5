package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// A child is the process that serves the fake API. It is a separate process, so
// that the memory and the goroutines of the parent process are those of the SDK.
type child struct {
	started

	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

// started is the message that the child writes after it has started to serve.
type started struct {
	URL       string `json:"url"`
	APIKey    string `json:"api_key"`
	UserToken string `json:"user_token"`
}

// stopped is the message that the child writes before it ends.
type stopped struct {
	Requests int64  `json:"requests"`
	Faults   []hits `json:"faults"`
	Heap     uint64 `json:"heap"` // bytes
}

// hits is the number of requests to which a fault applied.
type hits struct {
	Fault string `json:"fault"`
	Count int64  `json:"count"`
}

func startChild(o options) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(context.Background(), program, "-serve", //nolint:gosec // this program
		"-faults", strconv.FormatFloat(o.faults, 'g', -1, 64), "-seed", strconv.FormatUint(o.seed, 10))}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.stdout = bufio.NewReader(stdout)
	if err := c.read(&c.started); err != nil {
		_, _ = c.stop()
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return c, nil
}

// stop ends the process, and with it all connections to it.
func (c *child) stop() (s stopped, err error) {
	_ = c.stdin.Close()
	err = c.read(&s)
	if exit := c.cmd.Wait(); exit != nil {
		err = exit
	}
	return s, err
}

// read reads the next line that the child writes.
func (c *child) read(v any) error {
	line, err := c.stdout.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}
