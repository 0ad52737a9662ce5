package runflow_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// methodDocs returns the doc comments of all exported methods of services, by
// operation: "Runs.Get".
func methodDocs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	docs := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Recv == nil || !method.Name.IsExported() {
				continue
			}
			if star, ok := method.Recv.List[0].Type.(*ast.StarExpr); ok {
				if receiver, ok := star.X.(*ast.Ident); ok && strings.HasSuffix(receiver.Name, "Service") {
					operation := strings.TrimSuffix(receiver.Name, "Service") + "." + method.Name.Name
					docs[operation] = strings.Join(strings.Fields(method.Doc.Text()), " ")
				}
			}
		}
	}
	return docs
}

func TestEveryMethodIsDocumentedAsItsEndpointIs(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	docs := methodDocs(t)
	for _, ep := range endpoint.All() {
		doc, ok := docs[ep.Operation]
		require.True(t, ok, "%s is in the table but is no method", ep.Operation)
		delete(docs, ep.Operation)
		page := endpoint.Pages + ep.Page
		assert.Contains(t, doc, "It is "+ep.Method+" "+ep.Route+", see "+page+". "+ep.Retry.Doc(), ep.Operation)
		retried := map[endpoint.Retry]string{endpoint.Never: "no", endpoint.Idempotent: "yes", endpoint.Guarded: "guarded"}[ep.Retry]
		row := "| [" + ep.Operation + "](" + page + ") | `" + ep.Method + " " + ep.Route + "` | " + retried + " |\n"
		if !strings.Contains(string(readme), row) { // what was searched is too long to be printed
			assert.Fail(t, "the README lacks a row", row)
		}
	}
	for operation, doc := range docs {
		assert.Regexp(t, `It reads with \[\w+Service\.\w+\]\.`, doc, "%s is not in the table, nor does it say what it rests upon", operation)
		if !strings.Contains(string(readme), "`"+operation+"`") {
			assert.Fail(t, "the README lacks a method", operation)
		}
	}
}

func TestEveryEndpointIsAccountedFor(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("internal/endpoint/endpoints.tsv")
	require.NoError(t, err)
	placeholder := regexp.MustCompile(`\{[^}]*\}`)
	docs := methodDocs(t)
	accounted := map[string]string{}
	for line := range strings.Lines(string(data)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, columns, 5, line)
		method, path, status, in, certainty := columns[0], columns[1], columns[2], columns[3], columns[4]
		if method == "method" {
			continue
		}
		assert.Contains(t, []string{"reference", "prose", "wire", "old reference"}, certainty, line)
		switch status {
		case "implemented":
			for operation := range strings.SplitSeq(in, ", ") {
				assert.Contains(t, docs, operation, line)
				accounted[operation] = method + " " + placeholder.ReplaceAllString(path, "{}")
			}
		case "planned":
			assert.Empty(t, in, line)
		case "out":
			assert.NotEmpty(t, in, "say why: %s", line)
		default:
			assert.Fail(t, "unknown status", line)
		}
	}
	for _, ep := range endpoint.All() {
		assert.Equal(t, ep.Method+" "+placeholder.ReplaceAllString(ep.Route, "{}"), accounted[ep.Operation], ep.Operation)
	}
	for operation := range docs {
		assert.Contains(t, accounted, operation)
	}
}

// Each Go block of the README is part of a file that is compiled with the tests.
func TestTheREADMEsCodeIsCompiled(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var compiled strings.Builder
	for _, pattern := range []string{"*_test.go", "runflowtest/*_test.go", "examples/*/main.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			source, err := os.ReadFile(name)
			require.NoError(t, err)
			compiled.WriteString(flat(string(source)))
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		if !strings.Contains(compiled.String(), flat(block[1])) {
			assert.Fail(t, "in no compiled file", block[1])
		}
	}
}

// flat returns the lines of source without their indentation and blank ones.
func flat(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func TestTheREADMENamesEveryOptionAndSentinel(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, name := range []string{"runflow.go", "errors.go", "wait.go", "callbacks.go"} {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^(?:func (With\w+)\(|\t(Err\w+)\s+= errors)`).FindAllStringSubmatch(string(source), -1) {
			if name := match[1] + match[2]; !strings.Contains(string(readme), "`"+name+"`") {
				assert.Fail(t, "the README lacks a name", name)
			}
		}
	}
}

func TestEveryPromiseOfSecurityHasItsTest(t *testing.T) {
	t.Parallel()
	policy, err := os.ReadFile("SECURITY.md")
	require.NoError(t, err)
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "internal/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			source, err := os.ReadFile(name)
			require.NoError(t, err)
			tests.WriteString(string(source))
		}
	}
	promised := regexp.MustCompile("`((?:Test|Fuzz)\\w+|[\\w/]+_test\\.go)`").FindAllStringSubmatch(string(policy), -1)
	require.NotEmpty(t, promised)
	for _, match := range promised {
		if strings.HasSuffix(match[1], ".go") {
			assert.FileExists(t, match[1])
		} else if !strings.Contains(tests.String(), "func "+match[1]+"(") {
			assert.Fail(t, "no such test", match[1])
		}
	}
}

// A later patch in a go line shuts programs out for nothing.
func TestEveryModuleNamesTheSameFirstVersionOfAGoLine(t *testing.T) {
	t.Parallel()
	ci, err := os.ReadFile(".ci/run")
	require.NoError(t, err)
	var modules []string
	require.NoError(t, filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if filepath.Base(path) == "go.mod" {
			modules = append(modules, path)
		}
		return err
	}))
	require.NotEmpty(t, modules)
	for _, module := range modules {
		mod, err := os.ReadFile(module)
		require.NoError(t, err)
		line := regexp.MustCompile(`(?m)^go (1\.\d+\.0)$`).FindStringSubmatch(string(mod))
		require.NotNil(t, line, module)
		assert.Contains(t, string(ci), "lines=(go"+line[1]+" ", module)
		assert.NotContains(t, string(mod), "\ntoolchain ", module)
	}
}

func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("*.md")
	require.NoError(t, err)
	links := 0
	for _, name := range documents {
		document, err := os.ReadFile(name)
		require.NoError(t, err)
		prose := regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(string(document), "")
		for _, match := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]*))?\)`).FindAllStringSubmatch(prose, -1) {
			file, anchor := match[1], match[2]
			if file == "" {
				file = name
			}
			links++
			_, err := os.Stat(file)
			assert.NoError(t, err, name)
			if anchor == "" {
				continue
			}
			target, err := os.ReadFile(file)
			require.NoError(t, err, name)
			assert.Contains(t, anchors(string(target)), anchor, name)
		}
	}
	require.NotZero(t, links)
}

// anchors returns those of the headings of a document.
func anchors(document string) []string {
	var all []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(document, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}
