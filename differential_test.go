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
)

// byHand is runflow.Run as one would write it for encoding/json: the same
// fields, without methods.
var byHand = withoutMethods(reflect.TypeFor[runflow.Run](), 0)

func withoutMethods(t reflect.Type, depth int) reflect.Type {
	switch {
	case t == reflect.TypeFor[runflow.JSON](), t == reflect.TypeFor[*runflow.Run]() && depth > 0: // which would never end
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
		if field.Name != "Extra" {
			fields = append(fields, reflect.StructField{Name: field.Name, Type: withoutMethods(field.Type, depth+1), Tag: field.Tag})
		}
	}
	return reflect.StructOf(fields)
}

// differs says where two readings of the same differ, "" for nowhere. It gives
// up on what encoding/json matches by another case.
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
	case *runflow.Run: // is raw on the other side
		return ""
	}
	switch ours.Kind() {
	case reflect.Pointer:
		if ours.IsNil() || theirs.IsNil() {
			return where(path, ours.IsNil() == theirs.IsNil())
		}
		return differs(path, ours.Elem(), theirs.Elem())
	case reflect.Slice:
		if ours.Type().Elem().Kind() == reflect.Uint8 {
			return where(path, string(ours.Bytes()) == string(theirs.Bytes()))
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
			if field.Name == "Extra" {
				continue
			}
			if at := differs(path+"."+field.Name, value, theirs.FieldByName(field.Name)); at != "" {
				return at
			}
		}
		return ""
	default:
		return where(path, ours.Equal(theirs.Convert(ours.Type())))
	}
}

func where(path string, same bool) string {
	if same {
		return ""
	}
	return path
}

// FuzzRunIsReadAsEncodingJSONReadsIt holds for all that encoding/json does not
// mend in silence: names that stand twice or in another case, and invalid UTF-8.
// Beyond it, times without a zone are read.
func FuzzRunIsReadAsEncodingJSONReadsIt(f *testing.F) {
	f.Add(sampleRun(f))
	f.Add([]byte(`{"cost":1.50,"duration_ms":-0,"model":{"pricing":[null,{"price":"1e3"}]},"logs":[{"run":{}}]}`))
	f.Add([]byte(`{"id":"\ud83d\ude00\u0000\/","output":[1 , 2],"node_runs":[],"has_logs":null}`))
	f.Add([]byte(` null `))
	f.Fuzz(func(t *testing.T, data []byte) {
		var run runflow.Run
		err := run.UnmarshalJSON(data)
		theirs := reflect.New(byHand)
		theirErr := json.Unmarshal(data, theirs.Interface())
		switch {
		case !utf8.Valid(data), err != nil && strings.Contains(err.Error(), "stands twice"), hasFolded(data):
			return
		case err == nil && theirErr != nil:
			require.ErrorContains(t, theirErr, "arsing time", "only times are read more kindly")
		case err != nil:
			require.Error(t, theirErr, "%s: %v", data, err)
		default:
			assert.Empty(t, differs("run", reflect.ValueOf(run), theirs.Elem()), "%s", data)
		}
	})
}

// hasFolded reports whether a name in data is one of the API's in another case.
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
