// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestSlotOf(t *testing.T) {
	// What CLUSTER KEYSLOT answers.
	for key, want := range map[string]int{"": 0, "123456789": 12739, "foo": 12182, "somekey": 11058} {
		if got := slotOf(key); got != want {
			t.Errorf("%q is in slot %d, want %d", key, got, want)
		}
	}
}

func TestRedirection(t *testing.T) {
	for text, want := range map[string]string{
		"MOVED 3999 127.0.0.1:6381": "3999 127.0.0.1:6381 false true",
		"ASK 16383 [::1]:6381":      "16383 [::1]:6381 true true",
		"MOVED 16384 a:1":           "16384 a:1 false false",
		"MOVED":                     "0  false false",
		"CLUSTERDOWN The cluster":   "0  false false",
	} {
		slot, address, asking, is := redirection(answer(text))
		if got := fmt.Sprint(slot, " ", address, " ", asking, " ", is); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// answer is an error of a server.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

var _ redis.Error = answer("")

// fakeNode answers SET with what says tells it to, and counts them.
type fakeNode struct {
	net.Listener

	mu    sync.Mutex
	says  func(asking bool) string
	asked int
}

func newFakeNode(t *testing.T, says func(asking bool) string) *fakeNode {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &fakeNode{Listener: l, says: says}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go n.serve(conn)
		}
	}()
	return n
}

// serve reads commands, arrays of bulk strings.
func (n *fakeNode) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in, asking := bufio.NewReader(conn), false
	line := func() string {
		text, err := in.ReadString('\n')
		if err != nil {
			return ""
		}
		return strings.TrimSpace(text)
	}
	for {
		words, err := strconv.Atoi(strings.TrimPrefix(line(), "*"))
		if err != nil {
			return
		}
		command := ""
		for i := range words {
			line()
			if word := line(); i == 0 {
				command = strings.ToUpper(word)
			}
		}
		reply := "+OK"
		switch command {
		case "HELLO":
			reply = "-ERR unknown command 'HELLO'"
		case "ASKING":
			asking = true
		case "SET":
			n.mu.Lock()
			n.asked++
			reply = n.says(asking)
			n.mu.Unlock()
			asking = false
		}
		if _, err := fmt.Fprintf(conn, "%s\r\n", reply); err != nil {
			return
		}
	}
}

// TestAWriteFollowsRedirectionsAndRepeatsNothing: it goes where it is sent, asks where it is to
// ask, and is an error where it is answered with one.
func TestAWriteFollowsRedirectionsAndRepeatsNothing(t *testing.T) {
	id := ID{Writer: 1, Seq: 2}
	slot := slotOf(clusterKey(7, id))
	target := newFakeNode(t, func(asking bool) string {
		if asking {
			return "+OK"
		}
		return "-MOVED 1 nobody:1"
	})
	owner := newFakeNode(t, func(bool) string { return fmt.Sprintf("-ASK %d %s", slot, target.Addr()) })
	other := newFakeNode(t, func(bool) string { return fmt.Sprintf("-MOVED %d %s", slot, owner.Addr()) })
	down := newFakeNode(t, func(bool) string { return "-CLUSTERDOWN The cluster is down" })
	taken := newFakeNode(t, func(bool) string { return "$-1" })
	write := func(seed *fakeNode) (*redisClusterClient, error) {
		c := &redisClusterClient{options: Options{ConnectTimeout: time.Minute, AnswerTimeout: time.Minute}, seed: seed.Addr().String(), nodes: map[string]*redis.Client{}}
		t.Cleanup(func() { _ = c.Close() })
		return c, c.Write(t.Context(), 7, id)
	}
	c, err := write(other)
	if err != nil || target.asked != 1 || owner.asked != 1 || other.asked != 1 {
		t.Errorf("%v, asked %d, %d, %d times", err, other.asked, owner.asked, target.asked)
	}
	if c.owners[slot] != owner.Addr().String() {
		t.Errorf("the owner is taken to be %q", c.owners[slot])
	}
	if _, err := write(down); err == nil || down.asked != 1 {
		t.Errorf("%v, asked %d times", err, down.asked)
	}
	if _, err := write(taken); !errors.Is(err, ErrDuplicate) || taken.asked != 1 {
		t.Errorf("%v, asked %d times", err, taken.asked)
	}
}
