// Command fleet starts several processes that set feedback on a run and share one
// rate limit through Redis. It exits with status 1 if together they exceeded the
// limit.
//
// It needs no account: it starts its own HTTP server in place of the API, and its
// own Redis, for which redis-server must be installed.
//
//	cd examples/fleet && go run .
//
// With -redis or REDIS_URL it uses an existing Redis, in which its keys expire
// within seconds. With -apart each process has its own limit, as it would have
// without Redis, and together they exceed the limit of the fleet.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/signal"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// options are the command's flags.
type options struct {
	redisURL  string
	processes int
	rate      int
	calls     int
	apart     bool
}

func main() {
	var o options
	flag.StringVar(&o.redisURL, "redis", os.Getenv("REDIS_URL"), "`URL` of a Redis; if empty, the command starts one")
	flag.IntVar(&o.processes, "processes", 4, "number of worker processes")
	flag.IntVar(&o.rate, "rate", 200, "calls per second that the processes may make together")
	flag.IntVar(&o.calls, "calls", 1000, "number of calls after which the command ends")
	flag.BoolVar(&o.apart, "apart", false, "give each process its own limit")
	name := flag.String("worker", "", "run as the worker with this `name`; used by the command itself")
	key := flag.String("key", "", "Redis key of the worker's limit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *name == "" {
		err = runFleet(ctx, o)
	} else {
		err = runWorker(ctx, o, *name, *key)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// limit returns the limit of the fleet. Its burst is the calls of a tenth of a
// second.
func (o options) limit() redis_rate.Limit {
	return redis_rate.Limit{Rate: o.rate, Burst: max(1, o.rate/10), Period: time.Second}
}

// runFleet starts the workers, prints how many calls they made, and returns an
// error if they exceeded the limit.
func runFleet(ctx context.Context, o options) error {
	if o.processes < 1 || o.rate < 1 || o.calls < 1 {
		return errors.New("-processes, -rate and -calls must be at least 1")
	}
	if o.redisURL == "" {
		redisURL, stop, err := startRedis(ctx)
		if err != nil {
			return err
		}
		defer stop()
		o.redisURL = redisURL
		fmt.Println("neither -redis nor REDIS_URL is set: using a new Redis")
	}
	api := newAPI(o.calls)
	server := httptest.NewServer(api)
	defer server.Close()

	workers, err := startFleet(ctx, o, "RUNFLOW_TOKEN=token", "RUNFLOW_BASE_URL="+server.URL, "RUN_ID="+runID)
	if err != nil {
		return err
	}
	api.begin()
	err = workers.run(ctx, api.done)
	api.report(o.limit())
	return errors.Join(err, api.check(o.limit()))
}
