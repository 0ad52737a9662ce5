package runflow_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/codec"
)

// byHand is runflow.Run as a program would declare it for encoding/json: it has the
// same fields, but their types have no methods.
var byHand = withoutMethods(reflect.TypeFor[runflow.Run](), 0)

func withoutMethods(t reflect.Type, depth int) reflect.Type {
	switch {
	case t == reflect.TypeFor[runflow.JSON](), t == reflect.TypeFor[*runflow.Run]() && depth > 0: // otherwise the type would be infinite
		return reflect.TypeFor[json.RawMessage]()
	case t.Kind() == reflect.Pointer:
		return reflect.PointerTo(withoutMethods(t.Elem(), depth))
	case t.Kind() == reflect.Slice:
		return reflect.SliceOf(withoutMethods(t.Elem(), depth))
	case t.Kind() == reflect.String:
		return reflect.TypeFor[string]()
	case t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[runflow.Run]().PkgPath():
		return t
	}
	var fields []reflect.StructField
	for field := range t.Fields() {
		fields = append(fields, reflect.StructField{Name: field.Name, Type: withoutMethods(field.Type, depth+1), Tag: field.Tag})
	}
	return reflect.StructOf(fields)
}

// differs returns the path at which two values that were decoded from the same
// document differ, or "".
func differs(path string, ours, theirs reflect.Value) string {
	switch v := ours.Interface().(type) {
	case time.Time:
		if other, ok := reflect.TypeAssert[time.Time](theirs); !ok || !v.Equal(other) {
			return path
		}
		return ""
	case decimal.NullDecimal:
		if other, ok := reflect.TypeAssert[decimal.NullDecimal](theirs); !ok || v.Valid != other.Valid || v.Valid && !v.Decimal.Equal(other.Decimal) {
			return path
		}
		return ""
	case runflow.RunStatus:
		if v == runflow.RunStatusCancelled && theirs.String() == "canceled" {
			return ""
		}
	case *runflow.Run: // theirs is a json.RawMessage
		return ""
	}
	switch ours.Kind() {
	case reflect.Pointer:
		if ours.IsNil() || theirs.IsNil() {
			return pathUnless(path, ours.IsNil() == theirs.IsNil())
		}
		return differs(path, ours.Elem(), theirs.Elem())
	case reflect.Slice:
		if ours.Type().Elem().Kind() == reflect.Uint8 {
			return pathUnless(path, string(ours.Bytes()) == string(theirs.Bytes()))
		}
		if ours.Len() != theirs.Len() {
			return path
		}
		for i := range ours.Len() {
			if at := differs(path+"[]", ours.Index(i), theirs.Index(i)); at != "" {
				return at
			}
		}
		return ""
	case reflect.Struct:
		for field, value := range ours.Fields() {
			if at := differs(path+"."+field.Name, value, theirs.FieldByName(field.Name)); at != "" {
				return at
			}
		}
		return ""
	default:
		return pathUnless(path, ours.Equal(theirs.Convert(ours.Type())))
	}
}

func pathUnless(path string, same bool) string {
	if same {
		return ""
	}
	return path
}

// The plans of the SDK decode every document that encoding/json decodes to the same
// value. They also accept optional values of an unexpected form, and times without
// a zone. The test skips documents that encoding/json silently decodes in another
// way: with names in another case, or with invalid UTF-8.
func FuzzRun_DecodesLikeEncodingJSON(f *testing.F) {
	f.Add(sampleRun(f))
	f.Add([]byte(`{"cost":1.50,"duration_ms":-0,"model":{"pricing":[null,{"price":"1e3"}]},"logs":[{"run":{}}]}`))
	f.Add([]byte(`{"id":"\ud83d\ude00\u0000\/","output":[1 , 2],"node_runs":[],"has_logs":null}`))
	f.Add([]byte(` null `))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || !utf8.Valid(data) || hasFolded(data) || hasTwice(data) {
			return
		}
		theirs := reflect.New(byHand)
		if err := json.Unmarshal(data, theirs.Interface()); err != nil {
			return
		}
		var run runflow.Run
		if err := runflow.JSON(data).Decode(&run); err != nil {
			require.ErrorContains(t, err, "decimal number", "only long amounts of money are refused")
			return
		}
		assert.Empty(t, differs("run", reflect.ValueOf(run), theirs.Elem()), "%s", data)
	})
}

// hasTwice reports whether an object in data has a duplicate name. encoding/json
// merges the values, and the SDK takes the last one.
func hasTwice(data []byte) bool {
	_, err := codec.MarshalForeign(json.RawMessage(data))
	return err != nil
}

// hasFolded reports whether a name in data is a name of the API in another case.
func hasFolded(data []byte) bool {
	known := map[string]string{}
	for _, typ := range apiTypes() {
		for field := range typ.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			known[fold(name)] = name
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if text, ok := token.(string); ok {
			if name, ok := known[fold(text)]; ok && name != text {
				return true
			}
		}
	}
}

func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }
