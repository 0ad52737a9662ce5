// Package redact makes untrusted text safe for an error or a log record: it returns
// one line of printable characters, of limited length, without secrets.
package redact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Limit is the maximum length of a line that [Line] returns, in bytes. It
	// includes the mark of a truncated line.
	Limit = 300

	// Window is the number of bytes of a text that are used. It limits the work
	// that a server can cause with a long text.
	Window = 1 << 10

	// shortest is the minimum length of a secret. A shorter text is likely to be a
	// word of an ordinary message.
	shortest = 8

	// recognized is the number of bytes that are enough to recognize a secret.
	recognized = 64

	cut     = "…"
	removed = "[redacted]"
)

// A Redactor removes a fixed set of secrets. It is created once for all texts of an
// error. A nil Redactor has no secrets.
type Redactor struct{ secrets []string }

// New returns a Redactor of the secrets. It ignores secrets that are so short that
// they could be ordinary words. It also recognizes a secret whose white space has
// changed.
func New(secrets ...string) *Redactor {
	var kept []string
	for _, secret := range secrets {
		kept = append(kept, secret, oneLine(secret[:min(len(secret), Window)]))
	}
	kept = slices.DeleteFunc(kept, func(s string) bool { return len(s) < shortest })
	slices.SortFunc(kept, func(a, b string) int { // the longest first: one may contain another
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
	return &Redactor{slices.Compact(kept)}
}

// Line returns text without its URLs' queries, JSON objects, line breaks and
// control characters.
func Line(text string) string { return (*Redactor)(nil).Line(text) }

// Line is like the function [Line] and also removes the secrets.
func (r *Redactor) Line(text string) string {
	if len(text) > Window {
		text = text[:Window]
	}
	text = strings.ReplaceAll(text, `\/`, "/") // JSON may escape slashes
	text = withoutQueries(withoutObjects(r.withoutSecrets(text)))
	return shorten(r.withoutSecrets(oneLine(text)))
}

func (r *Redactor) withoutSecrets(text string) string {
	if r == nil {
		return text
	}
	for _, secret := range r.secrets {
		text = remove(text, secret)
	}
	return removeCutOff(text, r.secrets)
}

// remove replaces each occurrence of secret in text.
func remove(text, secret string) string {
	beginning := secret[:min(len(secret), recognized)]
	var kept strings.Builder
	for {
		at := strings.Index(text, beginning)
		if at < 0 {
			kept.WriteString(text)
			return kept.String()
		}
		kept.WriteString(text[:at] + removed)
		text = text[at+commonPrefix(text[at:], secret):]
	}
}

// removeCutOff replaces the end of text if it is the beginning of a secret.
func removeCutOff(text string, secrets []string) string {
	for at := range max(0, len(text)-shortest+1) {
		for _, secret := range secrets {
			if strings.HasPrefix(secret, text[at:]) {
				return text[:at] + removed
			}
		}
	}
	return text
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

var object = regexp.MustCompile(`(?s)\{\s*["'].*`)

// withoutObjects removes a JSON object, which may be a copy of the request, and
// everything after it: the object may be truncated, so its end may be missing.
func withoutObjects(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return object.ReplaceAllString(text, removed)
}

var (
	// A URL ends at white space only: quotes may be part of its query.
	userInfo = regexp.MustCompile(`(://)[^\s/?#]*@`)
	urlQuery = regexp.MustCompile(`(://[^\s?#]*)([?#])\S*`)
	query    = regexp.MustCompile(`(?:[?&;]|%3[Ff]|%26)\S*(?:=|%3[Dd])\S*`)
)

// withoutQueries removes the queries, the fragments and the user info of URLs, and
// any other text that looks like a query.
func withoutQueries(text string) string {
	if strings.Contains(text, "://") {
		text = userInfo.ReplaceAllString(text, "${1}"+removed+"@")
		text = urlQuery.ReplaceAllString(text, "${1}${2}"+removed)
	}
	if strings.ContainsAny(text, "=%") {
		text = query.ReplaceAllString(text, "?"+removed)
	}
	return text
}

// oneLine returns text without control characters and with single spaces.
func oneLine(text string) string {
	var line strings.Builder
	gap := false
	for _, r := range text {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			gap = line.Len() > 0
			continue
		}
		if gap {
			line.WriteByte(' ')
			gap = false
		}
		line.WriteRune(r)
	}
	return line.String()
}

// shorten truncates line to [Limit] bytes.
func shorten(line string) string {
	if len(line) <= Limit {
		return line
	}
	end := Limit - utf8.UTFMax // for the mark
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + cut
}
