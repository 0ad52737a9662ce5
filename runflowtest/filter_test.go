package runflowtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// filterRows returns runs to filter.
func filterRows() []*row {
	runs := newCollection[runflow.Run]()
	for _, run := range []runflow.Run{
		{ID: "1", StatusCode: "failed", ClientRef: "a"},
		{ID: "2", StatusCode: "failed", ClientRef: "b"},
		{ID: "3", StatusCode: "succeeded"},
	} {
		runs.put(run.ID, "", run)
	}
	var rows []*row
	for _, r := range runs.all {
		rows = append(rows, &r.row)
	}
	return rows
}

func selected(f filter, rows []*row) string {
	var ids []string
	for _, r := range rows {
		if f.selects(r) {
			ids = append(ids, r.id)
		}
	}
	return strings.Join(ids, "")
}

func TestParseFilter(t *testing.T) {
	t.Parallel()
	rows := filterRows()
	for q, want := range map[string]string{
		"id.eq:'1'":                               "1",
		" id.Eq:'1' ":                             "1",
		"id.eq:'1' OR id.eq:'2'":                  "12",
		"id.eq:'1' AND id.eq:'2'":                 "",
		"id.eq:'1'\tOR\nid.eq:'3'  OR  id.eq:'2'": "123",
		"NOT id.eq:'1'":                           "23",
		"NOT NOT(id.eq:'1')":                      "1",
		"NOT(id.eq:'1')":                          "23",
		"((id.eq:'1'))":                           "1",
		"id.eq:'3' OR status_code.eq:'failed' AND NOT id.eq:'1'":  "23",
		"(id.eq:'3' OR status_code.eq:'failed')AND NOT id.eq:'1'": "23",
		"NOT (id.eq:'3' OR id.eq:'1') AND client_ref.eq:'b'":      "2",
		"NOT client_ref.eq:'a'":                                   "23",
		"client_ref.eq:''":                                        "",
		"client_ref.eq:'a AND b'":                                 "",
		"has_logs.eq:'false'":                                     "123",
	} {
		f, err := parseFilter(q, rows[0].schema)
		require.NoError(t, err, q)
		assert.Equal(t, want, selected(f, rows), q)
	}
}

func TestParseFilter_OfBuilder(t *testing.T) {
	t.Parallel()
	rows := filterRows()
	where := runflow.Where
	one, two, failed := where("id").Eq("1"), where("id").Eq("2"), where("status_code").Eq(runflow.RunStatusFailed)
	for want, built := range map[string]runflow.Filter{
		"1":   one.And(failed),
		"12":  one.Or(two).And(failed),
		"3":   failed.Not(),
		"23":  one.And(failed).Not(),
		"13":  failed.And(one.Or(two.Not())).Or(failed.Or(one).Not()),
		"123": one.Not().Or(one).And(runflow.RawFilter("id.eq:'1' OR NOT id.eq:'1'")),
	} {
		f, err := parseFilter(built.String(), rows[0].schema)
		require.NoError(t, err, built)
		assert.Equal(t, want, selected(f, rows), built)
	}
}

func TestParseFilter_Errors(t *testing.T) {
	t.Parallel()
	for q, want := range map[string]string{
		"":                          `want a condition such as field.eq:'value', found ""`,
		" ":                         `want a condition such as field.eq:'value', found ""`,
		"id.eq:'1' AND":             `want a condition such as field.eq:'value', found ""`,
		"AND id.eq:'1'":             `want a condition such as field.eq:'value', found "AND id.eq:'1'"`,
		"id.eq:'1' id.eq:'2'":       `want AND, OR or the end of the filter, found "id.eq:'2'"`,
		"id.eq:'1' ANDid.eq:'2'":    `want AND, OR or the end of the filter, found "ANDid.eq:'2'"`,
		"id.eq:'1' and id.eq:'2'":   `want AND, OR or the end of the filter, found "and id.eq:'2'"`,
		"id.eq:'a'b'":               `want AND, OR or the end of the filter, found "b'"`,
		"id.eq:'1')":                `want AND, OR or the end of the filter, found ")"`,
		"(id.eq:'1'":                `want a closing parenthesis, found ""`,
		"()":                        `want a condition such as field.eq:'value', found ")"`,
		"NOT":                       `want a condition such as field.eq:'value', found ""`,
		"id.eq:1":                   `want a condition such as field.eq:'value', found "id.eq:1"`,
		"id:'1'":                    `want a condition such as field.eq:'value', found "id:'1'"`,
		"id.eq:'1":                  `want a condition such as field.eq:'value', found "id.eq:'1"`,
		"id.gt:'1'":                 `no operator "gt"; runflowtest knows only eq`,
		"nothing.eq:'1'":            `no field "nothing" to filter by`,
		"model.id.eq:'1'":           `no field "model.id" to filter by`,
		"metadata.eq:'1'":           `no field "metadata" to filter by`,
		"duration_ms.eq:'long'":     `field "duration_ms" cannot have the value "long"`,
		"created_at.eq:'yesterday'": `field "created_at" cannot have the value "yesterday"`,
		strings.Repeat("(", 1000):   errFilterDepth.Error(),
		strings.Repeat("NOT ", 999): errFilterDepth.Error(),
	} {
		_, err := parseFilter(q, schemaOf[runflow.Run]())
		assert.EqualError(t, err, want, q)
	}
}

// FuzzParseFilter checks that a filter within parentheses selects the same rows, and
// that its negation selects the others.
func FuzzParseFilter(f *testing.F) {
	for _, q := range []string{
		"id.eq:'1'", "NOT id.EQ:'1' AND (status_code.eq:'failed' OR client_ref.eq:'')", "((id.eq:'1')", "NOT", "x.eq:'1'", "id.eq:'",
		"cost.eq:'0.10' OR created_at.eq:'2026-01-01T00:00:00+01:00'", "has_logs.eq:'false'AND NOT NOT(id.eq:'3')",
	} {
		f.Add(q)
	}
	rows := filterRows()
	f.Fuzz(func(t *testing.T, q string) {
		parsed, err := parseFilter(q, rows[0].schema)
		if err != nil {
			return
		}
		want := selected(parsed, rows)
		for text, wrapped := range map[string]string{
			"parentheses": "(" + q + ")", "or": "(" + q + ") OR " + q, "negation": "NOT (" + q + ")",
		} {
			again, err := parseFilter(wrapped, rows[0].schema)
			if errors.Is(err, errFilterDepth) {
				continue
			}
			require.NoError(t, err, wrapped)
			if text == "negation" {
				again = again.not()
			}
			assert.Equal(t, want, selected(again, rows), wrapped)
		}
	})
}
