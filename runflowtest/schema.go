package runflowtest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
)

// A schema lists the members of a type of the API, in the order of its Go struct. The
// API sends all members of an object, and null for those that have no value;
// encoding/json leaves them out.
type schema struct {
	members []member
	byName  map[string]*member
}

// A member is a member of an object, as the JSON tag of a field names it.
type member struct {
	name   string
	kind   kind
	zero   json.RawMessage // value that the API sends if the member has none
	schema *schema         // of the object or of the objects in a list; nil for other values
	isPart bool            // sent only if the request embeds it
}

// A kind is the way in which the values of a member are compared.
type kind int

const (
	incomparable kind = iota // objects and lists
	text
	number
	moment
)

// newSchema returns the schema of a struct type. The known schemas are those of its
// parents, because types refer to each other.
func newSchema(t reflect.Type, known map[reflect.Type]*schema) *schema {
	if s, ok := known[t]; ok {
		return s
	}
	s := &schema{byName: map[string]*member{}}
	known[t] = s
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		m := member{name: name, kind: kindOf(field.Type), zero: zeroOf(field.Type)}
		if object := objectType(field.Type); object != nil {
			m.schema = newSchema(object, known)
		}
		// A flow is the only part for which the SDK has no type.
		m.isPart = m.schema != nil || name == string(runflow.RunEmbedFlow)
		s.members = append(s.members, m)
	}
	for i := range s.members {
		s.byName[s.members[i].name] = &s.members[i]
	}
	return s
}

func schemaOf[T any]() *schema { return newSchema(reflect.TypeFor[T](), map[reflect.Type]*schema{}) }

// objectType returns the struct type of t, a struct, a pointer to one or a slice of
// them, or nil.
func objectType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || kindOf(t) != incomparable {
		return nil
	}
	return t
}

func kindOf(t reflect.Type) kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return moment
	case reflect.TypeFor[decimal.NullDecimal](), reflect.TypeFor[decimal.Decimal]():
		return number
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool:
		return text
	case reflect.Int, reflect.Int64, reflect.Float64:
		return number
	default:
		return incomparable
	}
}

func zeroOf(t reflect.Type) json.RawMessage {
	switch {
	case t.Kind() == reflect.Bool:
		return json.RawMessage("false")
	case t.Kind() == reflect.Int:
		return json.RawMessage("0")
	case t.Kind() == reflect.Slice && objectType(t) != nil:
		return json.RawMessage("[]")
	default:
		return json.RawMessage("null")
	}
}

// object encodes those members of an object for which wants returns true.
func (s *schema) object(values map[string]json.RawMessage, wants func(*member) bool) json.RawMessage {
	var b bytes.Buffer
	separator := byte('{')
	for i := range s.members {
		m := &s.members[i]
		if !wants(m) {
			continue
		}
		_ = b.WriteByte(separator)
		_, _ = b.WriteString(`"` + m.name + `":`)
		_, _ = b.Write(m.complete(values[m.name]))
		separator = ','
	}
	if b.Len() == 0 {
		_ = b.WriteByte(separator)
	}
	_ = b.WriteByte('}')
	return b.Bytes()
}

// complete returns a value of the member with all members of its objects. Parts of
// these objects are sent if they have a value.
func (m *member) complete(value json.RawMessage) json.RawMessage {
	if value == nil {
		return m.zero
	}
	if m.schema == nil {
		return value
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
		for i := range list {
			list[i] = m.schema.complete(list[i])
		}
		value, _ = json.Marshal(list) // it was decoded
		return value
	}
	return m.schema.complete(value)
}

func (s *schema) complete(object json.RawMessage) json.RawMessage {
	var values map[string]json.RawMessage
	if json.Unmarshal(object, &values) != nil || values == nil {
		return object
	}
	return s.object(values, func(m *member) bool { return !m.isPart || values[m.name] != nil })
}
