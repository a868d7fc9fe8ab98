// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// tally is what all servers together were asked since they were made.
type tally struct {
	// Connections that were authenticated, and those that are open.
	Connections, Open int
	// Statements of all kinds, and how many servers were asked for their replication.
	Statements, Seen int
}

// control is the HTTP interface: GET /tally, POST /forget (the servers count as not
// seen), POST /write (from now on clients write to all sources), and POST /down, /up, /break, /mend and /stop with ?server=N.
func (w *world) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tally", func(out http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		var t tally
		for _, s := range w.servers {
			t.Connections += s.connections
			t.Open += len(s.open)
			t.Statements += s.statements
			if s.seen {
				t.Seen++
			}
		}
		_ = json.NewEncoder(out).Encode(t)
	})
	mux.HandleFunc("POST /forget", func(http.ResponseWriter, *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.servers {
			s.seen = false
		}
	})
	mux.HandleFunc("POST /write", func(http.ResponseWriter, *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.written = time.Now()
	})
	for path, do := range map[string]func(*server) error{
		// The process is gone: nobody listens.
		"down": func(s *server) error { s.down(); return nil },
		"up":   func(s *server) error { return s.listen() },
		// The applier stops with an error, until it is mended.
		"break": func(s *server) error { s.broken = true; return nil },
		"mend":  func(s *server) error { s.broken = false; return nil },
		// Somebody stops the receiver.
		"stop": func(s *server) error {
			if s.channel != nil {
				s.channel.receives = false
			}
			return nil
		},
	} {
		mux.HandleFunc("POST /"+path, func(out http.ResponseWriter, in *http.Request) {
			n, err := strconv.Atoi(in.URL.Query().Get("server"))
			w.mu.Lock()
			defer w.mu.Unlock()
			if err != nil || n < 0 || n >= len(w.servers) {
				http.Error(out, "no such server", http.StatusNotFound)
				return
			}
			if err := do(w.servers[n]); err != nil {
				http.Error(out, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	return mux
}
