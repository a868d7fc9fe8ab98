// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var gvk = schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "MysqlReplication"}

// set is a good set NAME of the pods NAME-0, NAME-1 and NAME-2, as a user would
// write it: no typed client fills in or leaves out anything.
func set(namespace, name string, edits ...func(map[string]any)) *unstructured.Unstructured {
	node := func(i int) map[string]any {
		pod := fmt.Sprintf("%s-%d", name, i)
		return map[string]any{"name": pod, "host": pod + ".invalid", "port": int64(3306)}
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"mode":    "rpl_semi_sync",
			"secret":  map[string]any{"name": "absent"},
			"source":  node(0),
			"replica": []any{node(1), node(2)},
		},
	}}
	obj.SetGroupVersionKind(gvk)
	obj.SetNamespace(namespace)
	obj.SetName(name)
	for _, edit := range edits {
		edit(obj.Object)
	}
	return obj
}

var groupGVK = schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "MysqlGroupReplication"}

// group is a good group NAME of the pods NAME-0, NAME-1 and NAME-2.
func group(namespace, name string, edits ...func(map[string]any)) *unstructured.Unstructured {
	var members []any
	for i := range 3 {
		pod := fmt.Sprintf("%s-%d", name, i)
		members = append(members, node(pod, pod+".invalid", 3306))
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"secret": map[string]any{"name": "absent"}, "member": members},
	}}
	obj.SetGroupVersionKind(groupGVK)
	obj.SetNamespace(namespace)
	obj.SetName(name)
	for _, edit := range edits {
		edit(obj.Object)
	}
	return obj
}

// field sets what is at a path with dots; a number is an index. A nil value
// removes it.
func field(path string, value any) func(map[string]any) {
	return func(object map[string]any) {
		words := strings.Split(path, ".")
		var at any = object
		for _, word := range words[:len(words)-1] {
			if list, is := at.([]any); is {
				at = list[index(word)]
				continue
			}
			fields := at.(map[string]any)
			if fields[word] == nil {
				fields[word] = map[string]any{}
			}
			at = fields[word]
		}
		last := words[len(words)-1]
		switch at := at.(type) {
		case []any:
			at[index(last)] = value
		case map[string]any:
			if value == nil {
				delete(at, last)
				return
			}
			at[last] = value
		}
	}
}

func index(word string) int {
	i, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return i
}

// refusal checks that err is the API server's refusal of an invalid object with
// all the parts in its message; no parts: that it is none.
func refusal(err error, parts ...string) error {
	if len(parts) == 0 {
		return err
	}
	if err == nil {
		return fmt.Errorf("accepted, want %q", parts)
	}
	if !apierrors.IsInvalid(err) {
		return fmt.Errorf("not a refusal of an invalid object: %w", err)
	}
	var missing []error
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			missing = append(missing, fmt.Errorf("the refusal does not say %q: %w", part, err))
		}
	}
	return errors.Join(missing...)
}

// lines keeps what was said: the warnings of the API server, the manager's log.
type lines struct {
	mu   sync.Mutex
	list []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (l *lines) HandleWarningHeader(_ int, _ string, text string) { l.add(text) }

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, line)
}

// take returns the lines since the last call.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}
