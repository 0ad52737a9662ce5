package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// sampleRun returns a run with all its parts embedded, as the API sends it.
func sampleRun() ([]byte, error) {
	data, err := os.ReadFile("../testdata/feedback-run-sample.json")
	if err != nil {
		return nil, fmt.Errorf("run the command in benchmarks: %w", err)
	}
	for _, field := range []string{"cost", "price", "min_value", "max_value"} {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, `"%s": "<string>"`, field), fmt.Appendf(nil, `"%s": "0.0420"`, field))
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, data)
	return compact.Bytes(), err
}

// pageOf returns a page with n times the same run.
func pageOf(n int, run []byte) []byte {
	runs := bytes.Repeat(append(slices.Clip(run), ','), n)
	return fmt.Appendf(nil, `{"items":[%s],"next":null}`, bytes.TrimSuffix(runs, []byte(",")))
}

// stub is an [http.RoundTripper] that responds with the same body to each request,
// without a network.
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

// respondWith returns a handler that responds with body to each request.
func respondWith(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
}

var (
	runByHand  = plainType(reflect.TypeFor[runflow.Run](), 0)
	pageByHand = reflect.StructOf([]reflect.StructField{
		{Name: "Items", Type: reflect.SliceOf(runByHand), Tag: `json:"items"`},
		{Name: "Next", Type: reflect.TypeFor[string](), Tag: `json:"next"`},
	})
)

// newRun returns a pointer to a run as one would declare it for encoding/json.
func newRun() any { return reflect.New(runByHand).Interface() }

func newPage() any { return reflect.New(pageByHand).Interface() }

// plainType returns t with the same fields, but without the types of the SDK. A run
// in a run stays JSON, or the type would not end.
func plainType(t reflect.Type, depth int) reflect.Type {
	switch {
	case t == reflect.TypeFor[runflow.JSON](), t == reflect.TypeFor[*runflow.Run]() && depth > 0:
		return reflect.TypeFor[json.RawMessage]()
	case t.Kind() == reflect.Pointer:
		return reflect.PointerTo(plainType(t.Elem(), depth))
	case t.Kind() == reflect.Slice:
		return reflect.SliceOf(plainType(t.Elem(), depth))
	case t.Kind() == reflect.String:
		return reflect.TypeFor[string]()
	case t.Kind() != reflect.Struct || !strings.HasSuffix(t.PkgPath(), "runflow-go"):
		return t
	}
	var fields []reflect.StructField
	for field := range t.Fields() {
		fields = append(fields, reflect.StructField{Name: field.Name, Type: plainType(field.Type, depth+1), Tag: field.Tag})
	}
	return reflect.StructOf(fields)
}
