// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgresd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// RootFSVariable names the directory that holds PostgreSQL as a Debian root file system;
// "bin/testbed rootfs postgres" makes it and prints its path.
const RootFSVariable = "POSTGRES_ROOTFS"

// uid that servers run as: postgres refuses to be root. The root file system knows it.
const uid = 999

// initTimeout bounds the making of a data directory; it takes about 4 s.
const initTimeout = 2 * time.Minute

// home is a root file system that servers run in, and a data directory to copy.
type home struct {
	// root is what servers are confined to: hard links of the root file system, which must
	// stay as it is.
	root string
	// bin is the directory of the programs, within root.
	bin string
	// data is a data directory to copy, within root.
	data string
}

// find makes what tests need of a root file system, once, beside the other caches. Each part is
// made under another name and renamed, so that several test processes may do so at once.
var find = sync.OnceValues(func() (home, error) {
	from := os.Getenv(RootFSVariable)
	if from == "" {
		return home{}, fmt.Errorf("no PostgreSQL: make test-postgres, or set %s to what \"bin/testbed rootfs postgres\" says", RootFSVariable)
	}
	if os.Geteuid() != 0 {
		return home{}, errors.New("PostgreSQL servers run as a user of their own, which only root can start")
	}
	found, err := filepath.Glob(filepath.Join(from, "usr/lib/postgresql/*/bin/postgres"))
	if err != nil || len(found) != 1 {
		return home{}, fmt.Errorf("%s has no PostgreSQL, or more than one", from)
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return home{}, err
	}
	bin, err := filepath.Rel(from, filepath.Dir(found[0]))
	if err != nil {
		return home{}, err
	}
	parent := filepath.Join(filepath.Dir(filepath.Clean(from)), "..", "postgresd")
	made := sha256.Sum256([]byte(settings + initStatements + strings.Join(initOptions, " ")))
	id := fmt.Sprintf("%s-%s-%s-%s", filepath.Base(from), strconv.FormatInt(info.Size(), 36), strconv.FormatInt(info.ModTime().Unix(), 36), hex.EncodeToString(made[:4]))
	h := home{root: filepath.Join(parent, id), bin: "/" + bin, data: "/var/template"}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return home{}, err
	}
	if _, err := os.Stat(filepath.Join(h.root, h.data)); err == nil {
		return h, nil
	}
	work, err := os.MkdirTemp(parent, "new-")
	if err != nil {
		return home{}, err
	}
	defer os.RemoveAll(work) //nolint:errcheck // what is left is only rubbish in a cache
	next := home{root: filepath.Join(work, "root"), bin: h.bin, data: h.data}
	if err := next.furnish(from); err != nil {
		return home{}, err
	}
	if err := os.Rename(next.root, h.root); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, other := os.Stat(filepath.Join(h.root, h.data)); other != nil {
			return home{}, err
		}
	}
	return h, nil
})

// furnish makes the root that servers are confined to.
func (h home) furnish(from string) error {
	if out, err := exec.Command("cp", "-al", from, h.root).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w\n%s", from, err, out)
	}
	null := filepath.Join(h.root, "dev/null")
	if err := os.Remove(null); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	const device = 1<<8 | 3
	if err := syscall.Mknod(null, syscall.S_IFCHR|0o666, device); err != nil {
		return fmt.Errorf("make %s: %w", null, err)
	}
	if err := os.Chmod(null, 0o666); err != nil {
		return err
	}
	data := filepath.Join(h.root, h.data)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.Chown(data, uid, uid); err != nil {
		return err
	}
	if out, err := h.run(nil, "initdb", append([]string{"--pgdata=" + h.data}, initOptions...)...); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	hba := "host all all all scram-sha-256\nhost replication all all scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "postgresql.conf"), []byte(settings), 0o600); err != nil {
		return err
	}
	if out, err := h.run([]byte(initStatements), "postgres", "--single", "-D", h.data, "postgres"); err != nil {
		return fmt.Errorf("make the users: %w\n%s", err, out)
	}
	return nil
}

// attributes of every program: the root, and the user.
func (h home) attributes() syscall.SysProcAttr {
	return syscall.SysProcAttr{Chroot: h.root, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
}

// line is a command line within the root.
func (h home) line(program string, args ...string) []string {
	return append([]string{filepath.Join(h.bin, program)}, args...)
}

// run runs a program within the root, to its end.
func (h home) run(input []byte, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	line := h.line(program, args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	attributes := h.attributes()
	cmd.SysProcAttr, cmd.Dir = &attributes, "/"
	cmd.Env = []string{"PATH=" + h.bin + ":/usr/bin:/bin", "LC_ALL=C", "PGPASSWORD=" + ReplicationPassword}
	if input != nil {
		in, out, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer in.Close() //nolint:errcheck // a pipe
		cmd.Stdin = in
		go func() {
			_, _ = out.Write(input)
			_ = out.Close()
		}()
	}
	return cmd.CombinedOutput()
}

// initOptions of initdb. Segments of the log are small: a server writes a whole one for each
// timeline, and each copy of a data directory has one.
var initOptions = []string{
	"--username=" + User, "--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256",
	"--data-checksums", "--no-sync", "--wal-segsize=1",
}

// settings of every server. What a process has written is not lost when it is killed: no
// fsync is needed.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
fsync = off
wal_level = replica
hot_standby = on
wal_log_hints = on
max_wal_senders = 10
wal_keep_size = 256MB
max_replication_slots = 10
max_connections = 60
wal_retrieve_retry_interval = 200ms
wal_receiver_status_interval = 1s
autovacuum = off
log_line_prefix = '%m [%p] '
`

// Users that every server has.
const (
	// User is the superuser as whom the operator connects.
	User     = "postgres"
	Password = `su'per:word\with all`

	ReplicationUser     = "replication"
	ReplicationPassword = `repl'icat:ion\word`

	// AppUser is a client.
	AppUser     = "app"
	AppPassword = "app-word"
)

// initStatements make the users and the clients' table. Nobody makes a database: without the
// templates a data directory is a third as large, and has a third of the files.
var initStatements = fmt.Sprintf(`ALTER ROLE postgres PASSWORD %s;
CREATE ROLE replication LOGIN REPLICATION PASSWORD %s;
CREATE ROLE app LOGIN PASSWORD %s;
CREATE TABLE entries (writer bigint, seq bigint, PRIMARY KEY (writer, seq));
GRANT ALL ON entries TO app;
ALTER DATABASE template0 IS_TEMPLATE false;
ALTER DATABASE template1 IS_TEMPLATE false;
DROP DATABASE template0;
DROP DATABASE template1;
`, quote(Password), quote(ReplicationPassword), quote(AppPassword))
