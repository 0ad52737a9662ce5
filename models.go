package runflow

import (
	"context"
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// ModelsService reads the catalog and runs models.
type ModelsService service

// A Model is an entry of the catalog: a generative-media model that can be run.
//
// Inputs, Outputs, Examples, FAQEntries, Pricing and RelatedLinks are present
// only where the call embeds them.
type Model struct {
	ID                 string     `json:"id,omitzero"`
	OrgID              string     `json:"org_id,omitzero"`
	ModelCreatorID     string     `json:"model_creator_id,omitzero"`
	Slug               string     `json:"slug,omitzero"`
	Name               string     `json:"name,omitzero"`
	Description        string     `json:"description,omitzero"`
	Version            string     `json:"version,omitzero"`
	IsPublic           bool       `json:"is_public,omitzero"`
	IsOpenSource       bool       `json:"is_open_source,omitzero"`
	IconURL            string     `json:"icon_url,omitzero"`
	CoverURL           string     `json:"cover_url,omitzero"`
	CategoryCode       string     `json:"category_code,omitzero"`
	StatusCode         string     `json:"status_code,omitzero"`
	FamilyID           string     `json:"family_id,omitzero"`
	FamilyVariantCode  string     `json:"family_variant_code,omitzero"`
	ParamCount         string     `json:"param_count,omitzero"` // of the network, as text: "12B"
	Architecture       string     `json:"architecture,omitzero"`
	LicenseCode        string     `json:"license_code,omitzero"`
	MaxResolution      string     `json:"max_resolution,omitzero"`
	LoraSupport        bool       `json:"lora_support,omitzero"`
	FineTuning         bool       `json:"fine_tuning,omitzero"`
	SupportsStreaming  bool       `json:"supports_streaming,omitzero"`
	PaperURL           string     `json:"paper_url,omitzero"`
	GithubURL          string     `json:"github_url,omitzero"`
	IsOfficial         bool       `json:"is_official,omitzero"`
	AvailabilityStatus string     `json:"availability_status,omitzero"`
	SEO                JSON       `json:"seo,omitzero"`
	NotableFeatures    JSON       `json:"notable_features,omitzero"` // a list
	Content            string     `json:"content,omitzero"`
	PricingNote        string     `json:"pricing_note,omitzero"`
	CreatedBy          string     `json:"created_by,omitzero"`
	CreatedAt          *time.Time `json:"created_at,omitzero"`
	UpdatedAt          *time.Time `json:"updated_at,omitzero"`
	DeletedAt          *time.Time `json:"deleted_at,omitzero"` // nil: not deleted
	DeletedBy          string     `json:"deleted_by,omitzero"`

	Inputs       []ModelInput       `json:"inputs,omitzero"`
	Outputs      []ModelOutput      `json:"outputs,omitzero"`
	Examples     []ModelExample     `json:"examples,omitzero"`
	FAQEntries   []ModelFAQEntry    `json:"faq_entries,omitzero"`
	Pricing      []ModelPricing     `json:"pricing,omitzero"`
	RelatedLinks []ModelRelatedLink `json:"related_links,omitzero"`

	Extra Extra `json:",embed"`
}

// A ModelInput describes one field of the input that a model takes.
type ModelInput struct {
	ID                  string     `json:"id,omitzero"`
	ModelID             string     `json:"model_id,omitzero"`
	Name                string     `json:"name,omitzero"`
	DisplayName         string     `json:"display_name,omitzero"`
	Description         string     `json:"description,omitzero"`
	VariableTypeCode    string     `json:"variable_type_code,omitzero"`
	DefaultBehaviorCode string     `json:"default_behavior_code,omitzero"`
	ValidatorCode       string     `json:"validator_code,omitzero"`
	ValidatorAttrs      JSON       `json:"validator_attrs,omitzero"`
	IsRequired          bool       `json:"is_required,omitzero"`
	DefaultValue        JSON       `json:"default_value,omitzero"`
	SortOrder           int        `json:"sort_order,omitzero"`
	IsFeatured          bool       `json:"is_featured,omitzero"`
	CreatedAt           *time.Time `json:"created_at,omitzero"`
	UpdatedAt           *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ModelOutput describes one field of the output that a model gives.
type ModelOutput struct {
	ID               string     `json:"id,omitzero"`
	ModelID          string     `json:"model_id,omitzero"`
	Name             string     `json:"name,omitzero"`
	DisplayName      string     `json:"display_name,omitzero"`
	Description      string     `json:"description,omitzero"`
	VariableTypeCode string     `json:"variable_type_code,omitzero"`
	ValidatorCode    string     `json:"validator_code,omitzero"`
	ValidatorAttrs   JSON       `json:"validator_attrs,omitzero"`
	SortOrder        int        `json:"sort_order,omitzero"`
	CreatedAt        *time.Time `json:"created_at,omitzero"`
	UpdatedAt        *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ModelExample is a run of a model that its page shows.
type ModelExample struct {
	ID           string              `json:"id,omitzero"`
	ModelID      string              `json:"model_id,omitzero"`
	Title        string              `json:"title,omitzero"`
	Description  string              `json:"description,omitzero"`
	Input        JSON                `json:"input,omitzero"`
	Output       JSON                `json:"output,omitzero"`
	StatusCode   int                 `json:"status_code,omitzero"` // an HTTP status, unlike that of a run; 0 if unknown
	Cost         decimal.NullDecimal `json:"cost,omitzero"`        // credits, in US dollars
	StartType    string              `json:"start_type,omitzero"`
	Timing       JSON                `json:"timing,omitzero"`
	DurationMS   *int64              `json:"duration_ms,omitzero"` // milliseconds
	TotalMS      *int64              `json:"total_ms,omitzero"`    // milliseconds
	ThumbnailURL string              `json:"thumbnail_url,omitzero"`
	CategoryCode string              `json:"category_code,omitzero"`
	IsFeatured   bool                `json:"is_featured,omitzero"`
	IsPublic     bool                `json:"is_public,omitzero"`
	SortOrder    int                 `json:"sort_order,omitzero"`
	RanAt        *time.Time          `json:"ran_at,omitzero"`
	CreatedAt    *time.Time          `json:"created_at,omitzero"`
	UpdatedAt    *time.Time          `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ModelFAQEntry is a question about a model, with its answer.
type ModelFAQEntry struct {
	ID        string     `json:"id,omitzero"`
	ModelID   string     `json:"model_id,omitzero"`
	Question  string     `json:"question,omitzero"`
	Answer    string     `json:"answer,omitzero"`
	SortOrder int        `json:"sort_order,omitzero"`
	CreatedAt *time.Time `json:"created_at,omitzero"`
	UpdatedAt *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ModelPricing is one rule of what a model costs. The API publishes no list
// of the codes, so they are plain strings.
type ModelPricing struct {
	ID                string              `json:"id,omitzero"`
	ModelID           string              `json:"model_id,omitzero"`
	PricingModelCode  string              `json:"pricing_model_code,omitzero"`
	RuleEffectCode    string              `json:"rule_effect_code,omitzero"`
	ModelInputID      string              `json:"model_input_id,omitzero"`
	MatchValue        JSON                `json:"match_value,omitzero"` // of the input: for which the rule holds
	DimensionCode     string              `json:"dimension_code,omitzero"`
	MinValue          decimal.NullDecimal `json:"min_value,omitzero"` // of the dimension: where the rule starts to hold
	MaxValue          decimal.NullDecimal `json:"max_value,omitzero"` // of the dimension: where the rule ceases to hold
	Price             decimal.NullDecimal `json:"price,omitzero"`     // in CurrencyCode, for each UnitCode
	CurrencyCode      string              `json:"currency_code,omitzero"`
	UnitCode          string              `json:"unit_code,omitzero"`
	MultiplierLabel   string              `json:"multiplier_label,omitzero"`
	Description       string              `json:"description,omitzero"`
	SortOrder         int                 `json:"sort_order,omitzero"`
	DisabledAt        *time.Time          `json:"disabled_at,omitzero"` // nil: in force
	MeasurementSource string              `json:"measurement_source,omitzero"`
	CreatedAt         *time.Time          `json:"created_at,omitzero"`
	UpdatedAt         *time.Time          `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ModelRelatedLink leads from a model to one that is related to it.
type ModelRelatedLink struct {
	ID             string     `json:"id,omitzero"`
	ModelID        string     `json:"model_id,omitzero"`
	RelatedModelID string     `json:"related_model_id,omitzero"`
	SortOrder      int        `json:"sort_order,omitzero"`
	CreatedAt      *time.Time `json:"created_at,omitzero"`

	Extra Extra `json:",embed"`
}

// Run starts a run of a model, "owner/slug", and returns it as it was queued:
// await it by [RunsService.Wait], or by a callback. It costs credits, and needs
// the scope runs:create.
//
// Each call carries an Idempotency-Key. After a failure that leaves open whether
// the run was started, the error is [ErrAmbiguous] and has the key: look the run
// up by its ClientRef, or call again with the key. It is [ErrInsufficientCredit]
// where the credit does not suffice.
//
// It is POST /v1/models/{owner}/{slug}/runs, see
// https://docs.runflow.io/api-reference/models/create-and-dispatch-a-singleton-model-run.
// It is sent again only where the API did not take it, see [WithIdempotencyKey].
func (s *ModelsService) Run(ctx context.Context, model string, req *RunRequest, opts ...Option) (*Run, error) {
	return do[Run](ctx, (*service)(s), endpoint.ModelsRun, input{path: []argument{ownerSlug("model", model)}, body: req.body()}, opts)
}

// Get returns a model, "owner/slug".
//
// It is GET /v1/models/{owner}/{id}, see
// https://docs.runflow.io/api-reference/models/get-model-by-owner-and-slug.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ModelsService) Get(ctx context.Context, model string, opts ...Option) (*Model, error) {
	return do[Model](ctx, (*service)(s), endpoint.ModelsGet, input{path: []argument{ownerSlug("model", model)}}, opts)
}

// List returns a page of the catalog.
//
// It is GET /v1/models, see
// https://docs.runflow.io/api-reference/models/search-models.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ModelsService) List(ctx context.Context, params *ListParams, opts ...Option) (*Page[Model], error) {
	return list[Model](ctx, (*service)(s), endpoint.ModelsList, input{query: params}, opts)
}

// All returns the models of all pages, as [RunsService.All] does.
//
// It reads with [ModelsService.List].
func (s *ModelsService) All(ctx context.Context, params *ListParams, opts ...Option) iter.Seq2[*Model, error] {
	return all[Model](ctx, (*service)(s), endpoint.ModelsList, params, opts, func(page *ListParams) input {
		return input{query: page}
	})
}

// Pricing returns a page of what a model costs, by its ID, or all models with
// [AnyParent].
//
// It is GET /v1/models/{model_id}/pricing, see
// https://docs.runflow.io/api-reference/models/search-model-customer-pricings.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ModelsService) Pricing(ctx context.Context, modelID string, params *ListParams, opts ...Option) (*Page[ModelPricing], error) {
	return list[ModelPricing](ctx, (*service)(s), endpoint.ModelsPricing, input{path: []argument{id("modelID", modelID)}, query: params}, opts)
}

// AllPricing returns the rules of all pages, as [RunsService.All] does.
//
// It reads with [ModelsService.Pricing].
func (s *ModelsService) AllPricing(ctx context.Context, modelID string, params *ListParams, opts ...Option) iter.Seq2[*ModelPricing, error] {
	return all[ModelPricing](ctx, (*service)(s), endpoint.ModelsPricing, params, opts, func(page *ListParams) input {
		return input{path: []argument{id("modelID", modelID)}, query: page}
	})
}

// Example returns an example of a model, by its ID, or of any with [AnyParent].
//
// It is GET /v1/models/{model_id}/examples/{id}, see
// https://docs.runflow.io/api-reference/models/get-model-example.
// It is idempotent: retried on 429, on 5xx and on a failed connection.
func (s *ModelsService) Example(ctx context.Context, modelID, exampleID string, opts ...Option) (*ModelExample, error) {
	return do[ModelExample](ctx, (*service)(s), endpoint.ModelsExample, input{path: []argument{id("modelID", modelID), id("exampleID", exampleID)}}, opts)
}
