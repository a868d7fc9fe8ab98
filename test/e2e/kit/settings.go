// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"os"
	"path/filepath"
)

// Settings that differ from one cluster to the next. Each has an environment
// variable; the defaults are the testbed's.
type Settings struct {
	// Kubeconfig file; KUBECONFIG, else .testbed/kubeconfig of the repository.
	Kubeconfig string
	// Install is how the operator comes to the cluster, InstallByOLM or InstallManifest;
	// INSTALL, else the manifest.
	Install string
	// Manifest that installs the operator; INSTALL_MANIFEST, else dist/install.yaml.
	Manifest string
	// OperatorNamespace that the manifest installs into; OPERATOR_NAMESPACE.
	OperatorNamespace string
	// OperatorImage to run; OPERATOR_IMAGE.
	OperatorImage string
	// FaultsImage is the operator built with the tag "faults"; OPERATOR_FAULTS_IMAGE.
	FaultsImage string
	// CatalogImage that OLM installs the operator from; OLM_CATALOG_IMAGE.
	CatalogImage string
	// PreviousCatalogImage is the catalog as it was before the newest release;
	// OLM_PREVIOUS_CATALOG_IMAGE.
	PreviousCatalogImage string
	// MySQLImage with the contract of test/testbed/images/mysql; MYSQL_IMAGE.
	MySQLImage string
	// RedisImage with the contract of test/testbed/images/redis; REDIS_IMAGE.
	RedisImage string
	// ProxysqlImage has a command proxysql: the server's, or the stand-in's; PROXYSQL_IMAGE.
	ProxysqlImage string
	// ClusterDomain of the cluster's DNS; CLUSTER_DOMAIN.
	ClusterDomain string
	// StorageClass of the data; STORAGE_CLASS, else the cluster's default.
	StorageClass string
}

// The values of Settings.Install.
const (
	InstallByOLM    = "olm"
	InstallManifest = "manifest"
)

// SettingsFromEnvironment reads the settings. It fails outside the repository
// when a file's place is not given.
func SettingsFromEnvironment() (Settings, error) {
	s := Settings{
		Kubeconfig:           os.Getenv("KUBECONFIG"),
		Install:              variable("INSTALL", InstallManifest),
		Manifest:             os.Getenv("INSTALL_MANIFEST"),
		OperatorNamespace:    variable("OPERATOR_NAMESPACE", "upm-system"),
		OperatorImage:        variable("OPERATOR_IMAGE", "upmio/compose-operator:dev"),
		FaultsImage:          variable("OPERATOR_FAULTS_IMAGE", "upmio/compose-operator:faults"),
		CatalogImage:         variable("OLM_CATALOG_IMAGE", "upmio/compose-operator-catalog:latest"),
		PreviousCatalogImage: variable("OLM_PREVIOUS_CATALOG_IMAGE", "upmio/compose-operator-catalog:previous"),
		MySQLImage:           variable("MYSQL_IMAGE", "compose-testbed/mysql:9.7"),
		RedisImage:           variable("REDIS_IMAGE", "compose-testbed/redis:8"),
		ProxysqlImage:        variable("PROXYSQL_IMAGE", "compose-testbed/proxysql:stand-in"),
		ClusterDomain:        variable("CLUSTER_DOMAIN", "cluster.local"),
		StorageClass:         os.Getenv("STORAGE_CLASS"),
	}
	if s.Install != InstallByOLM && s.Install != InstallManifest {
		return s, fmt.Errorf("INSTALL is %q: it must be %q or %q", s.Install, InstallByOLM, InstallManifest)
	}
	if s.Kubeconfig != "" && s.Manifest != "" {
		return s, nil
	}
	root, err := RepositoryRoot()
	if err != nil {
		return s, fmt.Errorf("%w; or set KUBECONFIG and INSTALL_MANIFEST", err)
	}
	if s.Kubeconfig == "" {
		s.Kubeconfig = filepath.Join(root, ".testbed", "kubeconfig")
	}
	if s.Manifest == "" {
		s.Manifest = filepath.Join(root, "dist", "install.yaml")
	}
	return s, nil
}

func variable(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// RepositoryRoot is the nearest directory upwards that has a file PROJECT.
func RepositoryRoot() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "PROJECT")); err == nil {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("not inside the repository: no file PROJECT in a directory above; change into it")
		}
		at = up
	}
}
