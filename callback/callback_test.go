package callback_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/callback"
)

const (
	secret    = "whsec_canary-secret-0123456789"
	completed = `{"event":"run.completed","run_id":"run-1","status":"succeeded","output":{"image_urls":["https://storage.runflow.io/a.webp"]},"duration_ms":102345,"created_at":"2026-05-06T10:00:00.000+00:00","completed_at":"2026-05-06T10:01:42.000+00:00","metadata":{"user":"ann"}}`
)

// sign returns the signature of a body.
func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func newVerifier(t testing.TB, secrets ...string) *callback.Verifier { //nolint:thelper // it is a constructor
	t.Helper()
	verifier, err := callback.NewVerifier(secrets...)
	require.NoError(t, err)
	return verifier
}

// newRequest returns a request with any number of signatures.
func newRequest(t testing.TB, body string, signatures ...string) *http.Request { //nolint:thelper // it is a constructor
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook", strings.NewReader(body))
	for _, signature := range signatures {
		r.Header.Add("Runflow-Signature", signature)
	}
	return r
}

// newCallback returns a request whose signature is valid.
func newCallback(t testing.TB, body string) *http.Request { //nolint:thelper // it is a constructor
	t.Helper()
	return newRequest(t, body, sign(secret, body))
}

func TestVerifier_Verify(t *testing.T) {
	t.Parallel()
	verifier := newVerifier(t, secret, "whsec_new")
	valid := sign(secret, completed)
	for name, tc := range map[string]struct {
		body, signature string
		valid           bool
	}{
		"first secret":            {completed, valid, true},
		"second secret":           {completed, sign("whsec_new", completed), true},
		"empty body":              {"", sign(secret, ""), true},
		"another body":            {completed + " ", valid, false},
		"another secret":          {completed, sign("whsec_other", completed), false},
		"secret without prefix":   {completed, sign(strings.TrimPrefix(secret, "whsec_"), completed), false},
		"upper case":              {completed, strings.ToUpper(valid), false},
		"too short":               {completed, valid[:63], false},
		"too long":                {completed, valid + "0", false},
		"sha256= before it":       {completed, "sha256=" + valid, false},
		"space after it":          {completed, valid + " ", false},
		"not hexadecimal":         {completed, strings.Repeat("g", 64), false},
		"not hexadecimal in part": {completed, valid[:31] + "g" + valid[32:], false},
		"zeros":                   {completed, strings.Repeat("0", 64), false},
		"no signature":            {completed, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verifier.Verify([]byte(tc.body), tc.signature)
			if tc.valid {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, callback.ErrInvalidSignature)
			}
		})
	}
}

func TestVerifier_Verify_WithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, verifier := range []*callback.Verifier{nil, {}} {
		require.ErrorIs(t, verifier.Verify(nil, sign("", "")), callback.ErrInvalidSignature)
		require.ErrorIs(t, verifier.Verify(nil, strings.Repeat("0", 64)), callback.ErrInvalidSignature)
	}
}

func TestNewVerifier_BadSecrets(t *testing.T) {
	t.Parallel()
	verifier, err := callback.NewVerifier()
	assert.Nil(t, verifier)
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	require.EqualError(t, err, "runflow: callback.NewVerifier: secrets: must be at least one")

	verifier, err = callback.NewVerifier("good", " canary")
	assert.Nil(t, verifier)
	var argument *runflow.ArgumentError
	require.ErrorAs(t, err, &argument)
	assert.Equal(t, "secrets[1]", argument.Argument)

	verifier, err = callback.NewVerifier("", "good", "canary\n")
	assert.Nil(t, verifier)
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	require.ErrorContains(t, err, "secrets[0]: must not be empty")
	require.ErrorContains(t, err, "secrets[2]: must not be empty")
	assert.NotContains(t, err.Error(), "secrets[1]")
	assert.NotContains(t, err.Error(), "canary")
}

// printed returns all texts that a program can make of a value by printing, logging
// or encoding it.
func printed(v any) string {
	var out bytes.Buffer
	for _, flag := range []string{"", "+", "#", " ", "999"} {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			for _, v := range []any{v, []any{v}, map[string]any{"v": v}, struct{ V any }{v}} {
				_, _ = fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
			}
		}
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("message", "v", v, slog.Group("group", "v", v))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("message", "v", v, slog.Group("group", "v", v))
	encoded, err := json.Marshal(v)
	_, _ = fmt.Fprintln(&out, string(encoded), err)
	return out.String()
}

// assertNoCanary checks that the text does not contain a canary, plain or encoded.
func assertNoCanary(t *testing.T, text string) {
	t.Helper()
	for _, canary := range []string{
		"canary", "CANARY",
		"63616e617279", "63616E617279", "63 61 6e 61 72 79", // hexadecimal
		"99 97 110 97 114 121", "99,97,110,97,114,121", "0x63, 0x61, 0x6e, 0x61, 0x72, 0x79", // bytes
		"Y2FuYXJ5", "NhbmFye", "jYW5hcn", // base64
	} {
		if at := strings.Index(text, canary); at >= 0 {
			assert.Fail(t, "secret in the output", "%q in %s", canary, text[max(0, at-200):min(len(text), at+100)])
		}
	}
}

func TestVerifier_PrintsNoSecret(t *testing.T) {
	t.Parallel()
	verifier := newVerifier(t, secret)
	handler := verifier.Handler(nil)
	for _, v := range []any{verifier, *verifier, handler} {
		assertNoCanary(t, printed(v))
	}
	assert.Equal(t, "callback.Verifier", verifier.String())
	assert.Contains(t, printed(struct{ secret []byte }{[]byte(secret)}), "99 97 110 97 114 121", "printed shows the content of unexported fields")
}

func TestVerifier_Parse(t *testing.T) {
	t.Parallel()
	event, err := newVerifier(t, secret).Parse(newCallback(t, completed))
	require.NoError(t, err)
	ms, created := int64(102345), time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	assert.Equal(t, &callback.Event{
		Event:       "run.completed",
		RunID:       "run-1",
		Status:      runflow.RunStatusSucceeded,
		Output:      runflow.JSON(`{"image_urls":["https://storage.runflow.io/a.webp"]}`),
		DurationMS:  &ms,
		CreatedAt:   created,
		CompletedAt: created.Add(102 * time.Second),
		Metadata:    runflow.JSON(`{"user":"ann"}`),
		Raw:         runflow.JSON(completed),
	}, event)
}

func TestVerifier_Parse_OtherEvents(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want callback.Event
	}{
		"batch": {
			`{"event":"batch.succeeded","batch_id":"b","status":"partial_succeeded","output":{"items":[]}}`,
			callback.Event{Event: "batch.succeeded", BatchID: "b", Status: "partial_succeeded", Output: runflow.JSON(`{"items":[]}`)},
		},
		"cancelled run": {
			`{"event":"run.cancelled","run_id":"r","status":"canceled","output":null,"metadata":null}`,
			callback.Event{Event: "run.cancelled", RunID: "r", Status: runflow.RunStatusCancelled, Output: runflow.JSON("null"), Metadata: runflow.JSON("null")},
		},
		"unknown event": {
			`{"event":"run.invented","status":"new","more":1}`,
			callback.Event{Event: "run.invented", Status: "new"},
		},
		"null members": {
			`{"event":null,"run_id":null,"batch_id":null,"status":null,"duration_ms":null,"created_at":null,"completed_at":null}`,
			callback.Event{},
		},
		"no members":  {`{}`, callback.Event{}},
		"white space": {" \r\n\t{ \"run_id\" : \"r\" }\n", callback.Event{RunID: "r"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := newVerifier(t, secret).Parse(newCallback(t, tc.body))
			require.NoError(t, err)
			tc.want.Raw = runflow.JSON(tc.body)
			assert.Equal(t, &tc.want, event)
		})
	}
}

// If Parse refused such a callback, it would refuse each delivery of it, and the
// event would be lost.
func TestVerifier_Parse_OptionalMemberOfUnexpectedForm(t *testing.T) {
	t.Parallel()
	ms, created := int64(5), time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	whole := callback.Event{
		Event: "run.completed", RunID: "run-1", Status: "succeeded", DurationMS: &ms, CreatedAt: created, CompletedAt: created,
		Metadata: runflow.JSON(`{"a":1}`),
	}
	members := [][2]string{
		{"event", `"run.completed"`},
		{"run_id", `"run-1"`},
		{"status", `"succeeded"`},
		{"duration_ms", `5`},
		{"created_at", `"2026-05-06T10:00:00+00:00"`},
		{"completed_at", `"2026-05-06T10:00:00+00:00"`},
		{"metadata", `{"a":1}`},
	}
	noEvent := func(e *callback.Event) { e.Event = "" }
	noStatus := func(e *callback.Event) { e.Status = "" }
	noDuration := func(e *callback.Event) { e.DurationMS = nil }
	notCreated := func(e *callback.Event) { e.CreatedAt = time.Time{} }
	notCompleted := func(e *callback.Event) { e.CompletedAt = time.Time{} }
	for _, tc := range []struct {
		member, value string
		change        func(*callback.Event)
	}{
		{"event", `null`, noEvent},
		{"event", `7`, noEvent},
		{"event", `{"name":["run.completed"]}`, noEvent},
		{"status", `7`, noStatus},
		{"status", `["succeeded"]`, noStatus},
		{"duration_ms", `1234.5`, noDuration},
		{"duration_ms", `"1234"`, noDuration},
		{"duration_ms", `1e99`, noDuration},
		{"duration_ms", `9223372036854775808`, noDuration},
		{"duration_ms", `{}`, noDuration},
		{"created_at", `1778061600`, notCreated},
		{"created_at", `"+0000"`, notCreated},
		{"created_at", `""`, notCreated},
		{"created_at", `"2026-05-06T10:00:00+0000"`, func(*callback.Event) {}}, // a time zone without a colon is accepted
		{"completed_at", `true`, notCompleted},
		{"completed_at", `"yesterday"`, notCompleted},
		{"metadata", `{"a":1,"a":2}`, func(e *callback.Event) { e.Metadata = runflow.JSON(`{"a":1,"a":2}`) }},
		{"metadata", `7`, func(e *callback.Event) { e.Metadata = runflow.JSON(`7`) }},
		{"batch_id", `null`, func(*callback.Event) {}},
	} {
		t.Run(tc.member+" "+tc.value, func(t *testing.T) {
			t.Parallel()
			body := `{"` + tc.member + `":` + tc.value
			for _, m := range members {
				if m[0] != tc.member {
					body += `,"` + m[0] + `":` + m[1]
				}
			}
			body += "}"
			event, err := newVerifier(t, secret).Parse(newCallback(t, body))
			require.NoError(t, err)
			want := whole
			want.Raw = runflow.JSON(body)
			tc.change(&want)
			assert.Equal(t, &want, event)
		})
	}
}

func TestVerifier_Parse_IDThatIsNotAString(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"event":"run.completed","run_id":7}`:           "run_id",
		`{"run_id":["run-1"]}`:                           "run_id",
		`{"run_id":false}`:                               "run_id",
		`{"run_id":7,"run_id":"run-1"}`:                  "run_id",
		`{"run_id":"run-1","run_id":{"run_id":"run-1"}}`: "run_id",
		`{"r\u0075n_id":7}`:                              "run_id",
		`{"batch_id":7}`:                                 "batch_id",
		`{"run_id":"run-1","batch_id":7}`:                "batch_id",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			event, err := newVerifier(t, secret).Parse(newCallback(t, body))
			assert.Nil(t, event)
			var refused *callback.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, http.StatusBadRequest, refused.StatusCode)
			var decodeError *runflow.DecodeError
			require.ErrorAs(t, err, &decodeError)
			assert.Equal(t, field, decodeError.Field)
			assert.EqualError(t, err, "callback: request refused with 400: cannot decode the JSON: "+field+": want a string")
		})
	}
}

func TestVerifier_Parse_Refused(t *testing.T) {
	t.Parallel()
	small := newVerifier(t, secret)
	small.MaxBodyBytes = int64(len(completed))
	get := newCallback(t, completed)
	get.Method = http.MethodGet
	cutOff := newCallback(t, completed)
	cutOff.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	chunked := newCallback(t, completed+" ")
	chunked.ContentLength = -1
	noBody := newCallback(t, "")
	noBody.Body = nil
	for name, tc := range map[string]struct {
		verifier *callback.Verifier
		request  *http.Request
		status   int
		want     error // nil accepts any error
	}{
		"body above the limit":         {small, newCallback(t, completed+" "), 413, callback.ErrTooLarge},
		"chunked body above the limit": {small, chunked, 413, callback.ErrTooLarge},
		"method GET":                   {small, get, 405, nil},
		"nil request":                  {small, nil, 405, nil},
		"nil request, nil verifier":    {nil, nil, 405, nil},
		"nil verifier":                 {nil, newCallback(t, completed), 401, callback.ErrInvalidSignature},
		"zero verifier":                {&callback.Verifier{}, newRequest(t, completed, sign("", completed)), 401, callback.ErrInvalidSignature},
		"truncated body":               {small, cutOff, 400, io.ErrUnexpectedEOF},
		"nil body":                     {small, noBody, 400, nil},
		"empty body":                   {small, newCallback(t, ""), 400, nil},
		"no signature":                 {small, newRequest(t, completed), 401, callback.ErrInvalidSignature},
		"two signatures":               {small, newRequest(t, completed, sign(secret, completed), sign(secret, completed)), 401, callback.ErrInvalidSignature},
		"signature of another secret":  {small, newRequest(t, completed, sign("canary", completed)), 401, callback.ErrInvalidSignature},
		"unsigned text":                {small, newRequest(t, "canary", sign("canary", "canary")), 401, callback.ErrInvalidSignature},
		"text":                         {small, newCallback(t, "canary"), 400, nil},
		"list":                         {small, newCallback(t, `["canary"]`), 400, nil},
		"null":                         {small, newCallback(t, "null"), 400, nil},
		"two objects":                  {small, newCallback(t, `{}{"canary":1}`), 400, nil},
		"truncated JSON":               {small, newCallback(t, `{"event":"canary`), 400, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := tc.verifier.Parse(tc.request)
			assert.Nil(t, event)
			var refused *callback.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tc.status, refused.StatusCode)
			require.Error(t, refused.Err)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
			assert.Equal(t, tc.status == 401, errors.Is(err, callback.ErrInvalidSignature))
			assert.True(t, strings.HasPrefix(err.Error(), fmt.Sprintf("callback: request refused with %d: ", tc.status)), err.Error())
			for err := err; err != nil; err = errors.Unwrap(err) {
				assertNoCanary(t, printed(err))
			}
		})
	}
}

func TestVerifier_Parse_MaxBodyBytes(t *testing.T) {
	t.Parallel()
	large := completed + strings.Repeat(" ", 1<<20-len(completed))
	for _, tc := range []struct {
		limit int64
		body  string
		want  error
	}{
		{0, large, nil},
		{0, large + " ", callback.ErrTooLarge},
		{-1, large, nil},
		{-1, large + " ", callback.ErrTooLarge},
		{int64(len(completed)), completed, nil},
		{1 << 21, large + " ", nil},
		{math.MaxInt64, large + " ", nil},
	} {
		t.Run(fmt.Sprintf("%d bytes, limit %d", len(tc.body), tc.limit), func(t *testing.T) {
			t.Parallel()
			verifier := newVerifier(t, secret)
			verifier.MaxBodyBytes = tc.limit
			r := newCallback(t, tc.body)
			r.ContentLength = -1
			_, err := verifier.Parse(r)
			require.ErrorIs(t, err, tc.want)
		})
	}
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestVerifier_Parse_ContentLengthAboveLimit(t *testing.T) {
	t.Parallel()
	r := newCallback(t, completed)
	r.Body, r.ContentLength = io.NopCloser(unread{t}), 1<<20+1
	_, err := newVerifier(t, secret).Parse(r)
	require.ErrorIs(t, err, callback.ErrTooLarge)
}

func TestVerifier_Parse_LimitOfMiddleware(t *testing.T) {
	t.Parallel()
	r := newCallback(t, completed)
	r.Body = http.MaxBytesReader(nil, r.Body, 10)
	_, err := newVerifier(t, secret).Parse(r)
	require.ErrorIs(t, err, callback.ErrTooLarge)
}

func TestEvent_OutputFiles(t *testing.T) {
	t.Parallel()
	event, err := newVerifier(t, secret).Parse(newCallback(t, completed))
	require.NoError(t, err)
	assert.Equal(t, []runflow.OutputFile{{
		URL: "https://storage.runflow.io/a.webp", Type: "image", RunID: "run-1", Raw: runflow.JSON(`"https://storage.runflow.io/a.webp"`),
	}}, event.OutputFiles())
	assert.Empty(t, (&callback.Event{}).OutputFiles())
	assert.Empty(t, (*callback.Event)(nil).OutputFiles())
}

func TestEvent_Key(t *testing.T) {
	t.Parallel()
	parse := func(body string) *callback.Event {
		event, err := newVerifier(t, secret).Parse(newCallback(t, body))
		require.NoError(t, err)
		return event
	}
	keys := map[string]string{}
	for _, body := range []string{
		`{"event":"run.updated","run_id":"1","status":"running"}`,
		`{"event":"run.updated","run_id":"1","status":"succeeded"}`,
		`{"event":"run.completed","run_id":"1","status":"succeeded"}`,
		`{"event":"run.completed","run_id":"2","status":"succeeded"}`,
		`{"event":"run.completed","batch_id":"1","status":"succeeded"}`,
		`{"event":"run.completed","run_id":"1"}`,
		`{"run_id":"1"}`,
		`{"event":"news"}`,
		`{"event":"news","more":1}`,
	} {
		key := parse(body).Key()
		assert.NotContains(t, keys, key, "%s and %s have the same key", body, keys[key])
		keys[key] = body
	}

	const delivery = `{"event":"run.completed","run_id":"1","status":"succeeded"}`
	for _, same := range []string{
		delivery,
		delivery + "\n",
		`{"status":"succeeded","run_id":"1","event":"run.completed","duration_ms":1}`,
	} {
		assert.Equal(t, "run:1:run.completed:succeeded", parse(same).Key(), same)
	}
	assert.Equal(t, "batch:1:batch.failed:failed", parse(`{"event":"batch.failed","batch_id":"1","status":"failed"}`).Key())
}

func TestEvent_JSON(t *testing.T) {
	t.Parallel()
	event, err := newVerifier(t, secret).Parse(newCallback(t, completed))
	require.NoError(t, err)
	encoded, err := json.Marshal(event)
	require.NoError(t, err)
	assert.JSONEq(t, strings.ReplaceAll(completed, ".000+00:00", "Z"), string(encoded))
	var decoded callback.Event
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	event.Raw = nil
	assert.Equal(t, event, &decoded)

	encoded, err = json.Marshal(callback.Event{})
	require.NoError(t, err)
	assert.Equal(t, "{}", string(encoded))
}

func TestError_Error(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, &callback.Error{StatusCode: 400}, "callback: request refused with 400")
	assert.EqualError(t, &callback.Error{StatusCode: 401, Err: callback.ErrInvalidSignature}, "callback: request refused with 401: invalid signature")
	assert.EqualError(t, &callback.Error{StatusCode: 400, Err: errors.New("two\r\nlines \x1b[31m https://host/path?token=canary")},
		"callback: request refused with 400: two lines [31m https://host/path?[redacted]")
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(completed), sign(secret, completed))
	f.Add([]byte(nil), strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		verifier := newVerifier(t, "whsec_other", secret)
		valid, other := sign(secret, string(body)), sign("whsec_other", string(body))
		require.NoError(t, verifier.Verify(body, valid))
		if signature != valid && signature != other {
			require.ErrorIs(t, verifier.Verify(body, signature), callback.ErrInvalidSignature)
		}
	})
}

// hasBadID reports whether a JSON object has an ID that is not a string.
func hasBadID(object string) bool {
	dec := json.NewDecoder(strings.NewReader(object))
	_, _ = dec.Token()
	for dec.More() {
		name, _ := dec.Token()
		var value json.RawMessage
		_ = dec.Decode(&value)
		if (name == "run_id" || name == "batch_id") && value[0] != '"' && string(value) != "null" {
			return true
		}
	}
	return false
}

func FuzzParse(f *testing.F) {
	f.Add(completed, sign(secret, completed), false)
	f.Add(`{"event":1}`, "", true)
	f.Add(`{"run_id":1}`, "", true)
	f.Add(`{"duration_ms":1.5,"created_at":0,"metadata":{"a":1,"a":2}}`, "", true)
	f.Add("", strings.Repeat("0", 64), false)
	f.Fuzz(func(t *testing.T, body, signature string, isSigned bool) {
		valid := sign(secret, body)
		if isSigned {
			signature = valid
		}
		event, err := newVerifier(t, secret).Parse(newRequest(t, body, signature))
		isObject := json.Valid([]byte(body)) && strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{")
		want := signature == valid && isObject && !hasBadID(body)
		assert.Equal(t, want, err == nil, "%q: %v", body, err)
		if err == nil {
			assert.Equal(t, body, event.Raw.String())
			assert.NotEmpty(t, event.Key())
			_ = event.OutputFiles()
			return
		}
		var refused *callback.Error
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, signature != valid, errors.Is(err, callback.ErrInvalidSignature))
	})
}
