// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// subject is a kind as it is shown: pods, a resource over them, and an edit that lets another
// node take the writes.
type subject struct {
	// pods and applied say what is started and applied.
	pods, applied string
	// resource and name are those of the resource, as kubectl takes them.
	resource, name string
	// edit, edited and again say what is edited: before, after, and once more.
	edit, edited, again string
	// change is what that is called, to the node that takes the writes then.
	change, to string
	// way of the clients.
	way string
	// start makes the pods in the demo's namespace, which exists.
	start func(ctx context.Context, cluster *kit.Cluster) (kit.Topology, error)
	apply func(ctx context.Context) error
	// then are more steps before clients come; nil: none.
	then func(ctx context.Context) []demoStep
	// now describes the resource.
	now func(ctx context.Context) (string, error)
}

// subjects by the name that -kind takes.
var subjects = map[string]func() *subject{
	"mysql": mysql, "mysqlgroup": mysqlGroup, "redis": redis, "rediscluster": redisCluster, "postgres": postgres, "proxysql": proxysql,
}

// exchange fills in what is edited where a source and a replica, or what a kind calls them,
// are exchanged.
func (s *subject) exchange(writer, reader, from, to string) *subject {
	s.edit = "exchanging " + from + " and " + to + " in the spec"
	s.edited = "spec." + writer + " and spec." + reader + " exchanged"
	s.again = "exchange " + writer + " and " + reader + " once more"
	s.change, s.to = "Planned switchover", to
	if s.way == "" {
		s.way = readWrite(s.name)
	}
	return s
}

func readWrite(name string) string { return "the Service " + name + v1alpha1.ServiceSuffixReadWrite }

// started keeps the pods that were made, also those that did not come up: they are diagnosed.
func started[T interface {
	comparable
	kit.Topology
}](keep *T, made T, err error) (kit.Topology, error) {
	var none T
	if made == none {
		return nil, err
	}
	*keep = made
	return made, err
}

// described is the description of a resource that is got first.
func described[T any](get func(context.Context) (T, error), describe func(T) string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		resource, err := get(ctx)
		if err != nil {
			return "", err
		}
		return describe(resource), nil
	}
}
