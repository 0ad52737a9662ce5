package redact_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/runflow-io/runflow-go/internal/redact"
)

func TestLine_OnePrintableLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"two\nlines\r\n\tand a tab": "two lines and a tab",
		"  around  ":                "around",
		"a\x00b\x1b[31mc":           "a b [31mc",
		"bell\aand\u0085next\u2028": "bell and next",
		"non-breaking\u00a0space":   "non-breaking space",
		"right\u202eto left":        "right to left",
		"\xff\xfe":                  "\ufffd\ufffd",
		"größe 世界":                  "größe 世界",
	} {
		assert.Equal(t, want, redact.Line(text), "%q", text)
	}
}

func TestLine_Queries(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"get https://a/b?X-Sig=canary&x=1: refused":     "get https://a/b?[redacted] refused",
		"https://a/?canary":                             "https://a/?[redacted]",
		"https://a/#canary":                             "https://a/#[redacted]",
		"<a href='s3://b/c?canary'> https://d?canary":   "<a href='s3://b/c?[redacted] https://d?[redacted]",
		"what? https://a/b, and why?":                   "what? https://a/b, and why?",
		"https://a/b?x='c'&sig=canary `d`":              "https://a/b?[redacted] `d`",
		`https://a/b?x="c"&sig=canary "d"`:              `https://a/b?[redacted] "d"`,
		"https://a/it's?sig=canary":                     "https://a/it's?[redacted]",
		"https://a/b c?sig=canary":                      "https://a/b c?[redacted]",
		"https://a/b?x=a b&sig=canary":                  "https://a/b?[redacted] b?[redacted]",
		`"https:\/\/a\/b?canary"`:                       `"https://a/b?[redacted]`,
		"`http://a` and 'http://b' http://":             "`http://a` and 'http://b' http://",
		"://?canary":                                    "://?[redacted]",
		"https://user:canary@a/b":                       "https://[redacted]@a/b",
		"https://user:can@ary@a/b":                      "https://[redacted]@a/b",
		"https://a/b@c":                                 "https://a/b@c",
		"/v1/runs?sig=canary":                           "/v1/runs?[redacted]",
		"GET /v1/runs?a=1&sig=canary HTTP/1.1":          "GET /v1/runs?[redacted] HTTP/1.1",
		"https%3A%2F%2Fa%2Fb%3Fsig%3Dcanary%26x%3D1 no": "https%3A%2F%2Fa%2Fb?[redacted] no",
		"want x=1, got y?":                              "want x=1, got y?",
		"a; b = c":                                      "a; b = c",
	} {
		assert.Equal(t, want, redact.Line(text))
	}
}

func TestLine_Objects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`invalid: {"prompt":"canary"}`:                 "invalid: [redacted]",
		`invalid: { "a": {"b":1}, "c": "canary"`:       "invalid: [redacted]",
		"invalid: {\n\t\"a\": 1,\n\t\"b\": \"canary\"": "invalid: [redacted]",
		`[{"a":1},{"prompt":"canary"}]`:                "[[redacted]",
		`{'prompt': 'canary'}`:                         "[redacted]",
		"the route /v1/runs/{run_id} is unknown":       "the route /v1/runs/{run_id} is unknown",
		"{}":                                           "{}",
	} {
		assert.Equal(t, want, redact.Line(text))
	}
}

func TestLine_Limit(t *testing.T) {
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

func TestRedactor_Line_Secrets(t *testing.T) {
	t.Parallel()
	r := redact.New("canary-1", "canary-1", "short", "", "canary-token-0123456789", strings.Repeat("canary-long ", 100))
	for text, want := range map[string]string{
		"token canary-1 and canary-1": "token [redacted] and [redacted]",
		"canary-token-0123456789":     "[redacted]",
		"xcanary-token-0123456789x":   "x[redacted]x",
		"cut off: canary-token-0":     "cut off: [redacted]",
		"not it: canary-token-0 end":  "not it: canary-token-0 end",
		"short":                       "short",
		"ccanary-1":                   "c[redacted]",
		"long: " + strings.Repeat("canary-long ", 6)[:70]:    "long: [redacted]",
		strings.Repeat("x", 280) + "canary-token-0123456789": strings.Repeat("x", 280) + "[redacted]",
	} {
		assert.Equal(t, want, r.Line(text))
	}
	query := redact.New("signature=canary-signature", "canary-signature")
	assert.Equal(t, "[redacted]", query.Line("canary-signature"), "it ends like another secret begins")
	assert.Equal(t, "[redacted]", query.Line("canary-signatur"))
	assert.NotContains(t, r.Line(strings.Repeat("x", redact.Window-12)+"canary-token-0123456789"), "canary")
	for _, text := range []string{"canary\n\tprompt", "canary prompt", "canary  prompt\n", "canary\r\nprompt"} {
		assert.Equal(t, "a [redacted]", redact.New("canary\n\tprompt").Line("a "+text), "the white space of a secret may have changed")
	}
}

func TestRedactor_Line_Nil(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "text", (*redact.Redactor)(nil).Line("text"))
}

// The work must not grow with the length of the text.
//
//nolint:paralleltest // it counts allocations
func TestRedactor_Line_LongText(t *testing.T) {
	r := redact.New("canary-0", "canary-token-0123456789")
	short, long := strings.Repeat("canary-0 ? = {'a' ", redact.Window/18), strings.Repeat("canary-0 ? = {'a' ", 100_000)
	allowed := testing.AllocsPerRun(10, func() { r.Line(short) }) + 10
	assert.LessOrEqual(t, testing.AllocsPerRun(10, func() { r.Line(long) }), allowed)
}

func FuzzLine(f *testing.F) {
	f.Add("get https://a/b?sig=canary-secret-1: refused", "canary-secret-1")
	f.Add(`{"a":"canary-secret-1"}`, "canary-secret-1")
	f.Add("\x1b[31m\u202e", "12345678")
	f.Fuzz(func(t *testing.T, text, secret string) {
		line := redact.New(secret).Line(text)
		assert.LessOrEqual(t, len(line), redact.Limit)
		assert.True(t, utf8.ValidString(line))
		assert.False(t, strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", line)
		if len(secret) >= 8 && len(secret) < 64 && !strings.ContainsAny(secret, "[]") && secret == redact.Line(secret) {
			assert.NotContains(t, line, secret)
		}
	})
}
