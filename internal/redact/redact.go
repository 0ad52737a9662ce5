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
// long, in which none of the secrets is left, nor a query of a URL, which may
// sign it.
func Line(text string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, removed)
		}
	}
	text = withoutQueries(text)
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

func withoutQueries(text string) string {
	var kept strings.Builder
	for {
		before, after, found := strings.Cut(text, "://")
		if !found {
			kept.WriteString(text)
			return kept.String()
		}
		end := strings.IndexFunc(after, endsURL)
		if end < 0 {
			end = len(after)
		}
		location, _, signed := strings.Cut(after[:end], "?")
		kept.WriteString(before + "://" + location)
		if signed {
			kept.WriteString("?" + removed)
		}
		text = after[end:]
	}
}

func endsURL(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'`<>", r) }
