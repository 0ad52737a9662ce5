// Command runflow-fake serves the fake Runflow API of the package runflowtest, for
// front ends, programs in other languages and compose files.
//
//	go run github.com/runflow-io/runflow-go/cmd/runflow-fake -addr 127.0.0.1:8080
//
// It prints its base URL and its tokens as assignments for a shell:
//
//	RUNFLOW_BASE_URL=http://127.0.0.1:8080
//	RUNFLOW_API_KEY=rf_test_…         # can create runs
//	RUNFLOW_USER_TOKEN=user_…         # can also set feedback
//	RUNFLOW_CALLBACK_SECRET=whsec_…   # signs the callbacks
//	RUNFLOW_ORGANIZATION=…
//
// In a compose file, listen on all addresses, and set the URL by which the other
// containers reach it: -addr 0.0.0.0:8080 -url http://runflow:8080.
//
// It serves the model runflow/demo unless a seed file has models. A run takes a step
// each time a client gets it, so a client that waits for it sees it end. With
// -step 500ms all runs take a step at this interval instead, which suits clients that
// only wait for a callback. The state is kept in memory. SIGINT and SIGTERM stop the
// program after the callbacks that are being delivered.
//
// # Seed file
//
// With -seed file.json the server starts with the content of a file. All fields are
// optional, and an unknown field is an error that names it.
//
//		{
//		  "organization":    "org-1",
//		  "user_token":      "token-of-ann",
//		  "api_key":         "key-1",
//		  "callback_secret": "whsec_1",
//		  "users":    {"token-of-bob": ["org-1", "org-2"]},
//		  "api_keys": {"key-2": "org-2"},
//		  "files":    {"cat.png": "pictures/cat.png"},
//		  "models": {
//		    "acme/cat": {
//		      "name": "Cat",
//		      "pricing": [{"price": "0.04", "currency_code": "USD"}],
//		      "steps": [
//		        {"status_code": "running"},
//		        {"status_code": "succeeded", "cost": "0.04", "output": {"outputs": [{"url": "file:cat.png", "type": "image"}]}}
//		      ]
//		    }
//		  },
//		  "workflows": {"acme/upscale": {"name": "Upscale"}},
//		  "runs": [{"id": "run-1", "status_code": "succeeded", "output": "file:cat.png"}]
//		}
//
//	  - users has the organizations of each user by the user's token, and api_keys the
//	    organization of each API key.
//	  - files has the path of each file, relative to the seed file. A string
//	    "file:NAME" in a step or a run is replaced by a signed link to the file.
//	  - models and workflows have the fields of the API, by "owner/slug", and steps.
//	    Each step has the fields of a run that it sets. Without steps, the runs succeed
//	    with an image.
//	  - runs have the fields of the API.
//
// # Control endpoints
//
// Programs inject faults and look at the requests with these endpoints, which need no
// token.
//
//	GET    /_fake/faults        lists the pending faults
//	POST   /_fake/faults        injects a fault, and returns it with its id
//	DELETE /_fake/faults        removes all faults
//	DELETE /_fake/faults/{id}   removes one fault
//	POST   /_fake/expired-links makes all existing links to files expire
//	GET    /_fake/requests      lists the requests to the API, the oldest first
//
// A fault is a JSON object. Its fields are optional: an empty object closes the
// connection of the next request without processing it.
//
//	curl -d '{"route": "POST /v1/models/", "count": 2, "status": 503}' http://127.0.0.1:8080/_fake/faults
//
//	route                a pattern of Go's http.ServeMux, such as "GET /v1/runs/{run_id}", "POST /v1/models/"
//	                     or "GET /files/" for downloads; by default all requests, except those to /_fake/
//	count                the number of requests to which it applies, by default 1; -1 means until it is removed
//	status               the status of the error response; by default the connection is closed instead
//	code                 the code of the error response
//	retry_after_seconds  the Retry-After header of the error response
//	delay_ms             the delay before the fault; if no other fault is set, the request then succeeds
//	truncate             process the request, and send only half of the response body
//	after_processing     process the request before it fails
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "runflow-fake:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("runflow-fake", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	baseURL := flags.String("url", "", "`URL` by which clients reach the server, if it is not that of -addr; links to files begin with it")
	seedPath := flags.String("seed", "", "JSON `file` with the initial content, see the documentation of the command")
	step := flags.Duration("step", 0, "`interval` between the steps of all runs; 0 means that a run takes a step when a client gets it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := runflowtest.Listen(ctx, *addr)
	if err != nil {
		return err
	}
	defer server.Close()
	server.URL = cmp.Or(strings.TrimSuffix(*baseURL, "/"), server.URL)
	if err := seedServer(server, *seedPath); err != nil {
		return err
	}
	newControl(server).register()

	fmt.Fprintf(stdout, "RUNFLOW_BASE_URL=%s\nRUNFLOW_API_KEY=%s\nRUNFLOW_USER_TOKEN=%s\nRUNFLOW_CALLBACK_SECRET=%s\nRUNFLOW_ORGANIZATION=%s\n",
		server.URL, server.APIKey, server.UserToken, server.CallbackSecret, server.OrgID)
	if *step > 0 {
		server.PauseRuns()
		go advance(ctx, server, *step)
	}
	<-ctx.Done()
	return nil
}

func seedServer(server *runflowtest.Server, path string) error {
	if path == "" {
		server.AddModel("runflow/demo", runflow.Model{Name: "Demo"})
		return nil
	}
	s, err := readSeed(path)
	if err != nil {
		return err
	}
	if err := s.apply(server); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// advance makes all runs take a step at an interval, until ctx ends.
func advance(ctx context.Context, server *runflowtest.Server, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, r := range server.Runs() {
			if !r.StatusCode.IsTerminal() {
				server.AdvanceRun(r.ID)
			}
		}
	}
}
