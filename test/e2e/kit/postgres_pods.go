// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/test/load"
)

// Names of the objects of a set of PostgreSQL pods, within its namespace, and what the image of
// test/testbed/images/postgres expects.
const (
	postgresName  = "postgres"
	postgresUsers = "postgres-users"
	postgresConf  = "postgres-conf"
	postgresPort  = 5432
)

// PostgresPodName of the i-th pod of a set.
func PostgresPodName(i int) string { return fmt.Sprintf("%s-%d", postgresName, i) }

func postgresConfiguration(namespace string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: postgresConf},
		Data:       map[string]string{"test.conf": PostgresConf},
	}
}

// PostgresConf is what servers of tests have beside the image's own configuration: passwords
// must not come into the log, also where everything is logged.
const PostgresConf = "max_connections = 100\nlog_statement = all\nmax_wal_size = '128MB'\nmin_wal_size = '64MB'\n"

// PostgresPod is a pod of one PostgreSQL server, without its volume "data". users and conf are
// the names of the Secret with the clear-text password of each user and of the ConfigMap with
// *.conf files. A fresh pod is filled from the server of the host cloneFrom, unless it is that
// one itself, and comes up as a standby that follows nobody yet.
func PostgresPod(image, users, conf, cloneFrom string) corev1.PodSpec {
	pod := server{
		name: postgresName, image: image, port: postgresPort, grace: 20, cpu: "20m", memory: "64Mi", data: "/var/lib/postgresql", users: users, conf: conf,
	}.pod()
	pod.Containers[0].Env = []corev1.EnvVar{{Name: "POSTGRES_CLONE_FROM", Value: cloneFrom}}
	return pod
}

// Query a pod's server as the superuser for one value of one row, as text.
func (s *PostgresSet) Query(ctx context.Context, pod, query string) (value string, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	address, err := s.Address(ctx, pod)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@%s/postgres?sslmode=disable", postgresName, s.passwords[postgresName], address))
	if err != nil {
		return "", fmt.Errorf("connect to %s: %w", pod, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := conn.QueryRow(ctx, query).Scan(&value); err != nil {
		return "", fmt.Errorf("%s on %s: %w", query, pod, err)
	}
	return value, nil
}

// RunID names the process of a pod's server, as it is noted for Run.Turns.
func (s *PostgresSet) RunID(ctx context.Context, pod string) (string, error) {
	return s.Query(ctx, pod, load.PostgresProcess)
}

// TellsPassword returns the users whose passwords are in what a pod's server has logged, this
// one and the one before it.
func (s *PostgresSet) TellsPassword(ctx context.Context, pod string) (users []string, err error) {
	for _, previous := range []bool{true, false} {
		text, err := s.Cluster.Typed.CoreV1().Pods(s.Namespace).GetLogs(pod, &corev1.PodLogOptions{Previous: previous}).DoRaw(ctx)
		if err != nil {
			if previous {
				continue // It has not been restarted.
			}
			return nil, fmt.Errorf("log of %s: %w", pod, err)
		}
		for user, password := range s.passwords {
			if bytes.Contains(text, []byte(password)) {
				users = append(users, user)
			}
		}
	}
	return users, nil
}
