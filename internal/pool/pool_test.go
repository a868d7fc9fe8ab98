// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"errors"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/pool"
)

var one, two = types.NamespacedName{Namespace: "n", Name: "one"}, types.NamespacedName{Namespace: "n", Name: "two"}

func key(object types.NamespacedName, node, version string) pool.Key {
	return pool.Key{Object: object, Node: node, Address: node + ":3306", User: "mysql", Version: version}
}

// bench counts what is opened and closed.
type bench struct {
	*pool.Pool[string]
	opened int
	closed []string
}

func newBench() *bench {
	b := &bench{}
	b.Pool = pool.New(func(c string) { b.closed = append(b.closed, c) })
	return b
}

func (b *bench) get(t *testing.T, k pool.Key) {
	t.Helper()
	name := k.Object.Name + "/" + k.Node + "/" + k.Version
	c, err := b.Get(k, func() (string, error) { b.opened++; return name, nil })
	if err != nil || c != name {
		t.Fatalf("got %q, %v", c, err)
	}
}

func TestGetOpensOnce(t *testing.T) {
	b := newBench()
	for range 3 {
		b.get(t, key(one, "a", "1"))
	}
	if b.opened != 1 || b.Len() != 1 {
		t.Errorf("opened %d, holds %d", b.opened, b.Len())
	}
}

func TestEveryPartOfTheKeyCounts(t *testing.T) {
	b := newBench()
	base := key(one, "a", "1")
	keys := []pool.Key{base}
	for _, change := range []func(*pool.Key){
		func(k *pool.Key) { k.Object = two },
		func(k *pool.Key) { k.Node = "b" },
		func(k *pool.Key) { k.Address = "other:3306" },
		func(k *pool.Key) { k.User = "other" },
		func(k *pool.Key) { k.Version = "2" },
	} {
		k := base
		change(&k)
		keys = append(keys, k)
	}
	for _, k := range keys {
		b.get(t, k)
	}
	if b.opened != len(keys) {
		t.Errorf("%d keys share %d handles", len(keys), b.opened)
	}
}

func TestKeepClosesTheRestOfTheObject(t *testing.T) {
	b := newBench()
	for _, k := range []pool.Key{key(one, "a", "1"), key(one, "a", "2"), key(one, "b", "1"), key(two, "a", "1")} {
		b.get(t, k)
	}
	b.Keep(one, []pool.Key{key(one, "a", "2"), key(one, "never opened", "1")})
	slices.Sort(b.closed)
	if want := []string{"one/a/1", "one/b/1"}; !slices.Equal(b.closed, want) {
		t.Errorf("closed %v, want %v", b.closed, want)
	}
	b.Forget(one)
	b.Forget(one)
	if len(b.closed) != 3 || b.Len() != 1 {
		t.Errorf("closed %v, holds %d", b.closed, b.Len())
	}
}

func TestAnErrorKeepsNothing(t *testing.T) {
	b := newBench()
	failed := errors.New("cannot")
	if _, err := b.Get(key(one, "a", "1"), func() (string, error) { return "", failed }); !errors.Is(err, failed) {
		t.Errorf("err = %v", err)
	}
	if b.Len() != 0 {
		t.Errorf("holds %d", b.Len())
	}
	b.get(t, key(one, "a", "1"))
}
