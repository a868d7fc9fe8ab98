// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package aesctr_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vector is F.5.6 CTR-AES256.Decrypt of NIST SP 800-38A: its initial
// counter block stands where the IV does.
func TestDecryptKnownVector(t *testing.T) {
	key := unhex(t, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
	counter := unhex(t, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
	ciphertext := unhex(t, "601ec313775789a5b7a7f504bbf3d228"+"f443e3ca4d62b59aca84e990cacaf5c5"+
		"2b0930daa23de94ce87017ba2d84988d"+"dfc9c58db67aada613c2dd08457941a6")
	want := unhex(t, "6bc1bee22e409f96e93d7e117393172a"+"ae2d8a571e03ac9c9eb76fac45af8e51"+
		"30c81c46a35ce411e5fbc1191a0a52ef"+"f69f2445df4f9b17ad2b417be66c3710")

	got, err := aesctr.Decrypt(key, append(counter, ciphertext...))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestEncryptUsesAFreshIV(t *testing.T) {
	first, err := aesctr.Encrypt(testKey, []byte("same"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := aesctr.Encrypt(testKey, []byte("same"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first[:aesctr.IVSize], second[:aesctr.IVSize]) {
		t.Error("two encryptions share an IV")
	}
}

func TestErrors(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		key := bytes.Repeat([]byte("k"), n)
		if _, err := aesctr.Encrypt(key, []byte("x")); !errors.Is(err, aesctr.ErrKeyLength) {
			t.Errorf("Encrypt with a key of %d bytes: %v", n, err)
		}
		if _, err := aesctr.Decrypt(key, make([]byte, 40)); !errors.Is(err, aesctr.ErrKeyLength) {
			t.Errorf("Decrypt with a key of %d bytes: %v", n, err)
		}
	}
	for _, n := range []int{0, 1, 15, 16} {
		if _, err := aesctr.Decrypt(testKey, make([]byte, n)); !errors.Is(err, aesctr.ErrShort) {
			t.Errorf("Decrypt of %d bytes: %v", n, err)
		}
	}
	if _, err := aesctr.Encrypt(testKey, nil); !errors.Is(err, aesctr.ErrEmpty) {
		t.Errorf("Encrypt of nothing: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	key := string(testKey)
	for name, test := range map[string]struct {
		value string
		ok    bool
	}{
		"exact":                     {key, true},
		"newline":                   {key + "\n", true},
		"windows newline":           {key + "\r\n", true},
		"two newlines":              {key + "\n\n", false},
		"newline inside the 32":     {key[:31] + "\n", true},
		"carriage return":           {key + "\r", false},
		"space":                     {key + " ", false},
		"short":                     {key[:31], false},
		"empty":                     {"", false},
		"32 characters, more bytes": {strings.Repeat("é", 32), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := aesctr.ParseKey([]byte(test.value))
			if test.ok != (err == nil) {
				t.Fatalf("err = %v, want ok %v", err, test.ok)
			}
			if err == nil && len(got) != aesctr.KeySize {
				t.Errorf("key has %d bytes", len(got))
			}
			if err != nil && !errors.Is(err, aesctr.ErrKeyLength) {
				t.Errorf("err = %v, want ErrKeyLength", err)
			}
		})
	}
}

func TestPlausible(t *testing.T) {
	for _, good := range []string{"a", "p w", "pässwörd", "密码", "👩‍💻", `'"\;--`, "\u00a0x"} {
		if err := aesctr.Plausible([]byte(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a\n", "a\x00b", "\x7f", "\x1b[0m", "\xff\xfe", "a\u0085", "\ufffe", "\U000f0000"} {
		if err := aesctr.Plausible([]byte(bad)); !errors.Is(err, aesctr.ErrNotPlausible) {
			t.Errorf("%q: %v, want ErrNotPlausible", bad, err)
		}
	}
}

func TestWrongKeyIsNotPlausible(t *testing.T) {
	for range 50 {
		sealed, err := aesctr.Encrypt(testKey, []byte("a password of a usual length, and some"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := aesctr.Decrypt([]byte("ffffffffffffffffffffffffffffffff"), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if aesctr.Plausible(got) == nil {
			t.Fatalf("garbage passes: %q", got)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("x"))
	f.Add([]byte("0123456789abcdef"))
	f.Add(bytes.Repeat([]byte{0}, 1000))
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		if len(plaintext) == 0 {
			return
		}
		sealed, err := aesctr.Encrypt(testKey, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != aesctr.IVSize+len(plaintext) {
			t.Fatalf("%d bytes became %d", len(plaintext), len(sealed))
		}
		got, err := aesctr.Decrypt(testKey, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, plaintext) {
			t.Fatalf("got %q, want %q", got, plaintext)
		}
	})
}

func FuzzDecryptNeverPanics(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add(testKey, bytes.Repeat([]byte{1}, 20))
	f.Fuzz(func(_ *testing.T, key, value []byte) {
		text, err := aesctr.Decrypt(key, value)
		if err == nil {
			_ = aesctr.Plausible(text)
		}
	})
}
