package runflow

import (
	"time"

	"github.com/shopspring/decimal"
)

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
