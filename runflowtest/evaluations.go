package runflowtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
)

const (
	maxReferenceImages    = 4
	maxEvaluationFeedback = 2000 // characters of a reason
	standardJobClass      = "standard"
	evaluationPrice       = "0.05" // in US dollars; that of the real API is not documented
)

func evaluationCost() decimal.Decimal { return decimal.RequireFromString(evaluationPrice) }

// An EvaluationStep changes an evaluation. An evaluation takes one step each time a
// client gets it by its ID. The server is locked while a step runs, so a step must not
// call methods of the server.
type EvaluationStep func(*runflow.Evaluation)

// ScriptEvaluations sets the steps that evaluations take after they are created.
// Without it, their status is running and then completed, and the image passes.
// Existing evaluations keep their steps.
func (s *Server) ScriptEvaluations(steps ...EvaluationStep) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evaluationScript = slices.Clone(steps)
}

// FinishEvaluation makes an evaluation take all its remaining steps. It returns the
// evaluation and whether there is an evaluation with this ID.
func (s *Server) FinishEvaluation(id string) (runflow.Evaluation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.evaluationSteps[id]) > 0 {
		s.advanceEvaluation(id)
	}
	return s.evaluations.get(id)
}

// defaultEvaluation returns the steps of an evaluation without a script.
func defaultEvaluation() []EvaluationStep {
	return []EvaluationStep{
		func(e *runflow.Evaluation) { e.StatusCode = runflow.EvaluationStatusRunning },
		func(e *runflow.Evaluation) {
			passed, one := true, 1.0
			e.StatusCode, e.OverallPassed, e.WeightedPassRate = runflow.EvaluationStatusCompleted, &passed, &one
			e.Judges = []runflow.EvaluationJudge{{Name: "fidelity", Passed: &passed, Confidence: &one, Weight: &one}}
			e.Action, e.GateFailures = runflow.JSON(`{"code":"accept"}`), runflow.JSON(`[]`)
		},
	}
}

// newEvaluations returns an empty collection of evaluations. Their parts are not those
// that the SDK's types suggest.
func newEvaluations() collection[runflow.Evaluation] {
	evaluations := newCollection[runflow.Evaluation]()
	of := evaluations.schema.byName
	of["reference_images"].isPart = false
	of[string(runflow.EvaluationEmbedAction)].isPart = true
	of[string(runflow.EvaluationEmbedGateFailures)].isPart = true
	return evaluations
}

func (s *Server) createEvaluation(r *http.Request, c caller) (any, *problem) {
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	e := runflow.Evaluation{JobClassCode: standardJobClass}
	errs := slices.Concat(
		b.image("generated_image_url", &e.GeneratedImageURL),
		b.requiredText("task_type", &e.TaskType),
		b.text("task_description", &e.TaskDescription),
		b.text("generation_prompt", &e.GenerationPrompt),
		b.text("evaluation_instructions", &e.EvaluationInstructions),
		b.object("input_attributes", false, &e.InputAttributes),
		b.referenceImages(&e.ReferenceImages),
		b.text("run_id", &e.RunID),
		b.shortText("client_ref", maxClientRef, &e.ClientRef),
		b.text("job_class", &e.JobClassCode),
		b.url("callback_url", &e.CallbackURL),
	)
	if e.JobClassCode != standardJobClass {
		errs = append(errs, badField("body", "job_class", "no such job class", "job_class"))
	}
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	if e.RunID != "" {
		run, ok := s.runs.get(e.RunID)
		if !ok || run.OrgID != c.orgID {
			return nil, noRun()
		}
		e.TargetTypeCode, e.ModelID, e.FlowID, e.ComfyuiWorkflowID = run.TargetType, run.ModelID, run.FlowID, run.ComfyuiWorkflowID
	}
	images := imagesOf(&e)
	names := slices.Sorted(maps.Keys(images))
	for _, name := range names {
		if bad := s.checkRef(c, name, *images[name]); bad != nil {
			return nil, bad
		}
	}
	if evaluationCost().GreaterThan(s.balance(c.orgID).Balance) {
		return nil, newProblem(http.StatusPaymentRequired, "the balance is too low")
	}
	for _, name := range names {
		*images[name] = s.storeData(c, *images[name])
	}
	now := s.tick()
	e.ID, e.OrgID, e.StatusCode, e.AttemptNumber = s.newID(), c.orgID, runflow.EvaluationStatusPending, new(1)
	e.CreatedAt, e.UpdatedAt, e.SubmittedAt = now, now, now
	s.putEvaluation(e)
	s.evaluationSteps[e.ID] = s.evaluationScript
	object, bad := s.render(&s.evaluations.byID[e.ID].row, view{})
	return accepted{object}, bad
}

// image reads a member that is the location of an image.
func (b body) image(name string, into *string) []fieldError {
	if errs := b.requiredText(name, into); errs != nil {
		return errs
	}
	return checkImage([]string{"body", name}, *into)
}

func checkImage(loc []string, location string) []fieldError {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "https" && u.Scheme != "data" && u.Scheme != "runflow" {
		return []fieldError{{loc, "Input should be an https URL, a data URI or a runflow:// reference", "url_scheme"}}
	}
	return nil
}

// referenceImages reads the images with which the evaluated image is compared.
func (b body) referenceImages(into *[]runflow.ReferenceImage) (errs []fieldError) {
	const name = "reference_images"
	if list := b[name]; list == nil || json.Unmarshal(list, into) == nil && len(*into) <= maxReferenceImages {
		for i, image := range *into {
			errs = append(errs, checkImage([]string{"body", name, strconv.Itoa(i), "url"}, image.URL)...)
		}
		return errs
	}
	return []fieldError{badField("body", name, fmt.Sprintf("Input should be a list of at most %d images", maxReferenceImages), "list_type")}
}

// imagesOf returns the locations of the images of an evaluation by their fields.
func imagesOf(e *runflow.Evaluation) map[string]*string {
	images := map[string]*string{"generated_image_url": &e.GeneratedImageURL}
	for i := range e.ReferenceImages {
		images["reference_images."+strconv.Itoa(i)] = &e.ReferenceImages[i].URL
	}
	return images
}

// putEvaluation stores an evaluation. Judges and issues without an ID get one.
func (s *Server) putEvaluation(e runflow.Evaluation) {
	e.Judges = slices.Clone(e.Judges)
	for i := range e.Judges {
		judge := &e.Judges[i]
		s.identify(&judge.ID, &judge.EvaluationID, e.ID)
		judge.Issues = slices.Clone(judge.Issues)
		for j := range judge.Issues {
			s.identify(&judge.Issues[j].ID, &judge.Issues[j].EvaluationJudgeID, judge.ID)
			judge.Issues[j].EvaluationID = e.ID
		}
	}
	s.evaluations.put(e.ID, e.OrgID, e)
}

// advanceEvaluation makes an evaluation take its next step.
func (s *Server) advanceEvaluation(id string) {
	steps := s.evaluationSteps[id]
	e, ok := s.evaluations.get(id)
	if len(steps) == 0 || !ok {
		return
	}
	s.evaluationSteps[id] = steps[1:]
	now := s.tick()
	steps[0](&e)
	e.UpdatedAt = now
	isTerminal := e.StatusCode.IsTerminal()
	if isTerminal {
		delete(s.evaluationSteps, id)
		ms := now.Sub(e.SubmittedAt).Milliseconds()
		e.CompletedAt, e.EvalDurationMS = now, &ms
	}
	if e.StatusCode == runflow.EvaluationStatusCompleted && !e.Cost.Valid {
		e.Cost = decimal.NewNullDecimal(evaluationCost())
		b := s.balance(e.OrgID)
		s.setBalance(b, b.Balance.Sub(e.Cost.Decimal))
	}
	s.putEvaluation(e)
	if isTerminal {
		s.announceEvaluation(e)
	}
}

// announceEvaluation delivers the callback of an evaluation that has ended, and updates
// the summary of its run.
func (s *Server) announceEvaluation(e runflow.Evaluation) {
	if run, ok := s.runs.get(e.RunID); ok && e.StatusCode == runflow.EvaluationStatusCompleted {
		run.CurrentEvaluationSummary = &runflow.EvaluationSummary{Passed: e.OverallPassed, StatusCode: string(e.StatusCode), Score: e.WeightedPassRate}
		s.putRun(run)
	}
	if e.CallbackURL != "" {
		s.callBack(e.OrgID, e.CallbackURL, payload{
			Event: "evaluation." + string(e.StatusCode), EvaluationID: e.ID, Status: string(e.StatusCode),
			DurationMS: e.EvalDurationMS, CreatedAt: isoFormat(e.CreatedAt), CompletedAt: isoFormat(e.CompletedAt),
		}, true)
	}
}

// findEvaluation returns the evaluation that the parameter of a path names.
func (s *Server) findEvaluation(r *http.Request, c caller, parameter string) (runflow.Evaluation, *problem) {
	e, ok := s.evaluations.get(r.PathValue(parameter))
	if !ok || e.OrgID != c.orgID {
		return e, notFound("evaluation")
	}
	return e, nil
}

func (s *Server) getEvaluation(r *http.Request, c caller) (any, *problem) {
	e, bad := s.findEvaluation(r, c, "id")
	if bad != nil {
		return nil, bad
	}
	v, bad := parseView(r, s.evaluations.schema)
	if bad != nil {
		return nil, bad
	}
	s.advanceEvaluation(e.ID)
	return s.render(&s.evaluations.byID[e.ID].row, v)
}

func (s *Server) listRunEvaluations(r *http.Request, c caller) (any, *problem) {
	run, bad := s.findRun(r, c)
	if bad != nil {
		return nil, bad
	}
	return s.list(r, c, source{
		schema: s.evaluations.schema,
		sorted: func(by order) []entry { return s.evaluations.sorted("", by) },
		filter: isEqual("run_id", text, text.key(run.ID)),
	})
}

// setEvaluationFeedback sets or clears the feedback on an evaluation. Unlike feedback on
// runs, API keys may do so.
func (s *Server) setEvaluationFeedback(r *http.Request, c caller) (any, *problem) {
	e, bad := s.findEvaluation(r, c, "evaluation_id")
	if runID := r.PathValue("run_id"); bad == nil && runID != "" && runID != e.RunID {
		bad = notFound("evaluation of this run")
	}
	if bad != nil {
		return nil, bad
	}
	v, bad := parseView(r, s.evaluations.schema)
	if bad != nil {
		return nil, bad
	}
	f, bad := readFeedback(r, maxEvaluationFeedback)
	if bad != nil {
		return nil, bad
	}
	e.FeedbackIsPositive, e.FeedbackReason, e.UpdatedAt = f.isPositive, f.reason, s.tick()
	s.putEvaluation(e)
	return s.render(&s.evaluations.byID[e.ID].row, v)
}

// jobClasses are the job classes of evaluations, with their prices.
func jobClasses() []reference {
	return []reference{{Code: standardJobClass, Price: evaluationPrice}}
}

func evaluationStatuses() []reference {
	return codes(runflow.EvaluationStatusPending, runflow.EvaluationStatusRunning, runflow.EvaluationStatusCompleted, runflow.EvaluationStatusFailed)
}
