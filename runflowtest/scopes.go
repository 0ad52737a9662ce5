package runflowtest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// resources are the resources that have scopes, by the paths of their endpoints.
var resources = []struct {
	path *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`^/v1/(runs/[^/]+/)?evaluations\b`), "evaluations"},
	{regexp.MustCompile(`^/v1/(runs|batches)\b`), "runs"},
	{regexp.MustCompile(`^/v1/models/[^/]+/.+/(runs|batches)$`), "runs"},
	{regexp.MustCompile(`^/v1/comfyui-workflows/[^/]+/[^/]+/runs$`), "runs"},
	{regexp.MustCompile(`^/v1/comfyui-workflows\b`), "comfyui-workflows"},
	{regexp.MustCompile(`^/v1/(asset-uploads|assets)\b`), "assets"},
	{regexp.MustCompile(`^/v1/billing/balance$`), "credit_balance"},
}

// redelivery matches the path of an endpoint that delivers a callback again.
var redelivery = regexp.MustCompile(`/callback-redeliveries$`)

// neededScope returns the scope that a request needs, as far as it is documented, or
// "".
func neededScope(r *http.Request) string {
	verb := map[string]string{http.MethodGet: "read", http.MethodHead: "read", http.MethodPost: "create", http.MethodPatch: "edit", http.MethodDelete: "delete"}[r.Method]
	switch {
	case redelivery.MatchString(r.URL.Path):
		verb = "execute"
	case verb == "create" && strings.HasSuffix(r.URL.Path, "/inputs"): // a part of a workflow
		verb = "edit"
	}
	for _, resource := range resources {
		if !resource.path.MatchString(r.URL.Path) {
			continue
		}
		switch scope := resource.name + ":" + verb; scope {
		case "runs:edit", "credit_balance:edit": // not documented
			return ""
		default:
			return scope
		}
	}
	return ""
}

// checkScope refuses a request that needs a scope which the caller's API key has not.
func (c caller) checkScope(r *http.Request) *problem {
	scope := neededScope(r)
	if scope == "" || c.scopes == nil || slices.Contains(c.scopes, scope) {
		return nil
	}
	return newProblem(http.StatusForbidden, "this API key lacks the scope "+scope)
}
