// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"os"
	"slices"
	"strings"
)

const (
	// defaultOperatorNamespace is where the operator is installed by convention.
	defaultOperatorNamespace = "upm-system"
	// serviceAccountNamespaceFile is in every pod that has a service account token.
	serviceAccountNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// watchNamespaces reads WATCH_NAMESPACE, a list with commas. None means all.
func watchNamespaces(value string) []string {
	var namespaces []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name != "" {
			namespaces = append(namespaces, name)
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// operatorNamespace is POD_NAMESPACE, or the service account's, or the convention.
func operatorNamespace(value, file string) string {
	if value = strings.TrimSpace(value); value != "" {
		return value
	}
	if data, err := os.ReadFile(file); err == nil {
		if value = strings.TrimSpace(string(data)); value != "" {
			return value
		}
	}
	return defaultOperatorNamespace
}
