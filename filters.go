package runflow

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Filter is a condition for [ListParams].Query. It is made by [Where] or
// [RawFilter] and joined by its methods, which leave out zero Filters.
//
// Of the API's filter language only field.eq:'value' and the words AND, OR and
// NOT are known for certain, see https://docs.runflow.io/concepts/requests.
type Filter struct {
	text string
	kind filterKind
	errs []error
}

// filterKind says how tight the parts of a filter are bound.
type filterKind int

const (
	nothing filterKind = iota
	disjunction
	conjunction
	negation
	condition
)

// A Field is what a [Filter] may be about.
type Field string

// Where starts a filter on a field, by its name in the API:
//
//	query, err := runflow.Where("client_ref").Eq("order-42").Query()
func Where(field string) Field { return Field(field) }

// Eq is true of what has exactly this value.
func (f Field) Eq(value string) Filter { return f.Op("eq", value) }

// Op is what the API's operator of that name says of the field and the value.
func (f Field) Op(operator, value string) Filter {
	filter := Filter{kind: condition, text: string(f) + "." + operator + ":'" + value + "'"}
	if !isFieldName(string(f)) {
		filter.errs = append(filter.errs, badArgument("field", "must be a name of letters, digits, underscores and dots"))
	}
	if !isFieldName(operator) || strings.Contains(operator, ".") {
		filter.errs = append(filter.errs, badArgument("operator", "must be a name of letters, digits and underscores"))
	}
	if !isQuotable(value) {
		filter.errs = append(filter.errs, badArgument("value", "must not hold quotes, backslashes or control characters, which the API has no known way to quote"))
	}
	return filter
}

// RawFilter is a filter in the API's own language, taken as it is.
func RawFilter(text string) Filter {
	if strings.TrimSpace(text) == "" {
		return Filter{}
	}
	return Filter{kind: disjunction, text: text} // whatever binds its parts
}

// And is true where f and all others are.
func (f Filter) And(others ...Filter) Filter { return join(conjunction, " AND ", f, others) }

// Or is true where f or any of the others is.
func (f Filter) Or(others ...Filter) Filter { return join(disjunction, " OR ", f, others) }

// Not is true where f is not.
func (f Filter) Not() Filter {
	if f.kind == nothing {
		return f
	}
	return Filter{kind: negation, text: "NOT " + f.within(condition), errs: f.errs}
}

// Query returns the filter as text for [ListParams].Query. It returns an
// [*ArgumentError] for each name or value that cannot be written safely, joined
// by errors.Join.
func (f Filter) Query() (string, error) {
	if err := joined("Filter.Query", f.errs); err != nil {
		return "", err
	}
	return f.text, nil
}

func join(kind filterKind, word string, first Filter, others []Filter) Filter {
	var errs []error
	var parts []Filter
	for _, f := range append([]Filter{first}, others...) {
		errs = append(errs, f.errs...)
		if f.kind != nothing {
			parts = append(parts, f)
		}
	}
	switch len(parts) {
	case 0:
		return Filter{}
	case 1:
		return Filter{text: parts[0].text, kind: parts[0].kind, errs: errs}
	}
	texts := make([]string, len(parts))
	for i, f := range parts {
		texts[i] = f.within(kind)
	}
	return Filter{text: strings.Join(texts, word), kind: kind, errs: errs}
}

// within returns the text of f as a part of what binds as tight as kind.
func (f Filter) within(kind filterKind) string {
	if f.kind < kind {
		return "(" + f.text + ")"
	}
	return f.text
}

func isFieldName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

func isQuotable(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, func(r rune) bool {
		return r == '\'' || r == '"' || r == '\\' || unicode.IsControl(r)
	})
}
