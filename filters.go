package runflow

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// A Filter is a condition on the items of a list. Build one with [Where] or
// [RawFilter] and join them with its methods, which skip zero Filters. The zero
// Filter selects everything. A Filter is immutable, and safe for concurrent use.
//
// A Filter that cannot be written safely is refused by the call that it is given
// to, as the argument "params.Filter".
//
// Of the API's filter language only field.eq:'value' and the words AND, OR and NOT
// are known for certain, see https://docs.runflow.io/concepts/requests.
type Filter struct {
	text   string
	kind   filterKind
	reason string // why the filter cannot be written, or ""
}

// A filterKind says how strongly the parts of a filter are bound.
type filterKind int

const (
	zeroFilter filterKind = iota
	disjunction
	conjunction
	negation
	condition
)

// A FilterField is a field that a [Filter] is about.
type FilterField struct{ name string }

// Where starts a filter on a field, by its name in the API:
//
//	filter := runflow.Where("status_code").Eq(runflow.RunStatusFailed)
func Where(field string) FilterField { return FilterField{field} }

// Eq selects the items whose field has exactly this value. The value is a string
// or a type based on string, an integer, a bool, a decimal.Decimal or a time.Time,
// which is written as RFC 3339.
func (f FilterField) Eq(value any) Filter { return f.Op("eq", value) }

// Op selects the items for which the API's operator of that name is true. The
// value is as for Eq.
func (f FilterField) Op(operator string, value any) Filter {
	text, reason := filterValue(value)
	switch {
	case !isFilterName(f.name):
		reason = "the field must be a name of letters, digits, underscores and dots"
	case !isFilterName(operator) || strings.Contains(operator, "."):
		reason = "the operator must be a name of letters, digits and underscores"
	case reason == "" && !isQuotable(text):
		reason = "the value must not hold quotes, backslashes or control characters, which the API has no known way to escape"
	}
	return Filter{kind: condition, text: f.name + "." + operator + ":'" + text + "'", reason: reason}
}

// filterValue returns the text of a value, or why it has none.
func filterValue(value any) (text, reason string) {
	switch v := value.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano), ""
	case decimal.Decimal:
		return v.String(), ""
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		return v.String(), ""
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), ""
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), ""
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), ""
	default:
		return "", fmt.Sprintf("the value must be a string, an integer, a bool, a decimal.Decimal or a time.Time, not a %T", value)
	}
}

// RawFilter returns a filter in the API's own language, which is sent as it is.
func RawFilter(text string) Filter {
	switch {
	case strings.TrimSpace(text) == "":
		return Filter{}
	case !utf8.ValidString(text):
		return Filter{kind: condition, reason: "must be valid UTF-8"}
	}
	return Filter{kind: disjunction, text: text} // however it binds its parts
}

// And selects the items that f and all others select.
func (f Filter) And(others ...Filter) Filter { return join(conjunction, " AND ", f, others) }

// Or selects the items that f or any of the others selects.
func (f Filter) Or(others ...Filter) Filter { return join(disjunction, " OR ", f, others) }

// Not selects the items that f does not select. The Not of a zero Filter is a zero
// Filter.
func (f Filter) Not() Filter {
	if f.kind == zeroFilter {
		return f
	}
	return Filter{kind: negation, text: "NOT " + f.within(condition), reason: f.reason}
}

// String returns the filter as it is sent.
func (f Filter) String() string { return f.text }

func (f Filter) validate(argument string) error {
	if f.reason == "" {
		return nil
	}
	return badArgument(argument, f.reason)
}

func join(kind filterKind, word string, first Filter, others []Filter) Filter {
	var parts []Filter
	joined := Filter{kind: kind}
	for _, f := range append([]Filter{first}, others...) {
		if f.kind == zeroFilter {
			continue
		}
		parts = append(parts, f)
		if joined.reason == "" {
			joined.reason = f.reason
		}
	}
	switch len(parts) {
	case 0:
		return Filter{}
	case 1:
		return parts[0]
	}
	texts := make([]string, len(parts))
	for i, f := range parts {
		texts[i] = f.within(kind)
	}
	joined.text = strings.Join(texts, word)
	return joined
}

// within returns the text of f as a part of a filter of the given kind.
func (f Filter) within(kind filterKind) string {
	if f.kind < kind {
		return "(" + f.text + ")"
	}
	return f.text
}

func isFilterName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

func isQuotable(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, func(r rune) bool {
		return r == '\'' || r == '"' || r == '\\' || unicode.IsControl(r)
	})
}
