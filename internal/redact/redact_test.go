package redact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/redact"
)

func TestLineIsOnePrintableLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"two\nlines\r\n\tand a tab": "two lines and a tab",
		"  around  ":                "around",
		"a\x00b\x1b[31mc":           "a b [31mc",
		"non-breaking\u00a0space":   "non-breaking space",
		"right\u202eto left":        "right to left",
		"\xff\xfe":                  "\ufffd\ufffd",
		"größe 世界":                  "größe 世界",
	} {
		assert.Equal(t, want, redact.Line(text), "%q", text)
	}
}

func TestQueriesOfURLsAreRemoved(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"get https://a/b?X-Sig=canary&x=1: refused":   "get https://a/b?[redacted] refused",
		"https://a/?canary":                           "https://a/?[redacted]",
		`{"url":"https://a/b?canary","x":"http://b"}`: `{"url":"https://a/b?[redacted]","x":"http://b"}`,
		"<a href='s3://b/c?canary'> https://d?canary": "<a href='s3://b/c?[redacted]> https://d?[redacted]",
		"what? https://a/b, and why?":                 "what? https://a/b, and why?",
		"https://a/b?x='c'&sig=canary `d`?canary":     "https://a/b?[redacted] `d`?canary",
		`{"url":"https:\/\/a\/b?canary"}`:             `{"url":"https://a/b?[redacted]"}`,
		"`http://a` and 'http://b' http://":           "`http://a` and 'http://b' http://",
		"://?canary":                                  "://?[redacted]",
	} {
		assert.Equal(t, want, redact.Line(text))
	}
}

func TestLineIsShort(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("a", 301), strings.Repeat("世", 200), strings.Repeat("a b ", 1000)} {
		line := redact.Line(text)
		assert.LessOrEqual(t, len(line), redact.Limit)
		assert.Greater(t, len(line), redact.Limit-10)
		assert.True(t, strings.HasSuffix(line, "…"))
		assert.True(t, utf8.ValidString(line))
	}
	assert.Equal(t, strings.Repeat("a", 290), redact.Line(strings.Repeat("a", 290)))
}

func TestSecretsAreRemovedBeforeTheLineIsCut(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "token [redacted] and [redacted]", redact.Line("token canary-1 and canary-1", "canary-1"))
	assert.NotContains(t, redact.Line(strings.Repeat("x", 290)+"canary-secret", "canary-secret"), "canary")
	assert.Equal(t, "true", redact.Line("true", "true", ""), "a short word is no secret")
}
