package acceptance_test

import (
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The limits for a program that imports the SDK.
const (
	maxModules     = 6 // the SDK and five others
	maxBinaryBytes = 7 << 20
)

const quickstart = "./examples/quickstart" // a program of ten lines

func TestQuickstart_BinarySize(t *testing.T) {
	t.Parallel()
	line := "go" + strings.TrimSpace(goInRoot(t, "list", "-m", "-f", "{{.GoVersion}}"))
	if version.Lang(line) != version.Lang(runtime.Version()) {
		t.Skip("the limit is for ", line, ": other Go versions link a net/http of another size")
	}
	binary := filepath.Join(t.TempDir(), "quickstart")
	goInRoot(t, "build", "-ldflags=-s -w", "-trimpath", "-o", binary, quickstart)
	info, err := os.Stat(binary)
	require.NoError(t, err)
	t.Logf("stripped binary: %d bytes", info.Size())
	assert.LessOrEqual(t, info.Size(), int64(maxBinaryBytes))
}

func TestQuickstart_Modules(t *testing.T) {
	t.Parallel()
	modules := strings.Fields(goInRoot(t, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", quickstart))
	slices.Sort(modules)
	modules = slices.Compact(modules)
	t.Logf("linked modules: %s", strings.Join(modules, " "))
	assert.Contains(t, modules, "github.com/runflow-io/runflow-go")
	assert.LessOrEqual(t, len(modules), maxModules)
}

// goInRoot runs the go command in the root module and returns its output.
func goInRoot(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = ".."
	output, err := cmd.Output()
	require.NoError(t, err, "go %s", strings.Join(args, " "))
	return string(output)
}
