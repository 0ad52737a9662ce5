package runflow

import (
	"time"
)

// A ComfyuiWorkflow is a ComfyUI graph that was deployed to Runflow.
//
// Inputs, Outputs and GPUExplicitModels are present only where the call embeds
// them.
type ComfyuiWorkflow struct {
	ID                 string     `json:"id,omitzero"`
	OrgID              string     `json:"org_id,omitzero"`
	Slug               string     `json:"slug,omitzero"`
	Name               string     `json:"name,omitzero"`
	Description        string     `json:"description,omitzero"`
	WorkflowJSON       JSON       `json:"workflow_json,omitzero"` // the graph as ComfyUI exports it
	Version            string     `json:"version,omitzero"`
	IsPublic           bool       `json:"is_public,omitzero"`
	StatusCode         string     `json:"status_code,omitzero"`
	CreatedBy          string     `json:"created_by,omitzero"`
	Environment        JSON       `json:"environment,omitzero"`
	Models             JSON       `json:"models,omitzero"`
	CustomNodes        JSON       `json:"custom_nodes,omitzero"`
	Graph              JSON       `json:"graph,omitzero"`
	Resources          JSON       `json:"resources,omitzero"`
	CreatedAt          *time.Time `json:"created_at,omitzero"`
	UpdatedAt          *time.Time `json:"updated_at,omitzero"`
	DeletedAt          *time.Time `json:"deleted_at,omitzero"` // nil: not deleted
	DeletedBy          string     `json:"deleted_by,omitzero"`
	CategoryCode       string     `json:"category_code,omitzero"`
	GPUCurrentTierCode string     `json:"gpu_current_tier_code,omitzero"`

	Inputs            []ComfyuiWorkflowInput  `json:"inputs,omitzero"`
	Outputs           []ComfyuiWorkflowOutput `json:"outputs,omitzero"`
	GPUExplicitModels []ComfyuiGPUModel       `json:"gpu_explicit_models,omitzero"`

	Extra Extra `json:",embed"`
}

// A ComfyuiWorkflowInput describes one field of the input that a workflow takes.
type ComfyuiWorkflowInput struct {
	ID                  string     `json:"id,omitzero"`
	ComfyuiWorkflowID   string     `json:"comfyui_workflow_id,omitzero"`
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
	ComfyuiNodeID       string     `json:"comfyui_node_id,omitzero"` // the node of the graph that takes or gives the value
	ComfyuiFieldName    string     `json:"comfyui_field_name,omitzero"`
	CreatedAt           *time.Time `json:"created_at,omitzero"`
	UpdatedAt           *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ComfyuiWorkflowOutput describes one field of the output that a workflow gives.
type ComfyuiWorkflowOutput struct {
	ID                string     `json:"id,omitzero"`
	ComfyuiWorkflowID string     `json:"comfyui_workflow_id,omitzero"`
	Name              string     `json:"name,omitzero"`
	DisplayName       string     `json:"display_name,omitzero"`
	Description       string     `json:"description,omitzero"`
	VariableTypeCode  string     `json:"variable_type_code,omitzero"`
	ValidatorCode     string     `json:"validator_code,omitzero"`
	ValidatorAttrs    JSON       `json:"validator_attrs,omitzero"`
	SortOrder         int        `json:"sort_order,omitzero"`
	ComfyuiNodeID     string     `json:"comfyui_node_id,omitzero"` // the node of the graph that takes or gives the value
	ComfyuiFieldName  string     `json:"comfyui_field_name,omitzero"`
	CreatedAt         *time.Time `json:"created_at,omitzero"`
	UpdatedAt         *time.Time `json:"updated_at,omitzero"`

	Extra Extra `json:",embed"`
}

// A ComfyuiGPUModel is a GPU that a workflow was pinned to.
type ComfyuiGPUModel struct {
	ID                string     `json:"id,omitzero"`
	ComfyuiWorkflowID string     `json:"comfyui_workflow_id,omitzero"`
	GPUModelCode      string     `json:"gpu_model_code,omitzero"`
	CreatedAt         *time.Time `json:"created_at,omitzero"`

	Extra Extra `json:",embed"`
}
