package endpoint

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// Path fills the placeholders of the route with values, each escaped as one path
// segment, or as several where it holds slashes. It is the caller's to check
// them first.
func (e Endpoint) Path(values ...string) string {
	var path strings.Builder
	path.Grow(2 * len(e.Route))
	rest := e.Route
	for _, value := range values {
		before, after, _ := strings.Cut(rest, "{")
		_, rest, _ = strings.Cut(after, "}")
		path.WriteString(before)
		path.WriteString(strings.ReplaceAll(url.PathEscape(value), "%2F", "/"))
	}
	path.WriteString(rest)
	return path.String()
}

// CheckSegment refuses what could not be one segment of a path, whatever
// stands between the SDK and the API.
func CheckSegment(segment string) error {
	switch {
	case segment == "":
		return errors.New("must not be empty")
	case segment == "." || segment == "..":
		return errors.New("must not be a relative path")
	case strings.Contains(segment, "/"):
		return errors.New("must not contain a slash")
	case strings.ContainsFunc(segment, unicode.IsControl):
		return errors.New("must not contain control characters")
	}
	return nil
}

// CheckOwnerSlug refuses what is not of the form "owner/slug", where the slug
// may be of several segments.
func CheckOwnerSlug(id string) error {
	if !strings.Contains(id, "/") {
		return errors.New(`must be of the form "owner/slug"`)
	}
	for segment := range strings.SplitSeq(id, "/") {
		if err := CheckSegment(segment); err != nil {
			return fmt.Errorf("each segment %w", err)
		}
	}
	return nil
}
