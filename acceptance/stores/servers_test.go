//go:build unix

// Package stores_test tests the stores of callbacks against real databases. It is a
// module, because it needs drivers.
package stores_test

import (
	"context"
	"database/sql"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// A server is a database server of a test. It listens on a socket in a temporary
// folder, so it needs no port.
type server struct {
	t       *testing.T
	dir     string
	account *syscall.Credential // nil is the account of the test
}

// newServer creates the folder of a server. PostgreSQL refuses to run as root, so root
// starts the servers as another user.
func newServer(t *testing.T) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "stores") //nolint:usetesting // other users cannot access t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &server{t: t, dir: dir}
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody")
		require.NoError(t, err)
		uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
		require.NoError(t, err)
		require.NoError(t, os.Chown(dir, int(uid), int(gid)))
		s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return s
}

// path returns the path of a file in the folder of the server.
func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	return cmd
}

// run runs a program that ends by itself.
func (s *server) run(program string, args ...string) {
	s.t.Helper()
	output, err := s.command(s.t.Context(), program, args...).CombinedOutput()
	require.NoError(s.t, err, "%s: %s", program, output)
}

// start starts a program, and waits until it listens on a socket. It stops the program
// at the end of the test.
func (s *server) start(socket, program string, args ...string) {
	s.t.Helper()
	cmd := s.command(context.WithoutCancel(s.t.Context()), program, args...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(s.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	for {
		conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "unix", socket)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			require.FailNow(s.t, "the server ended", "%s: %s", program, output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// find returns the path of a program, or skips the test. Debian does not put all
// servers into the PATH.
func find(t *testing.T, program, debianPackage string, folders ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, folder := range folders {
		if paths, _ := filepath.Glob(filepath.Join(folder, program)); len(paths) > 0 {
			return paths[len(paths)-1]
		}
	}
	t.Skipf("%s is not installed, so this test did not run: apt-get install %s", program, debianPackage)
	return ""
}

// newPostgreSQL starts PostgreSQL and returns its DSN.
func newPostgreSQL(t *testing.T) (dsn string) {
	t.Helper()
	const folders = "/usr/lib/postgresql/*/bin"
	initdb, postgres := find(t, "initdb", "postgresql", folders), find(t, "postgres", "postgresql", folders)
	s := newServer(t)
	s.run(initdb, "-D", s.path("data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	s.start(s.path(".s.PGSQL.5432"), postgres, "-D", s.path("data"), "-h", "", "-k", s.dir, "-c", "fsync=off", "-c", "max_connections=300")
	dsn = "host=" + s.dir + " user=postgres dbname=postgres"
	awaitDatabase(t, "pgx", dsn)
	return dsn
}

// newMariaDB starts MariaDB and returns its DSN.
func newMariaDB(t *testing.T) (dsn string) {
	t.Helper()
	const folder = "/usr/sbin"
	install, mariadbd := find(t, "mariadb-install-db", "mariadb-server"), find(t, "mariadbd", "mariadb-server", folder)
	s := newServer(t)
	s.run(install, "--no-defaults", "--datadir="+s.path("data"), "--auth-root-authentication-method=normal", "--skip-name-resolve")
	socket := s.path("mariadb.sock")
	s.start(socket, mariadbd, "--no-defaults", "--datadir="+s.path("data"), "--socket="+socket, "--skip-networking", "--back-log=1024",
		"--pid-file="+s.path("pid"), "--innodb-flush-log-at-trx-commit=0", "--max-connections=300")
	dsn = "root@unix(" + socket + ")/test"
	awaitDatabase(t, "mysql", dsn)
	return dsn
}

// newSQLite returns the DSN of a new file.
func newSQLite(t *testing.T) (dsn string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	return "file:" + file + "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate"
}

// newRedis starts Redis and returns its URL.
func newRedis(t *testing.T) string {
	t.Helper()
	program := find(t, "redis-server", "redis-server")
	s := newServer(t)
	socket := s.path("redis.sock")
	s.start(socket, program, "--port", "0", "--unixsocket", socket, "--dir", s.dir, "--save", "", "--appendonly", "no")
	return "unix://" + socket
}

// awaitDatabase waits until a database server has started. Its socket exists before
// that.
func awaitDatabase(t *testing.T, driver, dsn string) {
	t.Helper()
	db := openDatabase(t, driver, dsn)
	for db.PingContext(t.Context()) != nil {
		require.NoError(t, t.Context().Err())
		time.Sleep(10 * time.Millisecond)
	}
}

func openDatabase(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func connectRedis(t *testing.T, url string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(url)
	require.NoError(t, err)
	opts.ContextTimeoutEnabled = true
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
