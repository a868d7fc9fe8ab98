// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

const (
	teamKey     = "team-key-team-key-team-key-team!"
	operatorKey = "OPERATOR-KEY-OPERATOR-KEY-OPERAT"
	// What no error may contain.
	rootPassword        = "root-password-s3cret"
	replicationPassword = "replication-password-s3cret"
)

// secrets is a client.Reader of Secrets, by "namespace/name".
type secrets struct {
	client.Reader
	data map[string]map[string]string
	fail map[string]error
}

func (s *secrets) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if err := s.fail[key.String()]; err != nil {
		return err
	}
	values, found := s.data[key.String()]
	if !found {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	secret := obj.(*corev1.Secret)
	secret.Namespace, secret.Name = key.Namespace, key.Name
	secret.Data = map[string][]byte{}
	for k, v := range values {
		secret.Data[k] = []byte(v)
	}
	return nil
}

func seal(t *testing.T, key, text string) string {
	t.Helper()
	sealed, err := aesctr.Encrypt([]byte(key), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(sealed)
}

// world is a set in namespace "team" whose passwords are sealed with teamKey,
// which lies beside them.
func world(t *testing.T) *secrets {
	return &secrets{
		data: map[string]map[string]string{
			"team/db": {
				"mysql":       seal(t, teamKey, rootPassword),
				"replication": seal(t, teamKey, replicationPassword),
			},
			"team/aes-secret-key": {"AES_SECRET_KEY": teamKey},
		},
		fail: map[string]error{},
	}
}

func resolve(t *testing.T, s *secrets, aes credential.AESRef) (credential.Credentials, error) {
	t.Helper()
	r := &credential.Resolver{Reader: s, OperatorNamespace: "upm-system"}
	return r.Resolve(t.Context(), "team", "db", []string{"mysql", "replication"}, aes)
}

func TestResolve(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*secrets)
		aes    credential.AESRef
	}{
		"defaults": {change: func(*secrets) {}},
		"line end after the key": {change: func(s *secrets) {
			s.data["team/aes-secret-key"]["AES_SECRET_KEY"] = teamKey + "\n"
		}},
		"own name and key": {
			change: func(s *secrets) {
				delete(s.data, "team/aes-secret-key")
				s.data["team/own"] = map[string]string{"k": teamKey}
			},
			aes: credential.AESRef{Name: "own", Key: "k"},
		},
		"the operator's key": {change: func(s *secrets) {
			delete(s.data, "team/aes-secret-key")
			s.data["upm-system/aes-secret-key"] = map[string]string{"AES_SECRET_KEY": teamKey}
		}},
		"the set's key goes before the operator's": {change: func(s *secrets) {
			s.data["upm-system/aes-secret-key"] = map[string]string{"AES_SECRET_KEY": operatorKey}
		}},
		"another name in the operator's namespace": {
			change: func(s *secrets) {
				delete(s.data, "team/aes-secret-key")
				s.data["upm-system/own"] = map[string]string{"AES_SECRET_KEY": teamKey}
			},
			aes: credential.AESRef{Name: "own"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := world(t)
			test.change(s)
			got, err := resolve(t, s, test.aes)
			if err != nil {
				t.Fatal(err)
			}
			if got.Password("mysql").Reveal() != rootPassword || got.Password("replication").Reveal() != replicationPassword {
				t.Error("wrong passwords")
			}
			if got.Version == "" {
				t.Error("no version")
			}
			if len(got.Passwords) != 2 {
				t.Errorf("%d passwords", len(got.Passwords))
			}
		})
	}
}

func TestResolveErrors(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no role"))
	for name, test := range map[string]struct {
		change func(*testing.T, *secrets)
		aes    credential.AESRef
		reason credential.Reason
		secret string
		key    string
		// says is what the message must contain besides the Secret and the key.
		says      string
		temporary bool
	}{
		"no Secret": {
			change: func(_ *testing.T, s *secrets) { delete(s.data, "team/db") },
			reason: credential.ReasonSecretNotFound, secret: "team/db", says: "spec.secret.name",
		},
		"no key": {
			change: func(_ *testing.T, s *secrets) { delete(s.data["team/db"], "replication") },
			reason: credential.ReasonKeyMissing, secret: "team/db", key: "replication", says: "aes-tool",
		},
		"empty value": {
			change: func(_ *testing.T, s *secrets) { s.data["team/db"]["mysql"] = "" },
			reason: credential.ReasonKeyMissing, secret: "team/db", key: "mysql",
		},
		"cleartext shorter than an IV": {
			change: func(_ *testing.T, s *secrets) { s.data["team/db"]["mysql"] = "short-s3cret" },
			reason: credential.ReasonCiphertextInvalid, secret: "team/db", key: "mysql", says: "too short",
		},
		"sealed with another key": {
			change: func(t *testing.T, s *secrets) {
				s.data["team/db"]["replication"] = seal(t, operatorKey, replicationPassword)
			},
			reason: credential.ReasonWrongKey, secret: "team/db", key: "replication", says: "Secret team/aes-secret-key",
		},
		"another AES key": {
			change: func(_ *testing.T, s *secrets) { s.data["team/aes-secret-key"]["AES_SECRET_KEY"] = operatorKey },
			reason: credential.ReasonWrongKey, secret: "team/db", key: "mysql", says: "probably not the one",
		},
		"no AES key anywhere": {
			change: func(_ *testing.T, s *secrets) { delete(s.data, "team/aes-secret-key") },
			reason: credential.ReasonAESKeyMissing, secret: "team/aes-secret-key", key: "AES_SECRET_KEY",
		},
		"AES Secret without the key does not fall back": {
			change: func(_ *testing.T, s *secrets) {
				s.data["team/aes-secret-key"] = map[string]string{"other": teamKey}
				s.data["upm-system/aes-secret-key"] = map[string]string{"AES_SECRET_KEY": teamKey}
			},
			reason: credential.ReasonAESKeyMissing, secret: "team/aes-secret-key", key: "AES_SECRET_KEY", says: "spec.aesSecret.key",
		},
		"AES key of the wrong length does not fall back": {
			change: func(_ *testing.T, s *secrets) {
				s.data["team/aes-secret-key"]["AES_SECRET_KEY"] = teamKey + "x"
				s.data["upm-system/aes-secret-key"] = map[string]string{"AES_SECRET_KEY": teamKey}
			},
			reason: credential.ReasonAESKeyInvalid, secret: "team/aes-secret-key", key: "AES_SECRET_KEY", says: "32",
		},
		"the server does not answer": {
			change: func(_ *testing.T, s *secrets) { s.fail["team/db"] = apierrors.NewServiceUnavailable("later") },
			reason: credential.ReasonReadFailed, secret: "team/db", temporary: true,
		},
		"the server does not answer for the AES key": {
			change: func(_ *testing.T, s *secrets) { s.fail["team/aes-secret-key"] = context.DeadlineExceeded },
			reason: credential.ReasonReadFailed, secret: "team/aes-secret-key", temporary: true,
		},
		"forbidden": {
			change: func(_ *testing.T, s *secrets) { s.fail["team/db"] = forbidden },
			reason: credential.ReasonReadFailed, secret: "team/db", says: "grant", temporary: true,
		},
		"the server does not answer for the operator's key": {
			change: func(_ *testing.T, s *secrets) {
				delete(s.data, "team/aes-secret-key")
				s.fail["upm-system/aes-secret-key"] = apierrors.NewServiceUnavailable("later")
			},
			reason: credential.ReasonReadFailed, secret: "upm-system/aes-secret-key", temporary: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := world(t)
			test.change(t, s)
			got, err := resolve(t, s, test.aes)
			if got.Passwords != nil || got.Version != "" {
				t.Error("there is a result beside the error")
			}
			var e *credential.Error
			if !errors.As(err, &e) {
				t.Fatalf("err = %v, want a *credential.Error", err)
			}
			if e.Reason != test.reason || e.Secret.String() != test.secret || e.Key != test.key || e.Temporary() != test.temporary {
				t.Errorf("got reason %s, Secret %s, key %q, temporary %v", e.Reason, e.Secret, e.Key, e.Temporary())
			}
			text := err.Error()
			for _, want := range []string{test.secret, test.key, test.says} {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not contain %q", text, want)
				}
			}
			for _, secret := range []string{"s3cret", teamKey, operatorKey} {
				if strings.Contains(fmt.Sprintf("%+v %#v", err, err), secret) || strings.Contains(text, secret) {
					t.Errorf("the error shows content: %s", text)
				}
			}
		})
	}
}

// Who may write a custom resource must not learn what lies in the operator's
// namespace: all these say the same.
func TestFallbackTellsNothing(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no role"))
	messages := map[string]string{}
	for name, change := range map[string]func(*secrets){
		"absent":    func(*secrets) {},
		"other key": func(s *secrets) { s.data["upm-system/webhook-cert"] = map[string]string{"tls.key": "x"} },
		"not a key": func(s *secrets) { s.data["upm-system/webhook-cert"] = map[string]string{"AES_SECRET_KEY": "short"} },
		"empty":     func(s *secrets) { s.data["upm-system/webhook-cert"] = nil },
		"forbidden": func(s *secrets) { s.fail["upm-system/webhook-cert"] = forbidden },
	} {
		s := world(t)
		change(s)
		_, err := resolve(t, s, credential.AESRef{Name: "webhook-cert"})
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		messages[err.Error()] = name
	}
	if len(messages) != 1 {
		t.Errorf("the messages differ: %v", messages)
	}
}

func TestNoFallbackWithoutANamespace(t *testing.T) {
	s := world(t)
	delete(s.data, "team/aes-secret-key")
	s.data["/aes-secret-key"] = map[string]string{"AES_SECRET_KEY": teamKey}
	for _, operator := range []string{"", "team"} {
		r := &credential.Resolver{Reader: s, OperatorNamespace: operator}
		_, err := r.Resolve(t.Context(), "team", "db", []string{"mysql"}, credential.AESRef{})
		var e *credential.Error
		if !errors.As(err, &e) || e.Reason != credential.ReasonAESKeyMissing {
			t.Errorf("operator namespace %q: %v", operator, err)
		}
	}
}

func TestVersion(t *testing.T) {
	version := func(change func(*secrets), keys ...string) string {
		t.Helper()
		s := world(t)
		change(s)
		got, err := (&credential.Resolver{Reader: s}).Resolve(t.Context(), "team", "db", keys, credential.AESRef{})
		if err != nil {
			t.Fatal(err)
		}
		return got.Version
	}
	same := func(*secrets) {}
	base := version(same, "mysql", "replication")
	// world seals anew each time: the ciphertext differs, the passwords do not.
	if got := version(same, "replication", "mysql"); got != base {
		t.Error("the version depends on the order of keys or on the IV")
	}
	if got := version(same, "mysql"); got == base {
		t.Error("the version does not depend on the users")
	}
	if got := version(func(s *secrets) { s.data["team/db"]["mysql"] = seal(t, teamKey, "changed") }, "mysql", "replication"); got == base {
		t.Error("the version does not depend on the passwords")
	}
	samePassword := func(s *secrets) { s.data["team/db"]["replication"] = s.data["team/db"]["mysql"] }
	if version(samePassword, "mysql") == version(samePassword, "replication") {
		t.Error("the version does not depend on the users' names")
	}
	swapped := version(func(s *secrets) {
		db := s.data["team/db"]
		db["mysql"], db["replication"] = db["replication"], db["mysql"]
	}, "mysql", "replication")
	if swapped == base {
		t.Error("the version does not depend on whose password it is")
	}
}

func TestSecretsListsWhatResolveReads(t *testing.T) {
	r := &credential.Resolver{OperatorNamespace: "upm-system"}
	name := func(namespace, name string) types.NamespacedName {
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	want := []types.NamespacedName{name("team", "db"), name("team", "aes-secret-key"), name("upm-system", "aes-secret-key")}
	if got := r.Secrets("team", "db", credential.AESRef{}, credential.TLSRef{}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	want = []types.NamespacedName{name("upm-system", "db"), name("upm-system", "own")}
	if got := r.Secrets("upm-system", "db", credential.AESRef{Name: "own"}, credential.TLSRef{}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
