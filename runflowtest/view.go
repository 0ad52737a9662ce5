package runflowtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// A view says which members of an object a request asks for.
type view struct {
	fields []string // nil means all
	embed  []string
}

func parseView(r *http.Request, of *schema) (view, *problem) {
	v := view{fields: names(r, "fields"), embed: names(r, "embed")}
	for _, name := range v.fields {
		if of.byName[name] == nil {
			return v, badRequest(fmt.Sprintf("fields: no field %q", name))
		}
	}
	for _, name := range v.embed {
		if m := of.byName[name]; m == nil || !m.isPart {
			return v, badRequest(fmt.Sprintf("embed: no part %q", name))
		}
	}
	return v, nil
}

// names returns a comma-separated list of the query.
func names(r *http.Request, parameter string) []string {
	value := r.URL.Query().Get(parameter)
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}

func (v view) wants(m *member) bool {
	if m.isPart {
		return slices.Contains(v.embed, m.name)
	}
	return v.fields == nil || slices.Contains(v.fields, m.name)
}

// renderFor encodes an object for the response to r.
func (s *Server) renderFor(r *http.Request, of *row) (any, *problem) {
	v, bad := parseView(r, of.schema)
	if bad != nil {
		return nil, bad
	}
	return s.render(of, v)
}

// render encodes an object, with links that have not expired.
func (s *Server) render(r *row, v view) (json.RawMessage, *problem) {
	if r.err != nil {
		return nil, internalError(fmt.Sprintf("%s cannot be encoded as JSON: %v", r.id, r.err))
	}
	values := r.values()
	for _, name := range v.embed {
		if values[name] != nil {
			continue
		}
		part, bad := s.renderRelated(r, name)
		if bad != nil {
			return nil, bad
		}
		values = maps.Clone(values)
		values[name] = part
	}
	return s.sign(r.schema.object(values, v.wants)), nil
}

// renderRelated encodes the object, or the objects, that a part of r refers to. It
// returns nil if there is none.
func (s *Server) renderRelated(r *row, part string) (json.RawMessage, *problem) {
	if r.schema == s.webhooks.schema && part == string(runflow.WebhookEmbedDeliveries) {
		return s.renderDeliveries(r.id)
	}
	related := s.related(r, part)
	if related == nil {
		return nil, nil
	}
	return s.render(related, view{})
}

// related returns the object that a part of r refers to by its ID, or nil.
func (s *Server) related(r *row, part string) *row {
	switch part {
	case string(runflow.RunEmbedModel):
		if model := s.models.find(r.text("model_id")); model != nil {
			return &model.row
		}
	case string(runflow.RunEmbedComfyuiWorkflow):
		if workflow := s.workflows.find(r.text("comfyui_workflow_id")); workflow != nil {
			return &workflow.row
		}
	case string(runflow.RunLogEmbedRun):
		if run := s.runs.byID[r.text("run_id")]; run != nil {
			return &run.row
		}
	case "webhook":
		if webhook := s.webhooks.byID[r.text("webhook_id")]; webhook != nil {
			return &webhook.row
		}
	case "delivery":
		if delivery := s.webhookDeliveries.byID[r.text("delivery_id")]; delivery != nil {
			return &delivery.row
		}
	}
	return nil
}
