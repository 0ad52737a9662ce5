package endpoint_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

func TestEveryRowIsWhole(t *testing.T) {
	t.Parallel()
	operations := map[string]bool{}
	for id, ep := range endpoint.All() {
		assert.Equal(t, ep, endpoint.Of(endpoint.ID(id)))
		assert.False(t, operations[ep.Operation], "%s stands twice", ep.Operation)
		operations[ep.Operation] = true
		assert.Regexp(t, `^[A-Z]\w+\.[A-Z]\w+$`, ep.Operation)
		assert.True(t, strings.HasPrefix(ep.Route, "/v1/"), ep.Route)
		assert.NotEmpty(t, ep.Page, ep.Operation)
	}
}

// A class that is too bold sends twice what must be sent once.
func TestOnlyWhatIsSafeIsIdempotent(t *testing.T) {
	t.Parallel()
	for _, ep := range endpoint.All() {
		switch ep.Method {
		case "GET":
			assert.Equal(t, endpoint.Idempotent, ep.Retry, ep.Operation)
		case "PATCH":
			assert.Contains(t, []string{"Runs.SetFeedback", "Runs.ClearFeedback"}, ep.Operation)
		case "POST":
			assert.Equal(t, endpoint.Guarded, ep.Retry, ep.Operation)
		default:
			assert.Fail(t, "unknown method", ep.Operation)
		}
	}
}

func TestEachClassIsDocumentedInItsOwnWords(t *testing.T) {
	t.Parallel()
	docs := map[string]bool{}
	for _, retry := range []endpoint.Retry{endpoint.Never, endpoint.Idempotent, endpoint.Guarded} {
		docs[retry.Doc()] = true
	}
	assert.Len(t, docs, 3)
}
