package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/runflow-io/runflow-go/runflowtest"
)

const (
	controlPath    = "/_fake/"
	maxControlBody = 1 << 20
)

// A control serves the control endpoints of a server.
type control struct {
	server *runflowtest.Server

	mu     sync.Mutex
	lastID int
	faults map[int]*fault // the pending ones
}

// A fault is a fault in the form of the control endpoint.
type fault struct {
	ID                int     `json:"id"`
	Route             string  `json:"route,omitzero"`
	Count             *int    `json:"count"` // number of requests to which it still applies; negative means all
	Status            int     `json:"status,omitzero"`
	Code              string  `json:"code,omitzero"`
	RetryAfterSeconds float64 `json:"retry_after_seconds,omitzero"`
	DelayMS           float64 `json:"delay_ms,omitzero"`
	Truncate          bool    `json:"truncate,omitzero"`
	AfterProcessing   bool    `json:"after_processing,omitzero"`
}

func newControl(server *runflowtest.Server) *control {
	return &control{server: server, faults: map[int]*fault{}}
}

func (c *control) register() {
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /_fake/faults":         c.listFaults,
		"POST /_fake/faults":        c.injectFault,
		"DELETE /_fake/faults":      c.clearFaults,
		"DELETE /_fake/faults/{id}": c.removeFault,
		"POST /_fake/expired-links": c.expireLinks,
		"GET /_fake/requests":       c.listRequests,
	} {
		c.server.Handle(pattern, handle)
	}
}

func (c *control) listFaults(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending := []*fault{}
	for _, id := range slices.Sorted(maps.Keys(c.faults)) {
		pending = append(pending, c.faults[id])
	}
	respond(w, http.StatusOK, map[string]any{"faults": pending})
}

func (c *control) injectFault(w http.ResponseWriter, r *http.Request) {
	f := &fault{}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
	if err == nil {
		err = decodeStrictly(body, f)
	}
	if err == nil {
		err = c.inject(f)
	}
	if err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	respond(w, http.StatusCreated, f)
}

// inject checks a fault, gives it an ID and injects it.
func (c *control) inject(f *fault) error {
	if err := f.check(); err != nil {
		return err
	}
	matchRoute, err := route(f.Route)
	if err != nil {
		return err
	}
	count := 1
	if f.Count != nil {
		count = *f.Count
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	f.ID, f.Count = c.lastID, &count
	c.faults[f.ID] = f
	limit := count
	if count < 0 {
		limit = math.MaxInt
	}
	c.server.InjectFault(limit, runflowtest.Fault{
		Match: func(r *http.Request) bool {
			return !strings.HasPrefix(r.URL.Path, controlPath) && matchRoute(r) && c.apply(f)
		},
		Status: f.Status, Code: f.Code, RetryAfter: seconds(f.RetryAfterSeconds), Delay: seconds(f.DelayMS / 1000),
		Truncate: f.Truncate, AfterProcessing: f.AfterProcessing,
	})
	return nil
}

func (f *fault) check() error {
	switch {
	case f.ID != 0:
		return errors.New("id: must not be set")
	case f.Count != nil && *f.Count == 0:
		return errors.New("count: must not be 0")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New("status: must be between 400 and 599")
	case f.RetryAfterSeconds < 0:
		return errors.New("retry_after_seconds: must not be negative")
	case f.DelayMS < 0:
		return errors.New("delay_ms: must not be negative")
	}
	return nil
}

// route returns the function that matches the requests of a pattern.
func route(pattern string) (match func(*http.Request) bool, err error) {
	if pattern == "" {
		return func(*http.Request) bool { return true }, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("route: %v", p)
		}
	}()
	return runflowtest.Route(pattern), nil
}

// apply reports whether a fault is still pending, and counts the request.
func (c *control) apply(f *fault) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.faults[f.ID] == nil {
		return false
	}
	if *f.Count > 0 {
		*f.Count--
	}
	if *f.Count == 0 {
		delete(c.faults, f.ID)
	}
	return true
}

func (c *control) clearFaults(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.faults)
	w.WriteHeader(http.StatusNoContent)
}

func (c *control) removeFault(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || c.faults[id] == nil {
		respond(w, http.StatusNotFound, map[string]string{"error": "no pending fault has this id"})
		return
	}
	delete(c.faults, id)
	w.WriteHeader(http.StatusNoContent)
}

func (c *control) expireLinks(w http.ResponseWriter, _ *http.Request) {
	c.server.ExpireFiles()
	w.WriteHeader(http.StatusNoContent)
}

// A request is a request in the form of the control endpoint.
type request struct {
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Query  url.Values  `json:"query"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

func (c *control) listRequests(w http.ResponseWriter, _ *http.Request) {
	requests := []request{}
	for _, r := range c.server.Requests() {
		if !strings.HasPrefix(r.Path, controlPath) {
			requests = append(requests, request{r.Method, r.Path, r.Query, r.Header, string(r.Body)})
		}
	}
	respond(w, http.StatusOK, map[string]any{"requests": requests})
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
