// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

const (
	mysqlPort = 3306
	// The users of the servers.
	mysqlAdmin      = "mysql"
	mysqlReplicator = "replication"
)

// mysqlServers of the test of a kind.
type mysqlServers struct{ servers }

// ofMySQL are servers with a configuration beside the image's own. prepare changes a pod further; nil: it does not.
func ofMySQL(r *run, conf string, prepare func(t *servers, pod *corev1.PodSpec)) mysqlServers {
	t := mysqlServers{servers{
		run: r, database: "mysql", port: mysqlPort, users: []string{mysqlAdmin, mysqlReplicator},
		conf: "[mysqld]\n" + conf, confFile: "my.cnf", imageFlag: "--mysql-image=NAME",
	}}
	of := t.servers
	t.spec = func(users, conf string) corev1.PodSpec {
		pod := kit.MySQLPod(r.MySQLImage, users, conf)
		if prepare != nil {
			prepare(&of, &pod)
		}
		return pod
	}
	return t
}

// credential is the spec's part that names the users and where their passwords are.
func (t *mysqlServers) credential() (v1alpha1.MysqlReplicationSecret, *v1alpha1.AESSecret) {
	return v1alpha1.MysqlReplicationSecret{Name: t.object("credentials"), Mysql: mysqlAdmin, Replication: mysqlReplicator}, t.aes()
}
