package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// newFake returns a fake API that has something of everything that the checks read.
func newFake(t *testing.T) (*runflowtest.Server, options) {
	t.Helper()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{Slug: "acme/cat", Pricing: []runflow.ModelPricing{{Price: amountOf("0.04")}}})
	server.AddWorkflow("acme/swap", runflow.ComfyuiWorkflow{})
	client, err := runflow.NewClient(server.UserToken, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	var run *runflow.Run
	for range 4 {
		run, err = client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: map[string]any{"prompt": "a cat"}, ClientRef: "order-4711"})
		require.NoError(t, err)
		server.FinishRun(run.ID)
	}
	return server, options{
		token: server.UserToken, baseURL: server.URL, rate: run.ID,
		spend: "acme/cat", input: `{"prompt": "a cat"}`, member: "image_url", poll: 100 * time.Millisecond, limit: time.Second,
	}
}

func verdicts(t *testing.T, o options) (map[string]string, string) {
	t.Helper()
	var out bytes.Buffer
	_, err := live(t.Context(), &out, o)
	require.NoError(t, err)
	found := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if id, rest, _ := strings.Cut(line, " "); regexp.MustCompile(`^[A-Z]\d$`).MatchString(id) {
			found[id], _, _ = strings.Cut(rest, " ")
		}
	}
	return found, out.String()
}

func TestLive_Fake(t *testing.T) {
	t.Parallel()
	_, o := newFake(t)
	found, text := verdicts(t, o)
	for _, a := range assumptions {
		assert.Equal(t, "confirmed", found[a.id], a.id)
	}
	assert.Contains(t, text, "0 refuted, 0 unknown")
	assert.NotContains(t, text, "members that the SDK does not know")
}

// A plant changes the responses of an API, or its requests, so that one assumption is
// wrong.
type plant struct {
	method, path string // of the requests; a regular expression; "" means all
	request      func(*http.Request)
	response     func(*http.Response, []byte) []byte
}

func missing404(resp *http.Response, body []byte) []byte {
	resp.StatusCode = http.StatusNotFound
	return body
}

func replace(old, with string) func(*http.Response, []byte) []byte {
	return func(_ *http.Response, body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(with)) }
}

func answer(code int, body string) func(*http.Response, []byte) []byte {
	return func(resp *http.Response, _ []byte) []byte {
		resp.StatusCode = code
		return []byte(body)
	}
}

func withoutQuery(name string) func(*http.Request) {
	return func(req *http.Request) {
		query := req.URL.Query()
		query.Del(name)
		req.URL.RawQuery = query.Encode()
	}
}

var plants = map[string]plant{
	"H1": {path: `/v1/health$`, response: answer(200, `{"ok":true}`)},
	"H2": {path: `/v1/readiness$`, response: missing404},
	"A1": {path: `/v1/auth/me$`, response: replace(`"id"`, `"user_id"`)},
	"E1": {response: func(resp *http.Response, body []byte) []byte {
		if resp.StatusCode == http.StatusUnauthorized {
			return []byte(`{"error":{"type":"unauthorized"}}`)
		}
		return body
	}},
	"E2": {path: noRun, method: "GET", response: replace("RUN_NOT_FOUND", "NO_SUCH_RUN")},
	"E3": {method: "PUT", path: "/v1/auth/me", response: answer(404, `{"code":"NOT_FOUND","message":"no such page"}`)},
	"E4": {response: func(resp *http.Response, body []byte) []byte {
		if resp.StatusCode == http.StatusUnprocessableEntity {
			return []byte(`{"detail":[{"loc":["query","limit"],"msg":"too small"}]}`)
		}
		return body
	}},
	"L1": {path: `/v1/runs$`, response: replace(`"items":`, `"data":`)},
	"L2": {path: `/v1/runs$`, request: withoutQuery("limit")},
	"L3": {path: `/v1/runs$`, request: withoutQuery("pq")},
	"L4": {path: `/v1/runs$`, request: withoutQuery("from_prev")},
	"L5": {path: `/v1/runs$`, request: withoutQuery("sort_by")},
	"L6": {path: `/v1/runs$`, request: withoutQuery("fields")},
	"F1": {path: `/v1/runs$`, response: func(resp *http.Response, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`"status_code":"succeeded"`), []byte(`"status_code":"failed"`))
	}},
	"F2": {path: `/v1/runs$`, request: func(req *http.Request) {
		if strings.Contains(req.URL.Query().Get("q"), " AND ") {
			req.URL.RawQuery = "q=" + url.QueryEscape("AND")
		}
	}},
	"F3": {path: `/v1/runs$`, request: func(req *http.Request) {
		if strings.HasPrefix(req.URL.Query().Get("q"), "client_ref") {
			req.URL.RawQuery = "q=" + url.QueryEscape("client_ref.EQ:'nobody'")
		}
	}},
	"F4": {path: `/v1/runs$`, request: func(req *http.Request) {
		if strings.HasPrefix(req.URL.Query().Get("q"), "no_such_field") {
			req.URL.RawQuery = "limit=1"
		}
	}},
	"F5": {path: `/v1/runs$`, request: func(req *http.Request) {
		if strings.Contains(req.URL.Query().Get("q"), "''") {
			req.URL.RawQuery = "limit=1"
		}
	}},
	"R1": {path: `/v1/runs/[^/]*$`, response: replace(`"target_type":"model"`, `"target_type":"template"`)},
	"R2": {path: `/v1/runs/[^/]*$`, request: withoutQuery("embed")},
	"R3": {path: `/v1/runs$`, response: func(_ *http.Response, body []byte) []byte {
		return regexp.MustCompile(`"url":"[^"]*"`).ReplaceAll(body, []byte(`"preview":{"text":"see http"}`))
	}},
	"R4": {path: `/v1/runs/statuses$`, response: replace(`"queued"`, `"waiting"`)},
	"R5": {path: `/logs$`, response: missing404},
	"R6": {path: `/callback$`, response: answer(200, `"none"`)},
	"M1": {path: `/v1/models/acme/cat$`, response: missing404},
	"M2": {path: `/pricing$`, response: replace(`"price":"0.04"`, `"price":"four cents"`)},
	"W1": {path: `/v1/comfyui-workflows$`, response: answer(200, `{"workflows":[]}`)},
	"V1": {path: `/v1/evaluations/statuses$`, response: answer(200, `{"items":[]}`)},
	"K1": {path: `/v1/webhooks/event-types$`, response: answer(200, `{"items":[]}`)},
	"B1": {path: `/v1/billing/balance$`, response: answer(200, `{"balance_cents":12450,"currency":"USD"}`)},
	"T1": {path: `/v1/models$`, response: func(resp *http.Response, body []byte) []byte {
		resp.Header.Del("X-Request-Id")
		resp.Header.Del("Runflow-Request-Id")
		return body
	}},
	"P1": {method: "PATCH", path: `/feedback$`, response: replace(`"feedback_is_positive":false`, `"feedback_is_positive":true`)},
	"P2": {method: "PATCH", path: noRun, response: answer(200, `{"id":"`+noRun+`"}`)},
	"S1": {method: "POST", path: `/v1/models/acme/cat/runs$`, response: replace(`"id":`, `"run_id":`)},
	"S2": {method: "POST", path: `/v1/models/acme/cat/runs$`, request: func(req *http.Request) { req.Header.Del("Idempotency-Key") }},
	"S3": {path: `/v1/runs$`, request: func(req *http.Request) {
		if strings.HasPrefix(req.URL.Query().Get("q"), "client_ref.eq:'live-") {
			req.URL.RawQuery = "q=" + url.QueryEscape("client_ref.EQ:'nobody'")
		}
	}},
	"S4": {path: `/v1/runs/[^/]*$`, response: replace(`"status_code":"succeeded"`, `"status_code":"done"`)},
	"S5": {path: `/v1/runs/[^/]*$`, response: replace(`?`, `?broken`)},
	"U1": {method: "POST", path: `/confirmations$`, response: missing404},
	"U2": {method: "POST", path: `/v1/models/acme/cat/runs$`, request: func(req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		body = bytes.ReplaceAll(body, []byte("runflow://assets/"), []byte("runflow://assets/00000000-"))
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}},
}

// through returns the URL of a server that forwards to another one with a plant.
func through(t *testing.T, target string, p plant) string {
	t.Helper()
	to, err := url.Parse(target)
	require.NoError(t, err)
	matches := func(req *http.Request) bool {
		return (p.method == "" || p.method == req.Method) && regexp.MustCompile(p.path).MatchString(req.URL.Path)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if p.request != nil && matches(r.In) {
				p.request(r.Out)
			}
			r.SetURL(to)
		},
		ModifyResponse: func(resp *http.Response) error {
			if p.response == nil || !matches(resp.Request) {
				return nil
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			body = p.response(resp, body)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Del("Content-Length")
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

func TestLive_PlantedDifferences(t *testing.T) {
	t.Parallel()
	for _, a := range assumptions {
		t.Run(a.id, func(t *testing.T) {
			t.Parallel()
			p, ok := plants[a.id]
			require.True(t, ok, "nothing is planted for this assumption")
			_, o := newFake(t)
			o.baseURL = through(t, o.baseURL, p)
			found, text := verdicts(t, o)
			assert.NotEqual(t, "confirmed", found[a.id], text)
			if a.id != "F5" { // a refutation of this one would be good news
				assert.Equal(t, "REFUTED", found[a.id], text)
			}
		})
	}
}

func TestLive_UnknownMembers(t *testing.T) {
	t.Parallel()
	_, o := newFake(t)
	o.baseURL = through(t, o.baseURL, plant{path: `/v1/runs/[^/]*$`, response: replace(`"status_code":`, `"priority":3,"status_code":`)}) //nolint:bodyclose // a function, not a response
	_, text := verdicts(t, o)
	assert.Contains(t, text, "members that the SDK does not know:\n  Run.priority\n")
}

// The document has a row for each assumption, with its check.
func TestAssumptions_Documented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/assumptions.md")
	require.NoError(t, err)
	var documented, checked []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]\d) \|`).FindAllSubmatch(data, -1) {
		documented = append(documented, string(row[1]))
	}
	for _, a := range assumptions {
		checked = append(checked, a.id)
		file, _, _ := strings.Cut(a.code, ":")
		_, err := os.Stat(filepath.Join("../..", file))
		assert.NoError(t, err, a.id)
	}
	assert.ElementsMatch(t, checked, documented)
}

// A replay responds with recorded responses, each once, in the order of recording.
type replay struct {
	mu        sync.Mutex
	exchanges []exchange
}

func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sanitized := newRecorder("").path(req.URL)
	for i, e := range r.exchanges {
		if e.Method != req.Method || e.Path != req.URL.RequestURI() && e.Path != sanitized ||
			e.BadToken != (req.Header.Get("Authorization") == "Bearer not-a-token") {
			continue
		}
		for name := range e.Header {
			w.Header().Set(name, e.Header.Get(name))
		}
		w.WriteHeader(e.Status)
		_ = json.NewEncoder(w).Encode(e.Response)
		r.exchanges = append(r.exchanges[:i:i], r.exchanges[i+1:]...)
		return
	}
	http.Error(w, "not recorded: "+req.Method+" "+req.URL.RequestURI(), http.StatusNotImplemented)
}

func readRecording(t *testing.T, dir string) *replay {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	r := new(replay)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var e exchange
		require.NoError(t, json.Unmarshal(data, &e))
		r.exchanges = append(r.exchanges, e)
	}
	return r
}

// Each directory in testdata/recordings was written with -record. The one named
// "fake" comes from package runflowtest.
func TestReplay(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("testdata/recordings/*")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(readRecording(t, dir))
			t.Cleanup(server.Close)
			found, text := verdicts(t, options{token: "replayed", baseURL: server.URL})
			assert.NotContains(t, found, "REFUTED", text)
			assert.NotContains(t, text, "REFUTED")
			assert.NotContains(t, text, "not recorded")
		})
	}
}

// A recording contains no token, no ID and no text of the fake API.
func TestRecord_Sanitizes(t *testing.T) {
	t.Parallel()
	server, o := newFake(t)
	o.rate, o.spend, o.record = "", "", t.TempDir()
	if dir := os.Getenv("RECORD_FAKE"); dir != "" {
		o.record = dir
	}
	verdicts(t, o)
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join(o.record, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(data)
	}
	for _, secret := range []string{server.UserToken, server.APIKey, server.OrgID, server.URL, "a cat", "order-4711", "Signature", "@"} {
		assert.NotContains(t, all.String(), secret)
	}
	for _, run := range server.Runs() {
		assert.NotContains(t, all.String(), run.ID)
	}
	replayed := httptest.NewServer(readRecording(t, o.record))
	t.Cleanup(replayed.Close)
	_, text := verdicts(t, options{token: "replayed", baseURL: replayed.URL})
	assert.Contains(t, text, " 0 refuted")
}

func amountOf(text string) decimal.NullDecimal {
	return decimal.NewNullDecimal(decimal.RequireFromString(text))
}
