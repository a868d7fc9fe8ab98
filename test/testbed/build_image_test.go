// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"
	"testing"
)

func TestParseBuildImage(t *testing.T) {
	got, err := parseBuildImage([]string{"op:v1", "--binary", "out/manager", "--add", "conf:/etc/conf", "--add", "x:/y", "--base", "mysql"})
	must(t, err)
	want := []imageFile{{path: "/manager", source: "out/manager"}, {path: "/etc/conf", source: "conf"}, {path: "/y", source: "x"}}
	if !reflect.DeepEqual(got.spec.files, want) {
		t.Errorf("files = %+v", got.spec.files)
	}
	if got.spec.ref != "op:v1" || got.push || got.base != "mysql" || got.spec.user != nobody || !reflect.DeepEqual(got.spec.entrypoint, []string{"/manager"}) {
		t.Errorf("request = %+v", got)
	}

	got, err = parseBuildImage([]string{"--entrypoint", "/bin/sh", "--entrypoint", "-c", "--base", "redis", "op", "--push"})
	must(t, err)
	if got.spec.ref != "op" || !got.push || !reflect.DeepEqual([]string(got.spec.entrypoint), []string{"/bin/sh", "-c"}) || len(got.spec.files) != 0 {
		t.Errorf("request = %+v", got)
	}
}

func TestParseBuildImageRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"no name":         {"--binary", "x"},
		"two names":       {"a", "b", "--binary", "x"},
		"nothing to run":  {"a"},
		"relative target": {"a", "--binary", "x", "--add", "y:z"},
		"no target":       {"a", "--binary", "x", "--add", "y"},
		"unknown flag":    {"a", "--binary", "x", "--nonsense"},
	} {
		if _, err := parseBuildImage(args); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
