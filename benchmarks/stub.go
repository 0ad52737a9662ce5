// Package benchmarks compares the SDK with what one would write by hand, and
// with the cores of other SDKs: the same PATCH, decoded into the same fields.
package benchmarks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// sample is an answer with everything embedded and a value in each field.
func sample() []byte {
	data, err := os.ReadFile("../testdata/feedback-run-sample.json")
	if err != nil {
		panic(err)
	}
	for _, placeholder := range []string{"cost", "price", "min_value", "max_value"} {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, `"%s": "<string>"`, placeholder), fmt.Appendf(nil, `"%s": "0.0420"`, placeholder))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		panic(err)
	}
	return compact.Bytes()
}

// stub answers each request with the same body, without a network.
type stub []byte

func (s stub) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(s)),
		ContentLength: int64(len(s)),
		Request:       req,
	}, nil
}

// plain returns a type with the fields of t but without methods, as one would
// write it by hand for encoding/json.
func plain(t reflect.Type, depth int) reflect.Type {
	switch {
	case t == reflect.TypeFor[runflow.JSON]() || depth > 8:
		return reflect.TypeFor[json.RawMessage]()
	case t.Kind() == reflect.Pointer:
		return reflect.PointerTo(plain(t.Elem(), depth))
	case t.Kind() == reflect.Slice:
		return reflect.SliceOf(plain(t.Elem(), depth))
	case t.Kind() == reflect.String:
		return reflect.TypeFor[string]()
	case t.Kind() != reflect.Struct || !strings.HasSuffix(t.PkgPath(), "runflow-go"):
		return t
	}
	var fields []reflect.StructField
	for field := range t.Fields() {
		if field.Name == "Extra" {
			continue
		}
		next := depth + 1
		if field.Name == "Run" { // of a log line, which would never end
			next = 9
		}
		fields = append(fields, reflect.StructField{Name: field.Name, Type: plain(field.Type, next), Tag: field.Tag})
	}
	return reflect.StructOf(fields)
}
