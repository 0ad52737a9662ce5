package endpoint

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// Path fills the placeholders of the route with values. A value is escaped as one
// path segment. A value with a slash, "owner/slug", fills two placeholders; its
// slug may have several segments. The caller checks the values first.
func (e *Endpoint) Path(values ...string) string {
	var path strings.Builder
	path.Grow(2 * len(e.Route))
	rest := e.Route
	for _, value := range values {
		before, after, _ := strings.Cut(rest, "{")
		_, rest, _ = strings.Cut(after, "}")
		if strings.Contains(value, "/") {
			_, rest, _ = strings.Cut(rest, "}")
		}
		path.WriteString(before)
		path.WriteString(strings.ReplaceAll(url.PathEscape(value), "%2F", "/"))
	}
	path.WriteString(rest)
	return path.String()
}

// CheckSegment refuses a value that cannot be one segment of a path.
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

// CheckOwnerSlug refuses a value that does not have the form "owner/slug", whose
// slug may have several segments.
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

// CheckShortOwnerSlug is like CheckOwnerSlug for a slug of one segment.
func CheckShortOwnerSlug(id string) error {
	if err := CheckOwnerSlug(id); err != nil {
		return err
	}
	_, slug, _ := strings.Cut(id, "/")
	return CheckSegment(slug)
}
