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
					docs[strings.TrimSuffix(receiver.Name, "Service")+"."+method.Name.Name] = method.Doc.Text()
				}
			}
		}
	}
	return docs
}

// Each Go block of the README is part of a file that is compiled.
func TestREADME_CodeCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var compiled strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go", "examples/*/*.go"} {
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
			assert.Fail(t, "the block is in no compiled file", block[1])
		}
	}
}

// flat returns the lines of source without indentation and empty lines.
func flat(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func TestREADME_NamesOptionsAndSentinels(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(readme), "\n"), 250)
	for _, name := range []string{"options.go", "errors.go", "wait.go"} {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^(?:func (With\w+)\(|\t(Err\w+)\s+= errors)`).FindAllStringSubmatch(string(source), -1) {
			assert.Contains(t, string(readme), "`"+match[1]+match[2]+"`")
		}
	}
}

func TestSECURITY_NamesExistingTests(t *testing.T) {
	t.Parallel()
	policy, err := os.ReadFile("SECURITY.md")
	require.NoError(t, err)
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			source, err := os.ReadFile(name)
			require.NoError(t, err)
			tests.Write(source)
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+|[\\w/]+_test\\.go)`").FindAllStringSubmatch(string(policy), -1)
	require.NotEmpty(t, named)
	for _, match := range named {
		if strings.HasSuffix(match[1], ".go") {
			assert.FileExists(t, match[1])
		} else if !strings.Contains(tests.String(), "func "+match[1]+"(") {
			assert.Fail(t, "no such test", match[1])
		}
	}
}

// A patch version in a go directive would exclude programs without need.
func TestModules_GoLine(t *testing.T) {
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
		assert.Contains(t, string(ci), "oldest=go"+line[1]+" ", module)
		assert.NotContains(t, string(mod), "\ntoolchain ", module)
	}
}

func TestDocuments_LinksResolve(t *testing.T) {
	t.Parallel()
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "benchmarks/*.md"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		documents = append(documents, files...)
	}
	links := 0
	for _, name := range documents {
		document, err := os.ReadFile(name)
		require.NoError(t, err)
		prose := regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(string(document), "")
		for _, match := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]*))?\)`).FindAllStringSubmatch(prose, -1) {
			file, anchor := filepath.Join(filepath.Dir(name), match[1]), match[2]
			if match[1] == "" {
				file = name
			}
			links++
			_, err := os.Stat(file)
			assert.NoError(t, err, name)
			if anchor == "" || err != nil {
				continue
			}
			target, err := os.ReadFile(file)
			require.NoError(t, err, name)
			assert.Contains(t, anchors(string(target)), anchor, name)
		}
	}
	require.NotZero(t, links)
}

// anchors returns the anchors of the headings of a document.
func anchors(document string) []string {
	var all []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(document, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}
