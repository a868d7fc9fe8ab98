// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package certs makes the admission webhook's serving certificate and keeps it
// fresh where nothing else (cert-manager, OLM) does.
//
// A certificate authority of its own and the certificate that it signed live in
// one Secret that all replicas of the manager share. Each replica looks at it
// once a minute, renews what is due under the Secret's optimistic lock, and puts
// the authority into the ValidatingWebhookConfiguration. A new authority is
// trusted there before anything is served that only it vouches for, and the one
// before it stays trusted until it expires, so that a rotation refuses no request.
package certs
