package runflowtest

import (
	"encoding/json"
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
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	isPositive, given := b["is_positive"]
	if !given {
		return nil, invalid(badField("body", "is_positive", "Field required", "missing"))
	}
	run.FeedbackIsPositive, run.FeedbackReason = nil, ""
	if json.Unmarshal(isPositive, &run.FeedbackIsPositive) != nil {
		return nil, invalid(badField("body", "is_positive", "Input should be a valid boolean", "bool_type"))
	}
	if errs := b.text("reason", &run.FeedbackReason); errs != nil {
		return nil, invalid(errs...)
	}
	if run.FeedbackIsPositive == nil {
		run.FeedbackReason = "" // the API drops the reason of cleared feedback
	}
	s.putRun(run)
	return s.render(&s.runs.byID[run.ID].row, v)
}
