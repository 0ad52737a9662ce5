package endpoint_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

func TestEndpoint_Path_Escaped(t *testing.T) {
	t.Parallel()
	ep := &endpoint.Endpoint{Route: "/v1/models/{owner}/{slug}/runs"}
	for want, value := range map[string]string{
		"/v1/models/a/b/runs":                     "a/b",
		"/v1/models/a/b/2.0/fast/runs":            "a/b/2.0/fast",
		"/v1/models/a%20b/c%3Fd%23/%25/runs":      "a b/c?d#/%",
		"/v1/models/%7Bslug%7D/b/runs":            "{slug}/b",
		"/v1/models/a/b%252Fc/runs":               "a/b%2Fc",
		"/v1/models/%E4%B8%96/%C3%BC%2B&=:@/runs": "世/ü+&=:@",
	} {
		assert.Equal(t, strings.ReplaceAll(want, "%2B", "+"), ep.Path(value))
	}
	assert.Equal(t, "/v1/runs", (&endpoint.Endpoint{Route: "/v1/runs"}).Path())
	assert.Equal(t, "/v1/runs/a%20b/logs/%7B", (&endpoint.Endpoint{Route: "/v1/runs/{run_id}/logs/{id}"}).Path("a b", "{"))
}

func TestCheckSegment(t *testing.T) {
	t.Parallel()
	for segment, reason := range map[string]string{
		"":     "must not be empty",
		".":    "relative",
		"..":   "relative",
		"a/b":  "slash",
		"/":    "slash",
		"a\nb": "control",
		"\x7f": "control",
	} {
		require.ErrorContains(t, endpoint.CheckSegment(segment), reason, "%q", segment)
	}
	for _, segment := range []string{"a", "...", "01J0", "a b", "a.b", "世", "%2F", "-"} {
		require.NoError(t, endpoint.CheckSegment(segment), "%q", segment)
	}
}

func TestCheckOwnerSlug(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a", "/", "a/", "/a", "a//b", "a/../b", "./a", "a/.", "a/b\n"} {
		require.Error(t, endpoint.CheckOwnerSlug(id), "%q", id)
	}
	for _, id := range []string{"a/b", "bytedance/seedance/2.0/fast/text-to-video", "a b/c d"} {
		require.NoError(t, endpoint.CheckOwnerSlug(id), "%q", id)
	}
}

func TestCheckShortOwnerSlug(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a", "a/", "a/b/c", "a/.."} {
		require.Error(t, endpoint.CheckShortOwnerSlug(id), "%q", id)
	}
	require.NoError(t, endpoint.CheckShortOwnerSlug("a/b"))
}

func FuzzCheckSegment(f *testing.F) {
	f.Add("a b")
	f.Add("%2e%2e")
	f.Add("a;b,c?d#e")
	ep := &endpoint.Endpoint{Route: "/v1/runs/{run_id}/logs"}
	f.Fuzz(func(t *testing.T, segment string) {
		if endpoint.CheckSegment(segment) != nil {
			return
		}
		u, err := url.Parse("https://api.runflow.io" + ep.Path(segment) + "?q")
		require.NoError(t, err)
		parts := strings.Split(u.EscapedPath(), "/")
		require.Len(t, parts, 5)
		got, err := url.PathUnescape(parts[3])
		require.NoError(t, err)
		assert.Equal(t, segment, got)
		assert.Equal(t, "q", u.RawQuery)
	})
}

func FuzzCheckOwnerSlug(f *testing.F) {
	f.Add("a/b")
	f.Add("bytedance/seedance/2.0/fast")
	f.Add("a/%2e%2e/b c;d?e#f")
	ep := &endpoint.Endpoint{Route: "/v1/models/{owner}/{slug}/runs"}
	f.Fuzz(func(t *testing.T, id string) {
		if endpoint.CheckOwnerSlug(id) != nil {
			return
		}
		u, err := url.Parse("https://api.runflow.io" + ep.Path(id) + "?q")
		require.NoError(t, err)
		segments := strings.Split(u.EscapedPath(), "/")
		for i, segment := range segments {
			segments[i], err = url.PathUnescape(segment)
			require.NoError(t, err)
			assert.NotContains(t, []string{".", ".."}, segments[i])
		}
		assert.Equal(t, "/v1/models/"+id+"/runs", strings.Join(segments, "/"))
		assert.Equal(t, "q", u.RawQuery)
	})
}
