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

// A Filter is a condition on the items of a list. Create one with [Where] or
// [RawFilter], and combine several with And, Or and Not. The zero Filter selects
// everything; And and Or ignore it. A Filter is immutable, and safe for concurrent
// use.
//
// If a Filter cannot be written safely, for example because a value contains a
// quote, the call that it is given to returns an [*ArgumentError] for
// "params.Filter".
//
// Only these parts of the API's filter language are known for certain:
// field.eq:'value', AND, OR and NOT. See https://docs.runflow.io/concepts/requests.
type Filter struct {
	text   string
	kind   filterKind
	reason string // the reason why the filter cannot be written, or ""
}

// A filterKind is the precedence of a filter's outermost operator.
type filterKind int

const (
	zeroFilter filterKind = iota
	disjunction
	conjunction
	negation
	condition
)

// A FilterField is the field of a condition. See [Where].
type FilterField struct{ name string }

// Where starts a filter on a field, by its name in the API:
//
//	filter := runflow.Where("status_code").Eq(runflow.RunStatusFailed)
func Where(field string) FilterField { return FilterField{field} }

// Eq selects the items whose field has exactly this value. The value is a string
// or a type based on string, an integer, a bool, a decimal.Decimal or a time.Time,
// which is written as RFC 3339.
func (f FilterField) Eq(value any) Filter { return f.Op("eq", value) }

// Op selects the items for which an operator of the API, which is given by its
// name, is true for the field and the value. The value is one of the types of Eq.
func (f FilterField) Op(operator string, value any) Filter {
	text, reason := filterValue(value)
	switch {
	case !isFilterName(f.name):
		reason = "the field must be a name of letters, digits, underscores and dots"
	case !isFilterName(operator) || strings.Contains(operator, "."):
		reason = "the operator must be a name of letters, digits and underscores"
	case reason == "" && !isQuotable(text):
		reason = "the value must not contain quotes, backslashes or control characters, because no way to escape them is known"
	}
	return Filter{kind: condition, text: f.name + "." + operator + ":'" + text + "'", reason: reason}
}

// filterValue returns the text of a value, or the reason why it has none.
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

// RawFilter returns a filter in the API's own filter language. The text is sent
// unchanged. If it is blank, RawFilter returns the zero Filter.
func RawFilter(text string) Filter {
	switch {
	case strings.TrimSpace(text) == "":
		return Filter{}
	case !utf8.ValidString(text):
		return Filter{kind: condition, reason: "must be valid UTF-8"}
	}
	return Filter{kind: disjunction, text: text} // the lowest precedence, because the text is not parsed
}

// And selects the items that f and all others select.
func (f Filter) And(others ...Filter) Filter { return join(conjunction, " AND ", f, others) }

// Or selects the items that f or any of the others selects.
func (f Filter) Or(others ...Filter) Filter { return join(disjunction, " OR ", f, others) }

// Not selects the items that f does not select. If f is the zero Filter, Not
// returns the zero Filter.
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
