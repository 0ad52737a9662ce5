package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

const fakeModel = "demo/landscape"

// useFake starts a fake API, and a database that is removed at the end.
func useFake(c *config, publicURL string) (remove func(), err error) {
	dir, err := os.MkdirTemp("", "backend")
	if err != nil {
		return nil, err
	}
	server := runflowtest.NewServer()
	stop := paint(server, 600*time.Millisecond)
	*c = config{
		token: server.APIKey, userToken: server.UserToken, callbackSecret: server.CallbackSecret, baseURL: server.URL,
		model: fakeModel, publicURL: publicURL, database: filepath.Join(dir, "backend.db"),
	}
	return func() {
		stop()
		server.Close()
		_ = os.RemoveAll(dir)
	}, nil
}

// paint adds the model demo/landscape, which paints a picture of the prompt. Its runs
// take a step at each interval, until stop is called. A run whose prompt contains
// "fail" fails.
func paint(server *runflowtest.Server, interval time.Duration) (stop func()) {
	var links sync.Map // by run
	server.AddModel(fakeModel, runflow.Model{Name: "Landscape"})
	server.Script(fakeModel,
		runflowtest.StepStatus(runflow.RunStatusDispatching),
		runflowtest.StepStatus(runflow.RunStatusRunning),
		func(r *runflow.Run) {
			if strings.Contains(promptOf(r), "fail") {
				runflowtest.StepFail("CONTENT_REFUSED", runflow.FailureStageExecution, "The model refused the prompt.")(r)
				return
			}
			link, _ := links.Load(r.ID)
			runflowtest.StepSucceed(map[string]any{"outputs": []any{map[string]any{"url": link, "type": "image"}}})(r)
		})
	server.PauseRuns()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		every(ctx, interval, func() {
			for _, r := range server.Runs() {
				if r.StatusCode.IsTerminal() {
					continue
				}
				name := sha256.Sum256([]byte(promptOf(&r)))
				links.Store(r.ID, server.AddFile(hex.EncodeToString(name[:8])+".svg", "image/svg+xml", landscape(promptOf(&r))))
				server.AdvanceRun(r.ID)
			}
		})
	})
	return func() {
		cancel()
		done.Wait()
	}
}

func promptOf(r *runflow.Run) string {
	var input struct {
		Prompt string `json:"prompt"`
	}
	_ = r.Input.Decode(&input) // a run without a prompt also gets a picture
	return input.Prompt
}
