package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

// A seed is the content of a seed file, see the documentation of the command.
type seed struct {
	Organization   string                     `json:"organization"`
	UserToken      string                     `json:"user_token"`
	APIKey         string                     `json:"api_key"`
	CallbackSecret string                     `json:"callback_secret"`
	Users          map[string][]string        `json:"users"`
	APIKeys        map[string]string          `json:"api_keys"`
	Balances       map[string]decimal.Decimal `json:"balances"`
	Files          map[string]string          `json:"files"`
	Models         map[string]model           `json:"models"`
	Workflows      map[string]workflow        `json:"workflows"`
	Runs           []json.RawMessage          `json:"runs"` // decoded when the links to the files are known

	dir string // to which the paths of the files are relative
}

type model struct {
	runflow.Model
	target
}

type workflow struct {
	runflow.ComfyuiWorkflow
	target
}

// A target describes the runs of a model or a workflow.
type target struct {
	RunCost decimal.NullDecimal `json:"run_cost"`
	Steps   []json.RawMessage   `json:"steps"`
}

func readSeed(path string) (*seed, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the path is an argument of the command
	if err != nil {
		return nil, err
	}
	s := &seed{dir: filepath.Dir(path)}
	if err := decodeStrictly(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// decodeStrictly decodes data, a single JSON value. An unknown field is an error.
func decodeStrictly(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("unexpected data after the JSON value")
	}
	return nil
}

// apply adds the content of the seed to a server that has not been used yet.
func (s *seed) apply(server *runflowtest.Server) error {
	s.addAccounts(server)
	links, err := s.addFiles(server)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Models)) {
		m := s.Models[name]
		if err := m.apply(server, name, links); err != nil {
			return fmt.Errorf("models: %w", err)
		}
		server.AddModel(name, m.Model)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Workflows)) {
		w := s.Workflows[name]
		if err := w.apply(server, name, links); err != nil {
			return fmt.Errorf("workflows: %w", err)
		}
		server.AddWorkflow(name, w.ComfyuiWorkflow)
	}
	for i, raw := range s.Runs {
		var r runflow.Run
		if err := decodeStrictly(links.insert(raw), &r); err != nil {
			return fmt.Errorf("runs[%d]: %w", i, err)
		}
		server.AddRun(r)
	}
	return nil
}

// addAccounts adds the organizations, their tokens and their balances.
func (s *seed) addAccounts(server *runflowtest.Server) {
	for field, value := range map[*string]string{
		&server.OrgID: s.Organization, &server.UserToken: s.UserToken, &server.APIKey: s.APIKey, &server.CallbackSecret: s.CallbackSecret,
	} {
		if value != "" {
			*field = value
		}
	}
	server.AddUser(server.UserToken, server.OrgID)
	server.AddAPIKey(server.APIKey, server.OrgID)
	for token, orgIDs := range s.Users {
		server.AddUser(token, orgIDs...)
	}
	for token, orgID := range s.APIKeys {
		server.AddAPIKey(token, orgID)
	}
	for orgID, balance := range s.Balances {
		server.SetBalance(orgID, balance)
	}
}

func (s *seed) addFiles(server *runflowtest.Server) (links, error) {
	added := links{}
	for name, path := range s.Files {
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.dir, path)
		}
		data, err := os.ReadFile(path) //nolint:gosec // the seed file belongs to the user of the command
		if err != nil {
			return nil, fmt.Errorf("files: %w", err)
		}
		contentType := cmp.Or(mime.TypeByExtension(filepath.Ext(name)), http.DetectContentType(data))
		added[name] = server.AddFile(name, contentType, data)
	}
	return added, nil
}

// links are the links to the files by their names.
type links map[string]string

// insert replaces each string "file:NAME" by the link to the file.
func (l links) insert(value []byte) []byte {
	for name, link := range l {
		value = bytes.ReplaceAll(value, quote("file:"+name), quote(link))
	}
	return value
}

func quote(text string) []byte {
	quoted, _ := json.Marshal(text) // a string can always be encoded
	return quoted
}

// apply sets the cost and the steps of the runs.
func (t *target) apply(server *runflowtest.Server, name string, l links) error {
	owner, slug, _ := strings.Cut(name, "/")
	if owner == "" || slug == "" {
		return fmt.Errorf("%q: must be \"owner/slug\"", name)
	}
	if t.RunCost.Valid {
		server.SetPrice(name, t.RunCost.Decimal)
	}
	var steps []runflowtest.Step
	for i, fields := range t.Steps {
		fields = l.insert(fields)
		if err := decodeStrictly(fields, &runflow.Run{}); err != nil {
			return fmt.Errorf("%s: steps[%d]: %w", name, i, err)
		}
		steps = append(steps, func(r *runflow.Run) { _ = json.Unmarshal(fields, r) }) // cannot fail: it was decoded above
	}
	if len(steps) > 0 {
		server.Script(name, steps...)
	}
	return nil
}
