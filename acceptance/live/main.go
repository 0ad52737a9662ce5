// Command live checks the assumptions of the SDK against the real API:
//
//	cd acceptance && RUNFLOW_TOKEN=… go run ./live
//
// It only reads, unless it is told otherwise: with -rate RUN_ID it sets, changes and
// restores the feedback on a run, and with -spend owner/slug it creates two runs of a
// model, which costs credits. It prints one line for each assumption, with its ID in
// docs/assumptions.md, and exits with status 1 if one is refuted.
//
// With -record DIR it stores all requests and responses, without tokens, signatures
// and personal data. A test replays the recordings in testdata/recordings.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	var o options
	o.token, o.baseURL = os.Getenv("RUNFLOW_TOKEN"), os.Getenv("RUNFLOW_BASE_URL")
	flag.StringVar(&o.rate, "rate", "", "`ID` of a run whose feedback is set, changed and restored; needs the token of a user")
	flag.StringVar(&o.spend, "spend", "", "`owner/slug` of a model that is run twice, which costs credits")
	flag.StringVar(&o.input, "input", `{"prompt": "a cat"}`, "input of that model, as `JSON`")
	flag.StringVar(&o.member, "member", "", "`name` of a picture in that input; an uploaded picture is used for it")
	flag.DurationVar(&o.limit, "limit", 15*time.Minute, "`duration` of the wait for a run")
	flag.StringVar(&o.record, "record", "", "`directory` to store sanitized requests and responses in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	refuted, err := live(ctx, os.Stdout, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case refuted > 0:
		os.Exit(1)
	}
}

type options struct {
	token, baseURL string
	rate, spend    string
	input, member  string
	record         string
	limit          time.Duration // of the wait for a run
	poll           time.Duration // maximum interval of waits; 0 means the default of the SDK
}

// live makes all checks and returns how many assumptions are refuted.
func live(ctx context.Context, out io.Writer, o options) (refuted int, err error) {
	if o.token == "" {
		return 0, errors.New("RUNFLOW_TOKEN is not set")
	}
	p, err := newProbe(o)
	if err != nil {
		return 0, err
	}
	defer p.client.CloseIdleConnections()
	counts := map[verdict]int{}
	for _, a := range assumptions {
		if !a.applies(o) {
			continue
		}
		result := a.check(ctx, p)
		counts[result.verdict]++
		fmt.Fprintf(out, "%s %-9s %s (%s)", a.id, result.verdict, a.text, a.code)
		if result.detail != "" {
			fmt.Fprintf(out, ": %s", result.detail)
		}
		fmt.Fprintln(out)
	}
	p.summary(out)
	fmt.Fprintf(out, "%d confirmed, %d refuted, %d unknown\n", counts[confirmed], counts[refutedBy], counts[unknown])
	return counts[refutedBy], p.recordErr()
}
