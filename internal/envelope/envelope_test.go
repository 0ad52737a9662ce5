package envelope_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/envelope"
)

type detail = envelope.Detail

func TestParse_Forms(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want envelope.Problem
	}{
		"flat": {
			`{"code":"PERMISSION_DENIED","message":"no","errors":null}`,
			envelope.Problem{Code: "PERMISSION_DENIED", Message: "no"},
		},
		"flat with fields": {
			`{"code":"validation_error","message":"bad","errors":[{"loc":["body","items",0],"msg":"Field required","type":"missing"},{"loc":"body","message":"m","error_type":"conflict"},"text"]}`,
			envelope.Problem{Code: "validation_error", Message: "bad", Total: 3, Details: []detail{
				{Path: []string{"body", "items", "0"}, Message: "Field required", Type: "missing"},
				{Path: []string{"body"}, Message: "m", Type: "conflict"},
				{Message: "text"},
			}},
		},
		"nested": {
			`{"error":{"code":"X","message":"m","request_id":"r"}}`,
			envelope.Problem{Code: "X", Message: "m", RequestID: "r"},
		},
		"error is a string":  {`{"error":"too large"}`, envelope.Problem{Message: "too large"}},
		"detail is a string": {`{"detail":"Not Found"}`, envelope.Problem{Message: "Not Found"}},
		"code is a number":   {`{"code":42,"message":"m"}`, envelope.Problem{Code: "42", Message: "m"}},
		"detail is a list": {
			`{"detail":[{"loc":["query","limit"],"msg":"too large","type":"less_than"}]}`,
			envelope.Problem{Total: 1, Details: []detail{{Path: []string{"query", "limit"}, Message: "too large", Type: "less_than"}}},
		},
		"unknown detail":       {`{"errors":[7,{"canary":1}]}`, envelope.Problem{Total: 1, Details: []detail{{Message: "7"}}}},
		"loc is odd":           {`{"detail":[{"loc":null,"msg":"m"}]}`, envelope.Problem{Total: 1, Details: []detail{{Message: "m"}}}},
		"duplicate names":      {`{"code":"A","code":"B"}`, envelope.Problem{Code: "A"}},
		"outer before inner":   {`{"code":"A","error":{"code":"B","message":"m"}}`, envelope.Problem{Code: "A", Message: "m"}},
		"escaped":              {`{"message":"a\u0022\n\ud83d\ude00"}`, envelope.Problem{Message: "a\"\n😀"}},
		"a string":             {`"down"`, envelope.Problem{Message: "down"}},
		"a string with spaces": {" \"down\"\n", envelope.Problem{Message: "down"}},
		"a page":               {"<html><title>502 Bad Gateway</title></html>", envelope.Problem{}},
		"a short page":         {"<html>", envelope.Problem{}},
		"plain text":           {"canary", envelope.Problem{}},
		"empty":                {"", envelope.Problem{}},
		"white space":          {" \n", envelope.Problem{}},
		"a quote":              {`"`, envelope.Problem{}},
		"a cut-off string":     {`"down`, envelope.Problem{}},
		"a cut-off object":     {`{"code":"A"`, envelope.Problem{Code: "A"}},
		"other types":          {`{"code":{},"message":[],"errors":[null,1,[]],"detail":true}`, envelope.Problem{Total: 1, Details: []detail{{Message: "1"}}}},
		"a long number":        {`{"code":123456789012345678901}`, envelope.Problem{}},
		"nested too deep":      {strings.Repeat(`{"error":`, 6) + `"m"` + strings.Repeat("}", 6), envelope.Problem{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, envelope.Parse([]byte(tc.body)))
		})
	}
}

func TestParse_Limits(t *testing.T) {
	t.Parallel()
	problem := envelope.Parse([]byte(`{"errors":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`))
	assert.Len(t, problem.Details, 32)
	assert.Equal(t, 1001, problem.Total)

	problem = envelope.Parse([]byte(`{"errors":[{"loc":[` + strings.Repeat(`"x",`, 20_000) + `"x"]}]}`))
	assert.Len(t, problem.Details, 1)
	assert.Len(t, problem.Details[0].Path, 16)

	const long = 100_000
	text := `"` + strings.Repeat("x", long) + `"`
	problem = envelope.Parse([]byte(`{"code":` + text + `,"message":` + text + `,"errors":[{"loc":[` + text + `],"msg":` + text + `}]}`))
	for _, kept := range []string{problem.Code, problem.Message, problem.Details[0].Message, problem.Details[0].Path[0]} {
		assert.Less(t, len(kept), 1100)
		assert.Greater(t, len(kept), 900)
	}
}

// An error response must not cost many times its size.
//
//nolint:paralleltest // it measures memory
func TestParse_BoundedWork(t *testing.T) {
	for name, body := range map[string]string{
		"details":     `{"errors":[` + strings.Repeat(`{"loc":["body","x"],"msg":"canary"},`, 25_000) + `"x"]}`,
		"parts":       `{"errors":[{"loc":[` + strings.Repeat(`"part",`, 140_000) + `"x"]}]}`,
		"long texts":  `{"errors":["` + strings.Repeat("long", 250_000) + `"]}`,
		"long name":   `{"` + strings.Repeat("long", 250_000) + `":1}`,
		"many errors": `{` + strings.Repeat(`"errors":["x"],`, 60_000) + `"code":"A"}`,
	} {
		data := []byte(body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		envelope.Parse(data)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32*len(data)), name)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"code":"A","message":"m","errors":[{"loc":["body",0],"msg":"x"}]}`))
	f.Add([]byte(`{"error":{"error":{"detail":[[{}]]}}}`))
	f.Add([]byte(`<html>`))
	f.Add([]byte(`"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		problem := envelope.Parse(body)
		assert.LessOrEqual(t, len(problem.Details), 32)
		assert.LessOrEqual(t, len(problem.Details), problem.Total)
		assert.Equal(t, problem, envelope.Parse(body))
	})
}
