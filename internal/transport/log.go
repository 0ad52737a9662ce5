package transport

import (
	"context"
	"log/slog"

	"github.com/runflow-io/runflow-go/internal/redact"
)

// log writes the record of the last attempt, if one was sent. All that it may
// say is listed here: never a body, a query or a token.
func (c *call) log(ctx context.Context) {
	if c.Logger == nil || c.attempts == c.logged {
		return
	}
	c.logged = c.attempts
	level, status, requestID := slog.LevelWarn, 0, ""
	if c.answered {
		status, requestID = c.answer.StatusCode, c.answer.RequestID()
		if !unavailable(status) {
			level = slog.LevelInfo
		}
	}
	attrs := []slog.Attr{
		slog.String("method", c.request.Endpoint.Method),
		slog.String("route", c.request.Endpoint.Route),
		slog.Int("status", status),
		slog.Int("attempt", c.attempts),
		slog.Duration("duration", c.took),
		slog.Duration("delay", c.delay),
		slog.String("request_id", redact.Line(requestID, c.secrets()...)),
	}
	if c.err != nil {
		attrs = append(attrs, slog.String("error", redact.Line(c.err.Error(), c.secrets()...)))
	}
	c.Logger.LogAttrs(ctx, level, "runflow attempt", attrs...)
}
