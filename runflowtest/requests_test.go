package runflowtest

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServer_Requests_DefaultLimit(t *testing.T) {
	t.Parallel()
	s := New(t)
	for i := range 25_000 {
		s.record(Request{Path: strconv.Itoa(i)})
	}
	requests := s.Requests()
	require.Len(t, requests, 10_000)
	assert.Equal(t, "15000", requests[0].Path)
	assert.Equal(t, "24999", requests[9_999].Path)
	assert.Less(t, cap(s.requests), 20_000, "memory is bounded")
}
