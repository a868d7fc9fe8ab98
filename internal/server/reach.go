// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"slices"
	"syscall"
)

// Reach says whether a server could be observed.
type Reach string

// The values of Reach.
const (
	// ReachOK: everything was read.
	ReachOK Reach = "OK"
	// ReachError: the server answers, but with an error (credentials, privileges,
	// too many connections). It may well be serving clients: it is not gone.
	ReachError Reach = "Error"
	// ReachNone: no answer within the deadline, or the connection was refused.
	// Unknown, neither empty nor dead.
	ReachNone Reach = "None"
)

// ReachOf says what an error tells of a server: it refuses, or it was not seen. answered
// says of an error that is not nil whether it came from the server itself.
func ReachOf(err error, answered func(error) bool) Reach {
	switch {
	case err == nil:
		return ReachOK
	case answered(err):
		return ReachError
	}
	return ReachNone
}

// AllRefused says whether nothing listens at any of the addresses that were tried. Of a
// server that listens on one family only, the other refuses while it hangs.
func AllRefused(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if several, is := err.(interface{ Unwrap() []error }); is { //nolint:errorlint // the chain is walked here
			return !slices.ContainsFunc(several.Unwrap(), func(one error) bool { return !AllRefused(one) })
		}
		if errors.Is(err, syscall.ECONNREFUSED) && errors.Unwrap(err) == nil {
			return true
		}
	}
	return false
}
