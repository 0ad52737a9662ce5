package main

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// An attemptLog is a slog.Handler that counts the attempts of one caller, and looks
// for secrets in the log records.
type attemptLog struct {
	secrets  secrets
	findings *findings

	total      *atomic.Int64 // attempts of all callers
	attempts   atomic.Int64
	unanswered atomic.Int64 // attempts without a response
}

// Enabled returns true.
func (*attemptLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle counts a record.
func (l *attemptLog) Handle(_ context.Context, r slog.Record) error {
	l.total.Add(1)
	l.attempts.Add(1)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "status" && a.Value.Int64() == 0 {
			l.unanswered.Add(1)
		}
		l.secrets.check(l.findings, "a log record", a.Value.String())
		return true
	})
	return nil
}

// WithAttrs returns the handler as it is.
func (l *attemptLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup returns the handler as it is.
func (l *attemptLog) WithGroup(string) slog.Handler { return l }
