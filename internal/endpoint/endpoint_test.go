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
		key := e.Operation + " " + e.Route
		assert.False(t, operations[key], "%s is declared twice", key)
		operations[key] = true
		assert.Regexp(t, `^[A-Z]\w+\.[A-Z]\w+$`, e.Operation)
		assert.True(t, strings.HasPrefix(e.Route, "/v1/"), e.Route)
		assert.Equal(t, strings.Count(e.Route, "{"), strings.Count(e.Route, "}"), e.Route)
		assert.NotEmpty(t, e.Page, e.Operation)
	}
	assert.NotEmpty(t, operations)
	for _, notOfTheAPI := range []*endpoint.Endpoint{endpoint.RunsDownload, endpoint.AssetsSend} {
		assert.NotContains(t, endpoint.All(), notOfTheAPI)
	}
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
	classes := map[string]endpoint.Retry{
		http.MethodGet: endpoint.Idempotent, http.MethodPatch: endpoint.Idempotent, http.MethodDelete: endpoint.Idempotent, http.MethodPost: endpoint.AtMostOnce,
	}
	exceptions := map[*endpoint.Endpoint]endpoint.Retry{
		endpoint.AssetsCreateUpload:            endpoint.Idempotent, // costs nothing, and creates no asset
		endpoint.AssetsConfirmUpload:           endpoint.Idempotent, // creates one asset, however often it is sent
		endpoint.ModelsCreateBatch:             endpoint.Keyed,
		endpoint.EvaluationsCreate:             endpoint.Keyed,
		endpoint.BillingSetLowBalanceThreshold: endpoint.AtMostOnce, // a retry would conflict with its own success
	}
	for _, e := range endpoint.All() {
		want, ok := exceptions[e]
		if !ok {
			want = classes[e.Method]
		}
		assert.Equal(t, want, e.Retry, "%s %s", e.Operation, e.Route)
	}
}

func TestRetry_String(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "at-most-once", endpoint.AtMostOnce.String())
	assert.Equal(t, "idempotent", endpoint.Idempotent.String())
	assert.Equal(t, "keyed", endpoint.Keyed.String())
	assert.Equal(t, endpoint.AtMostOnce, endpoint.Endpoint{}.Retry, "the zero value is the safe one")
}
