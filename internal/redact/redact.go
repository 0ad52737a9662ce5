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
	text = withoutQueries(strings.ReplaceAll(text, `\/`, "/")) // as JSON may write it
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
			return kept.String() + text
		}
		shown := strings.IndexFunc(after, endsLocation)
		if shown < 0 {
			return kept.String() + text
		}
		written := before + "://" + after[:shown]
		text = after[shown:]
		if text[0] == '?' {
			written += "?" + removed
			text = strings.TrimLeftFunc(text, inQuery)
		}
		kept.WriteString(written)
	}
}

func endsLocation(r rune) bool { return r == '?' || r == '\'' || r == '`' || !inQuery(r) }

// inQuery reports whether r may be part of a query, in which even quotes stand.
func inQuery(r rune) bool { return !unicode.IsSpace(r) && r != '"' && r != '<' && r != '>' }
