package runflowtest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// AddModel adds a model that every organization can run, or replaces the one with
// the same name, "owner/slug". It returns the model as it was added. If the model
// has no ID, AddModel gives it one. If it has no Slug, its Slug is the name.
// Examples and pricing without an ID also get one.
func (s *Server) AddModel(name string, model runflow.Model) runflow.Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	if model.ID == "" {
		model.ID = s.newID()
	}
	if model.Slug == "" {
		model.Slug = name
	}
	model.Examples, model.Pricing = slices.Clone(model.Examples), slices.Clone(model.Pricing)
	for i := range model.Examples {
		s.identify(&model.Examples[i].ID, &model.Examples[i].ModelID, model.ID)
	}
	for i := range model.Pricing {
		s.identify(&model.Pricing[i].ID, &model.Pricing[i].ModelID, model.ID)
	}
	s.models.put(name, "", model)
	return model
}

// modelEndpoint returns the endpoint of a path below /v1/models/, or nil. The slug
// of a model may contain slashes, so [http.ServeMux] cannot distinguish these
// paths.
func (s *Server) modelEndpoint(r *http.Request) endpoint {
	path := r.PathValue("path")
	switch parts := strings.Split(path, "/"); {
	case len(parts) < 2:
		return nil
	case len(parts) > 2 && parts[len(parts)-1] == "runs":
		r.SetPathValue("model", strings.TrimSuffix(path, "/runs"))
		return endpoint{"POST": s.createModelRun}
	case len(parts) > 2 && parts[len(parts)-1] == "batches":
		r.SetPathValue("model", strings.TrimSuffix(path, "/batches"))
		return endpoint{"POST": s.createBatch}
	case len(parts) == 2 && parts[1] == "pricing":
		r.SetPathValue("model_id", parts[0])
		return endpoint{"GET": s.listParts(s.partsOfModels(runflow.ModelEmbedPricing))}
	case len(parts) == 3 && parts[1] == "examples":
		r.SetPathValue("model_id", parts[0])
		r.SetPathValue("id", parts[2])
		return endpoint{"GET": s.getPart(s.partsOfModels(runflow.ModelEmbedExamples), "example")}
	default:
		r.SetPathValue("model", path)
		return endpoint{"GET": s.getModel}
	}
}

func (s *Server) listModels(r *http.Request, c caller) (any, *problem) {
	return s.list(r, c, source{schema: s.models.schema, sorted: func(by order) []entry { return s.models.sorted("", by) }})
}

func (s *Server) getModel(r *http.Request, _ caller) (any, *problem) {
	model, ok := s.models.byID[r.PathValue("model")]
	if !ok {
		return nil, notFound("model")
	}
	return s.renderFor(r, &model.row)
}

// findModel returns the model of a run or a batch.
func (s *Server) findModel(name string) (runflow.Model, *problem) {
	model, ok := s.models.get(name)
	if !ok {
		return model, &problem{status: http.StatusNotFound, Code: "MODEL_UNAVAILABLE", Message: "no such model"}
	}
	return model, nil
}

func (s *Server) createModelRun(r *http.Request, c caller) (any, *problem) {
	name := r.PathValue("model")
	model, bad := s.findModel(name)
	if bad != nil {
		return nil, bad
	}
	run, bad := s.create(r, c, name, runflow.Run{ModelID: model.ID, TargetType: runflow.TargetTypeModel})
	if bad != nil {
		return nil, bad
	}
	object, bad := s.render(run, view{})
	return created{object}, bad
}

func (s *Server) partsOfModels(embed runflow.ModelEmbed) partsOf {
	part := string(embed)
	return func(r *http.Request, _ caller) (source, *problem) {
		from, id := source{schema: s.models.partSchema(part)}, r.PathValue("model_id")
		if id == runflow.AnyID {
			from.sorted = func(by order) []entry { return s.models.sorted(part, by) }
			return from, nil
		}
		model := s.models.find(id)
		if model == nil {
			return from, notFound("model")
		}
		from.sorted = func(by order) []entry { return by.sorted(model.parts(part)) }
		return from, nil
	}
}
