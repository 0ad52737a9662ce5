package runflow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

func TestFiltersAreWritten(t *testing.T) {
	t.Parallel()
	a, b, c := runflow.Where("a").Eq("1"), runflow.Where("b").Eq("2"), runflow.Where("c").Eq("3")
	raw := runflow.RawFilter("status_code:failed OR x:1")
	for want, filter := range map[string]runflow.Filter{
		"client_ref.eq:'order-42'":                 runflow.Where("client_ref").Eq("order-42"),
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
		got, err := filter.Query()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := a.Query()
	require.NoError(t, err)
	assert.Equal(t, "a.eq:'1'", got, "joining changes nothing")
}

func TestWhatCannotBeQuotedIsRefused(t *testing.T) {
	t.Parallel()
	good := runflow.Where("a").Eq("1")
	for _, value := range []string{"it's", `a"b`, `a\b`, "a\nb", "\x00", "\xff"} {
		bad := runflow.Where("a").Eq(value)
		for _, filter := range []runflow.Filter{bad, bad.Not(), good.And(bad), bad.Or(good), runflow.Filter{}.And(bad)} {
			_, err := filter.Query()
			require.ErrorIs(t, err, runflow.ErrInvalidArgument, "%q", value)
			require.ErrorContains(t, err, "runflow: Filter.Query: value: must not hold quotes")
		}
	}
	for _, name := range []string{"", "a b", "a'", "ü", "a:b"} {
		_, err := runflow.Where(name).Eq("1").Query()
		require.ErrorContains(t, err, "field: must be a name", "%q", name)
	}
	for _, operator := range []string{"", "a.b", "=", "eq:"} {
		_, err := runflow.Where("a").Op(operator, "1").Query()
		require.ErrorContains(t, err, "operator: must be a name", "%q", operator)
	}
}

func FuzzFilterQuotes(f *testing.F) {
	f.Add("client_ref", "order-42")
	f.Add("a", "' OR ''='")
	f.Fuzz(func(t *testing.T, field, value string) {
		query, err := runflow.Where(field).Eq(value).Query()
		if err == nil {
			assert.Equal(t, field+".eq:'"+value+"'", query)
			assert.NotContains(t, field+value, "'")
		}
	})
}
