package transport

import (
	"context"
	"log/slog"
	"time"
)

// A Record describes an attempt for the log. It never contains a body, a query or a
// token.
type Record struct {
	Method    string
	Route     string
	Status    int // 0 without a response
	Attempt   int
	Duration  time.Duration
	Delay     time.Duration // before the next attempt; 0 if there is none
	RequestID string
	Error     string // the reason why there is no response
}

// LogTo returns a function that writes records to logger. Settings contain this
// function instead of a logger, so that a program without a log does not link
// slog's handlers.
func LogTo(logger *slog.Logger) func(context.Context, Record) {
	return func(ctx context.Context, r Record) {
		level := slog.LevelInfo
		if r.Status == 0 || IsTemporary(r.Status) {
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

// Log writes the record of the last attempt, which ended with a response or an
// error.
func (r *Result) Log(ctx context.Context, response *Response, err error, took, delay time.Duration) {
	if r.settings.Log == nil {
		return
	}
	record := Record{
		Method:   r.Request.Endpoint.Method,
		Route:    r.Request.Endpoint.Route,
		Attempt:  r.Attempts,
		Duration: took,
		Delay:    delay,
	}
	redactor := r.Redactor()
	if response != nil {
		record.Status = response.StatusCode
		record.RequestID = redactor.Line(response.RequestID())
	}
	if err != nil {
		record.Error = redactor.Line(err.Error())
	}
	r.settings.Log(ctx, record)
}
