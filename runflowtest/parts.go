package runflowtest

import "net/http"

// A partsOf returns the parts of the parent that a request names, or of all parents.
type partsOf func(*http.Request, caller) (source, *problem)

func (s *Server) listParts(of partsOf) handler {
	return func(r *http.Request, c caller) (any, *problem) {
		from, bad := of(r, c)
		if bad != nil {
			return nil, bad
		}
		return s.list(r, c, from)
	}
}

// getPart returns the part that a request names.
func (s *Server) getPart(of partsOf, kind string) handler {
	return func(r *http.Request, c caller) (any, *problem) {
		from, bad := of(r, c)
		if bad != nil {
			return nil, bad
		}
		for _, e := range from.sorted(newestFirst()) {
			if e.id == r.PathValue("id") && e.isVisible(c) && from.filter.selects(e.row) {
				return s.renderFor(r, e.row)
			}
		}
		return nil, notFound(kind)
	}
}
