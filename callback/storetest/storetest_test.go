package storetest_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go/callback"
	"github.com/runflow-io/runflow-go/callback/storetest"
)

// configOf returns the Config of a store with a fault.
func configOf(fault fault) storetest.Config {
	return storetest.Config{
		New: func(*testing.T) callback.Store { return newStore(fault) },
		Expire: func(t *testing.T, store callback.Store) {
			t.Helper()
			faulty, ok := store.(*faultyStore)
			require.True(t, ok)
			faulty.expireClaims()
		},
	}
}

func TestRun_CorrectStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, configOf(fault{}))
}

func TestRun_StoresShareData(t *testing.T) {
	t.Parallel()
	shared := newStore(fault{})
	config := configOf(fault{})
	config.New = func(*testing.T) callback.Store { return shared }
	storetest.Run(t, config)
	storetest.Run(t, config)
}

// inChild is set in the process in which TestChild fails.
const inChild = "STORETEST_IN_CHILD"

// TestChild runs the suite on faulty stores. It fails, so it runs only in a process
// that TestRun_FaultyStore starts.
func TestChild(t *testing.T) {
	t.Parallel()
	if os.Getenv(inChild) == "" {
		t.Skip("it is started by TestRun_FaultyStore")
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, configOf(fault))
		})
	}
	t.Run("no fault", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, configOf(fault{}))
	})
	t.Run("no Expire", func(t *testing.T) {
		t.Parallel()
		config := configOf(fault{})
		config.Expire = nil
		storetest.Run(t, config)
	})
	t.Run("no New", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, storetest.Config{})
	})
}

var resultLine = regexp.MustCompile(`--- (PASS|FAIL|SKIP): TestChild/([^/ ]+)/?(\S*) `)

// childResults runs TestChild and returns the result of each subtest by the names
// of the fault and of the subtest of the suite. The name "" is that of the fault as
// a whole.
func childResults(t *testing.T) (results map[string]map[string]string, output string) {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), executable, "-test.run=^TestChild$", "-test.v")
	// With one processor, runtime.Gosched always runs other goroutines, so the store
	// that is not atomic always fails.
	child.Env = append(os.Environ(), inChild+"=1", "GOMAXPROCS=1")
	out, err := child.CombinedOutput()
	output = string(out)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, output)
	results = map[string]map[string]string{}
	for _, match := range resultLine.FindAllStringSubmatch(output, -1) {
		result, name, subtest := match[1], strings.ReplaceAll(match[2], "_", " "), match[3]
		if results[name] == nil {
			results[name] = map[string]string{}
		}
		results[name][subtest] = result
	}
	return results, output
}

func TestRun_FaultyStore(t *testing.T) {
	t.Parallel()
	results, output := childResults(t)
	found := map[string]bool{}
	for name, fault := range faults {
		require.NotEmpty(t, fault.fails, name)
		assert.Equal(t, "FAIL", results[name][""], name)
		for _, subtest := range fault.fails {
			assert.Equal(t, "FAIL", results[name][subtest], "%s: %s", name, subtest)
			found[subtest] = true
		}
	}
	assert.Equal(t, "PASS", results["no fault"][""])
	for subtest := range results["no fault"] {
		assert.True(t, subtest == "" || found[subtest], "no fault makes %s fail", subtest)
	}

	assert.Equal(t, "PASS", results["no Expire"][""])
	assert.Equal(t, "SKIP", results["no Expire"]["ExpiredClaim"])
	assert.Equal(t, "PASS", results["no Expire"]["ClaimHeldEvent"])
	assert.Equal(t, map[string]string{"": "FAIL"}, results["no New"])
	assert.Contains(t, output, "storetest: Config.New is nil")
	assert.Contains(t, output, `Claim of "event" by B returned Granted, want Held`)
	assert.NotContains(t, output, "panic")
}
