package runflowtest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

func TestServer_ServesAllEndpoints(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for _, e := range endpoint.All() {
		if !strings.HasPrefix(e.Route, "/v1/") {
			continue // it is on the storage host
		}
		status, body := send(t, server, e.Method, e.Route, "{}")
		assert.NotEqual(t, 405, status, "%s %s", e.Method, e.Route)
		assert.NotContains(t, body, "does not serve", "%s %s", e.Method, e.Route)
	}
}
