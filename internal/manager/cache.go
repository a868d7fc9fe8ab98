// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/upmio/compose-operator/internal/kube"
)

// cacheOptions limit the cache to what the kernel looks at and, when there are
// any, to the namespaces that are watched. Of Secrets, those of the operator's
// namespace are always in it: the AES key may be taken from there.
func cacheOptions(watch []string, operatorNamespace string) cache.Options {
	options := cache.Options{
		ByObject:         kube.CacheByObject(),
		DefaultTransform: cache.TransformStripManagedFields(),
	}
	if len(watch) == 0 {
		return options
	}
	options.DefaultNamespaces = configs(watch...)
	for object, limits := range options.ByObject {
		if _, secrets := object.(*corev1.Secret); secrets {
			limits.Namespaces = configs(append([]string{operatorNamespace}, watch...)...)
			options.ByObject[object] = limits
		}
	}
	return options
}

func configs(namespaces ...string) map[string]cache.Config {
	all := make(map[string]cache.Config, len(namespaces))
	for _, name := range namespaces {
		all[name] = cache.Config{}
	}
	return all
}
