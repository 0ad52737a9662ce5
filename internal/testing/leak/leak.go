// Package leak looks for secrets in all output of the SDK. A secret of a test
// contains the word "canary". The package is for tests only.
package leak

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A Recorder collects the texts that a program can make of values of the SDK, by
// printing, logging or encoding them.
type Recorder struct{ bytes.Buffer }

// Value prints a value in every way in which a program may print it.
func (r *Recorder) Value(v any) {
	for _, flag := range []string{"", "+", "#", " ", "99", ".3"} {
		for _, verb := range "vsqdxXtboOcUeEfFgGpTw" {
			_, _ = fmt.Fprintf(r, "%"+flag+string(verb)+"\n", v)
		}
	}
	within := []any{[]any{v}, map[string]any{"v": v}, struct{ V any }{v}}
	_, _ = fmt.Fprintf(r, "%v %+v %#v %s %q %x\n", within, within, within, within, within, within)
	for _, v := range append(within, v) {
		if data, err := json.Marshal(v); err == nil {
			_, _ = r.Write(data)
		} else {
			_, _ = r.WriteString(err.Error())
		}
	}
	logger := slog.New(Handler(r))
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		logger.With("key", v).WithGroup("group").Log(context.Background(), level, "message", "key", v, slog.Group("group", "key", v), "within", within)
	}
}

// Handler returns a handler that writes as text and as JSON, at every level.
func Handler(w io.Writer) slog.Handler {
	opts := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	return slog.NewMultiHandler(slog.NewTextHandler(w, opts), slog.NewJSONHandler(w, opts))
}

// Chain prints an error, the struct that it points to, and all errors that it
// wraps.
func (r *Recorder) Chain(err error) {
	if err == nil {
		return
	}
	v := reflect.ValueOf(err)
	isOwn := v.Kind() == reflect.Pointer && strings.HasSuffix(v.Elem().Type().PkgPath(), "/runflow-go")
	if isOwn && v.Elem().Type().Name() == "RunError" { // its Run contains data of the caller, which other verbs print
		_, _ = fmt.Fprintf(r, "%v %+v %s %q %s\n", err, err, err, err, err.Error())
		slog.New(Handler(r)).Error("message", "err", err)
		return
	}
	r.Value(err)
	_, _ = r.WriteString(err.Error())
	if isOwn {
		r.Value(v.Elem().Interface())
	}
	switch err := err.(type) { //nolint:errorlint // each link of the chain is printed
	case interface{ Unwrap() error }:
		r.Chain(err.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range err.Unwrap() {
			r.Chain(err)
		}
	}
}

// AssertNoSecret fails the test if a text contains a secret, as plain text or in a
// common encoding.
func (r *Recorder) AssertNoSecret(t *testing.T) {
	t.Helper()
	text := r.String()
	for name, secret := range map[string]string{
		"plain":       "canary",
		"upper case":  "CANARY",
		"hex":         hex.EncodeToString([]byte("canary")),
		"HEX":         strings.ToUpper(hex.EncodeToString([]byte("canary"))),
		"spaced hex":  "63 61 6e 61 72 79",
		"list":        "99 97 110 97 114 121",
		"JSON list":   "99,97,110,97,114,121",
		"base64":      base64.StdEncoding.EncodeToString([]byte("canary")),
		"base64, + 1": base64.StdEncoding.EncodeToString([]byte("xcanar"))[2:7],
		"base64, + 2": base64.StdEncoding.EncodeToString([]byte("xxcana"))[3:7],
	} {
		if at := strings.Index(text, secret); at >= 0 {
			assert.Fail(t, "found a secret, "+name, "%s", text[max(0, at-300):min(len(text), at+100)])
		}
	}
}
