// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import "sync"

// current remembers the label value that a series has now of which there is one at a time,
// by resource and by what it is about in it. This way the one before is found without a
// search through those of all resources, which every look at every node would make.
type current struct {
	mu sync.Mutex
	of map[Set]map[string]string
}

// nodeRoles are the roles of nodeRole, by node.
var nodeRoles = current{of: map[Set]map[string]string{}}

// exchange notes the value and returns the one before. Empty is none.
func (s *current) exchange(set Set, about, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.of[set]
	before := held[about]
	switch {
	case before == value:
	case value == "":
		delete(held, about)
	case held == nil:
		s.of[set] = map[string]string{about: value}
	default:
		held[about] = value
	}
	return before
}

func (s *current) forget(set Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, set)
}
