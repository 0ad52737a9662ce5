package runflow_test

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// An exchange is a call of a method, the request that the server must receive, and
// the response.
type exchange struct {
	call     func(context.Context, *runflow.Client) (any, error)
	method   string
	uri      string
	body     string // of the request; "" for none
	hasKey   bool   // whether the request must have an idempotency key
	response string
	want     any // the result of the call
}

// checkExchanges makes the calls over real sockets.
func checkExchanges(t *testing.T, exchanges map[string]exchange) {
	t.Helper()
	for name, tc := range exchanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newAPI(t, 200, tc.response)
			got, err := tc.call(t.Context(), server.client(t, runflow.WithOrganization("org-1")))
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			sent := server.only(t)
			assert.Equal(t, tc.method, sent.Method)
			assert.Equal(t, tc.uri, sent.URI)
			assert.Equal(t, tc.body, sent.Body)
			assert.Equal(t, "Bearer "+token, sent.Header.Get("Authorization"))
			assert.Equal(t, "org-1", sent.Header.Get("X-Organization-Id"))
			assert.Equal(t, "application/json", sent.Header.Get("Accept"))
			assert.Equal(t, tc.body != "", sent.Header.Get("Content-Type") == "application/json")
			assert.Equal(t, tc.hasKey, sent.Header.Get("Idempotency-Key") != "")
		})
	}
}

// serve returns the URL of a server.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// collect returns the values of an iterator up to its first error.
func collect[T any](values iter.Seq2[*T, error]) ([]T, error) {
	var all []T
	for value, err := range values {
		if err != nil {
			return nil, err
		}
		all = append(all, *value)
	}
	return all, nil
}

// checkRefused makes calls with bad arguments. The keys are parts of the errors. The
// server must not receive a request.
func checkRefused(t *testing.T, refused map[string]func(context.Context, *runflow.Client) error) {
	t.Helper()
	server := newAPI(t, 200, `{"id":"1","items":[]}`)
	for want, call := range refused {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			err := call(t.Context(), server.client(t))
			require.ErrorIs(t, err, runflow.ErrInvalidArgument)
			require.ErrorContains(t, err, "runflow: "+want)
		})
	}
	t.Cleanup(func() { assert.Empty(t, server.seen()) })
}

// A sample is a response with an object that has all documented members, none of
// which has the zero value.
type sample[T any] struct {
	json string
	call func(context.Context, *runflow.Client) (*T, error)
	// strict are the members that must be readable, and required those of them that
	// must not be null either.
	strict, required []string
}

// check checks that no member is lost, and that a member which is null, absent,
// unknown or of an unexpected form fails the call only if it is strict.
func (s sample[T]) check(t *testing.T) {
	t.Helper()
	var body atomic.Pointer[string]
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, *body.Load()) })
	client, err := runflow.NewClient(token, runflow.WithBaseURL(url))
	require.NoError(t, err)
	get := func(response string) (*T, error) {
		body.Store(&response)
		return s.call(t.Context(), client)
	}

	value, err := get(s.json)
	require.NoError(t, err)
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	assert.JSONEq(t, s.json, withoutRaw(encoded), "encoding a decoded value loses nothing")
	read := new(T)
	require.NoError(t, json.Unmarshal(encoded, read))
	twice, err := json.Marshal(read)
	require.NoError(t, err)
	assert.Equal(t, string(encoded), string(twice), "encoding/json decodes what it encoded")

	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(s.json), &members))
	for name, usual := range members {
		with := func(value string) string {
			changed := []string{`"a_new_member":{"a":[1]}`}
			for other := range members {
				if other != name {
					changed = append(changed, `"`+other+`":`+string(members[other]))
				}
			}
			return "{" + strings.Join(append(changed, value), ",") + "}"
		}
		for _, odd := range []string{`{"odd":["canary"]}`, `[{"odd":"canary"}]`, `[7]`, `true`, `1e400`} {
			_, err := get(with(`"` + name + `":` + odd))
			if !slices.Contains(s.strict, name) {
				require.NoError(t, err, "%s: %s", name, odd)
				continue
			}
			requireDecodeError(t, err, name)
		}
		for _, none := range []string{`"` + name + `":null`, `"another_new_member":1`} {
			_, err := get(with(none))
			if !slices.Contains(s.required, name) {
				require.NoError(t, err, none)
				continue
			}
			requireDecodeError(t, err, name)
		}
		if usual[0] == '"' && strings.HasSuffix(name, "_code") {
			_, err := get(with(`"` + name + `":"a_new_code"`))
			require.NoError(t, err, name)
		}
	}
}

// withoutRaw removes the member raw, which the API does not send.
func withoutRaw(data []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil || members["raw"] == nil {
		return string(data)
	}
	delete(members, "raw")
	data, _ = json.Marshal(members)
	return string(data)
}

func requireDecodeError(t *testing.T, err error, field string) {
	t.Helper()
	var decodeErr *runflow.DecodeError
	require.ErrorAs(t, err, &decodeErr)
	assert.Equal(t, field, decodeErr.Field)
	assert.NotContains(t, err.Error(), "canary")
}

// fuzzResponse fuzzes the response of a call.
func fuzzResponse[T any](f *testing.F, call func(context.Context, *runflow.Client) (*T, error), seeds ...string) {
	f.Helper()
	for _, seed := range append(seeds, `null`, `[]`, `{"id":7}`, `{"id":"1","cost":1e999,"created_at":"2023-11-07 05:31:56"}`) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		value, err := call(t.Context(), cannedClient(t, body))
		if err != nil {
			var decodeErr *runflow.DecodeError
			require.ErrorAs(t, err, &decodeErr)
			assert.Nil(t, value)
			return
		}
		require.NoError(t, runflow.JSON(body).Decode(new(runflow.JSON)), "the response was JSON")
		encoded, err := json.Marshal(value)
		if err != nil {
			return // json.Marshal refuses a year above 9999, and a free-form value with invalid UTF-8
		}
		again := new(T)
		require.NoError(t, json.Unmarshal(encoded, again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(encoded), string(twice))
	})
}

func TestListReference(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]struct {
		uri  string
		list func(context.Context, *runflow.Client) (*runflow.Page[runflow.ReferenceItem], error)
	}{
		"Runs.ListStatuses": {"/v1/runs/statuses", func(ctx context.Context, c *runflow.Client) (*runflow.Page[runflow.ReferenceItem], error) {
			return c.Runs.ListStatuses(ctx)
		}},
		"Evaluations.ListStatuses": {"/v1/evaluations/statuses", func(ctx context.Context, c *runflow.Client) (*runflow.Page[runflow.ReferenceItem], error) {
			return c.Evaluations.ListStatuses(ctx)
		}},
		"Evaluations.ListJobClasses": {"/v1/evaluations/job-classes", func(ctx context.Context, c *runflow.Client) (*runflow.Page[runflow.ReferenceItem], error) {
			return c.Evaluations.ListJobClasses(ctx)
		}},
		"Webhooks.ListEventTypes": {"/v1/webhooks/event-types", func(ctx context.Context, c *runflow.Client) (*runflow.Page[runflow.ReferenceItem], error) {
			return c.Webhooks.ListEventTypes(ctx)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const items = `[{"code":"queued","name":"Queued","description":"It waits.","price":"0.10","raw":1},"running",{"code":7},null,[1]]`
			want := []runflow.ReferenceItem{
				{Code: "queued", Name: "Queued", Description: "It waits.", Raw: runflow.JSON(`{"code":"queued","name":"Queued","description":"It waits.","price":"0.10","raw":1}`)},
				{Code: "running", Raw: runflow.JSON(`"running"`)},
				{Raw: runflow.JSON(`{"code":7}`)},
				{Raw: runflow.JSON(`null`)},
				{Raw: runflow.JSON(`[1]`)},
			}
			for body, next := range map[string]string{items: "", `{"items":` + items + `,"next":"n"}`: "n"} {
				server := newAPI(t, 200, body)
				page, err := call.list(t.Context(), server.client(t))
				require.NoError(t, err)
				assert.Equal(t, &runflow.Page[runflow.ReferenceItem]{Items: want, Next: next}, page)
				sent := server.only(t)
				assert.Equal(t, "GET", sent.Method)
				assert.Equal(t, call.uri, sent.URI)
			}
			for body, field := range map[string]string{`{}`: "items", `{"items":{}}`: "items", `"queued"`: "", ``: ""} {
				_, err := call.list(t.Context(), newAPI(t, 200, body).client(t))
				requireDecodeError(t, err, field)
				info, ok := runflow.CallInfoOf(err)
				require.True(t, ok)
				assert.Equal(t, name, info.Operation)
			}
		})
	}
}

func FuzzReferenceItem(f *testing.F) {
	fuzzResponse(f, func(ctx context.Context, c *runflow.Client) (*runflow.ReferenceItem, error) {
		return c.Webhooks.GetEventType(ctx, "run.completed")
	}, `{"code":"run.completed","name":"n","description":"d","raw":1}`, `"run.completed"`)
}

func FuzzReferenceList(f *testing.F) {
	fuzzResponse(f, func(ctx context.Context, c *runflow.Client) (*runflow.Page[runflow.ReferenceItem], error) {
		return c.Runs.ListStatuses(ctx)
	}, `["queued"]`, `{"items":[{"code":"queued"},null,7],"next":"n","previous":"p"}`)
}
