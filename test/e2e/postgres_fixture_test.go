// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// postgresSpecs labels the specs about PostgreSQL.
const postgresSpecs = "postgres"

// postgresPods of a set. The others are filled from the first one.
var postgresPods = []string{kit.PostgresPodName(0), kit.PostgresPodName(1), kit.PostgresPodName(2)}

// postgresFixture is a set of PostgreSQL pods that specs share.
type postgresFixture = shared[*kit.PostgresSet]

var (
	ledger     = postgresSets(v1alpha1.PostgresAsync)
	syncLedger = postgresSets(v1alpha1.PostgresSync)
)

func postgresSets(mode v1alpha1.PostgresReplicationMode) *postgresFixture {
	resource := func(s *kit.PostgresSet, primary string) *v1alpha1.PostgresReplication {
		primary, standbys := present(primary, postgresPods)
		r := s.Resource(primary, standbys...)
		r.Spec.Mode = mode
		return r
	}
	return &postgresFixture{
		fresh: func(ctx context.Context, namespace string) (*kit.PostgresSet, error) {
			return suite.cluster.NewPostgresSet(ctx, namespace, len(postgresPods))
		},
		create: func(ctx context.Context, s *kit.PostgresSet) error {
			return s.Create(ctx, resource(s, postgresPods[0]))
		},
		repair: func(ctx context.Context, s *kit.PostgresSet) error {
			primary, err := s.Source(ctx)
			if err != nil {
				return err
			}
			want := resource(s, primary)
			_, err = s.Edit(ctx, func(r *v1alpha1.PostgresReplication) {
				want.Spec.DeepCopyInto(&r.Spec)
				r.Annotations = nil
			})
			return err
		},
	}
}

// postgresScene is one spec at work.
type postgresScene struct {
	*kit.PostgresSet
	writing
}

// onPostgres gives every spec of a container a healthy set with clients at work, and checks
// them at the spec's end.
func onPostgres(f *postgresFixture) *postgresScene {
	s := &postgresScene{}
	inScene(f, func() *writing {
		*s = postgresScene{PostgresSet: f.set, writing: writing{of: f.set, name: f.set.Name, pods: postgresPods}}
		return &s.writing
	})
	return s
}

func (s *postgresScene) edit(ctx SpecContext, change func(*v1alpha1.PostgresReplication)) {
	GinkgoHelper()
	_, err := s.Edit(ctx, change)
	Expect(err).NotTo(HaveOccurred())
}

// switchOver to a standby, with clients that write meanwhile.
func (s *postgresScene) switchOver(ctx SpecContext, to string) {
	GinkgoHelper()
	change, err := s.SwitchOver(ctx, suite.operator, s.run, to, settleTimeout)
	Expect(err).NotTo(HaveOccurred())
	GinkgoWriter.Printf("switchover to %s: ready after %d ms, without writes %s\n", to, change.Ready.Sub(change.Edited).Milliseconds(), change.Outage)
}

// quiet fails when a server's log has a password.
func (s *postgresScene) quiet(ctx SpecContext) {
	GinkgoHelper()
	for _, pod := range postgresPods {
		told, err := s.TellsPassword(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(BeEmpty(), "the log of %s has the password of these users", pod)
	}
}
