package runflow

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// ModelsService groups the methods for models: listing the catalog and creating
// runs.
type ModelsService service

// A Model is a generative-media model of the catalog.
//
// Inputs, Outputs, Examples, FAQEntries, Pricing and RelatedLinks are set only if
// the call asks for them, see [ModelEmbed].
type Model struct {
	ID                 string    `json:"id,omitzero"`
	OrgID              string    `json:"org_id,omitzero"`
	ModelCreatorID     string    `json:"model_creator_id,omitzero"`
	Slug               string    `json:"slug,omitzero"`
	Name               string    `json:"name,omitzero"`
	Description        string    `json:"description,omitzero"`
	Version            string    `json:"version,omitzero"`
	IsPublic           bool      `json:"is_public,omitzero"`
	IsOpenSource       bool      `json:"is_open_source,omitzero"`
	IconURL            string    `json:"icon_url,omitzero"`
	CoverURL           string    `json:"cover_url,omitzero"`
	CategoryCode       string    `json:"category_code,omitzero"`
	StatusCode         string    `json:"status_code,omitzero"`
	FamilyID           string    `json:"family_id,omitzero"`
	FamilyVariantCode  string    `json:"family_variant_code,omitzero"`
	ParamCount         string    `json:"param_count,omitzero"` // number of parameters of the neural network: "12B"
	Architecture       string    `json:"architecture,omitzero"`
	LicenseCode        string    `json:"license_code,omitzero"`
	MaxResolution      string    `json:"max_resolution,omitzero"`
	LoraSupport        bool      `json:"lora_support,omitzero"`
	FineTuning         bool      `json:"fine_tuning,omitzero"`
	SupportsStreaming  bool      `json:"supports_streaming,omitzero"`
	PaperURL           string    `json:"paper_url,omitzero"`
	GithubURL          string    `json:"github_url,omitzero"`
	IsOfficial         bool      `json:"is_official,omitzero"`
	AvailabilityStatus string    `json:"availability_status,omitzero"`
	SEO                JSON      `json:"seo,omitzero"`
	NotableFeatures    JSON      `json:"notable_features,omitzero"` // a list
	Content            string    `json:"content,omitzero"`
	PricingNote        string    `json:"pricing_note,omitzero"`
	CreatedBy          string    `json:"created_by,omitzero"`
	CreatedAt          time.Time `json:"created_at,omitzero"`
	UpdatedAt          time.Time `json:"updated_at,omitzero"`
	DeletedAt          time.Time `json:"deleted_at,omitzero"` // zero if it is not deleted
	DeletedBy          string    `json:"deleted_by,omitzero"`

	Inputs       []ModelInput       `json:"inputs,omitzero"`
	Outputs      []ModelOutput      `json:"outputs,omitzero"`
	Examples     []ModelExample     `json:"examples,omitzero"`
	FAQEntries   []ModelFAQEntry    `json:"faq_entries,omitzero"`
	Pricing      []ModelPricing     `json:"pricing,omitzero"`
	RelatedLinks []ModelRelatedLink `json:"related_links,omitzero"`
}

// A ModelInput describes one field of the input of a model.
type ModelInput struct {
	ID                  string    `json:"id,omitzero"`
	ModelID             string    `json:"model_id,omitzero"`
	Name                string    `json:"name,omitzero"`
	DisplayName         string    `json:"display_name,omitzero"`
	Description         string    `json:"description,omitzero"`
	VariableTypeCode    string    `json:"variable_type_code,omitzero"`
	DefaultBehaviorCode string    `json:"default_behavior_code,omitzero"`
	ValidatorCode       string    `json:"validator_code,omitzero"`
	ValidatorAttrs      JSON      `json:"validator_attrs,omitzero"`
	IsRequired          bool      `json:"is_required,omitzero"`
	DefaultValue        JSON      `json:"default_value,omitzero"`
	SortOrder           int       `json:"sort_order,omitzero"`
	IsFeatured          bool      `json:"is_featured,omitzero"`
	CreatedAt           time.Time `json:"created_at,omitzero"`
	UpdatedAt           time.Time `json:"updated_at,omitzero"`
}

// A ModelOutput describes one field of the output of a model.
type ModelOutput struct {
	ID               string    `json:"id,omitzero"`
	ModelID          string    `json:"model_id,omitzero"`
	Name             string    `json:"name,omitzero"`
	DisplayName      string    `json:"display_name,omitzero"`
	Description      string    `json:"description,omitzero"`
	VariableTypeCode string    `json:"variable_type_code,omitzero"`
	ValidatorCode    string    `json:"validator_code,omitzero"`
	ValidatorAttrs   JSON      `json:"validator_attrs,omitzero"`
	SortOrder        int       `json:"sort_order,omitzero"`
	CreatedAt        time.Time `json:"created_at,omitzero"`
	UpdatedAt        time.Time `json:"updated_at,omitzero"`
}

// A ModelExample is an example run of a model.
type ModelExample struct {
	ID           string              `json:"id,omitzero"`
	ModelID      string              `json:"model_id,omitzero"`
	Title        string              `json:"title,omitzero"`
	Description  string              `json:"description,omitzero"`
	Input        JSON                `json:"input,omitzero"`
	Output       JSON                `json:"output,omitzero"`
	StatusCode   int                 `json:"status_code,omitzero"` // an HTTP status, unlike the status of a run; 0 if unknown
	Cost         decimal.NullDecimal `json:"cost,omitzero"`        // in US dollars
	StartType    string              `json:"start_type,omitzero"`
	Timing       JSON                `json:"timing,omitzero"`
	DurationMS   *int64              `json:"duration_ms,omitzero"` // milliseconds
	TotalMS      *int64              `json:"total_ms,omitzero"`    // milliseconds
	ThumbnailURL string              `json:"thumbnail_url,omitzero"`
	CategoryCode string              `json:"category_code,omitzero"`
	IsFeatured   bool                `json:"is_featured,omitzero"`
	IsPublic     bool                `json:"is_public,omitzero"`
	SortOrder    int                 `json:"sort_order,omitzero"`
	RanAt        time.Time           `json:"ran_at,omitzero"`
	CreatedAt    time.Time           `json:"created_at,omitzero"`
	UpdatedAt    time.Time           `json:"updated_at,omitzero"`
}

// A ModelFAQEntry is a frequently asked question about a model, with its answer.
type ModelFAQEntry struct {
	ID        string    `json:"id,omitzero"`
	ModelID   string    `json:"model_id,omitzero"`
	Question  string    `json:"question,omitzero"`
	Answer    string    `json:"answer,omitzero"`
	SortOrder int       `json:"sort_order,omitzero"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// A ModelPricing is one rule of the price of a model. The API publishes no list of
// the codes, so their types are string.
type ModelPricing struct {
	ID                string              `json:"id,omitzero"`
	ModelID           string              `json:"model_id,omitzero"`
	PricingModelCode  string              `json:"pricing_model_code,omitzero"`
	RuleEffectCode    string              `json:"rule_effect_code,omitzero"`
	ModelInputID      string              `json:"model_input_id,omitzero"`
	MatchValue        JSON                `json:"match_value,omitzero"` // the rule applies if the input has this value
	DimensionCode     string              `json:"dimension_code,omitzero"`
	MinValue          decimal.NullDecimal `json:"min_value,omitzero"` // the rule applies from this value of the dimension
	MaxValue          decimal.NullDecimal `json:"max_value,omitzero"` // the rule applies up to this value of the dimension
	Price             decimal.NullDecimal `json:"price,omitzero"`     // in CurrencyCode, per UnitCode
	CurrencyCode      string              `json:"currency_code,omitzero"`
	UnitCode          string              `json:"unit_code,omitzero"`
	MultiplierLabel   string              `json:"multiplier_label,omitzero"`
	Description       string              `json:"description,omitzero"`
	SortOrder         int                 `json:"sort_order,omitzero"`
	DisabledAt        time.Time           `json:"disabled_at,omitzero"` // zero if the rule applies
	MeasurementSource string              `json:"measurement_source,omitzero"`
	CreatedAt         time.Time           `json:"created_at,omitzero"`
	UpdatedAt         time.Time           `json:"updated_at,omitzero"`
}

// A ModelRelatedLink links a model to a related one.
type ModelRelatedLink struct {
	ID             string    `json:"id,omitzero"`
	ModelID        string    `json:"model_id,omitzero"`
	RelatedModelID string    `json:"related_model_id,omitzero"`
	SortOrder      int       `json:"sort_order,omitzero"`
	CreatedAt      time.Time `json:"created_at,omitzero"`
}

// A ModelEmbed names a part of a model that the API sends only on request. Any
// other name that the API knows can be used too.
type ModelEmbed string

// The parts that can be embedded into a model.
const (
	ModelEmbedInputs       ModelEmbed = "inputs"
	ModelEmbedOutputs      ModelEmbed = "outputs"
	ModelEmbedExamples     ModelEmbed = "examples"
	ModelEmbedFAQEntries   ModelEmbed = "faq_entries"
	ModelEmbedPricing      ModelEmbed = "pricing"
	ModelEmbedRelatedLinks ModelEmbed = "related_links"
)

// CreateRunParams are the params of [ModelsService.CreateRun] and
// [ComfyuiWorkflowsService.CreateRun].
type CreateRunParams struct {
	// Input is the input of the model or the workflow: a struct, a map, a [JSON] or
	// any other value that encoding/json encodes as an object. Images and other
	// media are passed as https URLs, data URLs, or references to assets,
	// "runflow://assets/{uuid}".
	Input any
	// Metadata is optional. It has the same form as Input. The API returns it with
	// the run and in its callback.
	Metadata any
	// CallbackURL is optional. Runflow sends a callback to this URL when the run
	// ends, see the package callback.
	CallbackURL string
	// ClientRef is optional. It is your own label for the run, of at most 255
	// characters without quotes, backslashes and control characters.
	// [RunsService.FindByClientRef] finds the run by it.
	ClientRef string
}

// maxClientRef is the documented limit for the items of a batch. A third-party
// client of the API uses it for runs, too.
const maxClientRef = 255

// createRunBody is the body that creates a run.
type createRunBody struct {
	Input       JSON   `json:"input"`
	Metadata    JSON   `json:"metadata,omitzero"`
	CallbackURL string `json:"callback_url,omitzero"`
	ClientRef   string `json:"client_ref,omitzero"`

	bad error
}

// body encodes the caller's values immediately, so that later changes of them have
// no effect.
func (p CreateRunParams) body() createRunBody {
	body := createRunBody{CallbackURL: p.CallbackURL, ClientRef: p.ClientRef}
	errs := []error{checkCallbackURL(p.CallbackURL), checkClientRef("params.ClientRef", p.ClientRef)}
	if utf8.ValidString(p.ClientRef) && !isQuotable(p.ClientRef) {
		errs = append(errs, badArgument("params.ClientRef", "must not contain quotes, backslashes or control characters, because FindByClientRef could not find it"))
	}
	data, err := encodeObject("params.Input", p.Input)
	body.Input, errs = data, append(errs, err)
	if p.Metadata != nil {
		data, err := encodeObject("params.Metadata", p.Metadata)
		body.Metadata, errs = data, append(errs, err)
	}
	body.bad = errors.Join(errs...)
	return body
}

func (b createRunBody) validate() error { return b.bad }

// An encodedBody is a body that consists of values of the caller, or the errors of
// these values.
type encodedBody struct {
	JSON

	bad error
}

func (b encodedBody) validate() error { return b.bad }

// encodeObject encodes a value of a caller that must be a JSON object.
func encodeObject(argument string, v any) (JSON, error) {
	data, err := codec.MarshalForeign(v)
	switch {
	case err != nil:
		return nil, badArgument(argument, err.Error())
	case !codec.IsObject(data):
		return nil, badArgument(argument, "must be encoded as a JSON object")
	}
	return data, nil
}

func checkClientRef(argument, clientRef string) error {
	if !utf8.ValidString(clientRef) || utf8.RuneCountInString(clientRef) > maxClientRef {
		return badArgument(argument, "must be valid UTF-8 of at most 255 characters")
	}
	return nil
}

// A namedText is a text of the caller, and the name of the argument. The text may be
// nil.
type namedText struct {
	argument string
	text     *string
}

// checkTexts refuses texts that are not valid UTF-8.
func checkTexts(texts ...namedText) error {
	var errs []error
	for _, t := range texts {
		if t.text != nil && !utf8.ValidString(*t.text) {
			errs = append(errs, badArgument(t.argument, "must be valid UTF-8"))
		}
	}
	return errors.Join(errs...)
}

func checkCallbackURL(callbackURL string) error {
	if callbackURL != "" && (!isWebURL(callbackURL) || utf8.RuneCountInString(callbackURL) > maxCallbackURL) {
		return badArgument("params.CallbackURL", "must be an absolute http or https URL of at most 2,048 characters")
	}
	return nil
}

// maxCallbackURL is the documented limit for batches.
const maxCallbackURL = 2048

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && utf8.ValidString(text)
}

// CreateRun creates a run of a model, which is named as "owner/slug", and returns
// the queued run. Wait for it with [RunsService.Wait], or receive its callback,
// which may arrive before CreateRun returns. The run costs credits. The token needs
// the scope runs:create.
//
// Each call sends an Idempotency-Key. If the call fails and the run may have been
// created nevertheless, the error is [ErrOutcomeUnknown]. Then look for the run
// with [RunsService.FindByClientRef], or call CreateRun again with the same key:
// [CallInfoOf] returns it, and [WithIdempotencyKey] sets it. CreateRun returns
// [ErrInsufficientCredit] if there is not enough credit.
//
// Endpoint: POST /v1/models/{owner}/{slug}/runs (at-most-once), see
// https://docs.runflow.io/api-reference/models/create-and-dispatch-a-singleton-model-run.
func (s *ModelsService) CreateRun(ctx context.Context, model string, params CreateRunParams, opts ...CallOption) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.ModelsCreateRun, request{path: []argument{ownerSlug("model", model)}, body: params.body()}, opts)
}

// RunAndWait creates a run with [ModelsService.CreateRun], and waits for it like
// [RunsService.Wait]. If it fails after the run was created, it returns both the
// run and the error. If the run has not ended, it continues and costs credits. An
// idempotency key and retry options apply to the creation only.
func (s *ModelsService) RunAndWait(ctx context.Context, model string, params CreateRunParams, wait WaitRunParams, opts ...CallOption) (*Run, error) {
	create := func(opts []CallOption) (*Run, error) { return s.CreateRun(ctx, model, params, opts...) }
	return runAndWait(ctx, (*service)(s), "Models.RunAndWait", create, wait, opts)
}

// GetModelParams are the params of [ModelsService.Get].
type GetModelParams struct {
	Embed  []ModelEmbed // parts of the model to return
	Fields []string     // fields to return, by their names in the API; none means all
}

// Get returns a model, which is named as "owner/slug".
//
// Endpoint: GET /v1/models/{owner}/{id} (idempotent), see
// https://docs.runflow.io/api-reference/models/get-model-by-owner-and-slug.
func (s *ModelsService) Get(ctx context.Context, model string, params GetModelParams, opts ...CallOption) (*Model, error) {
	query := getQuery{Embed: texts(params.Embed), Fields: slices.Clone(params.Fields)}
	return do[Model](ctx, (*service)(s), endpoint.ModelsGet, request{path: []argument{ownerSlug("model", model)}, query: query}, opts)
}

// ListModelsParams are the params of [ModelsService.List].
type ListModelsParams struct {
	Filter Filter
	Limit  int          // items per page, 1 to 500; 0 means the default of the API
	SortBy string       // "created_at:desc"; several are separated by commas
	Fields []string     // fields to return, by their names in the API; none means all
	Cursor string       // Next or Previous of a Page; "" means the first page
	Embed  []ModelEmbed // parts of each model to return
}

func (p ListModelsParams) query() listQuery {
	return listing(p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, p.Embed)
}

// List returns one page of the models of the catalog.
//
// Endpoint: GET /v1/models (idempotent), see
// https://docs.runflow.io/api-reference/models/search-models.
func (s *ModelsService) List(ctx context.Context, params ListModelsParams, opts ...CallOption) (*Page[Model], error) {
	return list[Model](ctx, (*service)(s), endpoint.ModelsList, nil, params.query(), opts)
}

// All returns an iterator over the models of all pages, see [RunsService.All]. It
// calls [ModelsService.List].
func (s *ModelsService) All(ctx context.Context, params ListModelsParams, opts ...CallOption) iter.Seq2[*Model, error] {
	return all[Model](ctx, (*service)(s), endpoint.ModelsList, nil, params.query(), opts)
}

// ListPricingParams are the params of [ModelsService.ListPricing].
type ListPricingParams struct {
	Filter Filter
	Limit  int      // items per page, 1 to 500; 0 means the default of the API
	SortBy string   // "sort_order:asc"; several are separated by commas
	Fields []string // fields to return, by their names in the API; none means all
	Cursor string   // Next or Previous of a Page; "" means the first page
}

func (p ListPricingParams) query() listQuery {
	return listing[string](p.Filter, p.Limit, p.SortBy, p.Fields, p.Cursor, nil)
}

// ListPricing returns one page of the pricing of the model with the given ID, or of
// all models if the ID is [AnyID].
//
// Endpoint: GET /v1/models/{model_id}/pricing (idempotent), see
// https://docs.runflow.io/api-reference/models/search-model-customer-pricings.
func (s *ModelsService) ListPricing(ctx context.Context, modelID string, params ListPricingParams, opts ...CallOption) (*Page[ModelPricing], error) {
	return list[ModelPricing](ctx, (*service)(s), endpoint.ModelsListPricing, []argument{parentID("modelID", modelID)}, params.query(), opts)
}

// AllPricing returns an iterator over the pricing of all pages, see
// [RunsService.All]. It calls [ModelsService.ListPricing].
func (s *ModelsService) AllPricing(ctx context.Context, modelID string, params ListPricingParams, opts ...CallOption) iter.Seq2[*ModelPricing, error] {
	return all[ModelPricing](ctx, (*service)(s), endpoint.ModelsListPricing, []argument{parentID("modelID", modelID)}, params.query(), opts)
}

// GetExample returns an example of the model with the given ID, or of any model if
// the ID is [AnyID].
//
// Endpoint: GET /v1/models/{model_id}/examples/{id} (idempotent), see
// https://docs.runflow.io/api-reference/models/get-model-example.
func (s *ModelsService) GetExample(ctx context.Context, modelID, exampleID string, opts ...CallOption) (*ModelExample, error) {
	return do[ModelExample](ctx, (*service)(s), endpoint.ModelsGetExample, request{path: []argument{parentID("modelID", modelID), id("exampleID", exampleID)}}, opts)
}
