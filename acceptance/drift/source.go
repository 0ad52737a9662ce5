package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	maxDocument  = 16 << 20 // bytes
	fetchTimeout = time.Minute
)

// load reads the document. References to other documents are refused.
func load(ctx context.Context, o options) (*openapi3.T, error) {
	data, err := read(ctx, o)
	if err != nil {
		return nil, err
	}
	doc, err := parse(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.spec, err)
	}
	if version := doc.OpenAPIMajorMinor(); version != "3.0" && version != "3.1" {
		return nil, fmt.Errorf("%s: OpenAPI version %q, want 3.0 or 3.1", o.spec, doc.OpenAPI)
	}
	return doc, nil
}

// parse parses a document in JSON or YAML. The loader of the library would parse JSON as
// YAML, for which it takes a time that grows with the square of the length.
func parse(ctx context.Context, data []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.Context = ctx
	if !json.Valid(data) {
		return loader.LoadFromData(data)
	}
	doc := new(openapi3.T)
	if err := doc.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	return doc, loader.ResolveRefsIn(doc, nil)
}

// read returns the bytes of a file or a URL.
func read(ctx context.Context, o options) ([]byte, error) {
	switch {
	case o.spec == "":
		return nil, errors.New("-spec is not set")
	case strings.HasPrefix(o.spec, "https://"):
		return fetch(ctx, o)
	case strings.Contains(o.spec, "://"):
		return nil, fmt.Errorf("%s: want a file or an https URL", o.spec)
	}
	file, err := os.Open(o.spec)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return bounded(o.spec, file)
}

func fetch(ctx context.Context, o options) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.spec, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := http.Client{}
	if o.client != nil {
		client = *o.client
	}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Scheme != "https" || len(via) > 5 {
			return fmt.Errorf("redirect %d to %s refused", len(via), req.URL.Redacted())
		}
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d, want 200", o.spec, resp.StatusCode)
	}
	return bounded(o.spec, resp.Body)
}

// bounded reads r to its end, unless it is too long.
func bounded(name string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(data) > maxDocument:
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxDocument)
	}
	return data, nil
}
