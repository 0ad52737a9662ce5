package endpoint

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// Path fills the placeholders of the route with segments, each escaped as one
// path segment. It is the caller's to check them with [CheckSegment] first.
func (e Endpoint) Path(segments ...string) string {
	var path strings.Builder
	rest := e.Route
	for _, segment := range segments {
		before, after, _ := strings.Cut(rest, "{")
		_, rest, _ = strings.Cut(after, "}")
		path.WriteString(before)
		path.WriteString(url.PathEscape(segment))
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
