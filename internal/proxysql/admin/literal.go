// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"encoding/hex"
	"strings"
)

// Text is the SQLite literal of a text of any bytes. What is plain is written as it is,
// and all else in hexadecimal: nothing of it is ever read as SQL, by SQLite or by what
// ProxySQL looks for in a statement before it hands it on. The cast makes it a TEXT, as
// which it is compared with other texts: a BLOB equals none.
// https://www.sqlite.org/lang_expr.html#literal_values_constants_
//
// The hash of caching_sha2_password has any of the first 127 bytes in its salt, line ends
// and quotes too. ProxySQL's manual imports it in hexadecimal for that reason:
// https://proxysql.com/documentation/password-management/ (Import caching_sha2_passwords).
func Text(text string) string {
	if plain(text) {
		return "'" + text + "'"
	}
	return "CAST(X'" + strings.ToUpper(hex.EncodeToString([]byte(text))) + "' AS TEXT)"
}

// plain says whether every byte is a letter, a digit or one of a few that mean nothing to SQL.
func plain(text string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.' || c == '_' || c == ':' || c == '/':
		case c == '-' && (i == 0 || text[i-1] != '-'):
		default:
			return false
		}
	}
	return true
}

// Unhex reads what HEX() gives.
func Unhex(text string) (string, error) {
	raw, err := hex.DecodeString(text)
	return string(raw), err
}
