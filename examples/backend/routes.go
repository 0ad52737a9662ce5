package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go"
)

const (
	maxBody   = 16 << 10
	maxPrompt = 500 // characters
	maxFile   = 64 << 20
)

// routes returns the public endpoints.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", pageHandler())
	mux.Handle("POST "+callbackPath, s.callbackHandler())
	mux.Handle("GET /api/runs", s.authenticated(s.listRuns))
	mux.Handle("POST /api/runs", s.authenticated(s.limited(s.createRun)))
	mux.Handle("PUT /api/runs/{key}/feedback", s.authenticated(s.limited(s.putFeedback)))
	mux.Handle("DELETE /api/runs/{key}/feedback", s.authenticated(s.limited(s.deleteFeedback)))
	mux.Handle("GET /api/runs/{key}/files/{index}", s.authenticated(s.getFile))
	protection := http.NewCrossOriginProtection() // other sites cannot use the session of a user
	protection.AddInsecureBypassPattern(callbackPath)
	return protection.Handler(mux)
}

// A userHandler handles a request of a user.
type userHandler func(http.ResponseWriter, *http.Request, user)

func (s *service) authenticated(next userHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok := s.authenticate(r)
		if !ok {
			respond(w, http.StatusUnauthorized, problem{Error: "log in first"})
			return
		}
		next(w, r, u)
	}
}

// limited limits the rate of the requests that call Runflow.
func (s *service) limited(next userHandler) userHandler {
	return func(w http.ResponseWriter, r *http.Request, u user) {
		if delay := s.limits.reserve(u.id); delay > 0 {
			setRetryAfter(w, delay)
			respond(w, http.StatusTooManyRequests, problem{Error: "too many requests; try again later"})
			return
		}
		next(w, r, u)
	}
}

func (s *service) listRuns(w http.ResponseWriter, r *http.Request, u user) {
	runs, err := s.runs.list(r.Context(), u.id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	views := []runView{}
	for i := range runs {
		views = append(views, viewOf(&runs[i]))
	}
	respond(w, http.StatusOK, map[string]any{"runs": views})
}

func (s *service) createRun(w http.ResponseWriter, r *http.Request, u user) {
	var body struct{ Prompt string }
	if !decode(w, r, &body) {
		return
	}
	prompt := strings.TrimSpace(body.Prompt)
	if n := utf8.RuneCountInString(prompt); n == 0 || n > maxPrompt {
		respond(w, http.StatusUnprocessableEntity, problem{Error: "prompt: must have 1 to 500 characters"})
		return
	}
	created, err := s.create(r.Context(), u, prompt)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case created.runID == "":
		respond(w, http.StatusAccepted, viewOf(created))
	default:
		respond(w, http.StatusCreated, viewOf(created))
	}
}

func (s *service) putFeedback(w http.ResponseWriter, r *http.Request, u user) {
	var body struct{ Rating runflow.Rating }
	if !decode(w, r, &body) {
		return
	}
	if body.Rating != runflow.ThumbsUp && body.Rating != runflow.ThumbsDown {
		respond(w, http.StatusUnprocessableEntity, problem{Error: `rating: must be "up" or "down"`})
		return
	}
	s.respondFeedback(w, r, u, body.Rating)
}

func (s *service) deleteFeedback(w http.ResponseWriter, r *http.Request, u user) {
	s.respondFeedback(w, r, u, "")
}

func (s *service) respondFeedback(w http.ResponseWriter, r *http.Request, u user, rating runflow.Rating) {
	changed, err := s.setFeedback(r.Context(), u, r.PathValue("key"), rating)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	respond(w, http.StatusOK, viewOf(changed))
}

// getFile serves an output file of a run. The link to it expires, so the page does not
// use it: Download replaces it. A service that keeps the files copies them to its own
// storage when the run ends.
func (s *service) getFile(w http.ResponseWriter, r *http.Request, u user) {
	found, err := s.runs.get(r.Context(), u.id, r.PathValue("key"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	index, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || index < 0 || index >= len(found.files) {
		s.fail(w, r, errNoRun)
		return
	}
	hasStarted := false
	_, err = s.client.Runs.Download(r.Context(), found.files[index], w, runflow.DownloadParams{
		MaxBytes: maxFile,
		OnStart: func(info runflow.FileInfo) error {
			hasStarted = true
			setFileHeader(w.Header(), info)
			return nil
		},
	})
	switch {
	case err == nil:
	case hasStarted:
		s.log.WarnContext(r.Context(), "download", "key", found.key, "error", err)
		panic(http.ErrAbortHandler) // the browser then knows that the file is incomplete
	default:
		s.fail(w, r, err)
	}
}

// setFileHeader sets the header of a file that others have made: a browser must not
// run its scripts.
func setFileHeader(header http.Header, info runflow.FileInfo) {
	header.Set("Content-Type", info.ContentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	header.Set("Cache-Control", "private, max-age=86400, immutable")
	if info.Size >= 0 {
		header.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	}
}

// A runView is a run in the form of this API.
type runView struct {
	Key       string         `json:"key"`
	Prompt    string         `json:"prompt"`
	Status    string         `json:"status"`
	Ended     bool           `json:"ended"`
	Error     string         `json:"error,omitzero"`
	Files     []string       `json:"files"`
	Rating    runflow.Rating `json:"rating,omitzero"`
	CreatedAt time.Time      `json:"created_at"`
}

func viewOf(r *row) runView {
	view := runView{
		Key: r.key, Prompt: r.prompt, Status: r.status, Ended: r.ended, Error: r.error,
		Files: []string{}, Rating: r.rating, CreatedAt: r.createdAt.UTC(),
	}
	for i := range r.files {
		view.Files = append(view.Files, "/api/runs/"+r.key+"/files/"+strconv.Itoa(i))
	}
	return view
}

// decode decodes the JSON body of a request, or responds with 400.
func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v); err != nil {
		respond(w, http.StatusBadRequest, problem{Error: "the body must be a JSON object"})
		return false
	}
	return true
}

// fail responds with an error.
func (s *service) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := explain(err)
	if e.status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "status", e.status, "error", err)
	}
	if apiErr, ok := errors.AsType[*runflow.APIError](err); ok && apiErr.RetryAfter > 0 {
		setRetryAfter(w, apiErr.RetryAfter)
	}
	respond(w, e.status, problem{Error: e.message})
}

func setRetryAfter(w http.ResponseWriter, delay time.Duration) {
	w.Header().Set("Retry-After", strconv.FormatInt(int64((delay+time.Second-1)/time.Second), 10))
}

// A problem is the body of an error response.
type problem struct {
	Error string `json:"error"`
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has gone
}
