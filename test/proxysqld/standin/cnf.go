// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// settings of a ProxySQL's configuration file, the few that matter here:
// https://proxysql.com/documentation/configuration-file/
type settings struct {
	// admin and traffic are addresses; traffic may be empty.
	admin, traffic string
	// user and password of the last of admin-admin_credentials: the first is the local administrator's.
	user, password string
	// dir is that of proxysql.db; delay is how long every statement takes.
	dir   string
	delay time.Duration
	// variables by name, with their prefix.
	variables map[string]string
}

var (
	section = regexp.MustCompile(`(?s)(admin|mysql)_variables\s*=\s*\{(.*?)\}`)
	setting = regexp.MustCompile(`(?m)^\s*(\w+)\s*=\s*"?((?:[^"\\\n]|\\.)*?)"?\s*;?\s*$`)
)

// readSettings reads a configuration file.
func readSettings(file string) (settings, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return settings{}, err
	}
	s := settings{variables: map[string]string{}}
	for _, part := range section.FindAllSubmatch(text, -1) {
		for _, one := range setting.FindAllSubmatch(part[2], -1) {
			s.variables[string(part[1])+"-"+string(one[1])] = string(one[2])
		}
	}
	for credential := range strings.SplitSeq(s.variables["admin-admin_credentials"], ";") {
		s.user, s.password, _ = strings.Cut(credential, ":")
	}
	if s.user == "" || s.password == "" {
		return s, fmt.Errorf("%s names no user in admin_credentials", file)
	}
	first := func(addresses string) string {
		address, _, _ := strings.Cut(addresses, ";")
		return address
	}
	s.admin = cmp.Or(first(s.variables["admin-mysql_ifaces"]), "127.0.0.1:6032")
	s.traffic = first(s.variables["mysql-interfaces"])
	return s, nil
}
