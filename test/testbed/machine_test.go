// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	// The name of a process may look like the fields after it.
	line := "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 10"
	state, start, err := parseStat(line)
	if err != nil || state != "S" || start != 987654 {
		t.Errorf("state %q, start %d, %v", state, start, err)
	}
	if _, _, err := parseStat("42 (short) S 1"); err == nil {
		t.Error("a short line was accepted")
	}
}

// startSleep starts a process that runs until the test ends or it is killed.
func startSleep(t *testing.T) process {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	must(t, cmd.Start())
	waited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(waited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-waited
	})
	_, start, err := procStat(cmd.Process.Pid)
	must(t, err)
	return process{PID: cmd.Process.Pid, Start: start}
}

func TestProcessIdentity(t *testing.T) {
	p := startSleep(t)
	stranger := process{PID: p.PID, Start: p.Start + 1}
	if !p.alive() || stranger.alive() {
		t.Errorf("alive: the process %v, one with its pid %v", p.alive(), stranger.alive())
	}
	must(t, kill(context.Background(), []process{stranger}))
	if !p.alive() {
		t.Fatal("a process that only has the recorded pid was killed")
	}
	must(t, kill(context.Background(), []process{p}))
	if p.alive() {
		t.Error("still alive")
	}
}

func TestRecordRoundTrip(t *testing.T) {
	l := layout{state: t.TempDir()}
	r, err := readRecord(l)
	must(t, err)
	must(t, r.set("etcd", process{PID: 7, Start: 8}))
	again, err := readRecord(l)
	must(t, err)
	if got, ok := again.get("etcd"); !ok || got != (process{PID: 7, Start: 8}) {
		t.Errorf("record = %+v", again.Processes)
	}
}

func TestPoll(t *testing.T) {
	ctx := context.Background()
	calls := 0
	must(t, poll(ctx, time.Minute, nil, func(context.Context) error {
		if calls++; calls < 3 {
			return errors.New("not yet")
		}
		return nil
	}))
	never := errors.New("never")
	if err := poll(ctx, time.Millisecond, nil, func(context.Context) error { return never }); !errors.Is(err, never) {
		t.Errorf("after the timeout: %v", err)
	}
	gone := make(chan struct{})
	close(gone)
	if err := poll(ctx, time.Minute, gone, func(context.Context) error { return never }); !errors.Is(err, errGone) {
		t.Errorf("after the end of the component: %v", err)
	}
}

func TestMountsBelow(t *testing.T) {
	const mountinfo = `1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /repo/.testbed/kubelet/pods/x rw - tmpfs tmpfs rw
3 1 0:3 / /repo/.testbed-other rw - tmpfs tmpfs rw
4 1 0:4 / /repo/.testbed/with\040blank rw - tmpfs tmpfs rw
5 1 0:5 / /run/compose-testbed rw - tmpfs tmpfs rw
`
	got := mountsBelow(mountinfo, "/repo/.testbed", "/run/compose-testbed")
	want := []string{"/repo/.testbed/kubelet/pods/x", "/repo/.testbed/with blank", "/run/compose-testbed"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestIsShim(t *testing.T) {
	for cmdline, want := range map[string]bool{
		"/usr/bin/containerd-shim-runc-v2\x00-namespace\x00k8s.io\x00-id\x00x\x00-address\x00" + containerdSocket + "\x00": true,
		"/usr/bin/containerd-shim-runc-v2\x00-address\x00/run/containerd/containerd.sock\x00":                              false,
		"/usr/bin/ctr\x00-address\x00" + containerdSocket + "\x00":                                                         false,
		"": false,
	} {
		if got := isShim(cmdline); got != want {
			t.Errorf("%q: %v", cmdline, got)
		}
	}
}

func TestMirrorIn(t *testing.T) {
	for text, want := range map[string]string{
		"deb http://mirror.example/debian bookworm main\n":                                         "http://mirror.example/debian",
		"deb [signed-by=/usr/share/keyrings/x.gpg] https://mirror.example/debian/ bookworm main\n": "https://mirror.example/debian",
		"Types: deb\n# http://older.example/debian\nURIs: http://mirror.example/debian\nSuites: x": "http://mirror.example/debian",
		"deb http://mirror.example/debian-security bookworm-security main\n":                       "",
		"URIs: https://vendor.example/node_20.x\n":                                                 "",
		"deb-src http://mirror.example/debian bookworm main\n":                                     "",
	} {
		if got := mirrorIn(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestExecEnvironment(t *testing.T) {
	l := layout{state: "/repo/.testbed"}
	got := execEnvironment(l, []string{"A=b=c", "PATH=/bin", "KUBECONFIG=/elsewhere"})
	want := []string{"A=b=c", "PATH=/repo/.testbed/bin:/bin", "KUBECONFIG=/repo/.testbed/kubeconfig"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestRepoRoot(t *testing.T) {
	root := t.TempDir()
	must(t, writeFile(root+"/go.mod", []byte("module "+modulePath+"\n"), 0o644))
	must(t, writeFile(root+"/test/testbed/go.mod", []byte("module "+modulePath+"/test/testbed\n"), 0o644))
	t.Chdir(root + "/test/testbed")
	got, err := repoRoot("")
	must(t, err)
	here, err := os.Getwd()
	must(t, err)
	if got+"/test/testbed" != here {
		t.Errorf("root of %s is %s", here, got)
	}
	if _, err := repoRoot(root + "/test/testbed"); err == nil {
		t.Error("another module was taken for the root")
	}
}

// A testbed whose processes were killed has nobody alive; one with any process has.
func TestRecordedAlive(t *testing.T) {
	l := layout{repo: t.TempDir()}
	l.state = l.repo
	lives := func() bool {
		t.Helper()
		alive, err := recordedAlive(l)
		must(t, err)
		return alive
	}
	if lives() {
		t.Error("without a record: alive")
	}
	p := startSleep(t)
	r, err := readRecord(l)
	must(t, err)
	r.Processes["etcd"] = p
	must(t, r.save())
	if !lives() {
		t.Error("a recorded process runs: not alive")
	}
	must(t, kill(context.Background(), []process{p}))
	if lives() {
		t.Error("the recorded process has ended: alive")
	}
}
