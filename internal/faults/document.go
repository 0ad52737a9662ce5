package faults

import (
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
)

var update = flag.Bool("update", false, "write what comes of the faults into FAULTS.md")

// Tabulate lets each class of calls meet with each fault, once and whenever it
// tries, and compares what comes of it with a table of a document.
func Tabulate(t *testing.T, document, section string, all []Fault, meet func(t *testing.T, fault Fault, class Class, lasting bool) Meeting) {
	t.Helper()
	classes := Classes()
	names, cells := make([]string, len(all)), make([][]string, len(all))
	t.Run("meet", func(t *testing.T) {
		for i, fault := range all {
			names[i], cells[i] = fault.Name, make([]string, len(classes))
			for j, class := range classes {
				t.Run(fault.Name+"/"+class.Name, func(t *testing.T) {
					t.Parallel()
					passing, lasting := meet(t, fault, class, false), meet(t, fault, class, true)
					passing.checkPromises(t, fault, class)
					lasting.checkPromises(t, fault, class)
					cells[i][j] = cell(t, fault, &passing, &lasting)
				})
			}
		}
	})
	t.Logf("%d faults, %d cells", len(all), len(all)*len(classes))
	inDocument(t, document, section, table(names, cells))
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

// cell says what came of a fault that passes, and of one that lasts.
func cell(t *testing.T, fault Fault, passing, lasting *Meeting) string {
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
	data, err := os.ReadFile(name) //nolint:gosec // a document of this repository
	require.NoError(t, err)
	pattern := regexp.MustCompile("(<!-- " + section + " -->\n\\|[^\n]*\n\\|---[^\n]*\n)((?:\\|[^\n]*\n)*)")
	if *update {
		replaced := pattern.ReplaceAll(data, []byte("${1}"+table))
		require.NoError(t, os.WriteFile(name, replaced, 0o600)) //nolint:gosec // the same
		return
	}
	match := pattern.FindSubmatch(data)
	require.NotNil(t, match, section)
	documented := strings.Split(strings.TrimSuffix(string(match[2]), "\n"), "\n")
	met := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for _, row := range met {
		if !slices.Contains(documented, row) {
			assert.Fail(t, "not documented", row)
		}
	}
	assert.Len(t, documented, len(met))
}
