// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the custom resources that users write: their types,
// defaults and the rules that the API server itself checks (CEL).
// +kubebuilder:object:generate=true
// +groupName=upm.syntropycloud.io
package v1alpha1
