package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

var postRun = runflowtest.Route("POST /v1/models/")

func TestService_RunEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		last   runflowtest.Step // nil is an image
		status string
		error  string
		files  int
	}{
		"success":                 {nil, "succeeded", "", 1},
		"success without a file":  {runflowtest.StepSucceed(map[string]any{"text": "done"}), "succeeded", "", 0},
		"failure":                 {runflowtest.StepFail("OUT_OF_MEMORY", runflow.FailureStageExecution, "the picture is too large"), "failed", "the picture is too large", 0},
		"failure without message": {runflowtest.StepFail("OUT_OF_MEMORY", runflow.FailureStageExecution, ""), "failed", "OUT_OF_MEMORY", 0},
		"failure without reason":  {runflowtest.StepFail("", "", ""), "failed", "the run failed", 0},
		"cancelled":               {runflowtest.StepCancel(), "cancelled", "cancelled", 0},
	}
	for name, tt := range tests {
		for by, hasCallback := range map[string]bool{"callback": true, "reconcile": false} {
			t.Run(name+" by "+by, func(t *testing.T) {
				t.Parallel()
				b := newBackend(t)
				if tt.last != nil {
					b.fake.Script(testModel, tt.last)
				}
				if !hasCallback {
					b.callbackURL = ""
				}
				require.Equal(t, 201, b.createRun().status)
				assert.Equal(t, "queued", b.onlyRun().Status)
				b.finish()
				if !hasCallback {
					assert.False(t, b.onlyRun().Ended)
					b.reconcile(t.Context(), 0)
				}
				got := b.onlyRun()
				assert.Equal(t, tt.status, got.Status)
				assert.Equal(t, tt.error, got.Error)
				assert.Len(t, got.Files, tt.files)
				assert.True(t, got.Ended)
			})
		}
	}
}

func TestService_CreateRun_Faults(t *testing.T) {
	t.Parallel()
	always := func(f runflowtest.Fault) []runflowtest.Fault {
		f.Match = postRun
		return []runflowtest.Fault{f}
	}
	tests := map[string]struct {
		faults    []runflowtest.Fault
		status    int
		runStatus string
		error     string
	}{
		"rate limited by Runflow":  {always(runflowtest.Fault{Status: 429}), 503, "failed", "the service is busy; try again later"},
		"out of credit":            {always(runflowtest.Fault{Status: 402}), 503, "failed", "the service is out of credit"},
		"permission denied":        {always(runflowtest.Fault{Status: 403}), 403, "failed", "your Runflow account does not permit this"},
		"input refused":            {always(runflowtest.Fault{Status: 422}), 422, "failed", "Runflow refused the input"},
		"no such model":            {always(runflowtest.Fault{Status: 404}), 500, "failed", "internal error"},
		"API unavailable":          {always(runflowtest.Fault{Status: 503}), 202, "creating", ""},
		"API closes connections":   {[]runflowtest.Fault{{}}, 202, "creating", ""},
		"response lost, run found": {[]runflowtest.Fault{{Match: postRun, AfterProcessing: true}}, 201, "queued", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			for _, f := range tt.faults {
				n := 100
				if f.AfterProcessing {
					n = 1
				}
				b.fake.InjectFault(n, f)
			}
			resp := b.createRun()
			assert.Equal(t, tt.status, resp.status, resp.text)
			if tt.error != "" {
				assert.JSONEq(t, fmt.Sprintf(`{"error": %q}`, tt.error), resp.text)
			}
			got := b.onlyRun()
			assert.Equal(t, tt.runStatus, got.Status)
			assert.Equal(t, tt.error, got.Error)
			assert.Equal(t, tt.runStatus == "failed", got.Ended)
		})
	}
}

func TestService_CreateRun_APIDown(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	b := newBackend(t, runflow.WithBaseURL(closed.URL))
	resp := b.createRun()
	assert.Equal(t, 502, resp.status)
	assert.JSONEq(t, `{"error": "Runflow is not available; try again later"}`, resp.text)
	assert.Equal(t, "failed", b.onlyRun().Status)
}

func TestService_CreateRun_RetryAfter(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fake.InjectFault(100, runflowtest.Fault{Match: postRun, Status: 429, RetryAfter: time.Hour})
	resp := b.createRun()
	assert.Equal(t, 503, resp.status)
	assert.Equal(t, "3600", resp.header.Get("Retry-After"))
}

func TestService_CreateRun_LostResponse(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fake.InjectFault(1, runflowtest.Fault{Match: postRun, AfterProcessing: true})
	b.fake.InjectFault(100, runflowtest.Fault{Match: runflowtest.Route("GET /v1/runs"), Status: 400})
	assert.Equal(t, 202, b.createRun().status)
	require.Len(t, b.fake.Runs(), 1, "the run exists")
	assert.Equal(t, "creating", b.onlyRun().Status)
	b.finish()
	got := b.onlyRun()
	assert.Equal(t, "succeeded", got.Status, "the callback finds the row by its metadata")
	assert.Len(t, got.Files, 1)
}

func TestService_Reconcile_LostResponse(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.callbackURL = ""
	b.fake.InjectFault(1, runflowtest.Fault{Match: postRun, AfterProcessing: true})
	b.fake.InjectFault(1, runflowtest.Fault{Match: runflowtest.Route("GET /v1/runs"), Status: 400})
	assert.Equal(t, 202, b.createRun().status)
	b.reconcile(t.Context(), time.Minute)
	assert.Equal(t, "creating", b.onlyRun().Status, "the row is too new")
	b.age(2 * time.Minute)
	b.reconcile(t.Context(), time.Minute)
	assert.Equal(t, "queued", b.onlyRun().Status)
	b.finish()
	b.reconcile(t.Context(), time.Minute)
	assert.Equal(t, "succeeded", b.onlyRun().Status)
	assert.Len(t, b.fake.Runs(), 1, "the run was created once")
}

func TestService_Reconcile_RunWasNotCreated(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fake.InjectFault(1, runflowtest.Fault{Match: postRun})
	assert.Equal(t, 202, b.createRun().status)
	b.reconcile(t.Context(), 0)
	assert.Equal(t, "creating", b.onlyRun().Status, "a new run may not be found at once")
	b.age(maxCreation)
	b.reconcile(t.Context(), 0)
	assert.Equal(t, "the run was not created", b.onlyRun().Error)
}

// roundTrip is a middleware that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestService_CreateRun_CallbackArrivesFirst(t *testing.T) {
	t.Parallel()
	var b *backend
	b = newBackend(t, runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			b.finish()
			return resp, err
		})
	}))
	require.Equal(t, 201, b.createRun().status)
	got := b.onlyRun()
	assert.Equal(t, "succeeded", got.Status)
	assert.Len(t, got.Files, 1)
}

func TestService_Create_UserLeaves(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	b := newBackend(t, runflow.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			leave()
			return next.RoundTrip(req)
		})
	}))
	_, err := b.create(ctx, user{id: "ann"}, "a cat")
	require.NoError(t, err)
	assert.Equal(t, "queued", b.onlyRun().Status)
}

func TestService_Callback_Redelivery(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	_, runID := b.succeeded()
	_, err := b.runs.db.ExecContext(t.Context(), "UPDATE runs SET ended = FALSE, status = 'not touched'")
	require.NoError(t, err)
	_, err = b.client.Runs.RedeliverCallback(t.Context(), runID)
	require.NoError(t, err)
	b.fake.WaitCallbacks()
	assert.Equal(t, "not touched", b.onlyRun().Status, "the event has been handled already")
	deliveries, err := b.client.Runs.ListCallbackDeliveries(t.Context(), runID, runflow.ListCallbackDeliveriesParams{})
	require.NoError(t, err)
	require.Len(t, deliveries.Items, 2)
	for _, d := range deliveries.Items {
		assert.Equal(t, "delivered", d.StatusCode)
	}
}

func TestService_Callback_DatabaseFails(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	require.Equal(t, 201, b.createRun().status)
	key := b.onlyRun().Key
	rename := func(from, to string) {
		_, err := b.runs.db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to)
		require.NoError(t, err)
	}
	send := func() int {
		req := runflowtest.NewCallbackRequest(b.fake.CallbackSecret, map[string]any{
			"event": "run.completed", "run_id": "run-1", "status": "succeeded", "metadata": map[string]any{"backend_run_key": key},
		})
		w := httptest.NewRecorder()
		b.callbackHandler().ServeHTTP(w, req)
		return w.Code
	}
	rename("runs", "hidden")
	assert.Equal(t, 500, send(), "Runflow redelivers the event")
	rename("hidden", "runs")
	assert.Equal(t, 200, send())
	assert.Equal(t, "succeeded", b.onlyRun().Status)
}

func TestService_Callback_Refused(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	require.Equal(t, 201, b.createRun().status)
	forged := runflowtest.NewCallbackRequest("whsec_forged", map[string]any{
		"event": "run.failed", "run_id": "run-1", "status": "failed", "metadata": map[string]any{"backend_run_key": b.onlyRun().Key},
	})
	w := httptest.NewRecorder()
	b.callbackHandler().ServeHTTP(w, forged)
	assert.Equal(t, 401, w.Code)
	assert.Equal(t, "queued", b.onlyRun().Status)
}

func TestService_Callback_NotOurs(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	require.Equal(t, 201, b.createRun().status)
	for name, payload := range map[string]map[string]any{
		"no metadata":     {"event": "run.failed", "run_id": "run-1", "status": "failed"},
		"other metadata":  {"event": "run.failed", "run_id": "run-2", "status": "failed", "metadata": map[string]any{"order": 1}},
		"unknown key":     {"event": "run.failed", "run_id": "run-3", "status": "failed", "metadata": map[string]any{"backend_run_key": "x"}},
		"not at the end":  {"event": "run.started", "run_id": "run-4", "status": "running", "metadata": map[string]any{"backend_run_key": b.onlyRun().Key}},
		"event of future": {"event": "run.archived", "run_id": "run-5", "metadata": map[string]any{"backend_run_key": b.onlyRun().Key}},
	} {
		w := httptest.NewRecorder()
		b.callbackHandler().ServeHTTP(w, runflowtest.NewCallbackRequest(b.fake.CallbackSecret, payload))
		assert.Equal(t, 200, w.Code, name)
		assert.Equal(t, "queued", b.onlyRun().Status, name)
	}
}

func TestService_Feedback(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	path, runID := b.succeeded()
	for _, tt := range []struct {
		method, body string
		want         runflow.Rating
	}{
		{"PUT", `{"rating": "up"}`, runflow.ThumbsUp},
		{"PUT", `{"rating": "down"}`, runflow.ThumbsDown},
		{"DELETE", "", ""},
		{"DELETE", "", ""},
	} {
		resp := b.send("ann", tt.method, path+"/feedback", tt.body)
		require.Equal(t, 200, resp.status, resp.text)
		assert.Equal(t, tt.want, b.onlyRun().Rating)
		run, _ := b.fake.GetRun(runID)
		feedback, ok := run.Feedback()
		assert.Equal(t, tt.want, feedback.Rating)
		assert.Equal(t, tt.want != "", ok)
	}
}

func TestService_Feedback_APIKey(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	path, _ := b.succeeded()
	_, err := b.runs.db.ExecContext(t.Context(), "UPDATE runs SET user_id = 'bob'")
	require.NoError(t, err)
	resp := b.send("bob", "PUT", path+"/feedback", `{"rating": "up"}`)
	assert.Equal(t, 403, resp.status)
	assert.JSONEq(t, `{"error": "your Runflow account does not permit this"}`, resp.text)
	assert.NotContains(t, b.send("bob", "GET", "/api/runs", "").text, `"rating"`)
}

func TestService_Feedback_APIDown(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	path, _ := b.succeeded()
	b.fake.InjectFault(100, runflowtest.Fault{Status: 500})
	resp := b.send("ann", "PUT", path+"/feedback", `{"rating": "up"}`)
	assert.Equal(t, 502, resp.status)
	assert.Empty(t, b.onlyRun().Rating)
}

func TestService_GetFile(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	svg := "<svg xmlns='http://www.w3.org/2000/svg'/>"
	link := b.fake.AddFile("a.svg", "image/svg+xml", []byte(svg))
	b.fake.Script(testModel, runflowtest.StepSucceed(map[string]any{"url": link}))
	path, _ := b.succeeded()
	for name, prepare := range map[string]func(){
		"valid link":   func() {},
		"expired link": func() { b.fake.ExpireFiles() },
	} {
		prepare()
		resp := b.send("ann", "GET", path+"/files/0", "")
		assert.Equal(t, 200, resp.status, name)
		assert.Equal(t, svg, resp.text, name)
		assert.Equal(t, "image/svg+xml", resp.header.Get("Content-Type"), name)
		assert.Contains(t, resp.header.Get("Content-Security-Policy"), "sandbox", "the script of an SVG must not run")
		assert.Equal(t, "nosniff", resp.header.Get("X-Content-Type-Options"))
	}
	b.fake.InjectFault(100, runflowtest.Fault{Match: runflowtest.Route("GET /files/"), Status: 500})
	assert.Equal(t, 502, b.send("ann", "GET", path+"/files/0", "").status)
}

func TestService_GetFile_BreaksOff(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fake.Handle("GET /files/endless", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20))
		_ = http.NewResponseController(w).Flush() // without a Content-Length
		panic(http.ErrAbortHandler)
	}))
	b.fake.Script(testModel, runflowtest.StepSucceed(map[string]any{"url": b.fake.URL + "/files/endless"}))
	path, _ := b.succeeded()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path+"/files/0", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("X-Test-User", "ann")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	assert.ErrorContains(t, err, "unexpected EOF", "a part of the file must not look complete")
}

func TestService_NotFound(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	path, _ := b.succeeded()
	for _, r := range []struct{ user, method, path, body string }{
		{"bob", "PUT", path + "/feedback", `{"rating": "up"}`},
		{"bob", "DELETE", path + "/feedback", ""},
		{"bob", "GET", path + "/files/0", ""},
		{"ann", "GET", path + "/files/1", ""},
		{"ann", "GET", path + "/files/-1", ""},
		{"ann", "GET", path + "/files/first", ""},
		{"ann", "PUT", "/api/runs/unknown/feedback", `{"rating": "up"}`},
	} {
		assert.Equal(t, 404, b.send(r.user, r.method, r.path, r.body).status, "%s %s of %s", r.method, r.path, r.user)
	}
	assert.JSONEq(t, `{"runs": []}`, b.send("bob", "GET", "/api/runs", "").text)
}

func TestService_Feedback_RunNotCreated(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fake.InjectFault(1, runflowtest.Fault{Match: postRun})
	require.Equal(t, 202, b.createRun().status)
	assert.Equal(t, 404, b.send("ann", "PUT", "/api/runs/"+b.onlyRun().Key+"/feedback", `{"rating": "up"}`).status)
}

func TestService_InvalidRequests(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	path, _ := b.succeeded()
	requests := len(b.fake.Requests())
	for name, r := range map[string]struct {
		method, path, body string
		status             int
	}{
		"not JSON":        {"POST", "/api/runs", "prompt=a", 400},
		"empty prompt":    {"POST", "/api/runs", `{"prompt": " \n"}`, 422},
		"long prompt":     {"POST", "/api/runs", `{"prompt": "` + strings.Repeat("é", 501) + `"}`, 422},
		"large body":      {"POST", "/api/runs", `{"prompt": "` + strings.Repeat("a", maxBody) + `"}`, 400},
		"unknown rating":  {"PUT", path + "/feedback", `{"rating": "sideways"}`, 422},
		"no rating":       {"PUT", path + "/feedback", `{}`, 422},
		"rating not JSON": {"PUT", path + "/feedback", `up`, 400},
	} {
		resp := b.send("ann", r.method, r.path, r.body)
		assert.Equal(t, r.status, resp.status, name)
		assert.Contains(t, resp.text, `"error"`, name)
	}
	assert.Len(t, b.fake.Requests(), requests, "Runflow was not called")
	assert.Equal(t, 201, b.send("bob", "POST", "/api/runs", `{"prompt": "`+strings.Repeat("é", 500)+`"}`).status)
}

func TestService_NotAuthenticated(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	for _, path := range []string{"/api/runs", "/api/runs/x/files/0"} {
		assert.Equal(t, 401, b.send("", "GET", path, "").status)
	}
	assert.Equal(t, 401, b.send("", "POST", "/api/runs", `{"prompt": "a"}`).status)
}

func TestService_CrossOrigin(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/runs", strings.NewReader(`{"prompt": "a"}`))
	require.NoError(t, err)
	req.Header.Set("X-Test-User", "ann")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, 403, b.do(req).status)
	assert.Empty(t, b.fake.Runs())
}

func TestService_UserLimit(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.limits = newUserLimits(rate.Every(time.Hour), 2)
	for range 2 {
		require.Equal(t, 201, b.createRun().status)
	}
	resp := b.createRun()
	assert.Equal(t, 429, resp.status)
	assert.Equal(t, "3600", resp.header.Get("Retry-After"))
	assert.Equal(t, 201, b.send("bob", "POST", "/api/runs", `{"prompt": "a"}`).status, "each user has a limit")
	assert.Len(t, b.fake.Runs(), 3)
}

func TestService_Page(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/app.js": "text/javascript; charset=utf-8", "/style.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml",
	} {
		resp := b.send("", "GET", path, "")
		assert.Equal(t, 200, resp.status, path)
		assert.Equal(t, contentType, resp.header.Get("Content-Type"))
		assert.Contains(t, resp.header.Get("Content-Security-Policy"), "default-src 'self'")
	}
	assert.Equal(t, 404, b.send("", "GET", "/unknown", "").status)
}
