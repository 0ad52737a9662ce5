package faults

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	update    = flag.Bool("update", false, "write the tables of docs/faults.md")
	documents sync.Mutex // held while a document is read or written
)

// Tabulate makes a call of each class under each fault that affects the first
// request, and under each that affects all requests. It compares the reports with a
// table of a document. With -update it writes the table.
func Tabulate(t *testing.T, document, section string, all []Fault, run func(t *testing.T, fault Fault, class Class, lasting bool) Report) {
	t.Helper()
	classes := Classes()
	cells := make([][]string, len(all))
	t.Run("call", func(t *testing.T) {
		for i, fault := range all {
			cells[i] = make([]string, len(classes))
			for j, class := range classes {
				t.Run(fault.String()+"/"+class.Name, func(t *testing.T) {
					t.Parallel()
					once, always := run(t, fault, class, false), run(t, fault, class, true)
					once.checkInvariants(t, fault, class)
					always.checkInvariants(t, fault, class)
					cells[i][j] = cell(t, fault, class, &once, &always)
				})
			}
		}
	})
	t.Logf("%d faults, %d cells", len(all), len(all)*len(classes))
	compare(t, document, section, table(all, cells))
}

// cell describes two reports: of a fault that affects the first request only, and
// of one that affects all requests.
func cell(t *testing.T, fault Fault, class Class, once, always *Report) string {
	t.Helper()
	switch {
	case class.IsDownload:
	case once.Response.Attempts == 1:
		assert.Equal(t, fault.Duration, once.Duration)
	default:
		assert.GreaterOrEqual(t, once.Duration, fault.Duration+fault.RetryAfter)
	}
	text := once.String()
	if duration := once.Duration; duration > 0 && once.Response.Attempts <= 2 {
		if duration%(100*time.Millisecond) != 0 { // the duration has a random part
			text += " after ≤"
			duration = duration.Truncate(time.Second) + time.Second
		} else {
			text += " after"
		}
		text += fmt.Sprintf(" %v s", duration.Seconds())
	}
	if once.Outcome() != always.Outcome() {
		text += "; " + always.String()
	}
	return text
}

// table returns the rows of a table. Faults with the same cells share a row.
func table(all []Fault, cells [][]string) string {
	var order []string
	faults := map[string][]Fault{}
	for i, fault := range all {
		row := strings.Join(cells[i], " | ")
		if faults[row] == nil {
			order = append(order, row)
		}
		faults[row] = append(faults[row], fault)
	}
	var b strings.Builder
	for _, row := range order {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(names(faults[row]), "<br>"), row)
	}
	return b.String()
}

// names returns the names of faults. Statuses with the same name are put together.
func names(faults []Fault) []string {
	var order []string
	statuses := map[string][]string{}
	for _, fault := range faults {
		if statuses[fault.Name] == nil {
			order = append(order, fault.Name)
		}
		status := ""
		if fault.Status != 0 {
			status = strconv.Itoa(fault.Status)
		}
		statuses[fault.Name] = append(statuses[fault.Name], status)
	}
	for i, name := range order {
		order[i] = strings.TrimSpace(strings.Join(statuses[name], ", ") + " " + name)
	}
	return order
}

// compare compares a table with that of a section of a document, or writes it.
func compare(t *testing.T, document, section, table string) {
	t.Helper()
	documents.Lock()
	defer documents.Unlock()
	data, err := os.ReadFile(document) //nolint:gosec // a document of this repository
	require.NoError(t, err)
	pattern := regexp.MustCompile("(<!-- " + section + " -->\n\\|[^\n]*\n\\|---[^\n]*\n)((?:\\|[^\n]*\n)*)")
	match := pattern.FindSubmatch(data)
	require.NotNil(t, match, "no section %q", section)
	if *update {
		written := strings.Replace(string(data), string(match[0]), string(match[1])+table, 1)
		require.NoError(t, os.WriteFile(document, []byte(written), 0o600)) //nolint:gosec // a document of this repository
		return
	}
	documented := strings.Split(strings.TrimSuffix(string(match[2]), "\n"), "\n")
	seen := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for _, row := range seen {
		if !slices.Contains(documented, row) {
			assert.Fail(t, "not documented", row)
		}
	}
	assert.Len(t, documented, len(seen), "rows of the table")
}
