// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/internal/credential"
)

func TestPasswordNeverShows(t *testing.T) {
	const content = "hunter2"
	password := credential.NewPassword(content)
	hidden := struct {
		inner struct{ p credential.Password }
	}{}
	hidden.inner.p = password

	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s"} {
		shown["value "+verb] = fmt.Sprintf(verb, password)
		shown["pointer "+verb] = fmt.Sprintf(verb, &password)
		shown["in a map "+verb] = fmt.Sprintf(verb, map[string]credential.Password{"u": password})
		shown["in credentials "+verb] = fmt.Sprintf(verb, credential.Credentials{Passwords: map[string]credential.Password{"u": password}})
		shown["in unexported fields "+verb] = fmt.Sprintf(verb, hidden)
	}
	shown["error"] = fmt.Errorf("with %v", password).Error()
	asJSON, err := json.Marshal(map[string]any{"p": password, "q": &password})
	if err != nil {
		t.Fatal(err)
	}
	shown["json"] = string(asJSON)
	asYAML, err := yaml.Marshal(map[string]any{"p": password})
	if err != nil {
		t.Fatal(err)
	}
	shown["yaml"] = string(asYAML)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", password)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "p", password)
	shown["slog"] = log.String()

	for where, text := range shown {
		lower := strings.ToLower(text)
		if strings.Contains(lower, content) || strings.Contains(lower, fmt.Sprintf("%x", content)) {
			t.Errorf("%s shows the password: %s", where, text)
		}
	}
	if got := fmt.Sprint(password); got != "[redacted]" {
		t.Errorf("prints as %q", got)
	}
	if password.Reveal() != content {
		t.Error("Reveal does not return the content")
	}
	if (credential.Password{}).Reveal() != "" {
		t.Error("the zero password is not empty")
	}
}
