package endpoint_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

func TestAll_Complete(t *testing.T) {
	t.Parallel()
	operations := map[string]bool{}
	for _, e := range endpoint.All() {
		assert.False(t, operations[e.Operation], "%s is declared twice", e.Operation)
		operations[e.Operation] = true
		assert.Regexp(t, `^[A-Z]\w+\.[A-Z]\w+$`, e.Operation)
		assert.True(t, strings.HasPrefix(e.Route, "/v1/"), e.Route)
		assert.Equal(t, strings.Count(e.Route, "{"), strings.Count(e.Route, "}"), e.Route)
		assert.NotEmpty(t, e.Page, e.Operation)
	}
	assert.NotEmpty(t, operations)
	assert.False(t, operations[endpoint.RunsDownload.Operation], "it is not an endpoint of the API")
}

func TestAll_Copy(t *testing.T) {
	t.Parallel()
	all := endpoint.All()
	all[0] = nil
	assert.NotNil(t, endpoint.All()[0])
}

// If an endpoint were declared idempotent by mistake, a retry could charge the user
// twice.
func TestAll_RetryClass(t *testing.T) {
	t.Parallel()
	for _, e := range endpoint.All() {
		switch e.Method {
		case http.MethodGet:
			assert.Equal(t, endpoint.Idempotent, e.Retry, e.Operation)
		case http.MethodPatch:
			assert.Contains(t, []string{"Runs.SetFeedback", "Runs.ClearFeedback"}, e.Operation)
		case http.MethodPost:
			assert.Equal(t, endpoint.AtMostOnce, e.Retry, e.Operation)
		default:
			assert.Fail(t, "unknown method", e.Operation)
		}
	}
}

func TestRetry_String(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "at-most-once", endpoint.AtMostOnce.String())
	assert.Equal(t, "idempotent", endpoint.Idempotent.String())
	assert.Equal(t, endpoint.AtMostOnce, endpoint.Endpoint{}.Retry, "the zero value is the safe one")
}
