//go:build unix

package main

import (
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// newPostgreSQL starts PostgreSQL on a socket in a temporary folder, and returns its
// DSN.
func newPostgreSQL(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl") // Debian does not put it into the PATH
	if len(found) == 0 {
		t.Skip("PostgreSQL is not installed, so this test did not run: apt-get install postgresql")
	}
	pgCtl := found[len(found)-1]
	dir, err := os.MkdirTemp("", "backend") //nolint:usetesting // other users cannot access t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // as which PostgreSQL refuses to run
		nobody, err := osuser.Lookup("nobody")
		require.NoError(t, err)
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		require.NoError(t, os.Chown(dir, uid, gid))
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	control := func(args ...string) error {
		cmd := exec.Command(pgCtl, append([]string{"-D", filepath.Join(dir, "data"), "-w", "-s", "-l", filepath.Join(dir, "log")}, args...)...) //nolint:noctx // it must also stop the server at the end of the test
		cmd.Dir, cmd.SysProcAttr = dir, attributes
		return cmd.Run()
	}
	require.NoError(t, control("initdb", "-o", "-U postgres -A trust -E UTF8 --no-sync"))
	require.NoError(t, control("start", "-o", "-h '' -F -k "+dir))
	t.Cleanup(func() { assert.NoError(t, control("stop", "-m", "immediate")) })
	return "postgres:///postgres?user=postgres&host=" + dir
}

func TestService_PostgreSQL(t *testing.T) {
	t.Parallel()
	b := newBackendOn(t, newPostgreSQL(t))
	path, runID := b.succeeded()
	assert.Equal(t, 200, b.send("ann", "GET", path+"/files/0", "").status)
	require.Equal(t, 200, b.send("ann", "PUT", path+"/feedback", `{"rating": "up"}`).status)
	assert.Equal(t, runflow.ThumbsUp, b.onlyRun().Rating)
	_, err := b.client.Runs.RedeliverCallback(t.Context(), runID)
	require.NoError(t, err)
	b.fake.WaitCallbacks()
	b.reconcile(t.Context(), 0)
	b.prune(t.Context())
	assert.Equal(t, "succeeded", b.onlyRun().Status)
}
