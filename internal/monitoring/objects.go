// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/config/prometheus"
	"github.com/upmio/compose-operator/internal/kube"
)

// annotationContent has a digest of the manifest that an object was last applied from.
// What a newer operator has no use for is found by it: a comparison of fields sees what
// is missing or different, and not what is too much.
const annotationContent = "compose-operator/content"

// objects are the objects of config/prometheus as they should be in a namespace, with
// the mark of what the operator made. owner may be nil. Pure.
func objects(namespace string, owner *metav1.OwnerReference) ([]*unstructured.Unstructured, error) {
	var list []*unstructured.Unstructured
	for _, manifest := range [][]byte{prometheus.Monitor, prometheus.Rules} {
		data, err := yaml.YAMLToJSON(manifest)
		if err != nil {
			return nil, fmt.Errorf("read a manifest of config/prometheus: %w", err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(data); err != nil {
			return nil, fmt.Errorf("read a manifest of config/prometheus: %w", err)
		}
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[kube.LabelManagedBy] = kube.ManagedBy
		object.SetLabels(labels)
		digest := sha256.Sum256(data)
		object.SetAnnotations(map[string]string{annotationContent: hex.EncodeToString(digest[:8])})
		object.SetNamespace(namespace)
		if owner != nil {
			object.SetOwnerReferences([]metav1.OwnerReference{*owner})
		}
		list = append(list, object)
	}
	return list, nil
}

// ours says whether the operator made an object.
func ours(object metav1.Object) bool {
	return object.GetLabels()[kube.LabelManagedBy] == kube.ManagedBy
}

// asWanted says whether an object needs no write. What others added to it, and what the
// API server has filled in, does not count.
func asWanted(is, wanted *unstructured.Unstructured) bool {
	for _, owner := range wanted.GetOwnerReferences() {
		if !slices.ContainsFunc(is.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == owner.UID }) {
			return false
		}
	}
	return covers(is.GetLabels(), wanted.GetLabels()) && covers(is.GetAnnotations(), wanted.GetAnnotations()) &&
		holds(is.Object["spec"], wanted.Object["spec"])
}

func covers(is, wanted map[string]string) bool {
	for key, value := range wanted {
		if is[key] != value {
			return false
		}
	}
	return true
}

// holds says whether each field of wanted is there and the same. Lists are compared as a
// whole: their elements have no names.
func holds(is, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		fields, same := is.(map[string]any)
		if !same {
			return false
		}
		for key, value := range wanted {
			if !holds(fields[key], value) {
				return false
			}
		}
		return true
	case []any:
		list, same := is.([]any)
		if !same || len(list) != len(wanted) {
			return false
		}
		for i := range wanted {
			if !holds(list[i], wanted[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(is, wanted)
}

// ownerReference makes an object go with the operator's Deployment. It holds up nothing.
func ownerReference(uid types.UID) *metav1.OwnerReference {
	return &metav1.OwnerReference{APIVersion: "apps/v1", Kind: kindDeployment, Name: Deployment, UID: uid}
}
