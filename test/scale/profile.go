// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// typeArguments of a generic function, as the compiler spells them out.
var typeArguments = regexp.MustCompile(`\[go\.shape\..*\]`)

// profileTime is how long the CPU is watched.
const profileTime = 30 * time.Second

// profile is the head of what go tool pprof says.
type profile struct{ title, text string }

// profiles of the CPU and of what is allocated and not free.
func (op *operator) profiles(ctx context.Context, o options, directory string) ([]profile, error) {
	var out []profile
	for _, p := range []struct {
		title, name, path string
		arguments         []string
	}{
		{"CPU, by what is called", "cpu", fmt.Sprintf("profile?seconds=%d", int(profileTime.Seconds())), []string{"-cum", "-nodecount=60"}},
		{"CPU, by where it is spent", "cpu", "", []string{"-flat", "-nodecount=25"}},
		{"Heap in use", "heap", "heap", []string{"-sample_index=inuse_space", "-nodecount=25"}},
		{"Allocated since the start", "heap", "", []string{"-sample_index=alloc_space", "-nodecount=25"}},
	} {
		file := filepath.Join(directory, p.name+".pprof")
		if p.path != "" {
			if err := download(ctx, "http://"+op.pprof+"/debug/pprof/"+p.path, file); err != nil {
				return nil, err
			}
			// Kept for those who look closer.
			if data, err := os.ReadFile(file); err == nil {
				_ = os.WriteFile(filepath.Join("bin", "scale-"+p.name+".pprof"), data, 0o600)
			}
		}
		arguments := append([]string{"tool", "pprof", "-top"}, p.arguments...)
		text, err := exec.CommandContext(ctx, "go", append(arguments, o.manager, file)...).Output()
		if err != nil {
			return nil, fmt.Errorf("go tool pprof: %w", err)
		}
		out = append(out, profile{p.title, strings.TrimSpace(typeArguments.ReplaceAllString(string(text), "[…]"))})
	}
	return out, nil
}

func download(ctx context.Context, url, file string) error {
	ctx, cancel := context.WithTimeout(ctx, profileTime+30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s, %w", response.Status, err)
	}
	return os.WriteFile(file, data, 0o600)
}
