package transport

import (
	"context"
	"log/slog"
	"time"
)

// Record is all that may be said of an attempt: never a body, a query or a token.
type Record struct {
	Method    string
	Route     string
	Status    int // 0 without an answer
	Attempt   int
	Duration  time.Duration
	Delay     time.Duration // before the next attempt; 0 for none
	RequestID string
	Error     string // why there is no answer
}

// LogTo returns what writes records to logger. Behind a function, slog and its
// handlers are linked only into programs that ask for a log.
func LogTo(logger *slog.Logger) func(context.Context, Record) {
	return func(ctx context.Context, r Record) {
		level := slog.LevelInfo
		if r.Status == 0 || unavailable(r.Status) {
			level = slog.LevelWarn
		}
		attrs := []slog.Attr{
			slog.String("method", r.Method),
			slog.String("route", r.Route),
			slog.Int("status", r.Status),
			slog.Int("attempt", r.Attempt),
			slog.Duration("duration", r.Duration),
			slog.Duration("delay", r.Delay),
			slog.String("request_id", r.RequestID),
		}
		if r.Error != "" {
			attrs = append(attrs, slog.String("error", r.Error))
		}
		logger.LogAttrs(ctx, level, "runflow attempt", attrs...)
	}
}

// log writes the record of the last attempt, if one was sent.
func (c *call) log(ctx context.Context) {
	if c.Log == nil || c.Attempts == c.logged {
		return
	}
	c.logged = c.Attempts
	record := Record{
		Method:   c.Request.Endpoint.Method,
		Route:    c.Request.Endpoint.Route,
		Attempt:  c.Attempts,
		Duration: c.took,
		Delay:    c.delay,
	}
	if c.answered {
		record.Status = c.Answer.StatusCode
		record.RequestID = c.Redact(c.Answer.RequestID())
	}
	if c.Err != nil {
		record.Error = c.Redact(c.Err.Error())
	}
	c.Log(ctx, record)
}
