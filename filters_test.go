package runflow_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestFilter_String(t *testing.T) {
	t.Parallel()
	a, b, c := runflow.Where("a").Eq("1"), runflow.Where("b").Eq("2"), runflow.Where("c").Eq("3")
	raw := runflow.RawFilter("status_code:failed OR x:1")
	for want, filter := range map[string]runflow.Filter{
		"client_ref.eq:'order-42'":                 runflow.Where("client_ref").Eq("order-42"),
		"status_code.eq:'failed'":                  runflow.Where("status_code").Eq(runflow.RunStatusFailed),
		"n.eq:'-7'":                                runflow.Where("n").Eq(-7),
		"n.eq:'255'":                               runflow.Where("n").Eq(uint8(255)),
		"is_public.eq:'true'":                      runflow.Where("is_public").Eq(true),
		"cost.gte:'0.1'":                           runflow.Where("cost").Op("gte", decimal.RequireFromString("0.10")),
		"created_at.gt:'2026-04-01T00:00:00.5Z'":   runflow.Where("created_at").Op("gt", time.Date(2026, 4, 1, 0, 0, 0, 5e8, time.UTC)),
		"a.eq:''":                                  runflow.Where("a").Eq(""),
		"a.eq:'x y, (z) AND 世'":                    runflow.Where("a").Eq("x y, (z) AND 世"),
		"model.slug.gte:'1'":                       runflow.Where("model.slug").Op("gte", "1"),
		"a.eq:'1' AND b.eq:'2' AND c.eq:'3'":       a.And(b, c),
		"a.eq:'1' OR b.eq:'2'":                     a.Or(b),
		"a.eq:'1' AND b.eq:'2' OR c.eq:'3'":        a.And(b).Or(c),
		"(a.eq:'1' OR b.eq:'2') AND c.eq:'3'":      a.Or(b).And(c),
		"a.eq:'1' AND (b.eq:'2' OR c.eq:'3')":      a.And(b.Or(c)),
		"NOT a.eq:'1'":                             a.Not(),
		"NOT (a.eq:'1' AND b.eq:'2')":              a.And(b).Not(),
		"NOT (NOT a.eq:'1')":                       a.Not().Not(),
		"NOT a.eq:'1' AND b.eq:'2'":                a.Not().And(b),
		"a.eq:'1' AND (status_code:failed OR x:1)": a.And(raw),
		"status_code:failed OR x:1":                raw,
		"":                                         runflow.Filter{}.Not().And(runflow.RawFilter(" ")),
		"b.eq:'2'":                                 runflow.Filter{}.Or(b, runflow.Filter{}),
	} {
		assert.Equal(t, want, filter.String())
	}
	assert.Equal(t, "a.eq:'1'", a.String(), "joining does not change a filter")
}

func TestFilter_Refused(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"items":[]}`)
	client := server.client(t)
	good := runflow.Where("a").Eq("1")
	refuse := func(t *testing.T, filter runflow.Filter, reason string) {
		t.Helper()
		for _, filter := range []runflow.Filter{filter, filter.Not(), good.And(filter), filter.Or(good), runflow.Filter{}.And(filter)} {
			_, err := client.Runs.List(t.Context(), runflow.ListRunsParams{Filter: filter})
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.ErrorContains(t, err, "runflow: Runs.List: params.Filter: "+reason)
		}
	}
	for _, value := range []string{"it's", `a"b`, `a\b`, "a\nb", "\x00", "\xff"} {
		refuse(t, runflow.Where("a").Eq(value), "the value must not contain quotes")
	}
	for _, name := range []string{"", "a b", "a'", "ü", "a:b"} {
		refuse(t, runflow.Where(name).Eq("1"), "the field must be a name")
	}
	for _, operator := range []string{"", "a.b", "=", "eq:"} {
		refuse(t, runflow.Where("a").Op(operator, "1"), "the operator must be a name")
	}
	for _, value := range []any{nil, 1.5, []string{"a"}, struct{}{}, new(string)} {
		refuse(t, runflow.Where("a").Eq(value), "the value must be a string")
	}
	refuse(t, runflow.RawFilter("\xff"), "must be valid UTF-8")
	assert.Empty(t, server.seen(), "an unfiltered list must be impossible")
}

// A Filter is often a package variable.
func TestFilter_ConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newAPI(t, 200, `{"items":[]}`)
	client := server.client(t)
	bad := runflow.Where("a").Eq("it's")
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			_, err := client.Runs.List(t.Context(), runflow.ListRunsParams{Filter: bad})
			assert.EqualError(t, err, "runflow: Runs.List: params.Filter: the value must not contain quotes, backslashes or control characters, because no way to escape them is known")
			_, err = client.Models.List(t.Context(), runflow.ListModelsParams{Filter: bad.Not()})
			assert.ErrorContains(t, err, "runflow: Models.List: params.Filter")
		})
	}
	workers.Wait()
}

// The slice of the caller may be shared, and may have spare capacity.
func TestFilter_And_LeavesArgumentsUnchanged(t *testing.T) {
	t.Parallel()
	a, b, c := runflow.Where("a").Eq(1), runflow.Where("b").Eq(2), runflow.Where("c").Eq(3)
	shared := append(make([]runflow.Filter, 0, 8), b, c)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			assert.Equal(t, "a.eq:'1' AND b.eq:'2' AND c.eq:'3'", a.And(shared...).String())
			assert.Equal(t, "a.eq:'1' OR b.eq:'2' OR c.eq:'3'", a.Or(shared...).String())
		})
	}
	workers.Wait()
	assert.Equal(t, []runflow.Filter{b, c, {}, {}, {}, {}, {}, {}}, shared[:8])
}

func FuzzFilter(f *testing.F) {
	f.Add("client_ref", "order-42")
	f.Add("a.b", "x' OR 1.eq:'1")
	f.Add("", "\x00")
	client := cannedClient(f, `{"items":[]}`)
	f.Fuzz(func(t *testing.T, field, value string) {
		filter := runflow.Where(field).Eq(value)
		_, err := client.Runs.List(t.Context(), runflow.ListRunsParams{Filter: filter})
		if err != nil {
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			return
		}
		assert.Equal(t, field+".eq:'"+value+"'", filter.String())
		assert.Equal(t, 2, strings.Count(filter.String(), "'"), "a value cannot leave its quotes")
	})
}
