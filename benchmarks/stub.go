package main

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

// sample returns an answer with everything embedded.
func sample() ([]byte, error) {
	data, err := os.ReadFile("../testdata/feedback-run-sample.json")
	if err != nil {
		return nil, err
	}
	for _, money := range []string{"cost", "price", "min_value", "max_value"} {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, `"%s": "<string>"`, money), fmt.Appendf(nil, `"%s": "0.0420"`, money))
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, data)
	return compact.Bytes(), err
}

// pageOf returns a page of n of these answers.
func pageOf(n int, answer []byte) []byte {
	return fmt.Appendf(nil, `{"items":[%s],"next":null}`, bytes.Join(bytes.SplitN(bytes.Repeat(append(answer, '\n'), n), []byte("\n"), n), []byte(",")))
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

// byHand is runflow.Run as one would write it for encoding/json: the same
// fields, without methods. All peers read into it.
var byHand = plain(reflect.TypeFor[runflow.Run](), 0)

func newByHand() any { return reflect.New(byHand).Interface() }

func plain(t reflect.Type, depth int) reflect.Type {
	switch {
	case t == reflect.TypeFor[runflow.JSON](), t == reflect.TypeFor[*runflow.Run]() && depth > 0: // which would never end
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
		if field.Name != "Extra" {
			fields = append(fields, reflect.StructField{Name: field.Name, Type: plain(field.Type, depth+1), Tag: field.Tag})
		}
	}
	return reflect.StructOf(fields)
}
