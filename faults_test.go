package runflow_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/faults"
)

var updateFaults = flag.Bool("update", false, "write what the calls meet with into FAULTS.md")

// Each class of calls meets with each fault: once, and whenever it tries.
// FAULTS.md is what has to come of it.
func TestCallsMeetWithEachFaultAsDocumented(t *testing.T) { //nolint:tparallel // the table needs all of them
	t.Parallel()
	all, classes := faults.All(), faults.Classes()
	cells := make([][]string, len(all))
	t.Run("meet", func(t *testing.T) {
		for i, fault := range all {
			cells[i] = make([]string, len(classes))
			for j, class := range classes {
				t.Run(fault.Name+"/"+class.Name, func(t *testing.T) {
					t.Parallel()
					passing, lasting := faults.Meet(t, fault, class, false), faults.Meet(t, fault, class, true)
					for _, met := range []*faults.Meeting{&passing, &lasting} {
						checkPromises(t, fault, class, met)
					}
					cells[i][j] = cell(t, fault, &passing, &lasting)
				})
			}
		}
	})
	t.Logf("%d faults, %d cells", len(all), len(all)*len(classes))
	names := make([]string, len(all))
	for i, fault := range all {
		names[i] = fault.Name
	}
	inDocument(t, "FAULTS.md", "over sockets", table(names, cells))
}

// table returns the rows of a table, those that are alike as one.
func table(names []string, cells [][]string) string {
	var order []string
	alike := map[string][]string{}
	for i, name := range names {
		row := strings.Join(cells[i], " | ")
		if alike[row] == nil {
			order = append(order, row)
		}
		alike[row] = append(alike[row], name)
	}
	var b strings.Builder
	for _, row := range order {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(alike[row], "<br>"), row)
	}
	return b.String()
}

// checkPromises checks what holds whatever goes wrong.
func checkPromises(t *testing.T, fault faults.Fault, class faults.Class, met *faults.Meeting) {
	t.Helper()
	guarded := class.Once || class.Key != ""
	if class.Once && fault.Fate != faults.NotTaken {
		assert.LessOrEqual(t, len(met.Requests), 1, "sent again although it may have been taken")
	}
	unclear := guarded && met.Err != nil && (fault.Fate == faults.Unclear || fault.Fate == faults.Taken)
	assert.Equal(t, unclear, errors.Is(met.Err, runflow.ErrAmbiguous))
	assert.Equal(t, guarded, met.Response.IdempotencyKey != "")
	for _, request := range met.Requests {
		assert.Equal(t, met.Response.IdempotencyKey, request.Header.Get("Idempotency-Key"))
		assert.Equal(t, met.Requests[0].Method, request.Method)
		assert.Equal(t, met.Requests[0].Body, request.Body)
		assert.Equal(t, class.Name == "read", request.Body == "")
	}
	if class.Key != "" {
		assert.Equal(t, class.Key, met.Response.IdempotencyKey)
	}
	if met.Err != nil {
		attempts, key := told(t, met.Err)
		assert.Equal(t, met.Response.Attempts, attempts)
		assert.Equal(t, met.Response.IdempotencyKey, key)
	}
	wait := fault.Takes + max(fault.After, 4*time.Second) // 4 s: 15 s of jitter in 4 waits, at most
	assert.LessOrEqual(t, met.Waited, time.Duration(met.Response.Attempts)*wait)
	assert.Equal(t, met.Response.Attempts, strings.Count(met.Log, "runflow attempt"), "an attempt is a record")
}

// told returns what an error tells of its call.
func told(t *testing.T, err error) (attempts int, key string) {
	t.Helper()
	switch err := err.(type) { //nolint:errorlint // what a method returns is not wrapped
	case *runflow.APIError:
		return err.Attempts, err.IdempotencyKey
	case *runflow.TransportError:
		return err.Attempts, err.IdempotencyKey
	case *runflow.DecodeError:
		return err.Attempts, err.IdempotencyKey
	}
	require.Fail(t, "an error of another type", "%T", err)
	return 0, ""
}

// cell says what came of a fault that passes, and of one that lasts.
func cell(t *testing.T, fault faults.Fault, passing, lasting *faults.Meeting) string {
	t.Helper()
	if passing.Response.Attempts == 1 {
		assert.Equal(t, fault.Takes, passing.Waited)
	} else {
		assert.GreaterOrEqual(t, passing.Waited, fault.Takes+fault.After)
	}
	text := passing.String()
	if wait := passing.Waited; wait > 0 && passing.Response.Attempts <= 2 {
		if wait%(100*time.Millisecond) != 0 { // it holds a random part
			text += " after ≤"
			wait = wait.Truncate(time.Second) + time.Second
		} else {
			text += " after"
		}
		text += fmt.Sprintf(" %v s", wait.Seconds())
	}
	if passing.Outcome() != lasting.Outcome() {
		text += "; " + lasting.String()
	}
	return text
}

// inDocument compares a table with the section of a document that it is for.
func inDocument(t *testing.T, name, section, table string) {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	pattern := regexp.MustCompile("(?s)(<!-- " + section + " -->\n.*?\n\\|---[^\n]*\n)(.*?)(\n\n|\n?$)")
	if *updateFaults {
		replaced := pattern.ReplaceAll(data, []byte("${1}"+table+"\n"))
		require.NoError(t, os.WriteFile(name, replaced, 0o600))
		return
	}
	match := pattern.FindSubmatch(data)
	require.NotNil(t, match, section)
	documented := strings.Split(string(match[2]), "\n")
	met := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for _, row := range met {
		if !slices.Contains(documented, row) {
			assert.Fail(t, "not documented", row)
		}
	}
	assert.Len(t, documented, len(met))
}
