package runflowtest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go"
)

// A body is the JSON object in the body of a request.
type body map[string]json.RawMessage

func readBody(r *http.Request) (body, *problem) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return nil, newProblem(http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
	}
	var b body
	data, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(data, &b) != nil || b == nil {
		return nil, badRequest("the body is not a JSON object")
	}
	return b, nil
}

// object reads a member that is an object.
func (b body) object(name string, isRequired bool, into *runflow.JSON) []fieldError {
	value := b[name]
	switch {
	case bytes.HasPrefix(value, []byte("{")):
		*into = runflow.JSON(value)
	case isRequired && value == nil:
		return []fieldError{badField("body", name, "Field required", "missing")}
	case isRequired || value != nil && string(value) != "null":
		return []fieldError{badField("body", name, "Input should be a valid dictionary", "dict_type")}
	}
	return nil
}

// text reads a member that is a string or null.
func (b body) text(name string, into *string) []fieldError {
	if value, given := b[name]; given && json.Unmarshal(value, into) != nil {
		return []fieldError{badField("body", name, "Input should be a valid string", "string_type")}
	}
	return nil
}

// requiredText reads a member that is a string and not empty.
func (b body) requiredText(name string, into *string) []fieldError {
	errs := b.text(name, into)
	if errs == nil && *into == "" {
		errs = []fieldError{badField("body", name, "Field required", "missing")}
	}
	return errs
}

// boolean reads a member that is a boolean or null.
func (b body) boolean(name string, into *bool) []fieldError {
	if value, given := b[name]; given && json.Unmarshal(value, into) != nil {
		return []fieldError{badField("body", name, "Input should be a valid boolean", "bool_type")}
	}
	return nil
}

// shortText is like text, for a string of at most limit characters.
func (b body) shortText(name string, limit int, into *string) []fieldError {
	errs := b.text(name, into)
	if utf8.RuneCountInString(*into) > limit {
		errs = append(errs, badField("body", name, "String is too long", "string_too_long"))
	}
	return errs
}

// requiredShortText is like shortText, for a string that is not empty.
func (b body) requiredShortText(name string, limit int, into *string) []fieldError {
	if errs := b.requiredText(name, into); errs != nil {
		return errs
	}
	return b.shortText(name, limit, into)
}

// url is like text, for an absolute http or https URL.
func (b body) url(name string, into *string) []fieldError {
	errs := b.text(name, into)
	if errs != nil || string(b[name]) == "null" || b[name] == nil {
		return errs
	}
	u, err := url.Parse(*into)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return []fieldError{badField("body", name, "Input should be a valid URL", "url_parsing")}
	}
	return nil
}
