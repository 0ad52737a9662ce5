package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write writes a document to a file.
func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.json")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func TestRun_NoDifferences(t *testing.T) {
	t.Parallel()
	var out, failures bytes.Buffer
	file := write(t, string(newDocument(dialects[0], allUses(t)).encode(t)))
	assert.Equal(t, 0, run(t.Context(), &out, &failures, options{spec: file}))
	assert.Equal(t, "OpenAPI 3.1.0: Runflow API 0.1.0\n\n61 endpoints compared; breaks calls: 0; loses data: 0; not covered yet: 0\n", out.String())
	assert.Empty(t, failures.String())
}

func TestRun_BreaksCalls(t *testing.T) {
	t.Parallel()
	doc := newDocument(dialects[0], allUses(t))
	delete(doc.at(t, "paths"), "/v1/runs/{run_id}/feedback")
	doc.properties(t, "Run")["priority"] = node{"type": "integer"}
	var out, failures bytes.Buffer
	result := filepath.Join(t.TempDir(), "drift.json")
	assert.Equal(t, 1, run(t.Context(), &out, &failures, options{spec: write(t, string(doc.encode(t))), json: result}))
	assert.Equal(t, `OpenAPI 3.1.0: Runflow API 0.1.0

BREAKS CALLS
PATCH /v1/runs/{run_id}/feedback  endpoint  the document does not have it; used by Runs.SetFeedback and Runs.ClearFeedback

LOSES DATA
GET /v1/batches/{batch_id}/items (and 10 more)  Run.priority  the SDK drops it (integer)

60 endpoints compared; breaks calls: 1; loses data: 1; not covered yet: 0
`, out.String())
	data, err := os.ReadFile(result)
	require.NoError(t, err)
	var got struct {
		Compared    int `json:"compared"`
		Differences []struct {
			Severity   string   `json:"severity"`
			Place      string   `json:"place"`
			Difference string   `json:"difference"`
			Endpoints  []string `json:"endpoints"`
		} `json:"differences"`
	}
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, 60, got.Compared)
	require.Len(t, got.Differences, 2)
	assert.Equal(t, "breaks calls", got.Differences[0].Severity)
	assert.Equal(t, "endpoint", got.Differences[0].Place)
	assert.Equal(t, "loses data", got.Differences[1].Severity)
	assert.Equal(t, "the SDK drops it (integer)", got.Differences[1].Difference)
	assert.Len(t, got.Differences[1].Endpoints, 11)
}

// A difference that only loses data does not fail the command.
func TestRun_LosesData(t *testing.T) {
	t.Parallel()
	doc := newDocument(dialects[2], allUses(t))
	doc.properties(t, "Run")["priority"] = node{"type": "integer"}
	var out bytes.Buffer
	assert.Equal(t, 0, run(t.Context(), &out, io.Discard, options{spec: write(t, string(doc.encode(t)))}))
	assert.Contains(t, out.String(), "LOSES DATA\n")
}

func TestRun_UnusableDocument(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ document, want string }{
		"empty":                 {"", `OpenAPI version ""`},
		"neither JSON nor YAML": {"{]", ""},
		"Swagger":               {`{"swagger":"2.0","info":{"title":"x","version":"1"},"paths":{}}`, `OpenAPI version "", want 3.0 or 3.1`},
		"later version":         {`{"openapi":"4.0.0","info":{"title":"x","version":"1"},"paths":{}}`, `OpenAPI version "4.0.0", want 3.0 or 3.1`},
		"other document": {
			`{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{"/v1/runs":{"get":{"responses":{"200":{"description":"x","content":{"application/json":{"schema":{"$ref":"other.json#/Run"}}}}}}}}}`,
			"external",
		},
		"reference to nothing": {
			`{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{"/v1/runs":{"get":{"responses":{"200":{"description":"x","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Run"}}}}}}}}}`,
			"Run",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, failures bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), &out, &failures, options{spec: write(t, tc.document)}))
			assert.Empty(t, out.String())
			assert.Contains(t, failures.String(), "drift: ")
			assert.Contains(t, failures.String(), tc.want)
		})
	}
}

func TestRun_UnusableFlags(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		options options
		want    string
	}{
		"no -spec":     {options{}, "-spec is not set"},
		"missing file": {options{spec: filepath.Join(t.TempDir(), "missing.json")}, "missing.json"},
		"plain HTTP":   {options{spec: "http://127.0.0.1/openapi.json"}, "want a file or an https URL"},
		"file URL":     {options{spec: "file:///openapi.json"}, "want a file or an https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var failures bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), io.Discard, &failures, tc.options))
			assert.Contains(t, failures.String(), tc.want)
		})
	}
}

func TestRun_JSONCannotBeWritten(t *testing.T) {
	t.Parallel()
	var out, failures bytes.Buffer
	file := write(t, string(newDocument(dialects[0], allUses(t)).encode(t)))
	assert.Equal(t, 2, run(t.Context(), &out, &failures, options{spec: file, json: filepath.Join(t.TempDir(), "no", "drift.json")}))
	assert.Contains(t, failures.String(), "drift.json")
	assert.Empty(t, out.String())
}

func TestRead_URL(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	plain := httptest.NewServer(mux)
	t.Cleanup(plain.Close)
	mux.HandleFunc("/openapi.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "document") })
	mux.Handle("/moved", http.RedirectHandler("/openapi.json", http.StatusFound))
	mux.Handle("/plain", http.RedirectHandler(plain.URL+"/openapi.json", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, maxDocument+1))
	})
	for path, want := range map[string]string{
		"/openapi.json": "", "/moved": "", "/plain": "refused", "/loop": "redirect 6", "/long": "more than 16777216 bytes", "/missing": "status 404, want 200",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			data, err := read(t.Context(), options{spec: server.URL + path, client: server.Client()})
			if want != "" {
				require.ErrorContains(t, err, want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "document", string(data))
		})
	}
	t.Run("unknown certificate", func(t *testing.T) {
		t.Parallel()
		_, err := read(t.Context(), options{spec: server.URL + "/openapi.json"})
		assert.ErrorContains(t, err, "certificate")
	})
}

func TestRead_LongFile(t *testing.T) {
	t.Parallel()
	file := write(t, "")
	require.NoError(t, os.Truncate(file, maxDocument+1))
	_, err := read(t.Context(), options{spec: file})
	require.ErrorContains(t, err, "more than 16777216 bytes")
	require.NoError(t, os.Truncate(file, maxDocument))
	data, err := read(t.Context(), options{spec: file})
	require.NoError(t, err)
	assert.Len(t, data, maxDocument)
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Names in a document come from outside. They must not change the terminal.
func TestReport_Print_ControlCharacters(t *testing.T) {
	t.Parallel()
	r := &report{Title: "\x1b[2J", index: map[string]int{}}
	r.add(losesData, "GET /v1/\x1b[31mruns", "Run.\r\nevil", "the SDK drops it\x07")
	var out strings.Builder
	r.print(&out)
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\r")
	assert.NotContains(t, out.String(), "\x07")
}
