package runflow

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// EvaluationsService groups the methods for evaluations: creating and getting them,
// waiting for them, and setting feedback on them.
type EvaluationsService service

// An Evaluation is an automated check of the quality of an image.
//
// Judges, Action and GateFailures are set only if the call asks for them, see
// [EvaluationEmbed].
type Evaluation struct {
	ID                      string              `json:"id,omitzero"`
	OrgID                   string              `json:"org_id,omitzero"`
	RunID                   string              `json:"run_id,omitzero"`
	StatusCode              EvaluationStatus    `json:"status_code,omitzero"`
	JobClassCode            string              `json:"job_class_code,omitzero"`
	FailureCode             string              `json:"failure_code,omitzero"`
	TargetTypeCode          TargetType          `json:"target_type_code,omitzero"`
	ModelID                 string              `json:"model_id,omitzero"`
	FlowID                  string              `json:"flow_id,omitzero"`
	ComfyuiWorkflowID       string              `json:"comfyui_workflow_id,omitzero"`
	TaskType                string              `json:"task_type,omitzero"`
	TaskDescription         string              `json:"task_description,omitzero"`
	GenerationPrompt        string              `json:"generation_prompt,omitzero"`
	GeneratedImageURL       string              `json:"generated_image_url,omitzero"`
	InputAttributes         JSON                `json:"input_attributes,omitzero"`
	EvaluationInstructions  string              `json:"evaluation_instructions,omitzero"`
	ReferenceImages         []ReferenceImage    `json:"reference_images,omitzero"`
	OverallPassed           *bool               `json:"overall_passed,omitzero"`     // nil if there is no verdict
	WeightedPassRate        *float64            `json:"weighted_pass_rate,omitzero"` // 0 to 1; nil if there is no verdict
	OverrideReason          string              `json:"override_reason,omitzero"`
	TopIssues               []string            `json:"top_issues,omitzero"`
	TopStrengths            []string            `json:"top_strengths,omitzero"`
	CheckSummary            JSON                `json:"check_summary,omitzero"`
	AnalysisModulesExecuted *int                `json:"analysis_modules_executed,omitzero"`
	PrimaryActionCode       string              `json:"primary_action_code,omitzero"`
	ParentEvaluationID      string              `json:"parent_evaluation_id,omitzero"`
	AttemptNumber           *int                `json:"attempt_number,omitzero"`
	SupersededAt            time.Time           `json:"superseded_at,omitzero"`        // zero if no later evaluation has superseded it
	EvalDurationMS          *int64              `json:"eval_duration_ms,omitzero"`     // milliseconds; nil if unknown
	FeedbackIsPositive      *bool               `json:"feedback_is_positive,omitzero"` // see [Evaluation.Feedback]
	FeedbackReason          string              `json:"feedback_reason,omitzero"`
	ClientRef               string              `json:"client_ref,omitzero"`
	CallbackURL             string              `json:"callback_url,omitzero"`
	Cost                    decimal.NullDecimal `json:"cost,omitzero"` // in US dollars; its Valid is false until the evaluation is billed
	CreatedAt               time.Time           `json:"created_at,omitzero"`
	UpdatedAt               time.Time           `json:"updated_at,omitzero"`
	SubmittedAt             time.Time           `json:"submitted_at,omitzero"`
	CompletedAt             time.Time           `json:"completed_at,omitzero"`
	Links                   JSON                `json:"links,omitzero"`

	Judges       []EvaluationJudge `json:"judges,omitzero"`
	Action       JSON              `json:"action,omitzero"`        // its form is not documented
	GateFailures JSON              `json:"gate_failures,omitzero"` // their form is not documented
}

// An EvaluationJudge is the verdict of one judge, which looks at one aspect of an
// image.
type EvaluationJudge struct {
	ID                 string            `json:"id,omitzero"`
	EvaluationID       string            `json:"evaluation_id,omitzero"`
	Name               string            `json:"name,omitzero"`
	Description        string            `json:"description,omitzero"`
	Category           string            `json:"category,omitzero"`
	Passed             *bool             `json:"passed,omitzero"`
	Confidence         *float64          `json:"confidence,omitzero"`
	Weight             *float64          `json:"weight,omitzero"`
	Reasoning          string            `json:"reasoning,omitzero"`
	Evidence           JSON              `json:"evidence,omitzero"` // a list
	SubPointResults    JSON              `json:"sub_point_results,omitzero"`
	SubPointsEvaluated *int              `json:"sub_points_evaluated,omitzero"`
	CreatedAt          time.Time         `json:"created_at,omitzero"`
	Issues             []EvaluationIssue `json:"issues,omitzero"`
}

// An EvaluationIssue is a defect that a judge found.
type EvaluationIssue struct {
	ID                string `json:"id,omitzero"`
	EvaluationID      string `json:"evaluation_id,omitzero"`
	EvaluationJudgeID string `json:"evaluation_judge_id,omitzero"`
	Category          string `json:"category,omitzero"`
	Subcategory       string `json:"subcategory,omitzero"`
	Detail            string `json:"detail,omitzero"`
}

// A ReferenceImage is an image with which the evaluated image is compared.
type ReferenceImage struct {
	URL         string `json:"url,omitzero"` // see CreateEvaluationParams.GeneratedImageURL
	Kind        string `json:"kind,omitzero"`
	Description string `json:"description,omitzero"`
}

// Feedback returns the feedback on the evaluation, and whether there is any.
func (e *Evaluation) Feedback() (Feedback, bool) {
	if e == nil {
		return Feedback{}, false
	}
	return (&Run{FeedbackIsPositive: e.FeedbackIsPositive, FeedbackReason: e.FeedbackReason}).Feedback()
}

// An EvaluationStatus is the state of an evaluation. The API may send values that
// are not listed here.
type EvaluationStatus string

// The statuses of an evaluation.
const (
	EvaluationStatusPending   EvaluationStatus = "pending"
	EvaluationStatusRunning   EvaluationStatus = "running"
	EvaluationStatusCompleted EvaluationStatus = "completed"
	EvaluationStatusFailed    EvaluationStatus = "failed"
)

// IsTerminal reports whether the evaluation has ended. It returns false for an
// unknown status.
func (s EvaluationStatus) IsTerminal() bool {
	return s == EvaluationStatusCompleted || s == EvaluationStatusFailed
}

// An EvaluationEmbed names a part of an evaluation that the API sends only on
// request. Any other name that the API knows can be used too.
type EvaluationEmbed string

// The parts that can be embedded into an evaluation.
const (
	EvaluationEmbedJudges       EvaluationEmbed = "judges"
	EvaluationEmbedAction       EvaluationEmbed = "action"
	EvaluationEmbedGateFailures EvaluationEmbed = "gate_failures"
)

func (e *Evaluation) identity() string { return e.ID }

// CreateEvaluationParams are the params of [EvaluationsService.Create].
// GeneratedImageURL and TaskType are required.
type CreateEvaluationParams struct {
	GeneratedImageURL      string // an https URL, a data URL, or "runflow://assets/{uuid}"
	TaskType               string // "headshot", for example
	TaskDescription        string
	GenerationPrompt       string // lets the judges check whether the image follows the prompt
	EvaluationInstructions string
	InputAttributes        any              // has the same form as the Input of [CreateRunParams]
	ReferenceImages        []ReferenceImage // at most 4
	RunID                  string           // ID of the run that created the image
	ClientRef              string           // your own label for the evaluation, of at most 255 characters
	JobClass               string           // see [EvaluationsService.ListJobClasses]; "" means the default of the API
	CallbackURL            string           // Runflow sends a callback to this URL when the evaluation ends; at most 2,048 characters
}

const (
	maxReferenceImages    = 4    // the documented limit
	maxEvaluationFeedback = 2000 // maximum number of characters of a reason in an official client
)

// createEvaluationBody is the body that creates an evaluation.
type createEvaluationBody struct {
	GeneratedImageURL      string           `json:"generated_image_url"`
	TaskType               string           `json:"task_type"`
	TaskDescription        string           `json:"task_description,omitzero"`
	GenerationPrompt       string           `json:"generation_prompt,omitzero"`
	EvaluationInstructions string           `json:"evaluation_instructions,omitzero"`
	InputAttributes        JSON             `json:"input_attributes,omitzero"`
	ReferenceImages        []ReferenceImage `json:"reference_images,omitempty"`
	RunID                  string           `json:"run_id,omitzero"`
	ClientRef              string           `json:"client_ref,omitzero"`
	JobClass               string           `json:"job_class,omitzero"`
	CallbackURL            string           `json:"callback_url,omitzero"`

	bad error
}

func (b createEvaluationBody) validate() error { return b.bad }

func (p CreateEvaluationParams) body() createEvaluationBody {
	body := createEvaluationBody{
		GeneratedImageURL: p.GeneratedImageURL, TaskType: p.TaskType, TaskDescription: p.TaskDescription,
		GenerationPrompt: p.GenerationPrompt, EvaluationInstructions: p.EvaluationInstructions,
		ReferenceImages: slices.Clone(p.ReferenceImages), RunID: p.RunID, ClientRef: p.ClientRef, JobClass: p.JobClass, CallbackURL: p.CallbackURL,
	}
	errs := []error{
		checkImage("params.GeneratedImageURL", p.GeneratedImageURL),
		checkTexts([]namedText{
			{"params.TaskType", &p.TaskType}, {"params.TaskDescription", &p.TaskDescription}, {"params.GenerationPrompt", &p.GenerationPrompt},
			{"params.EvaluationInstructions", &p.EvaluationInstructions}, {"params.RunID", &p.RunID}, {"params.JobClass", &p.JobClass},
		}...),
		checkClientRef("params.ClientRef", p.ClientRef),
		checkCallbackURL(p.CallbackURL),
	}
	if p.TaskType == "" {
		errs = append(errs, badArgument("params.TaskType", "must not be empty"))
	}
	if p.InputAttributes != nil {
		data, err := encodeObject("params.InputAttributes", p.InputAttributes)
		body.InputAttributes, errs = data, append(errs, err)
	}
	if len(p.ReferenceImages) > maxReferenceImages {
		errs = append(errs, badArgument("params.ReferenceImages", fmt.Sprintf("must have at most %d elements", maxReferenceImages)))
	}
	for i, image := range p.ReferenceImages[:min(len(p.ReferenceImages), maxReferenceImages)] {
		argument := fmt.Sprintf("params.ReferenceImages[%d]", i)
		errs = append(errs, checkImage(argument+".URL", image.URL),
			checkTexts(namedText{argument + ".Kind", &image.Kind}, namedText{argument + ".Description", &image.Description}))
	}
	body.bad = errors.Join(errs...)
	return body
}

// checkImage refuses a location in a form that the API does not document for images.
func checkImage(argument, location string) error {
	u, err := url.Parse(location)
	if err == nil && utf8.ValidString(location) {
		switch {
		case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "data" && u.Opaque != "", u.Scheme == assetScheme && u.Host == "assets" && len(u.Path) > 1:
			return nil
		}
	}
	return badArgument(argument, `must be an https URL, a data URL or "runflow://assets/{uuid}"`)
}

// Create creates an evaluation of an image and returns the pending evaluation. Wait
// for it with [EvaluationsService.Wait], or receive its callback. The evaluation costs
// credits; the price is that of its job class at this time. The token needs the scope
// evaluations:create. Create returns [ErrInsufficientCredit] if there is not enough
// credit.
//
// Each call sends an Idempotency-Key. The documentation of the API says that the API
// recognizes it, so the client retries the call with the same key. If the call fails
// and the evaluation may have been created nevertheless, the error is
// [ErrOutcomeUnknown]. Then call Create again with the same params and the same key:
// [CallInfoOf] returns it, and [WithIdempotencyKey] sets it.
//
// Endpoint: POST /v1/evaluations (keyed), see
// https://docs.runflow.io/api-reference/evaluations/submit-an-image-for-quality-evaluation.
func (s *EvaluationsService) Create(ctx context.Context, params CreateEvaluationParams, opts ...CallOption) (*Evaluation, error) {
	return doIdentified[Evaluation](ctx, (*service)(s), endpoint.EvaluationsCreate, request{body: params.body()}, opts)
}

// GetEvaluationParams are the params of [EvaluationsService.Get].
type GetEvaluationParams struct {
	Embed  []EvaluationEmbed // parts of the evaluation to return
	Fields []string          // fields to return, by their names in the API; "id" is added; none means all
}

// Get returns an evaluation. It returns [ErrNotFound] if the organization has no such
// evaluation. The token needs the scope evaluations:read.
//
// Endpoint: GET /v1/evaluations/{id} (idempotent), see
// https://docs.runflow.io/api-reference/evaluations/get-evaluation.
func (s *EvaluationsService) Get(ctx context.Context, evaluationID string, params GetEvaluationParams, opts ...CallOption) (*Evaluation, error) {
	query := getQuery{Embed: texts(params.Embed), Fields: withFields(params.Fields, "id")}
	return doIdentified[Evaluation](ctx, (*service)(s), endpoint.EvaluationsGet, request{path: []argument{id("evaluationID", evaluationID)}, query: query}, opts)
}

// evaluationFeedbackBody is the body of a request that sets feedback on an
// evaluation.
type evaluationFeedbackBody struct{ feedbackBody }

func (b evaluationFeedbackBody) validate() error {
	err := b.feedbackBody.validate()
	if b.Reason != nil && utf8.RuneCountInString(*b.Reason) > maxEvaluationFeedback {
		err = errors.Join(err, badArgument("feedback.Reason", fmt.Sprintf("must have at most %d characters", maxEvaluationFeedback)))
	}
	return err
}

// SetFeedback sets the feedback on an evaluation and returns the evaluation. It
// replaces earlier feedback, including the reason, which has at most 2,000 characters.
// Unlike [RunsService.SetFeedback], it also accepts an API key, which needs the scope
// evaluations:edit.
//
// Endpoint: PATCH /v1/evaluations/{evaluation_id}/feedback (idempotent), see
// https://docs.runflow.io/api-reference/evaluations/set-or-clear-customer-feedback-on-an-evaluation-analysis.
func (s *EvaluationsService) SetFeedback(ctx context.Context, evaluationID string, feedback Feedback, opts ...CallOption) (*Evaluation, error) {
	r := request{path: []argument{id("evaluationID", evaluationID)}, body: evaluationFeedbackBody{newFeedbackBody(feedback)}}
	return doIdentified[Evaluation](ctx, (*service)(s), endpoint.EvaluationsSetFeedback, r, opts)
}

// ClearFeedback removes the feedback on an evaluation, including the reason, and
// returns the evaluation. If the evaluation has no feedback, it stays unchanged.
//
// Endpoint: PATCH /v1/evaluations/{evaluation_id}/feedback (idempotent), see
// https://docs.runflow.io/api-reference/evaluations/set-or-clear-customer-feedback-on-an-evaluation-analysis.
func (s *EvaluationsService) ClearFeedback(ctx context.Context, evaluationID string, opts ...CallOption) (*Evaluation, error) {
	r := request{path: []argument{id("evaluationID", evaluationID)}, body: feedbackBody{}}
	return doIdentified[Evaluation](ctx, (*service)(s), endpoint.EvaluationsClearFeedback, r, opts)
}

// ListJobClasses returns the job classes of evaluations. The Raw of each has its
// price, in a form that is not documented.
//
// Endpoint: GET /v1/evaluations/job-classes (idempotent), see
// https://docs.runflow.io/guides/evaluate-an-image.
func (s *EvaluationsService) ListJobClasses(ctx context.Context, opts ...CallOption) (*Page[ReferenceItem], error) {
	return listReference(ctx, (*service)(s), endpoint.EvaluationsListJobClasses, opts)
}

// ListStatuses returns the statuses that an evaluation can have.
//
// Endpoint: GET /v1/evaluations/statuses (idempotent), see
// https://docs.runflow.io/concepts/evaluations.
func (s *EvaluationsService) ListStatuses(ctx context.Context, opts ...CallOption) (*Page[ReferenceItem], error) {
	return listReference(ctx, (*service)(s), endpoint.EvaluationsListStatuses, opts)
}

// ListRunEvaluationsParams are the params of [RunsService.ListEvaluations]. The API
// documents none.
type ListRunEvaluationsParams struct{}

// ListEvaluations returns the evaluations of a run. The page is the whole list if the
// API sends no cursors.
//
// Endpoint: GET /v1/runs/{run_id}/evaluations (idempotent), see
// https://docs.runflow.io/concepts/evaluations.
func (s *RunsService) ListEvaluations(ctx context.Context, runID string, _ ListRunEvaluationsParams, opts ...CallOption) (*Page[Evaluation], error) {
	return list[Evaluation](ctx, (*service)(s), endpoint.RunsListEvaluations, []argument{id("runID", runID)}, listQuery{}, opts)
}

// SetEvaluationFeedback sets the feedback on an evaluation of a run, like
// [EvaluationsService.SetFeedback].
//
// Endpoint: PATCH /v1/runs/{run_id}/evaluations/{evaluation_id}/feedback (idempotent), see
// https://docs.runflow.io/concepts/evaluations.
func (s *RunsService) SetEvaluationFeedback(ctx context.Context, runID, evaluationID string, feedback Feedback, opts ...CallOption) (*Evaluation, error) {
	r := request{path: []argument{id("runID", runID), id("evaluationID", evaluationID)}, body: evaluationFeedbackBody{newFeedbackBody(feedback)}}
	return doIdentified[Evaluation](ctx, (*service)(s), endpoint.RunsSetEvaluationFeedback, r, opts)
}

// ClearEvaluationFeedback removes the feedback on an evaluation of a run, like
// [EvaluationsService.ClearFeedback].
//
// Endpoint: PATCH /v1/runs/{run_id}/evaluations/{evaluation_id}/feedback (idempotent), see
// https://docs.runflow.io/concepts/evaluations.
func (s *RunsService) ClearEvaluationFeedback(ctx context.Context, runID, evaluationID string, opts ...CallOption) (*Evaluation, error) {
	r := request{path: []argument{id("runID", runID), id("evaluationID", evaluationID)}, body: feedbackBody{}}
	return doIdentified[Evaluation](ctx, (*service)(s), endpoint.RunsClearEvaluationFeedback, r, opts)
}

// ErrEvaluationFailed matches every [*EvaluationError] with [errors.Is].
var ErrEvaluationFailed = errors.New("runflow: evaluation failed")

// An EvaluationError is returned if an evaluation failed, so that there is no verdict
// on the image. It matches [ErrEvaluationFailed]. Its text is one line.
type EvaluationError struct {
	Evaluation *Evaluation // with FailureCode and Cost
}

// Error returns the error as one line.
func (e *EvaluationError) Error() string {
	if e.Evaluation == nil {
		return "runflow: the evaluation failed"
	}
	return failureText("evaluation "+e.Evaluation.ID, string(EvaluationStatusFailed), e.Evaluation.FailureCode, "", "", e.Evaluation.Cost)
}

// Is reports whether target is [ErrEvaluationFailed].
func (e *EvaluationError) Is(target error) bool { return target == ErrEvaluationFailed }

// WaitEvaluationParams are the params of [EvaluationsService.Wait]. See
// [WaitRunParams] about polls and temporary errors.
type WaitEvaluationParams struct {
	MinInterval time.Duration // between the first two polls; 0 means 1 s; less than 100 ms means 100 ms
	MaxInterval time.Duration // between any two polls; 0 means 10 s; must not be shorter than MinInterval
	Timeout     time.Duration // of the whole wait; 0 means that only the context limits it
	// ErrorTimeout is the time for which the wait continues if all polls fail with
	// temporary errors. 0 means 5 min. If it is negative, the first error ends the
	// wait.
	ErrorTimeout time.Duration
	Embed        []EvaluationEmbed // parts of the evaluation to get
}

// Wait polls an evaluation until it ends, and returns it, like [RunsService.Wait]. An
// image that did not pass is not an error, see OverallPassed.
//
// If the evaluation itself failed, Wait returns the evaluation and an
// [*EvaluationError]. If waiting ends before the evaluation does, Wait returns a
// [*WaitError] and the evaluation as of the last successful poll, or nil if there was
// none. The evaluation itself continues. Wait refuses [WithMaxRetries] and
// [WithRetryBackoff]. It calls [EvaluationsService.Get].
func (s *EvaluationsService) Wait(ctx context.Context, evaluationID string, params WaitEvaluationParams, opts ...CallOption) (*Evaluation, error) {
	const operation = "Evaluations.Wait"
	embed := slices.Clone(params.Embed)
	polls, times, err := (*service)(s).newPolls(ctx, operation, id("evaluationID", evaluationID),
		waitParams{params.MinInterval, params.MaxInterval, params.Timeout, params.ErrorTimeout, getQuery{Embed: texts(embed)}}, opts)
	if err != nil {
		return nil, err
	}
	w := &waiter[Evaluation]{
		intervals: times, operation: operation, id: evaluationID,
		get: func(ctx context.Context) (*Evaluation, error) {
			return (*EvaluationsService)(polls).Get(ctx, evaluationID, GetEvaluationParams{Embed: embed})
		},
		state:    func(e *Evaluation) (string, bool) { return string(e.StatusCode), e.StatusCode.IsTerminal() },
		progress: func(*Evaluation) any { return nil },
		verdict: func(e *Evaluation) error {
			if e.StatusCode == EvaluationStatusFailed {
				return &EvaluationError{Evaluation: e}
			}
			return nil
		},
	}
	return w.wait(ctx)
}
