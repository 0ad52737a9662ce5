// Command backend is a whole service on the Runflow API, to copy: users create runs,
// see their pictures and set feedback on them.
//
// Without an account it uses a fake API that it starts itself, and a database that it
// removes at the end:
//
//	cd examples/backend && go run .
//
// Then open http://127.0.0.1:8080. With a token it uses api.runflow.io, which costs
// credits:
//
//	RUNFLOW_TOKEN=rf_…               # creates the runs: an API key, or the token of a user
//	RUNFLOW_USER_TOKEN=…             # sets feedback: the token of a user; by default RUNFLOW_TOKEN
//	RUNFLOW_CALLBACK_SECRET=whsec_…  # of your organization
//	RUNFLOW_MODEL=owner/slug         # a model whose input is a prompt
//	PUBLIC_URL=https://…             # where Runflow reaches this service
//	DATABASE_URL=postgres://…        # or the path of an SQLite file; by default backend.db
//	OTEL_EXPORTER_OTLP_ENDPOINT=…    # receives traces; by default there are none
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "backend:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until the requests that have begun are done.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("backend", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:8080", "`address` of the service")
	metrics := flags.String("metrics", "127.0.0.1:8081", "`address` of /metrics and /healthz, which the public should not reach")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	internalListener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *metrics)
	if err != nil {
		return err
	}
	defer internalListener.Close()

	telemetry, err := newTelemetry(ctx, getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "")
	if err != nil {
		return err
	}
	defer closing(&err, telemetry.shutdown)
	log := newLogger(stdout)

	c := configFrom(getenv)
	if c.token == "" {
		log.Info("RUNFLOW_TOKEN is not set: using a fake API")
		remove, err := useFake(&c, "http://"+listener.Addr().String())
		if err != nil {
			return err
		}
		defer remove()
	}
	if err := c.check(); err != nil {
		return err
	}
	db, dialect, err := openDatabase(ctx, c.database)
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := newService(ctx, c, db, dialect, log, telemetry)
	if err != nil {
		return err
	}

	log.Info("listening", "url", "http://"+listener.Addr().String(), "metrics", "http://"+internalListener.Addr().String()+"/metrics")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, listener, telemetry.handler(s.routes())) })
	group.Go(func() error { return serve(ctx, internalListener, internalHandler(db, telemetry.metrics)) })
	group.Go(func() error {
		every(ctx, 30*time.Second, func() { s.reconcile(ctx, time.Minute) })
		return nil
	})
	group.Go(func() error {
		every(ctx, time.Hour, func() { s.prune(ctx) })
		return nil
	})
	return group.Wait()
}

// serve serves until ctx ends, and then until the requests that have begun are done,
// but at most for 20 s.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return server.Shutdown(shutdown)
}

// every calls do at an interval, until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// closing joins the error of shutdown, which has 5 s, to err.
func closing(err *error, shutdown func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	*err = errors.Join(*err, shutdown(ctx))
}
