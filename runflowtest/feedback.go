package runflowtest

import (
	"encoding/json"
	"math"
	"net/http"
)

func (s *Server) setFeedback(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	if bad != nil {
		return nil, bad
	}
	if !c.isUser {
		return nil, newProblem(http.StatusForbidden, "only users may set feedback")
	}
	v, bad := parseView(r, s.runs.schema)
	if bad != nil {
		return nil, bad
	}
	f, bad := readFeedback(r, math.MaxInt)
	if bad != nil {
		return nil, bad
	}
	run.FeedbackIsPositive, run.FeedbackReason = f.isPositive, f.reason
	s.putRun(run)
	return s.render(&s.runs.byID[run.ID].row, v)
}

// A feedback is the feedback on a run or an evaluation.
type feedback struct {
	isPositive *bool // nil if there is none
	reason     string
}

// readFeedback reads the body that sets or clears feedback. Its reason has at most
// maxReason characters.
func readFeedback(r *http.Request, maxReason int) (f feedback, bad *problem) {
	b, bad := readBody(r)
	if bad != nil {
		return f, bad
	}
	isPositive, given := b["is_positive"]
	if !given {
		return f, invalid(badField("body", "is_positive", "Field required", "missing"))
	}
	if json.Unmarshal(isPositive, &f.isPositive) != nil {
		return f, invalid(badField("body", "is_positive", "Input should be a valid boolean", "bool_type"))
	}
	if errs := b.shortText("reason", maxReason, &f.reason); errs != nil {
		return f, invalid(errs...)
	}
	if f.isPositive == nil {
		f.reason = "" // the API drops the reason of cleared feedback
	}
	return f, nil
}
