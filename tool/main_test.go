// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	testKey  = "0123456789abcdef0123456789abcdef"
	otherKey = "ffffffffffffffffffffffffffffffff"
	password = "a s3cret pässword of a usual length"
)

// result is what one run of the tool left.
type result struct {
	code           int
	stdout, stderr string
}

// call runs the tool with the given standard input and environment.
func call(stdin string, env map[string]string, args ...string) result {
	var stdout, stderr bytes.Buffer
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	code := run(args, strings.NewReader(stdin), &stdout, &stderr, lookup)
	return result{code, stdout.String(), stderr.String()}
}

func (r result) mustSucceed(t *testing.T) result {
	t.Helper()
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d, stderr %q", r.code, r.stderr)
	}
	return r
}

// files lists the current directory.
func files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestRoundTripAsDocumented(t *testing.T) {
	t.Chdir(t.TempDir())
	call("", nil, "-key", testKey, "-plaintext", password, "-username", "mysql").mustSucceed(t)

	info, err := os.Stat("mysql.bin")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if want := int64(16 + len(password)); info.Size() != want {
		t.Errorf("%d bytes, want %d", info.Size(), want)
	}
	got := call("", nil, "-key", testKey, "-file", "mysql.bin").mustSucceed(t)
	if got.stdout != password+"\n" {
		t.Errorf("decrypts to %q", got.stdout)
	}
	if names := files(t); len(names) != 1 {
		t.Errorf("files: %v", names)
	}
}

func TestSpellings(t *testing.T) {
	env := map[string]string{"AES_SECRET_KEY": testKey}
	for name, test := range map[string]struct {
		stdin string
		env   map[string]string
		args  []string
		file  string
	}{
		"two dashes":         {args: []string{"--key", testKey, "--plaintext", password, "--username", "u"}, file: "u.bin"},
		"equals signs":       {args: []string{"--key=" + testKey, "-plaintext=" + password, "-username=u"}, file: "u.bin"},
		"leading word":       {args: []string{"encrypt", "-key", testKey, "-plaintext", password, "-username", "u"}, file: "u.bin"},
		"output":             {args: []string{"-key", testKey, "-plaintext", password, "-output", "o"}, file: "o"},
		"out and username":   {args: []string{"-key", testKey, "-plaintext", password, "-username", "u", "-out", "o"}, file: "o"},
		"plaintext by stdin": {stdin: password + "\n", args: []string{"-key", testKey, "-plaintext", "-", "-username", "u"}, file: "u.bin"},
		"stdin with CR LF":   {stdin: password + "\r\n", args: []string{"-key", testKey, "-plaintext", "-", "-username", "u"}, file: "u.bin"},
		"key by stdin":       {stdin: testKey + "\n", args: []string{"-key", "-", "-plaintext", password, "-username", "u"}, file: "u.bin"},
		"key by variable":    {env: env, args: []string{"-plaintext", password, "-username", "u"}, file: "u.bin"},
		"the tool's variable first": {
			env:  map[string]string{"AES_TOOL_KEY": testKey, "AES_SECRET_KEY": otherKey},
			args: []string{"-plaintext", password, "-username", "u"}, file: "u.bin",
		},
		"the flag before variables": {
			env:  map[string]string{"AES_TOOL_KEY": otherKey, "AES_TOOL_PLAINTEXT": "other"},
			args: []string{"-key", testKey, "-plaintext", password, "-username", "u"}, file: "u.bin",
		},
		"all by variables": {
			env:  map[string]string{"AES_TOOL_KEY": testKey, "AES_TOOL_PLAINTEXT": password},
			args: []string{"-username", "u"}, file: "u.bin",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			call(test.stdin, test.env, test.args...).mustSucceed(t)
			for _, args := range [][]string{{"-file", test.file}, {"decrypt", "--file", test.file}} {
				if got := call("", env, args...).mustSucceed(t); got.stdout != password+"\n" {
					t.Errorf("%v prints %q", args, got.stdout)
				}
			}
			if names := files(t); len(names) != 1 {
				t.Errorf("files: %v", names)
			}
		})
	}
}

// Every failure exits 1, says why on stderr, prints nothing on stdout, shows no
// secret, and leaves the directory as it was.
func TestFailures(t *testing.T) {
	sealed := func(t *testing.T) []byte {
		t.Helper()
		call("", nil, "-key", testKey, "-plaintext", password, "-output", "sealed").mustSucceed(t)
		content, err := os.ReadFile("sealed")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove("sealed"); err != nil {
			t.Fatal(err)
		}
		return content
	}
	for name, test := range map[string]struct {
		stdin string
		env   map[string]string
		// input makes in.bin before the run.
		input func(t *testing.T) []byte
		args  []string
		says  string
	}{
		"nothing":             {args: nil, says: "-username"},
		"word only":           {args: []string{"encrypt"}, says: "-username"},
		"decrypt word only":   {args: []string{"decrypt"}, says: "-file"},
		"short key":           {args: []string{"-key", "s3cret", "-plaintext", password, "-username", "u"}, says: "32"},
		"long key":            {args: []string{"-key", testKey + "x", "-plaintext", password, "-username", "u"}, says: "32"},
		"empty key":           {env: map[string]string{"AES_SECRET_KEY": testKey}, args: []string{"-key", "", "-plaintext", password, "-username", "u"}, says: "32"},
		"no key":              {args: []string{"-plaintext", password, "-username", "u"}, says: "-key is missing"},
		"bad key by variable": {env: map[string]string{"AES_SECRET_KEY": "s3cret"}, args: []string{"-plaintext", password, "-username", "u"}, says: "AES_SECRET_KEY"},
		"no plaintext":        {args: []string{"-key", testKey, "-username", "u"}, says: "-plaintext is missing"},
		"empty plaintext":     {args: []string{"-key", testKey, "-plaintext", "", "-username", "u"}, says: "empty"},
		"empty stdin":         {stdin: "\n", args: []string{"-key", testKey, "-plaintext", "-", "-username", "u"}, says: "empty"},
		"two lines by stdin":  {stdin: "s3cret\nmore\n", args: []string{"-key", testKey, "-plaintext", "-", "-username", "u"}, says: "control characters"},
		"binary plaintext":    {args: []string{"-key", testKey, "-plaintext", "s3cret\xff", "-username", "u"}, says: "UTF-8"},
		"stdin twice":         {stdin: testKey, args: []string{"-key", "-", "-plaintext", "-", "-username", "u"}, says: "both"},
		"no username":         {args: []string{"-key", testKey, "-plaintext", password}, says: "-username"},
		"empty username":      {args: []string{"-key", testKey, "-plaintext", password, "-username", ""}, says: "-username"},
		"path in username":    {args: []string{"-key", testKey, "-plaintext", password, "-username", "../u"}, says: "path separator"},
		"backslash":           {args: []string{"-key", testKey, "-plaintext", password, "-username", `a\u`}, says: "path separator"},
		"NUL in username":     {args: []string{"-key", testKey, "-plaintext", password, "-username", "a\x00"}, says: "control characters"},
		"long username":       {args: []string{"-key", testKey, "-plaintext", password, "-username", strings.Repeat("u", 300)}, says: "longer"},
		"unquoted plaintext":  {args: []string{"-key", testKey, "-username", "u", "-plaintext", "my", "s3cret"}, says: "quote"},
		"unknown flag":        {args: []string{"-verbose"}, says: "-verbose"},
		"flag without value":  {args: []string{"-key"}, says: "-key"},
		"output directory":    {args: []string{"-key", testKey, "-plaintext", password, "-output", "absent/u"}, says: "absent"},
		"both directions":     {args: []string{"-key", testKey, "-plaintext", password, "-file", "in.bin"}, says: "leave one side out"},
		"encrypt a file":      {args: []string{"encrypt", "-key", testKey, "-file", "in.bin", "-username", "u"}, says: "-output"},
		"file missing":        {args: []string{"-key", testKey, "-file", "absent.bin"}, says: "absent.bin"},
		"file is a directory": {args: []string{"-key", testKey, "-file", "."}, says: "directory"},
		"empty file":          {input: func(*testing.T) []byte { return nil }, args: []string{"-key", testKey, "-file", "in.bin"}, says: "too short"},
		"IV only":             {input: func(t *testing.T) []byte { return sealed(t)[:16] }, args: []string{"-key", testKey, "-file", "in.bin"}, says: "too short"},
		"huge file":           {input: func(*testing.T) []byte { return make([]byte, 1<<20+1) }, args: []string{"-key", testKey, "-file", "in.bin"}, says: "1 MiB"},
		"damaged IV": {input: func(t *testing.T) []byte {
			content := sealed(t)
			content[0] ^= 1
			return content
		}, args: []string{"-key", testKey, "-file", "in.bin"}, says: "damaged"},
		"another key":           {input: sealed, args: []string{"-key", otherKey, "-file", "in.bin"}, says: "the key is probably not the one"},
		"short key, good file":  {input: sealed, args: []string{"-key", "s3cret", "-file", "in.bin"}, says: "32"},
		"word against the flag": {input: sealed, args: []string{"decrypt", "-key", testKey, "-file", "in.bin", "-output", "o"}, says: "leave one side out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			want := []string{}
			if test.input != nil {
				content := test.input(t)
				if err := os.WriteFile("in.bin", content, 0o600); err != nil {
					t.Fatal(err)
				}
				want = files(t)
			}
			got := call(test.stdin, test.env, test.args...)
			if got.code != 1 {
				t.Errorf("exit code %d", got.code)
			}
			if got.stdout != "" {
				t.Errorf("stdout: %q", got.stdout)
			}
			if !strings.Contains(got.stderr, test.says) {
				t.Errorf("stderr %q does not contain %q", got.stderr, test.says)
			}
			for _, secret := range []string{"s3cret", testKey, otherKey} {
				if strings.Contains(got.stderr, secret) {
					t.Errorf("stderr shows a secret: %q", got.stderr)
				}
			}
			if names := files(t); strings.Join(names, " ") != strings.Join(want, " ") {
				t.Errorf("files: %v, want %v", names, want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"decrypt", "-help"}} {
		got := call("", nil, args...).mustSucceed(t)
		for _, flag := range []string{"-key", "-plaintext", "-username", "-file", "-output", "AES_SECRET_KEY", "AES_TOOL_PLAINTEXT"} {
			if !strings.Contains(got.stdout, flag) {
				t.Errorf("%v does not mention %s", args, flag)
			}
		}
	}
}

func TestExistingFileIsReplacedOnlyBySuccess(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("u.bin", []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := call("", nil, "-key", "bad", "-plaintext", password, "-username", "u"); got.code != 1 {
		t.Fatal("a bad key is accepted")
	}
	if content, err := os.ReadFile("u.bin"); err != nil || string(content) != "before" {
		t.Fatalf("a failure has changed the file: %q, %v", content, err)
	}
	call("", nil, "-key", testKey, "-plaintext", password, "-username", "u").mustSucceed(t)
	info, err := os.Stat("u.bin")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the new file has the old one's mode %o", info.Mode().Perm())
	}
	if got := call("", nil, "-key", testKey, "-file", "u.bin").mustSucceed(t); got.stdout != password+"\n" {
		t.Errorf("decrypts to %q", got.stdout)
	}
}

// The rename is the last thing that can fail: a directory stands in its way.
func TestFailedRenameLeavesNothingBehind(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(filepath.Join("u.bin", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := call("", nil, "-key", testKey, "-plaintext", password, "-username", "u")
	if got.code != 1 || !strings.Contains(got.stderr, "u.bin") {
		t.Errorf("exit code %d, stderr %q", got.code, got.stderr)
	}
	if names := files(t); len(names) != 1 {
		t.Errorf("files: %v", names)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("pipe is closed") }

func TestPlaintextThatCannotBePrintedIsAnError(t *testing.T) {
	t.Chdir(t.TempDir())
	call("", nil, "-key", testKey, "-plaintext", password, "-username", "u").mustSucceed(t)
	var stderr bytes.Buffer
	code := run([]string{"-key", testKey, "-file", "u.bin"}, nil, brokenWriter{}, &stderr, os.LookupEnv)
	if code != 1 || !strings.Contains(stderr.String(), "pipe is closed") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}
