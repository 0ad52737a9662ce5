package main

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/internal/endpoint"
	"github.com/runflow-io/runflow-go/internal/envelope"
)

const root = "../.." // of the SDK's module

func TestBindings_EveryEndpoint(t *testing.T) {
	t.Parallel()
	bound := map[*endpoint.Endpoint]int{}
	for _, b := range bindings() {
		bound[b.endpoint]++
		assert.NotEmpty(t, b.calls, b.endpoint.Operation)
	}
	for _, e := range endpoint.All() {
		assert.Equal(t, 1, bound[e], "bindings of %s, %s %s", e.Operation, e.Method, e.Route)
	}
	assert.Len(t, bound, len(endpoint.All()))
}

// The result of a binding must be what the method returns: the exported type that its
// name stands for.
func TestBindings_Results(t *testing.T) {
	t.Parallel()
	client := reflect.TypeFor[runflow.Client]()
	for _, b := range bindings() {
		service, method, _ := strings.Cut(b.endpoint.Operation, ".")
		field, ok := client.FieldByName(service)
		require.True(t, ok, b.endpoint.Operation)
		m, ok := field.Type.MethodByName(method)
		require.True(t, ok, b.endpoint.Operation)
		result := m.Type.Out(0)
		switch {
		case b.result == nil:
			assert.Equal(t, 1, m.Type.NumOut(), b.endpoint.Operation)
			continue
		case b.result == reflect.TypeFor[uploadSession]():
			continue // it is not exported; the recorder sends one
		case result.Kind() == reflect.Slice: // Runs.FindByClientRef
			result = result.Elem()
		case b.isList:
			items, ok := result.Elem().FieldByName("Items")
			require.True(t, ok, b.endpoint.Operation)
			result = items.Type.Elem()
		default:
			result = result.Elem()
		}
		assert.Equal(t, b.result, result, b.endpoint.Operation)
	}
}

// A member that the first call does not send would be reported as not covered.
func TestBindings_AllParams(t *testing.T) {
	t.Parallel()
	for _, b := range bindings() {
		all, err := record(t.Context(), binding{endpoint: b.endpoint, calls: b.calls[:1]})
		require.NoError(t, err)
		every, err := record(t.Context(), b)
		require.NoError(t, err)
		for name := range every.query.members {
			assert.Contains(t, all.query.members, name, b.endpoint.Operation)
		}
		service, method, _ := strings.Cut(b.endpoint.Operation, ".")
		field, _ := reflect.TypeFor[runflow.Client]().FieldByName(service)
		m, _ := field.Type.MethodByName(method)
		assert.Len(t, all.query.members, wantedParameters(m.Type), b.endpoint.Operation)
	}
}

// wantedParameters returns the number of query parameters that the params of a method
// have fields for. A cursor is two of them.
func wantedParameters(method reflect.Type) int {
	n := 0
	for params := range method.Ins() {
		if params.Kind() != reflect.Struct || params == reflect.TypeFor[runflow.Filter]() {
			continue
		}
		for _, name := range []string{"Filter", "Limit", "SortBy", "Fields", "Cursor", "Embed", "AddSignature"} {
			if _, ok := params.FieldByName(name); !ok {
				continue
			}
			if n++; name == "Cursor" {
				n++
			}
		}
	}
	if method.NumOut() == 2 && method.Out(0) == reflect.TypeFor[[]runflow.Run]() {
		return 3 // FindByClientRef sends a filter, an order and a limit
	}
	return n
}

func TestRecord_CallWithoutRequest(t *testing.T) {
	t.Parallel()
	_, err := record(t.Context(), binding{endpoint: endpoint.RunsGet, calls: []call{
		func(x ctx, c client) error { return errOf(c.Runs.Get(x, "", runflow.GetRunParams{})) },
	}})
	require.ErrorIs(t, err, runflow.ErrInvalidArgument)
	_, err = record(t.Context(), binding{endpoint: endpoint.RunsGet, calls: []call{
		func(x ctx, c client) error { return errOf(c.Models.List(x, runflow.ListModelsParams{})) },
	}})
	assert.ErrorContains(t, err, "Runs.Get: call 0 sent no GET /v1/runs/{run_id}")
}

// rows returns the rows of endpoints.tsv, without its header.
func rows(t *testing.T) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "internal", "endpoint", "endpoints.tsv"))
	require.NoError(t, err)
	var all [][]string
	for line := range strings.Lines(string(data)) {
		all = append(all, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return all[1:]
}

func TestScope_SameAsTable(t *testing.T) {
	t.Parallel()
	out, unsure := map[string]string{}, map[string]bool{}
	for _, row := range rows(t) {
		method, path, status, in, certainty := row[0], row[1], row[2], row[3], row[4]
		switch {
		case status == "out" && !strings.Contains(path, "..."): // its path is not known
			out[keyOf(method, path)] = in
		case status == "implemented" && certainty != "reference":
			unsure[keyOf(method, path)] = true
		}
	}
	assert.Equal(t, out, outOfScope)
	own := map[string]bool{}
	for label := range unpublished {
		method, route, _ := strings.Cut(label, " ")
		own[keyOf(method, route)] = true
	}
	assert.Equal(t, unsure, own)
	for _, e := range endpoint.All() { // the labels have the names of the SDK's placeholders
		label := e.Method + " " + e.Route
		assert.Equal(t, unsure[keyOf(e.Method, e.Route)], unpublished[label], label)
	}
}

func TestEnums_SameAsSource(t *testing.T) {
	t.Parallel()
	declared := map[string][]string{}
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for node := range ast.Preorder(parsed) {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !spec.Names[0].IsExported() {
				continue
			}
			of, isNamed := spec.Type.(*ast.Ident)
			value, isLiteral := spec.Values[0].(*ast.BasicLit)
			if isNamed && isLiteral && value.Kind == token.STRING && ast.IsExported(of.Name) {
				text, err := strconv.Unquote(value.Value)
				require.NoError(t, err)
				declared[of.Name] = append(declared[of.Name], text)
			}
		}
	}
	delete(declared, "Rating") // it is sent as a boolean
	own := map[string][]string{}
	for of, values := range enums {
		own[of.Name()] = values
	}
	assert.NotEmpty(t, declared)
	assert.Equal(t, declared, own)
}

func TestSentinels_SameAsErrors(t *testing.T) {
	t.Parallel()
	all := []error{
		runflow.ErrBadRequest, runflow.ErrUnauthorized, runflow.ErrInsufficientCredit, runflow.ErrPermissionDenied,
		runflow.ErrNotFound, runflow.ErrConflict, runflow.ErrValidation, runflow.ErrRateLimited,
	}
	for status := http.StatusBadRequest; status < http.StatusInternalServerError; status++ {
		known := slices.ContainsFunc(all, (&runflow.APIError{StatusCode: status}).Is)
		assert.Equal(t, known, slices.Contains(sentinels, strconv.Itoa(status)), status)
	}
}

// Each member that the comparison takes for known must have an effect.
func TestProblemMembers_AreRead(t *testing.T) {
	t.Parallel()
	for _, name := range problemMembers {
		assert.NotEqual(t, envelope.Problem{}, envelope.Parse([]byte(`{"`+name+`":"x"}`)), name)
	}
	for _, name := range detailMembers {
		assert.NotEmpty(t, envelope.Parse([]byte(`{"detail":[{"`+name+`":"x"}]}`)).Details, name)
	}
	for _, name := range []string{"title", "hint", "ctx"} {
		assert.Equal(t, envelope.Problem{}, envelope.Parse([]byte(`{"`+name+`":"x","detail":[{"`+name+`":"x"}]}`)), name)
	}
}

// probes make calls in which the value of a limit is n.
var probes = map[string][]func(n int) call{
	"query.limit": {func(n int) call {
		return func(x ctx, c client) error { return errOf(c.Runs.List(x, runflow.ListRunsParams{Limit: n})) }
	}},
	"body.client_ref": {
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Models.CreateRun(x, "owner/slug", runflow.CreateRunParams{Input: object, ClientRef: text(n)}))
			}
		},
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Evaluations.Create(x, runflow.CreateEvaluationParams{GeneratedImageURL: picture, TaskType: "x", ClientRef: text(n)}))
			}
		},
	},
	"body.callback_url": {
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Models.CreateRun(x, "owner/slug", runflow.CreateRunParams{Input: object, CallbackURL: address(n)}))
			}
		},
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Models.CreateBatch(x, "owner/slug", runflow.CreateBatchParams{Inputs: []runflow.BatchInput{{Input: object}}, CallbackURL: address(n)}))
			}
		},
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Evaluations.Create(x, runflow.CreateEvaluationParams{GeneratedImageURL: picture, TaskType: "x", CallbackURL: address(n)}))
			}
		},
	},
	"body.input": {func(n int) call {
		return func(x ctx, c client) error {
			inputs := slices.Repeat([]runflow.BatchInput{{Input: object}}, n)
			return errOf(c.Models.CreateBatch(x, "owner/slug", runflow.CreateBatchParams{Inputs: inputs}))
		}
	}},
	"body.filename": {func(n int) call {
		return func(x ctx, c client) error {
			return errOf(c.Assets.Upload(x, strings.NewReader("x"), runflow.UploadParams{Filename: text(n), MIMEType: "image/png"}))
		}
	}},
	"body.mime_type": {func(n int) call {
		return func(x ctx, c client) error {
			return errOf(c.Assets.Upload(x, strings.NewReader("x"), runflow.UploadParams{Filename: "x", MIMEType: text(n)}))
		}
	}},
	"body.size_bytes": {func(n int) call {
		return func(x ctx, c client) error {
			return errOf(c.Assets.Upload(x, strings.NewReader(text(n)), runflow.UploadParams{Filename: "x", MIMEType: "image/png"}))
		}
	}},
	"body.reference_images": {func(n int) call {
		return func(x ctx, c client) error {
			images := slices.Repeat([]runflow.ReferenceImage{{URL: picture}}, n)
			return errOf(c.Evaluations.Create(x, runflow.CreateEvaluationParams{GeneratedImageURL: picture, TaskType: "x", ReferenceImages: images}))
		}
	}},
	"body.reason": {
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Evaluations.SetFeedback(x, "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: text(n)}))
			}
		},
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.Runs.SetEvaluationFeedback(x, "1", "1", runflow.Feedback{Rating: runflow.ThumbsUp, Reason: text(n)}))
			}
		},
	},
	"body.task_type": {func(n int) call {
		return func(x ctx, c client) error {
			return errOf(c.Evaluations.Create(x, runflow.CreateEvaluationParams{GeneratedImageURL: picture, TaskType: text(n)}))
		}
	}},
	"body.name": {
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.Create(x, runflow.CreateWorkflowParams{Name: text(n), WorkflowJSON: object}))
			}
		},
		func(n int) call {
			return func(x ctx, c client) error {
				return errOf(c.ComfyuiWorkflows.CreateInput(x, "1", runflow.WorkflowInputParams{Name: text(n)}))
			}
		},
	},
	"body.label": {func(n int) call {
		return func(x ctx, c client) error {
			return errOf(c.CallbackSecrets.Create(x, runflow.CreateCallbackSecretParams{Label: text(n)}))
		}
	}},
	"body.low_balance_threshold": {func(n int) call {
		return func(x ctx, c client) error {
			return errOf(c.Billing.SetLowBalanceThreshold(x, runflow.SetLowBalanceThresholdParams{Threshold: decimal.NewFromInt(int64(n))}))
		}
	}},
}

const picture = "https://example.com/cat.png"

func text(n int) string { return strings.Repeat("x", max(0, n)) }

// address returns a URL of n characters, or "" if it would be too short.
func address(n int) string {
	const base = "https://example.com/"
	if n < len(base) {
		return ""
	}
	return base + text(n-len(base))
}

func TestLimits_AreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	probed := map[limit]bool{}
	for _, b := range bindings() {
		for _, l := range b.limits {
			if probed[l] {
				continue
			}
			probed[l] = true
			require.NotEmpty(t, probes[l.place], "probes of %s", l.place)
			for _, probe := range probes[l.place] {
				if !math.IsInf(l.max, 1) {
					assert.True(t, sends(t, probe(int(l.max)), l), "%s: %.0f is refused", l.place, l.max)
					assert.False(t, sends(t, probe(int(l.max)+1), l), "%s: %.0f is allowed", l.place, l.max+1)
				}
				if l.min > 0 || l.unit == size {
					assert.False(t, sends(t, probe(int(l.min)-1), l), "%s: %.0f is sent", l.place, l.min-1)
				}
			}
		}
	}
}

// sends reports whether a call sends a value that has a limit. It does not if it
// refuses the value, or leaves it out.
func sends(t *testing.T, call call, l limit) bool {
	t.Helper()
	r := &recorder{}
	client, err := runflow.NewClient("token", runflow.WithMiddleware(r.wrap))
	require.NoError(t, err)
	_ = call(context.WithoutCancel(t.Context()), client)
	if len(r.requests) == 0 {
		return false
	}
	in, name, _ := strings.Cut(l.place, ".")
	if in == "query" {
		return r.requests[0].url.Query().Has(name)
	}
	var body map[string]any
	require.NoError(t, json.Unmarshal(r.requests[0].body, &body))
	switch v := body[name].(type) {
	case string:
		return v != "" && (l.place != "body.mime_type" || v == text(len(v))) // an empty one is found out
	default:
		return v != nil
	}
}
