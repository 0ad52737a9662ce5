package envelope_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/envelope"
)

type detail = envelope.Detail

func TestEveryKnownFormIsRead(t *testing.T) {
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
			envelope.Problem{Code: "validation_error", Message: "bad", Details: []detail{
				{Loc: []string{"body", "items", "0"}, Msg: "Field required", Type: "missing"},
				{Loc: []string{"body"}, Msg: "m", Type: "conflict"},
				{Msg: "text"},
			}},
		},
		"nested": {
			`{"error":{"code":"X","message":"m","request_id":"r"}}`,
			envelope.Problem{Code: "X", Message: "m", RequestID: "r"},
		},
		"an error that is a text": {`{"error":"too large"}`, envelope.Problem{Message: "too large"}},
		"a detail that is a text": {`{"detail":"Not Found"}`, envelope.Problem{Message: "Not Found"}},
		"a code that is a number": {`{"code":42,"message":"m"}`, envelope.Problem{Code: "42", Message: "m"}},
		"a detail that is a list": {
			`{"detail":[{"loc":["query","limit"],"msg":"too large","type":"less_than"}]}`,
			envelope.Problem{Message: "query.limit: too large", Details: []detail{{Loc: []string{"query", "limit"}, Msg: "too large", Type: "less_than"}}},
		},
		"names that stand twice": {`{"code":"A","code":"B"}`, envelope.Problem{Code: "B"}},
		"outer before inner":     {`{"code":"A","error":{"code":"B","message":"m"}}`, envelope.Problem{Code: "A", Message: "m"}},
		"a text":                 {`"down"`, envelope.Problem{Message: "down"}},
		"a page":                 {"<html><title>502 Bad Gateway</title></html>", envelope.Problem{}},
		"nothing":                {"", envelope.Problem{}},
		"cut off":                {`{"code":"A"`, envelope.Problem{}},
		"other types":            {`{"code":{},"message":[],"errors":[null,1,[]],"detail":true}`, envelope.Problem{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, envelope.Parse([]byte(tc.body)))
		})
	}
}

func TestDetailsAreBounded(t *testing.T) {
	t.Parallel()
	body := `{"errors":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`
	assert.Len(t, envelope.Parse([]byte(body)).Details, 100)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"code":"A","message":"m","errors":[{"loc":["body",0],"msg":"x"}]}`))
	f.Add([]byte(`{"error":{"error":{"detail":[[{}]]}}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		problem := envelope.Parse(body)
		assert.LessOrEqual(t, len(problem.Details), 100)
		assert.Equal(t, problem, envelope.Parse(body))
	})
}
