package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/runflow-io/runflow-go/internal/redact"
)

// A severity says how much harm a difference does.
type severity string

const (
	breaksCalls severity = "breaks calls"    // a method fails, or has another effect
	losesData   severity = "loses data"      // a method works, but something is dropped or ignored
	notCovered  severity = "not covered yet" // something that the SDK does not have, or the document does not describe
)

// severities are in the order of the report.
var severities = []severity{breaksCalls, losesData, notCovered}

// A difference is one difference between the SDK and the document.
type difference struct {
	Severity  severity `json:"severity"`
	Place     string   `json:"place"` // "query.limit", "body.reason", "Run.cost", "status 204"
	Text      string   `json:"difference"`
	Endpoints []string `json:"endpoints"` // those with the same difference
}

// A report holds the differences.
type report struct {
	OpenAPI     string       `json:"openapi"`
	Title       string       `json:"title"`
	Version     string       `json:"version"`
	Compared    int          `json:"compared"` // number of endpoints that both sides have
	Differences []difference `json:"differences"`

	index map[string]int // of the differences, by everything but their endpoints
}

// add adds a difference of an endpoint. Names in the document come from outside, so
// each text is made one printable line.
func (r *report) add(s severity, endpoint, place, text string) {
	place, text, endpoint = redact.Line(place), redact.Line(text), redact.Line(endpoint)
	key := string(s) + "\n" + place + "\n" + text
	i, ok := r.index[key]
	if !ok {
		i = len(r.Differences)
		r.index[key] = i
		r.Differences = append(r.Differences, difference{Severity: s, Place: place, Text: text})
	}
	if d := &r.Differences[i]; !slices.Contains(d.Endpoints, endpoint) {
		d.Endpoints = append(d.Endpoints, endpoint)
	}
}

// sort orders the differences by severity, endpoint and place.
func (r *report) sort() {
	for _, d := range r.Differences {
		slices.Sort(d.Endpoints)
	}
	slices.SortStableFunc(r.Differences, func(a, b difference) int {
		return cmp.Or(cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)), cmp.Compare(a.Endpoints[0], b.Endpoints[0]),
			cmp.Compare(a.Place, b.Place), cmp.Compare(a.Text, b.Text))
	})
	clear(r.index)
}

// count returns the number of differences of a severity.
func (r *report) count(s severity) int {
	n := 0
	for _, d := range r.Differences {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// print writes one table for each severity, and a summary.
func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "%s\n", redact.Line(fmt.Sprintf("OpenAPI %s: %s %s", r.OpenAPI, r.Title, r.Version)))
	for _, s := range severities {
		if r.count(s) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s\n", strings.ToUpper(string(s)))
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, d := range r.Differences {
			if d.Severity == s {
				fmt.Fprintf(table, "%s\t%s\t%s\n", d.where(), d.Place, d.Text)
			}
		}
		_ = table.Flush()
	}
	fmt.Fprintf(out, "\n%d endpoints compared", r.Compared)
	for _, s := range severities {
		fmt.Fprintf(out, "; %s: %d", s, r.count(s))
	}
	fmt.Fprintln(out)
}

// where names the first endpoint, and the number of others.
func (d difference) where() string {
	if more := len(d.Endpoints) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", d.Endpoints[0], more)
	}
	return d.Endpoints[0]
}

func (r *report) writeJSON(name string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o600)
}
