// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a kubeconfig for one user. It holds the certificates themselves, so that
// the file can be copied.
func writeKubeconfig(file string, ca, user *certificate) error {
	const context = "compose-testbed"
	config := api.NewConfig()
	config.Clusters[context] = &api.Cluster{Server: apiServerURL, CertificateAuthorityData: ca.certPEM}
	config.AuthInfos[user.cert.Subject.CommonName] = &api.AuthInfo{
		ClientCertificateData: user.certPEM, ClientKeyData: user.keyPEM,
	}
	config.Contexts[context] = &api.Context{Cluster: context, AuthInfo: user.cert.Subject.CommonName, Namespace: "default"}
	config.CurrentContext = context
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", file, err)
	}
	return writeFile(file, data, 0o600)
}
