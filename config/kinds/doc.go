// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package kinds makes of PROJECT, the one list of kinds, what is the same for each of
// them: the kustomizations of config/crd, config/rbac and config/samples, the roles for
// users and for the operator, and the scorecard's test of each kind. "make generate" runs
// it, and "make verify" fails when what is committed is something else.
//
// The directory templates is a picture of the repository: each file in it is a file that
// is made, KIND in a name standing for the kind in lower case. What nobody can generate
// is asked for by test/kinds.
package kinds
