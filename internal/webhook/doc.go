// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package webhook is the admission of custom resources: it refuses what the
// rules in the custom resource definitions (CEL) cannot see, above all two
// resources that claim the same pod, and warns of what is allowed and unwise.
//
// The structural rules are repeated here as Go functions. The API server has
// applied them before it asks the webhook, except where it let an object pass
// because the stored one broke the same rule already: there the webhook still
// refuses a further mistake of the same sort, and lets the old one stay.
//
// +kubebuilder:webhookconfiguration:mutating=false,name=compose-operator
package webhook
