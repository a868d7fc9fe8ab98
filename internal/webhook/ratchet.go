// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// listIndex is the index in a field's path. A list's elements move when another
// one is added or removed, and a mistake that has moved is not a new one.
var listIndex = regexp.MustCompile(`\[[0-9]+\]`)

type finding struct {
	field string
	kind  field.ErrorType
	value string
}

func findingOf(err *field.Error) finding {
	return finding{
		field: listIndex.ReplaceAllString(err.Field, "[]"),
		kind:  err.Type,
		value: fmt.Sprint(err.BadValue),
	}
}

// newErrors returns the errors that the old object did not have: an object that
// was stored before a rule existed can still be updated. A mistake that is made
// more often than before is new.
func newErrors(updated, old field.ErrorList) field.ErrorList {
	known := map[finding]int{}
	for _, err := range old {
		known[findingOf(err)]++
	}
	var added field.ErrorList
	for _, err := range updated {
		key := findingOf(err)
		if known[key] > 0 {
			known[key]--
			continue
		}
		added = append(added, err)
	}
	return added
}
