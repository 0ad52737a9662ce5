// Package envelope reads the bodies of error responses. It understands the API's
// own flat form {"code", "message", "errors"}, the nested form {"error": …} and
// FastAPI's {"detail": …}, and ignores anything else.
//
// A body is untrusted and may be large. So the package copies only the parts that
// it keeps, and keeps only as much as an error can show.
package envelope

import (
	"bytes"
	"cmp"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/redact"
)

const (
	maxDetails = 32 // of an error
	maxParts   = 16 // of a detail's path
	maxDepth   = 4  // of envelopes inside of envelopes
	maxDigits  = 20 // of a number
)

// A Problem is the content of an error response.
type Problem struct {
	Code      string
	Message   string
	RequestID string
	Details   []Detail // the first ones
	Total     int      // of the details in the body
}

// A Detail is one entry of errors[] or detail[].
type Detail struct {
	Path    []string
	Message string
	Type    string
}

// Parse parses body. It never fails: it ignores everything that it does not
// understand.
func Parse(body []byte) Problem {
	var p Problem
	if body = bytes.TrimSpace(body); codec.IsObject(body) || codec.IsArray(body) || codec.Valid(body) {
		p.read(body, 0)
	}
	return p
}

func (p *Problem) read(value []byte, depth int) {
	switch {
	case depth > maxDepth:
	case codec.IsObject(value):
		for name, member := range codec.Members(value) {
			switch name {
			case "code":
				p.Code = cmp.Or(p.Code, text(member))
			case "message", "msg":
				p.Message = cmp.Or(p.Message, text(member))
			case "request_id":
				p.RequestID = cmp.Or(p.RequestID, text(member))
			case "errors", "error", "detail":
				p.read(member, depth+1)
			}
		}
	case codec.IsArray(value):
		for item := range codec.Elements(value) {
			p.add(item)
		}
	default:
		p.Message = cmp.Or(p.Message, text(value))
	}
}

func (p *Problem) add(item []byte) {
	if !codec.IsObject(item) && text(item) == "" {
		return
	}
	if p.Total >= maxDetails {
		p.Total++
		return
	}
	d := Detail{Message: text(item)}
	for name, member := range codec.Members(item) {
		switch name {
		case "msg", "message":
			d.Message = cmp.Or(d.Message, text(member))
		case "type", "error_type", "code":
			d.Type = cmp.Or(d.Type, text(member))
		case "loc":
			d.Path = path(member)
		}
	}
	if d.Path == nil && d.Message == "" && d.Type == "" {
		return // nothing in it is known
	}
	p.Total++
	p.Details = append(p.Details, d)
}

func path(value []byte) []string {
	var parts []string
	if part := text(value); part != "" {
		return []string{part}
	}
	for part := range codec.Elements(value) {
		if len(parts) == maxParts {
			break
		}
		parts = append(parts, text(part))
	}
	return parts
}

// text returns the beginning of a JSON string, or a number that is not too long. It
// returns "" for any other value.
func text(value []byte) string {
	switch value[0] {
	case '"':
		return codec.Text(value, redact.Window)
	case '{', '[', 't', 'f', 'n':
		return ""
	}
	if len(value) > maxDigits {
		return ""
	}
	return string(value)
}
