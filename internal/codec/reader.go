package codec

import (
	"bytes"
	"encoding"
	"errors"
	"hash/maphash"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// The API's own types are read by plans: what each member of an object goes
// into is looked up once for a type, and not again for each value. The library
// still does all of the lexing, and whatever is not the API's. On a run of 6 KB
// with everything embedded this takes half the library's time.

// reader reads one document.
type reader struct {
	dec jsontext.Decoder
	src bytes.Buffer

	known [256]string // texts that may come again, by hash
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// readPlanned reads data into v, by the plan of its type.
func readPlanned(data []byte, v reflect.Value, p plan) error {
	r, _ := readers.Get().(*reader)
	r.src = *bytes.NewBuffer(data)
	// What stands twice is found where it matters, at a fraction of the cost.
	r.dec.Reset(&r.src, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	err := p(r, v)
	if err == nil {
		if _, more := r.dec.ReadToken(); more == nil {
			err = &Error{Reason: "not valid JSON"}
		} else if !errors.Is(more, io.EOF) {
			err = more
		}
	}
	r.src = bytes.Buffer{}
	r.dec.Reset(&r.src)
	readers.Put(r)
	return err
}

// plan reads the next value into v.
type plan func(r *reader, v reflect.Value) error

// plans are the plans of types that are ready, by reflect.Type.
var plans sync.Map

var (
	timeType  = reflect.TypeFor[time.Time]()
	moneyType = reflect.TypeFor[decimal.NullDecimal]()
	textType  = reflect.TypeFor[encoding.TextUnmarshaler]()
	listType  = reflect.TypeFor[interface{ list() }]()
)

// planOf returns the plan of a type.
func planOf(t reflect.Type) plan {
	if known, ok := plans.Load(t); ok {
		if ready, ok := known.(*plan); ok {
			return *ready
		}
	}
	made := planner{}
	p := made.plan(t)
	for t, p := range made {
		plans.LoadOrStore(t, p)
	}
	return *p
}

// planner makes plans. One that is not ready yet can be referred to already: a
// type may hold itself.
type planner map[reflect.Type]*plan

func (made planner) plan(t reflect.Type) *plan {
	p, ok := made[t]
	if !ok {
		p = new(plan)
		made[t] = p
		*p = made.newPlan(t)
	}
	return p
}

func (made planner) newPlan(t reflect.Type) plan {
	switch {
	case t == timeType:
		return readTimeValue
	case t == moneyType:
		return readMoneyValue
	case reflect.PointerTo(t).Implements(listType):
		return made.planList(t)
	case reflect.PointerTo(t).Implements(textType):
		return readTextValue
	}
	switch t.Kind() {
	case reflect.String:
		return readString
	case reflect.Bool:
		return readBool
	case reflect.Int, reflect.Int64:
		return readInt
	case reflect.Float64:
		return readFloat
	case reflect.Pointer:
		return made.planPointer(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return readRaw
		}
		return made.planSlice(t)
	case reflect.Struct:
		return made.planStruct(t)
	default:
		return readAnything
	}
}

func (made planner) planPointer(t reflect.Type) plan {
	elem := made.plan(t.Elem())
	return func(r *reader, v reflect.Value) error {
		if r.dec.PeekKind() == jsontext.KindNull {
			v.SetZero()
			return r.dec.SkipValue()
		}
		target := reflect.New(t.Elem())
		v.Set(target)
		return (*elem)(r, target.Elem())
	}
}

func (made planner) planSlice(t reflect.Type) plan {
	elem := made.plan(t.Elem())
	return func(r *reader, v reflect.Value) error {
		switch r.dec.PeekKind() {
		case jsontext.KindNull:
			v.SetZero()
			return r.dec.SkipValue()
		case jsontext.KindBeginArray:
		default:
			return r.refuse("a list", t)
		}
		if _, err := r.dec.ReadToken(); err != nil {
			return err
		}
		v.SetZero()
		n := 0
		for ; r.dec.PeekKind() != jsontext.KindEndArray; n++ {
			v.Grow(1)
			v.SetLen(n + 1)
			if err := (*elem)(r, v.Index(n)); err != nil {
				return err
			}
		}
		if n == 0 {
			v.Set(reflect.MakeSlice(t, 0, 0))
		}
		_, err := r.dec.ReadToken()
		return err
	}
}

// planList reads a [List].
func (made planner) planList(t reflect.Type) plan {
	items := made.plan(t.Field(0).Type)
	return func(r *reader, v reflect.Value) error {
		v.Field(1).SetBool(true)
		return (*items)(r, v.Field(0))
	}
}

// readAnything leaves a value to the library.
func readAnything(r *reader, v reflect.Value) error {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, v.Addr().Interface(), jsontext.AllowInvalidUTF8(true)) != nil {
		return r.fault(errUnfit)
	}
	return nil
}

// member is a member of an object that has a field.
type member struct {
	name  string
	field int
	read  *plan
}

// object is how the objects of a type are read.
type object struct {
	typ     reflect.Type
	members []member
	places  map[string]int // in members
	extra   int            // the field for what has none, or -1
}

func (made planner) planStruct(t reflect.Type) plan {
	o := &object{typ: t, places: map[string]int{}, extra: -1}
	for i := range t.NumField() {
		field := t.Field(i)
		name, isEmbed := jsonName(field)
		switch {
		case isEmbed:
			o.extra = i
		case name != "":
			o.places[name] = len(o.members)
			o.members = append(o.members, member{name: name, field: i, read: made.plan(field.Type)})
		}
	}
	return o.read
}

// jsonName returns the name of a field in JSON, "" where it has none, and
// whether it takes what has no field.
func jsonName(field reflect.StructField) (name string, isEmbed bool) {
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name, name == "" && options == "embed"
}

func (o *object) read(r *reader, v reflect.Value) error {
	switch r.dec.PeekKind() {
	case jsontext.KindNull:
		v.SetZero()
		return r.dec.SkipValue()
	case jsontext.KindBeginObject:
	default:
		return r.refuse("an object", o.typ)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	var few [2]uint64
	seen := few[:]
	if need := len(o.members)/64 + 1; need > len(few) {
		seen = make([]uint64, need)
	}
	for next := 0; r.dec.PeekKind() != jsontext.KindEndObject; {
		place, err := o.readMember(r, v, next, seen)
		if err != nil {
			return err
		}
		next = place + 1
	}
	_, err := r.dec.ReadToken()
	return err
}

// readMember reads a member and returns its place. Most often it is the next
// one: the API sends members in the order of the fields.
func (o *object) readMember(r *reader, v reflect.Value, next int, seen []uint64) (place int, err error) {
	quoted, err := r.dec.ReadValue()
	if err != nil {
		return next, err
	}
	name := []byte(quoted[1 : len(quoted)-1])
	if next >= len(o.members) || o.members[next].name != string(name) {
		if !isPlain(name) {
			name = []byte(unquote(quoted))
		}
		place, known := o.places[string(name)]
		if !known {
			return next, r.keep(v, o.extra, name)
		}
		next = place
	}
	if seen[next/64]&(1<<(next%64)) != 0 {
		return next, r.fault(errTwice)
	}
	seen[next/64] |= 1 << (next % 64)
	return next, (*o.members[next].read)(r, v.Field(o.members[next].field))
}

// keep keeps a member that has no field among those that have none, if the type
// has a place for them.
func (r *reader) keep(v reflect.Value, extra int, name []byte) error {
	if extra < 0 {
		return r.dec.SkipValue()
	}
	rest := v.Field(extra)
	key := reflect.ValueOf(string(name))
	if rest.IsNil() {
		rest.Set(reflect.MakeMap(rest.Type()))
	} else if rest.MapIndex(key).IsValid() {
		return r.fault(errTwice)
	}
	value := reflect.New(rest.Type().Elem()).Elem()
	if err := readRaw(r, value); err != nil {
		return err
	}
	rest.SetMapIndex(key, value)
	return nil
}

// fault is what is wrong with the value that was read last.
func (r *reader) fault(reason string) *Error {
	return &Error{Field: fieldPath(r.dec.StackPointer()), Reason: reason}
}

// refuse reads the next value, which does not fit, and says so.
func (r *reader) refuse(want string, t reflect.Type) error {
	kind := r.dec.PeekKind()
	if _, err := r.dec.ReadValue(); err != nil {
		return err
	}
	return r.fault(mismatch(want, kindName(kind), t))
}

// scalar returns the next value, which is of the given kind, or nil where it is
// null.
func (r *reader) scalar(kind jsontext.Kind, t reflect.Type) (jsontext.Value, error) {
	switch got := r.dec.PeekKind(); got {
	case kind:
		return r.dec.ReadValue()
	case jsontext.KindNull:
		return nil, r.dec.SkipValue()
	default:
		return nil, r.refuse(typeName(t), t)
	}
}

func readString(r *reader, v reflect.Value) error {
	quoted, err := r.scalar(jsontext.KindString, v.Type())
	if err != nil || quoted == nil {
		v.SetZero()
		return err
	}
	v.SetString(r.text(quoted))
	return nil
}

// readTextValue reads what has a method for it.
func readTextValue(r *reader, v reflect.Value) error {
	quoted, err := r.scalar(jsontext.KindString, v.Type())
	if err != nil || quoted == nil {
		v.SetZero()
		return err
	}
	target, _ := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	if err := target.UnmarshalText([]byte(r.text(quoted))); err != nil {
		e := r.fault(errUnfit)
		e.Cause = err
		return e
	}
	return nil
}

func readBool(r *reader, v reflect.Value) error {
	switch r.dec.PeekKind() {
	case jsontext.KindTrue:
		v.SetBool(true)
	case jsontext.KindFalse, jsontext.KindNull:
		v.SetBool(false)
	default:
		return r.refuse(typeName(v.Type()), v.Type())
	}
	return r.dec.SkipValue()
}

func readInt(r *reader, v reflect.Value) error {
	digits, err := r.scalar(jsontext.KindNumber, v.Type())
	if err != nil || digits == nil {
		v.SetZero()
		return err
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || v.OverflowInt(n) {
		return r.fault(mismatch("a number", "a number", v.Type()))
	}
	v.SetInt(n)
	return nil
}

func readFloat(r *reader, v reflect.Value) error {
	digits, err := r.scalar(jsontext.KindNumber, v.Type())
	if err != nil || digits == nil {
		v.SetZero()
		return err
	}
	f, err := strconv.ParseFloat(string(digits), 64)
	if err != nil {
		return r.fault(mismatch("a number", "a number", v.Type()))
	}
	v.SetFloat(f)
	return nil
}

// readRaw keeps the bytes of a value. Where names may stand twice in it, the
// library is asked.
func readRaw(r *reader, v reflect.Value) error {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	if len(raw) > len(`{"":0}`) && bytes.IndexByte(raw, '{') >= 0 && !raw.IsValid(jsontext.AllowInvalidUTF8(true)) {
		return r.fault(errTwice)
	}
	v.SetBytes(bytes.Clone(raw))
	return nil
}

func readTimeValue(r *reader, v reflect.Value) error {
	t, _ := reflect.TypeAssert[*time.Time](v.Addr())
	return r.located(readTime(&r.dec, t))
}

func readMoneyValue(r *reader, v reflect.Value) error {
	money, _ := reflect.TypeAssert[*decimal.NullDecimal](v.Addr())
	return r.located(readMoney(&r.dec, money))
}

// located adds to a reason of ours where it was met.
func (r *reader) located(err error) error {
	if own, ok := errors.AsType[reason](err); ok {
		return r.fault(string(own))
	}
	return err
}

var seed = maphash.MakeSeed()

// longestShared is the length of a text that may come again: ids and codes do,
// prompts do not.
const longestShared = 40

// text returns the text that is quoted. It is not made anew where it came
// before.
func (r *reader) text(quoted jsontext.Value) string {
	inner := quoted[1 : len(quoted)-1]
	if !isPlain(inner) {
		return unquote(quoted)
	}
	if len(inner) > longestShared {
		return string(inner)
	}
	known := &r.known[maphash.Bytes(seed, inner)%uint64(len(r.known))]
	if *known != string(inner) {
		*known = string(inner)
	}
	return *known
}

// isPlain reports whether a text stands for itself.
func isPlain(text []byte) bool {
	for _, b := range text {
		if b == '\\' || b >= utf8.RuneSelf {
			return bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
		}
	}
	return true
}
