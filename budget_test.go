package runflow_test

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

// What a program that imports the SDK has to carry.
const (
	maxModules     = 6
	maxBinaryBytes = 7 << 20
)

func TestTheSDKStaysLight(t *testing.T) {
	t.Parallel()
	line := "go" + strings.TrimSpace(run(t, "go", "list", "-m", "-f", "{{.GoVersion}}"))
	if version.Lang(line) != version.Lang(runtime.Version()) {
		t.Skip("the budget is that of ", line, ", as another Go links another net/http")
	}
	// A stripped program of ten lines.
	binary := filepath.Join(t.TempDir(), "quickstart")
	run(t, "go", "build", "-ldflags=-s -w", "-trimpath", "-o", binary, "./examples/quickstart")
	info, err := os.Stat(binary)
	require.NoError(t, err)
	t.Logf("a stripped program of ten lines has %d bytes", info.Size())
	assert.LessOrEqual(t, info.Size(), int64(maxBinaryBytes))

	modules := strings.Fields(run(t, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./examples/quickstart"))
	slices.Sort(modules)
	modules = slices.Compact(modules)
	t.Logf("it links %d third-party modules: %s", len(modules), strings.Join(modules, " "))
	assert.LessOrEqual(t, len(modules), maxModules)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	require.NoError(t, err, "%s %s", name, strings.Join(args, " "))
	return string(out)
}
