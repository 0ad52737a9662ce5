// Package envelope reads the bodies of errors. It understands the API's own
// flat form, {"code", "message", "errors"}, what its documentation and its
// neighbours show besides, {"error": …} and FastAPI's {"detail": …}, and finds
// nothing in anything else.
package envelope

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/runflow-io/runflow-go/internal/codec"
)

// Problem is what an error's body says.
type Problem struct {
	Code      string
	Message   string
	RequestID string
	Details   []Detail
}

// Detail is one entry of errors[] or detail[].
type Detail struct {
	Loc  []string
	Msg  string
	Type string
}

// maxDetails bounds what a single error may hold.
const maxDetails = 100

// Parse reads body. It never fails: what it does not understand is absent.
func Parse(body []byte) Problem {
	var p Problem
	if document, err := codec.Loose(body); err == nil {
		p.read(document)
	}
	if p.Message == "" && len(p.Details) > 0 {
		first := p.Details[0]
		p.Message = strings.TrimPrefix(strings.Join(first.Loc, ".")+": "+first.Msg, ": ")
	}
	return p
}

func (p *Problem) read(document any) {
	switch v := document.(type) {
	case string:
		p.Message = cmp.Or(p.Message, v)
	case []any:
		for _, item := range v {
			p.addDetail(item)
		}
	case map[string]any:
		p.Code = cmp.Or(p.Code, text(v["code"]))
		p.Message = cmp.Or(p.Message, text(v["message"]), text(v["msg"]))
		p.RequestID = cmp.Or(p.RequestID, text(v["request_id"]))
		for _, name := range []string{"errors", "error", "detail"} {
			p.read(v[name])
		}
	}
}

func (p *Problem) addDetail(item any) {
	if len(p.Details) == maxDetails {
		return
	}
	switch v := item.(type) {
	case string:
		p.Details = append(p.Details, Detail{Msg: v})
	case map[string]any:
		detail := Detail{
			Msg:  cmp.Or(text(v["msg"]), text(v["message"])),
			Type: cmp.Or(text(v["type"]), text(v["error_type"]), text(v["code"])),
		}
		loc, ok := v["loc"].([]any)
		if !ok && v["loc"] != nil {
			loc = []any{v["loc"]}
		}
		for _, part := range loc {
			detail.Loc = append(detail.Loc, text(part))
		}
		p.Details = append(p.Details, detail)
	}
}

// text returns a string or a number as text, and "" for anything else.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
}
