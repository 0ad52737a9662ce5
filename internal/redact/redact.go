// Package redact makes foreign text fit to be shown in an error or a log line.
package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Limit is the longest line that [Line] returns, in bytes, mark included.
	Limit = 300

	// shortest is the length from which a text is a secret rather than a word
	// that an honest message may hold.
	shortest = 8

	mark    = "…"
	removed = "[redacted]"
)

// Line returns text as one line of printable characters, at most [Limit] bytes
// long, in which none of the secrets is left.
func Line(text string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, removed)
		}
	}
	var line strings.Builder
	gap := false
	for _, r := range text {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			gap = line.Len() > 0
			continue
		}
		if line.Len()+len(" ")+utf8.RuneLen(r) > Limit-len(mark) {
			line.WriteString(mark)
			break
		}
		if gap {
			line.WriteByte(' ')
			gap = false
		}
		line.WriteRune(r)
	}
	return line.String()
}
