// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package grants

import "strings"

// word is a piece of a statement: a bare word, a quoted name or a sign.
type word struct {
	text   string
	quoted bool
}

// is compares with a keyword or a sign: a quoted name is neither.
func (w word) is(keyword string) bool { return !w.quoted && strings.EqualFold(w.text, keyword) }

// scan takes a statement apart. Names are quoted as sql_mode and sql_quote_show_create
// have it, or not at all.
func scan(text string) []word {
	const signs = ",().@"
	var out []word
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '`' || c == '\'' || c == '"':
			name, end := quotedName(text, i)
			out, i = append(out, word{name, true}), end
		case strings.IndexByte(signs, c) >= 0:
			out, i = append(out, word{text: string(c)}), i+1
		default:
			end := i + 1
			for end < len(text) && strings.IndexByte(signs+" \t\n`'\"", text[end]) < 0 {
				end++
			}
			out, i = append(out, word{text: text[i:end]}), end
		}
	}
	return out
}

// quotedName reads from one quotation mark to the next; two of them are one in the name.
func quotedName(text string, start int) (name string, end int) {
	mark := text[start]
	var b strings.Builder
	for i := start + 1; i < len(text); i++ {
		if text[i] == mark {
			if i+1 == len(text) || text[i+1] != mark {
				return b.String(), i + 1
			}
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), len(text)
}
