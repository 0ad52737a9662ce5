// Command fleet lets several processes rate runs, which share one rate limit by
// a Redis. It ends with 1 where together they broke it.
//
// Without any account it does so against a server and a Redis of its own, for
// which redis-server has to be installed:
//
//	cd examples/fleet && go run .
//
// With -redis or REDIS_URL it uses a Redis of yours, and leaves nothing there.
// With -apart each process has a limit of its own, as it has without a Redis,
// and that of the fleet is broken.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/go-redis/redis_rate/v10"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// options are what the command was asked for.
type options struct {
	redisURL  string
	processes int
	rate      int
	calls     int
	apart     bool
}

func main() {
	var o options
	flag.StringVar(&o.redisURL, "redis", os.Getenv("REDIS_URL"), "`URL` of a Redis; without one it starts its own")
	flag.IntVar(&o.processes, "processes", 4, "how many share the limit")
	flag.IntVar(&o.rate, "rate", 200, "calls a second that they may make together")
	flag.IntVar(&o.calls, "calls", 1000, "after how many calls to end")
	flag.BoolVar(&o.apart, "apart", false, "give each process a limit of its own")
	name := flag.String("worker", "", "be the worker of this `name`, as which the command starts itself")
	key := flag.String("key", "", "of the worker's limit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *name == "" {
		err = lead(ctx, o)
	} else {
		err = work(ctx, o, *name, *key)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// limit lets the calls of a tenth of a second be made at once.
func (o options) limit() redis_rate.Limit {
	return redis_rate.Limit{Rate: o.rate, Burst: max(1, o.rate/10), Period: time.Second}
}

// lead lets a fleet rate a run, and reports what the server saw of it.
func lead(ctx context.Context, o options) error {
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
		fmt.Println("no -redis and no REDIS_URL: using a Redis of its own")
	}
	server := runflowtest.NewServer()
	defer server.Close()
	run := server.AddRun(runflow.Run{StatusCode: runflow.RunStatusSucceeded})
	seen := newArrivals(o.calls)
	server.Fail(1, runflowtest.Fault{Match: seen.note})

	workers, err := launch(ctx, o, "RUNFLOW_TOKEN="+server.UserToken, "RUNFLOW_BASE_URL="+server.URL, "RUN_ID="+run.ID)
	if err != nil {
		return err
	}
	seen.begin()
	err = workers.run(ctx, seen.enough)
	seen.report(o.limit())
	return errors.Join(err, seen.check(o.limit()))
}
