// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Write testdata/vocabulary anew: VOCABULARY_UPDATE=1 go test ./internal/mysql -run TestVocabularies
const vocabularyUpdate = "VOCABULARY_UPDATE"

// Every action on servers of versions that cannot be had here: they are observed in full,
// and exactly the statements in testdata/vocabulary are sent to change them. The double
// refuses words and variables that its version does not have.
func TestVocabularies(t *testing.T) {
	for _, of := range []struct{ version, plugins string }{
		{"8.0.20", "master"}, {"8.0.20", ""}, {"8.0.22", "master"}, {"8.0.36", "master"}, {"8.0.36", "source"}, {"8.4.0", "source"}, {"8.4.0", ""},
	} {
		name := of.version + "-" + of.plugins
		if of.plugins == "" {
			name = of.version + "-no-plugins"
		}
		t.Run(name, func(t *testing.T) {
			semi := of.plugins != ""
			looksRight(t, of.version, of.plugins)
			var out strings.Builder
			want := SemiSyncWant{Enabled: semi}
			attach := Attach{target: target{"b"}, Source: "a", SourceHost: "a", SourcePort: 3306, SemiSync: semi}
			renew := attach
			renew.RenewPassword = true
			secured, plain, renewSecured := attach, attach, renew
			secured.TLS, plain.TLS = &full, &ChannelTLS{}
			renewSecured.TLS = &full
			follows := func() *recorded { return newRecorded(of.version, of.plugins).readOnly().replicating("Yes", "Yes") }
			fresh := func() *recorded { return newRecorded(of.version, of.plugins) }
			for _, one := range []struct {
				what   string
				server *recorded
				action reconcile.Action
			}{
				{"fence", fresh(), FenceSource{target: target{"b"}, Timeout: time.Second, KillClients: true, Persist: true, ReleaseAcks: true}},
				{"arm", fresh(), ArmFence{target{"b"}}},
				{"make writable", fresh().readOnly(), SetWritable{target: target{"b"}, SemiSync: want}},
				{"catch up", follows(), CatchUp{target: target{"b"}, Set: gtid.MustParse(recordedUUID + ":1-9"), Timeout: time.Second}},
				{"promote", follows(), Promote{target: target{"b"}, AfterSet: gtid.MustParse(recordedUUID + ":1-5"), Timeout: time.Second, SemiSync: want}},
				{"promote in a failover", follows(), Promote{target: target{"b"}, Timeout: time.Second, SemiSync: want, Failover: true}},
				{"settle", fresh().replicating("No", "No"), Settle{target: target{"b"}, SemiSync: want}},
				{"attach", fresh(), attach},
				{"attach with a new password", follows(), renew},
				{"attach with TLS", fresh(), secured},
				{"attach without TLS", fresh(), plain},
				{"secure a channel", follows(), secured},
				{"take TLS from a channel", follows(), plain},
				{"secure a channel with a new password", follows(), renewSecured},
				{"stop the receiver", follows(), StopReceiver{target{"b"}}},
				{"start replication", follows().replicating("No", "No"), StartReplication{target: target{"b"}}},
				{"detach", follows(), Detach{target: target{"b"}}},
				{"semi-sync of a replica", follows(), SetSemiSync{target: target{"b"}, Replica: semi}},
				{"semi-sync of a source", fresh(), SetSemiSync{target: target{"b"}, Source: want}},
				{"expel clients", follows(), ExpelClients{target{"b"}}},
			} {
				a := &actor{handle: one.server.handle(), facts: reconcile.Facts{}, replicationUser: "replication", replicationPassword: credential.NewPassword("secret")}
				a.other = func(string) (*handle, error) { return nil, errors.New("recorded answers are of one server") }
				if _, err := a.run(t.Context(), one.action); err != nil {
					t.Errorf("%s: %v", one.what, err)
				}
				fmt.Fprintf(&out, "%s\n", one.what)
				for _, statement := range one.server.executed {
					fmt.Fprintf(&out, "  %s\n", statement)
				}
			}
			compareGolden(t, name, out.String())
		})
	}
}

func looksRight(t *testing.T, version, plugins string) {
	t.Helper()
	r := newRecorded(version, plugins).readOnly().replicating("Yes", "Yes")
	s, err := lookAt(t.Context(), r.handle(), Member{Name: "b", Host: "b", Port: 3306}, false)
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() || !s.Fenced() || !s.LogReplicaUpdates || !s.LogBin || !s.GTIDMode || s.Uptime != 100*time.Second || len(s.Missing) > 0 {
		t.Errorf("observed: %+v", s)
	}
	c := s.Channel
	if c == nil || c.SourceHost != "a" || c.SourceUUID != recordedSource || !c.Streams() || !c.AutoPosition || c.Lag == nil || c.User != "replication" ||
		c.SourceLogFile != "binlog.000007" || c.ReadSourceLogPos != 4711 || c.ExecSourceLogPos != 815 {
		t.Errorf("channel: %+v", c)
	}
	if want := (ChannelTLS{On: true, VerifyIdentity: true, CA: "/tls/ca.crt", Cert: "/tls/tls.crt", Key: "/tls/tls.key"}); s.Plain || s.CAFile != "ca.pem" || c == nil || c.TLS != want {
		t.Errorf("TLS: plain %t, CA %q, channel %+v", s.Plain, s.CAFile, c)
	}
	loaded := plugins != ""
	if semi := s.SemiSync; semi.SourcePlugin != loaded || semi.ReplicaPlugin != loaded || loaded && (semi.Timeout != 10*time.Second || semi.WaitCount != 1 || !semi.WaitNoReplica) {
		t.Errorf("semi-sync: %+v", semi)
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "vocabulary", name+".txt")
	if os.Getenv(vocabularyUpdate) != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the statements are not those of %s:\n%s", file, got)
	}
}
