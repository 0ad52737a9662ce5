package runflowtest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A filter reports whether a row is in a list. A nil filter selects all rows.
type filter func(*row) bool

func (f filter) selects(r *row) bool { return f == nil || f(r) }

func (f filter) and(g filter) filter {
	return func(r *row) bool { return f.selects(r) && g.selects(r) }
}

func (f filter) or(g filter) filter {
	return func(r *row) bool { return f.selects(r) || g.selects(r) }
}

func (f filter) not() filter { return func(r *row) bool { return !f.selects(r) } }

// isEqual selects the rows in which a member has a value.
func isEqual(name string, kind kind, value key) filter {
	return func(r *row) bool {
		k := kind.key(r.text(name))
		return k.rank != absent && k.compare(value) == 0
	}
}

// maxFilterDepth limits the recursion of the parser.
const maxFilterDepth = 100

var errFilterDepth = errors.New("the filter is nested too deeply")

// parseFilter parses a filter on the objects of a schema:
//
//	or        = and { "OR" and } .
//	and       = not { "AND" not } .
//	not       = "NOT" not | "(" or ")" | condition .
//	condition = field "." "eq" ":" "'" value "'" .
func parseFilter(q string, of *schema) (filter, error) {
	p := &filterParser{rest: q, schema: of}
	f, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.skipSpace(); p.rest != "" {
		return nil, fmt.Errorf("want AND, OR or the end of the filter, found %q", p.rest)
	}
	return f, nil
}

type filterParser struct {
	rest   string
	schema *schema
}

func (p *filterParser) or(depth int) (filter, error) {
	f, err := p.and(depth)
	for err == nil && p.keyword("OR") {
		var other filter
		other, err = p.and(depth)
		f = f.or(other)
	}
	return f, err
}

func (p *filterParser) and(depth int) (filter, error) {
	f, err := p.not(depth)
	for err == nil && p.keyword("AND") {
		var other filter
		other, err = p.not(depth)
		f = f.and(other)
	}
	return f, err
}

func (p *filterParser) not(depth int) (filter, error) {
	switch {
	case depth > maxFilterDepth:
		return nil, errFilterDepth
	case p.keyword("NOT"):
		f, err := p.not(depth + 1)
		return f.not(), err
	case p.symbol("("):
		f, err := p.or(depth + 1)
		if err == nil && !p.symbol(")") {
			err = fmt.Errorf("want a closing parenthesis, found %q", p.rest)
		}
		return f, err
	default:
		return p.condition()
	}
}

var conditionPattern = regexp.MustCompile(`^([A-Za-z0-9_.]+)\.([A-Za-z0-9_]+):'([^']*)'`)

func (p *filterParser) condition() (filter, error) {
	match := conditionPattern.FindStringSubmatch(p.rest)
	if match == nil {
		return nil, fmt.Errorf("want a condition such as field.eq:'value', found %q", p.rest)
	}
	p.rest = p.rest[len(match[0]):]
	name, operator, value := match[1], match[2], match[3]
	m := p.schema.byName[name]
	if m == nil || m.kind == incomparable {
		return nil, fmt.Errorf("no field %q to filter by", name)
	}
	if !strings.EqualFold(operator, "eq") {
		return nil, fmt.Errorf("no operator %q; runflowtest knows only eq", operator)
	}
	k := m.kind.key(value)
	if k.rank == unreadable {
		return nil, fmt.Errorf("field %q cannot have the value %q", name, value)
	}
	return isEqual(name, m.kind, k), nil
}

// keyword consumes a word, if it is the next one.
func (p *filterParser) keyword(word string) bool {
	p.skipSpace()
	rest, ok := strings.CutPrefix(p.rest, word)
	if !ok || rest != "" && isNameByte(rest[0]) {
		return false
	}
	p.rest = rest
	return true
}

// symbol consumes a symbol, if it is the next one.
func (p *filterParser) symbol(symbol string) (ok bool) {
	p.skipSpace()
	p.rest, ok = strings.CutPrefix(p.rest, symbol)
	return ok
}

func (p *filterParser) skipSpace() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func isNameByte(b byte) bool {
	return b == '_' || b == '.' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}
