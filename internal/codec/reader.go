package codec

import (
	"bytes"
	"cmp"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// This file is the only complicated optimization of the SDK. It decodes the SDK's
// own types with plans: a plan maps the members of an object to the fields of a
// struct, and is made once per type instead of once per value. The library does all
// of the lexing, and decodes all other types.
//
// To get a page of 500 runs takes 0.29 times the time of net/http and encoding/json
// on Go 1.26, and 0.48 times on Go 1.27; the directory benchmarks measures it. The
// plans also have a tolerance that no library has: an optional value of an
// unexpected form is decoded like an absent one, instead of failing the whole page
// of runs.

// A reader reads one document.
type reader struct {
	dec      jsontext.Decoder
	src      bytes.Buffer
	ctx      context.Context // stops the decoding when it ends
	steps    uint            // number of members and elements so far
	embedded int             // number of elements of embedded lists so far

	foreign func(*reader, reflect.Value) error // decodes a type that has no plan
	options jsontext.Options                   // options of the library for such types

	// Values that are likely to be repeated, by the hash of their text.
	strings [256]string
	amounts [64]amount
	free    []byte // memory for further free-form values, see keep
}

// An amount is an amount of money and its text.
type amount struct {
	text  string
	value decimal.Decimal
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// read decodes data into v, a pointer. Types that have no plan are read by foreign.
func read(ctx context.Context, data []byte, v any, foreign func(*reader, reflect.Value) error) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &Error{Reason: "the target is not a non-nil pointer"}
	}
	r, _ := readers.Get().(*reader)
	r.src, r.ctx, r.foreign, r.steps, r.embedded = *bytes.NewBuffer(data), ctx, foreign, 0, 0
	r.dec.Reset(&r.src, tolerant...)
	err := r.document(target.Elem())
	r.src, r.ctx = bytes.Buffer{}, nil
	r.dec.Reset(&r.src)
	readers.Put(r)
	if err != nil {
		return cmp.Or(ctx.Err(), explain(err))
	}
	return nil
}

// document reads the value into v, and nothing may follow it.
func (r *reader) document(v reflect.Value) error {
	if err := (*planOf(v.Type()))(r, v); err != nil {
		return r.final(err)
	}
	_, err := r.dec.ReadToken()
	switch {
	case err == nil:
		return &Error{Reason: "not valid JSON"}
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// step counts a member or an element. From time to time it checks whether the
// context has ended.
func (r *reader) step() error {
	if r.steps++; r.steps%1024 == 0 {
		return r.ctx.Err()
	}
	return nil
}

// A plan reads the next value into v, which has the type of the plan.
type plan func(r *reader, v reflect.Value) error

// plans contains the complete plans, by reflect.Type.
var plans sync.Map

var (
	timeType   = reflect.TypeFor[time.Time]()
	moneyType  = reflect.TypeFor[decimal.NullDecimal]()
	amountType = reflect.TypeFor[decimal.Decimal]()
	listType   = reflect.TypeFor[list]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType   = reflect.TypeFor[json.Unmarshaler]()
)

// module is the path of the SDK's module.
var module = strings.TrimSuffix(reflect.TypeFor[reader]().PkgPath(), "/internal/codec")

// isOwn reports whether the SDK declares t.
func isOwn(t reflect.Type) bool {
	path := t.PkgPath()
	return path == module || strings.HasPrefix(path, module+"/")
}

// isPlanned reports whether t is decoded by a plan: it is a struct of the SDK, or a
// caller's struct that embeds one.
func isPlanned(t reflect.Type) bool { return embedsOwn(t, maxEmbedding) }

// maxEmbedding is the maximum depth at which a caller may embed one of the SDK's
// structs. A limit is needed because a struct can embed a pointer to itself.
const maxEmbedding = 8

func embedsOwn(t reflect.Type, depth int) bool {
	if t.Kind() != reflect.Struct || depth == 0 || reflect.PointerTo(t).Implements(jsonType) {
		return false
	}
	if isOwn(t) {
		return true
	}
	for field := range t.Fields() {
		if inner, ok := embedded(field); ok && embedsOwn(inner, depth-1) {
			return true
		}
	}
	return false
}

// embedded returns the struct type of field, and whether the fields of that struct
// are promoted.
func embedded(field reflect.StructField) (reflect.Type, bool) {
	t := field.Type
	if t.Kind() == reflect.Pointer && field.IsExported() {
		t = t.Elem()
	}
	return t, field.Anonymous && nameOf(field) == "" && t.Kind() == reflect.Struct
}

// nameOf returns the name that the tag of field gives it, or "".
func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func planOf(t reflect.Type) *plan {
	if known, ok := plans.Load(t); ok {
		if complete, ok := known.(*plan); ok {
			return complete
		}
	}
	made := planner{}
	p := made.plan(t)
	for t, p := range made {
		plans.LoadOrStore(t, p)
	}
	return p
}

// A planner makes plans. A plan can be referred to before it is complete,
// because a type may contain itself.
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
		return readTime
	case t == moneyType:
		return readMoney
	case t == amountType:
		return readAmount
	case reflect.PointerTo(t).Implements(listType):
		return made.planList(t)
	case isOwn(t) && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return readRaw
	case reflect.PointerTo(t).Implements(jsonType):
		return readUnplanned
	case reflect.PointerTo(t).Implements(textType):
		return readTextValue
	}
	return made.planKind(t)
}

// planKind makes the plan of a type that is not special, by its kind.
func (made planner) planKind(t reflect.Type) plan {
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
			return readUnplanned
		}
		return made.planSlice(t)
	case reflect.Struct:
		if isPlanned(t) {
			return made.planStruct(t)
		}
	default:
	}
	return readUnplanned
}

func (made planner) planPointer(t reflect.Type) plan {
	elem := made.plan(t.Elem())
	return func(r *reader, v reflect.Value) error {
		if r.dec.PeekKind() == jsontext.KindNull {
			v.SetZero()
			return r.dec.SkipValue()
		}
		target := reflect.New(t.Elem())
		if err := (*elem)(r, target.Elem()); err != nil {
			return err
		}
		v.Set(target)
		return nil
	}
}

const (
	maxElements = 100_000 // of an embedded list
	maxEmbedded = 500_000 // elements of all embedded lists of a document
)

// planSlice makes the plan of a slice. A list of the SDK's own structs is an
// embedded list: its length is limited, and an element of an unexpected form is
// left out.
func (made planner) planSlice(t reflect.Type) plan {
	elem, isEmbedded := made.plan(t.Elem()), isOwn(t.Elem())
	return func(r *reader, v reflect.Value) error {
		if isEmbedded {
			return r.elements(v, elem, maxElements, true)
		}
		return r.elements(v, elem, 0, false)
	}
}

// planList makes the plan of a [List]. Neither the list nor an item is optional.
func (made planner) planList(t reflect.Type) plan {
	items, _ := t.FieldByName("Items")
	elem := made.plan(items.Type.Elem())
	return func(r *reader, v reflect.Value) error {
		l, _ := reflect.TypeAssert[list](v.Addr())
		l.given()
		return r.final(r.elements(v.FieldByIndex(items.Index), elem, l.limit(), false))
	}
}

// elements reads an array into the slice v. It refuses more elements than limit,
// if that is positive.
func (r *reader) elements(v reflect.Value, elem *plan, limit int, isEmbedded bool) error {
	switch r.dec.PeekKind() {
	case jsontext.KindNull:
		v.SetZero()
		return r.dec.SkipValue()
	case jsontext.KindBeginArray:
	default:
		return r.refuse("a list")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	v.SetZero()
	n := 0
	for depth := r.dec.StackDepth(); r.dec.PeekKind() != jsontext.KindEndArray; {
		if limit > 0 && n == limit {
			return r.fault("more than " + strconv.Itoa(limit) + " elements")
		}
		if err := r.element(isEmbedded); err != nil {
			return err
		}
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		err := (*elem)(r, v.Index(n))
		switch {
		case err == nil:
			n++
		case isEmbedded && canSkip(err):
			v.Index(n).SetZero()
			v.SetLen(n)
			if err := r.leave(depth); err != nil {
				return err
			}
		default:
			return err
		}
	}
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	_, err := r.dec.ReadToken()
	return err
}

// element counts an element of a list.
func (r *reader) element(isEmbedded bool) error {
	if isEmbedded {
		if r.embedded++; r.embedded > maxEmbedded {
			return r.fault("more than " + strconv.Itoa(maxEmbedded) + " elements in all lists")
		}
	}
	return r.step()
}

// An object is the plan of a struct.
type object struct {
	members []member
	places  map[string]int // indexes of the members, by their names
	// after is the place of the member that followed each member the last time, and
	// first that of the first. The API sends the members in the same order each time,
	// so the name of a member is compared, and seldom looked up.
	after []atomic.Int32
	first atomic.Int32
}

// A member is a member of an object, which is decoded into one field of a struct.
type member struct {
	name     string
	field    []int
	plan     *plan
	optional bool
}

func (made planner) planStruct(t reflect.Type) plan {
	o := &object{places: map[string]int{}}
	done := map[reflect.Type]bool{}
	for level := []embedding{{t, nil}}; len(level) > 0; {
		level = made.addLevel(o, level, done)
	}
	o.after = make([]atomic.Int32, len(o.members))
	return o.read
}

// An embedding is a struct that another struct embeds at index.
type embedding struct {
	of    reflect.Type
	index []int
}

// addLevel adds the fields of the structs of one depth, and returns those of the
// next. As in Go, a field hides deeper fields with the same name, and fields with
// the same name at the same depth hide each other.
func (made planner) addLevel(o *object, level []embedding, done map[reflect.Type]bool) []embedding {
	var next []embedding
	var members []member
	count := map[string]int{}
	for _, e := range level {
		done[e.of] = true
		for field := range e.of.Fields() {
			index := append(slices.Clip(e.index), field.Index...)
			if inner, ok := embedded(field); ok {
				next = append(next, embedding{inner, index})
				continue
			}
			name := nameOf(field)
			switch {
			case !field.IsExported() || field.Tag.Get("json") == "-":
				continue
			case name == "" && isOwn(e.of):
				continue // it has no name in the API
			case name == "":
				name = field.Name
			}
			count[name]++
			members = append(members, member{name, index, made.plan(field.Type), isOwn(e.of) && name != "id"})
		}
	}
	for _, m := range members {
		if _, known := o.places[m.name]; known {
			continue
		}
		o.places[m.name] = hidden
		if count[m.name] == 1 {
			o.places[m.name] = len(o.members)
			o.members = append(o.members, m)
		}
	}
	return slices.DeleteFunc(next, func(e embedding) bool { return done[e.of] })
}

// hidden is the place of a name if several fields of the same depth have it.
const hidden = -1

func (o *object) read(r *reader, v reflect.Value) error {
	switch r.dec.PeekKind() {
	case jsontext.KindNull:
		v.SetZero()
		return r.dec.SkipValue()
	case jsontext.KindBeginObject:
	default:
		return r.refuse("an object")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	depth := r.dec.StackDepth()
	for following := &o.first; r.dec.PeekKind() != jsontext.KindEndObject; {
		quoted, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := r.step(); err != nil {
			return err
		}
		place := o.find(quoted, following)
		if place < 0 {
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if err := o.members[place].read(r, v, depth); err != nil {
			return err
		}
		following = &o.after[place]
	}
	_, err := r.dec.ReadToken()
	return err
}

// find returns the place of the member with a quoted name, or a negative number if
// there is none. It looks first at the place in following, and corrects it.
func (o *object) find(quoted jsontext.Value, following *atomic.Int32) int {
	if likely := int(following.Load()); likely < len(o.members) && o.members[likely].name == string(quoted[1:len(quoted)-1]) {
		return likely
	}
	place, known := o.places[string(content(quoted))]
	if !known || place == hidden {
		return hidden
	}
	following.Store(int32(place)) //nolint:gosec // a struct has fewer fields
	return place
}

// read decodes a member into its field of the struct v. The object of the member has
// the given depth.
func (m *member) read(r *reader, v reflect.Value, depth int) error {
	field := v.Field(m.field[0])
	for _, i := range m.field[1:] {
		field = pointed(field).Field(i)
	}
	switch err := (*m.plan)(r, field); {
	case err == nil:
		return nil
	case m.optional && canSkip(err):
		field.SetZero()
		return r.leave(depth)
	default:
		return r.final(err)
	}
}

// pointed returns the value to which v points, or v itself if it is not a pointer.
// It allocates the value if v is nil.
func pointed(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// canSkip reports whether an optional value may be decoded like an absent one
// instead of failing with err.
func canSkip(err error) bool {
	e, ok := err.(*Error) //nolint:errorlint // a wrapped one is not of the value itself
	return ok && e.skippable
}

// leave skips the rest of a value that cannot be decoded because a part of it has
// an unexpected form. The value began at the given depth.
func (r *reader) leave(depth int) error {
	for r.dec.StackDepth() > depth {
		if _, err := r.dec.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// odd returns the error of a value of an unexpected form, which has been read to
// its end. It has no Field yet, because the error is not returned if the value is
// optional.
func odd(reason string) *Error { return &Error{Reason: reason, skippable: true} }

// final returns the error of a value that is not optional.
func (r *reader) final(err error) error {
	if e, ok := err.(*Error); ok && e.skippable { //nolint:errorlint // a wrapped one is not of the value itself
		e.Field, e.skippable = fieldPath(r.dec.StackPointer()), false
	}
	return err
}

// fault returns an error about the value that was read last, which cannot be
// skipped.
func (r *reader) fault(reason string) *Error {
	return &Error{Field: fieldPath(r.dec.StackPointer()), Reason: reason}
}

// refuse skips the next value, whose form is unexpected, and returns an error about
// it.
func (r *reader) refuse(want string) error {
	kind := r.dec.PeekKind()
	if err := r.dec.SkipValue(); err != nil {
		return err
	}
	return odd(mismatch(want, kindName(kind)))
}

// scalar reads a value of the given kind. It returns nil for null, and an error
// about the value if it is of another kind.
func (r *reader) scalar(kind jsontext.Kind, t reflect.Type) (jsontext.Value, error) {
	value, err := r.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	switch got := value.Kind(); got {
	case kind:
		return value, nil
	case jsontext.KindNull:
		return nil, nil
	default:
		return nil, odd(mismatch(typeName(t), kindName(got)))
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

// readTextValue reads a type that decodes itself from text.
func readTextValue(r *reader, v reflect.Value) error {
	quoted, err := r.scalar(jsontext.KindString, v.Type())
	if err != nil || quoted == nil {
		v.SetZero()
		return err
	}
	target, _ := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	if err := target.UnmarshalText(bytes.Clone(content(quoted))); err != nil {
		return &Error{Reason: doesNotFit, Cause: err, skippable: true}
	}
	return nil
}

func readBool(r *reader, v reflect.Value) error {
	value, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	switch got := value.Kind(); got {
	case jsontext.KindTrue:
		v.SetBool(true)
	case jsontext.KindFalse, jsontext.KindNull:
		v.SetBool(false)
	default:
		return odd(mismatch(typeName(v.Type()), kindName(got)))
	}
	return nil
}

func readInt(r *reader, v reflect.Value) error {
	digits, err := r.scalar(jsontext.KindNumber, v.Type())
	if err != nil || digits == nil {
		v.SetZero()
		return err
	}
	n, err := strconv.ParseInt(short(digits), 10, 64)
	if err != nil || v.OverflowInt(n) {
		return odd(misfit("a number", v.Type()))
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
	f, err := strconv.ParseFloat(short(digits), 64)
	if err != nil {
		return odd(misfit("a number", v.Type()))
	}
	v.SetFloat(f)
	return nil
}

// short returns the text of a number, or "" if it is too long.
func short(digits jsontext.Value) string {
	if len(digits) > longestNumber {
		return ""
	}
	return string(digits)
}

// readRaw keeps the bytes of a value.
func readRaw(r *reader, v reflect.Value) error {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	v.SetBytes(r.keep(raw))
	return nil
}

const (
	chunk        = 1 << 10   // bytes allocated at once for short free-form values
	longestInOne = chunk / 8 // maximum length of such a value
)

// keep returns a copy of raw. It allocates memory for several short values at once.
func (r *reader) keep(raw []byte) []byte {
	if len(raw) > longestInOne {
		return bytes.Clone(raw)
	}
	if len(r.free) < len(raw) {
		r.free = make([]byte, chunk)
	}
	kept := slices.Clip(r.free[:len(raw)])
	r.free = r.free[copy(kept, raw):]
	return kept
}

func readTime(r *reader, v reflect.Value) error {
	quoted, err := r.scalar(jsontext.KindString, v.Type())
	if err != nil || quoted == nil {
		v.SetZero()
		return err
	}
	t, ok := parseTime(quoted)
	if !ok {
		return odd("not a time in ISO 8601 form")
	}
	target, _ := reflect.TypeAssert[*time.Time](v.Addr())
	*target = t
	return nil
}

func readMoney(r *reader, v reflect.Value) error {
	if r.dec.PeekKind() == jsontext.KindNull {
		v.SetZero()
		return r.dec.SkipValue()
	}
	target, _ := reflect.TypeAssert[*decimal.NullDecimal](v.Addr())
	d, err := r.money()
	if err == nil {
		*target = decimal.NewNullDecimal(d)
	}
	return err
}

func readAmount(r *reader, v reflect.Value) error {
	if r.dec.PeekKind() == jsontext.KindNull {
		v.SetZero()
		return r.dec.SkipValue()
	}
	target, _ := reflect.TypeAssert[*decimal.Decimal](v.Addr())
	d, err := r.money()
	if err == nil {
		*target = d
	}
	return err
}

// money reads an amount, which is a string or a number. It is never skipped.
func (r *reader) money() (d decimal.Decimal, err error) {
	value, err := r.dec.ReadValue()
	if err != nil {
		return d, err
	}
	if kind := value.Kind(); kind != jsontext.KindString && kind != jsontext.KindNumber {
		return d, r.fault("want a decimal number, got " + kindName(kind))
	}
	known := &r.amounts[maphash.Bytes(seed, value)%uint64(len(r.amounts))]
	if known.text == string(value) {
		return known.value, nil
	}
	d, reason := parseMoney(value)
	if reason != "" {
		return d, r.fault(reason)
	}
	*known = amount{string(value), d} // no method of a Decimal changes the memory that its copies share
	return d, nil
}

// readUnplanned decodes a value whose type has no plan.
func readUnplanned(r *reader, v reflect.Value) error { return r.foreign(r, v) }

// refuseForeign is the function foreign of a reader that decodes only types of the
// SDK.
func (r *reader) refuseForeign(v reflect.Value) error {
	return r.fault("a " + v.Type().String() + " has no plan")
}

var seed = maphash.MakeSeed()

// longestShared is the maximum length of a string that is likely to be repeated,
// such as an ID or a code, unlike a prompt.
const longestShared = 40

// text returns the text of a JSON string. It allocates no memory for a string that
// it knows. It knows only strings without escapes, so the quoted form is compared.
func (r *reader) text(quoted jsontext.Value) string {
	inner := quoted[1 : len(quoted)-1]
	if len(inner) > longestShared {
		return string(content(quoted))
	}
	known := &r.strings[maphash.Bytes(seed, inner)%uint64(len(r.strings))]
	if *known == string(inner) {
		return *known
	}
	text := string(content(quoted))
	if text == string(inner) {
		*known = text
	}
	return text
}
