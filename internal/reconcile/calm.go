// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// sameWhenCalm says whether two versions of a resource tell a person the same:
// what differs are figures that move by themselves, in the status or in the
// message of a condition.
func sameWhenCalm[T client.Object, S, D any](engine Engine[T, S, D], a, b T) bool {
	return equality.Semantic.DeepEqual(calm(engine, a), calm(engine, b))
}

func calm[T client.Object, S, D any](engine Engine[T, S, D], object T) any {
	object = copyOf(object)
	conditions := *engine.StatusOf(object).Conditions
	for i := range conditions {
		conditions[i].Message = CalmText(conditions[i].Message)
	}
	return engine.Calm(object)
}

// CalmText replaces the numbers of a text by "#", so that texts that differ only
// in them are equal. A number that is part of a name, as in mysql-1, stays. An
// engine's Calm uses it for the messages of its status.
func CalmText(text string) string {
	var out strings.Builder
	named, inNumber := false, false
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= '0' && c <= '9' && !named:
			if !inNumber {
				out.WriteByte('#')
			}
			inNumber = true
			continue
		case isLetter(c):
			named = true
		case (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_':
		default:
			named = false
		}
		inNumber = false
		out.WriteByte(c)
	}
	return out.String()
}

func isLetter(c byte) bool {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}
