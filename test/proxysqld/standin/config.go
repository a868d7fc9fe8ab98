// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// config is the configuration in its layers. As in ProxySQL, all sessions share it.
type config struct {
	mu sync.Mutex
	db *sql.DB
}

// open reads the configuration from disk, as ProxySQL does when it starts.
func open(dir string) (*config, error) {
	file := filepath.Join(dir, "proxysql.db")
	_, err := os.Stat(file)
	found := err == nil
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	c := &config{db: db}
	statements := []string{fmt.Sprintf("ATTACH DATABASE '%s' AS disk", strings.ReplaceAll(file, "'", "''")), checksumsTable}
	for _, m := range modules {
		for _, t := range m.tables {
			runtime := t.columns
			if t.name == "mysql_users" {
				// There each user is twice.
				runtime = strings.Replace(strings.Replace(runtime, "PRIMARY KEY (username, backend),", "PRIMARY KEY (username, backend))", 1), "\n UNIQUE (username, frontend))", "", 1)
			}
			statements = append(statements, "CREATE TABLE "+t.name+" "+t.columns, "CREATE TABLE runtime_"+t.name+" "+runtime,
				"CREATE TABLE IF NOT EXISTS disk."+t.name+" "+t.columns)
		}
		statements = append(statements, fmt.Sprintf("INSERT INTO runtime_checksums_values VALUES ('%s',0,0,'')", m.checksum))
	}
	for _, one := range statements {
		if _, err := db.Exec(one); err != nil {
			return nil, fmt.Errorf("%s: %w", one, err)
		}
	}
	for name, value := range defaults {
		if _, err := db.Exec("INSERT INTO global_variables VALUES (?,?)", name, value); err != nil {
			return nil, err
		}
	}
	for _, m := range modules {
		if found {
			if err := c.copy(m, "disk.", ""); err != nil {
				return nil, err
			}
		} else if err := c.copy(m, "", "disk."); err != nil {
			return nil, err
		}
		if err := c.load(m); err != nil {
			return nil, err
		}
	}
	return c, nil
}

type answer struct {
	columns  []string
	rows     [][][]byte
	affected int64
}

var spaces = regexp.MustCompile(`\s+`)

// answer to one statement.
func (c *config) answer(query string) (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	query = strings.TrimRight(strings.TrimSpace(query), "; ")
	command := strings.ToUpper(spaces.ReplaceAllString(query, " "))
	switch {
	case strings.HasPrefix(command, "LOAD "), strings.HasPrefix(command, "SAVE "):
		return answer{}, c.command(command)
	case strings.HasPrefix(command, "SET "):
		return answer{}, c.set(query)
	case strings.HasPrefix(command, "STANDIN READ_ONLY "):
		return answer{}, c.readOnly(strings.Fields(query)[2:])
	case strings.HasPrefix(command, "SELECT "), strings.HasPrefix(command, "PRAGMA "), strings.HasPrefix(command, "WITH "):
		return c.query(query)
	case strings.Contains(command, " RUNTIME_"):
		return answer{}, errors.New("the tables of the run time follow from what is loaded")
	}
	result, err := c.db.Exec(query)
	if err != nil {
		return answer{}, err
	}
	affected, err := result.RowsAffected()
	return answer{affected: affected}, err
}

func (c *config) query(query string) (answer, error) {
	rows, err := c.db.Query(query)
	if err != nil {
		return answer{}, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var a answer
	if a.columns, err = rows.Columns(); err != nil {
		return a, err
	}
	for rows.Next() {
		raw, into := make([]sql.RawBytes, len(a.columns)), make([]any, len(a.columns))
		for i := range raw {
			into[i] = &raw[i]
		}
		if err := rows.Scan(into...); err != nil {
			return a, err
		}
		row := make([][]byte, len(raw))
		for i := range raw {
			if raw[i] != nil {
				row[i] = append([]byte{}, raw[i]...)
			}
		}
		a.rows = append(a.rows, row)
	}
	return a, rows.Err()
}

// command is LOAD or SAVE, with the words that mean the same:
// https://proxysql.com/documentation/proxysql-admin-commands/
func (c *config) command(command string) error {
	for _, m := range modules {
		rest, is := strings.CutPrefix(command[len("LOAD "):], m.name+" ")
		if !is {
			continue
		}
		switch command[:5] + rest {
		case "LOAD TO RUNTIME", "LOAD TO RUN", "LOAD FROM MEMORY", "LOAD FROM MEM":
			return c.load(m)
		case "SAVE TO DISK", "SAVE FROM MEMORY", "SAVE FROM MEM":
			return c.copy(m, "", "disk.")
		case "LOAD FROM DISK", "LOAD TO MEMORY", "LOAD TO MEM":
			return c.copy(m, "disk.", "")
		case "SAVE FROM RUNTIME", "SAVE FROM RUN", "SAVE TO MEMORY", "SAVE TO MEM":
			return c.save(m)
		}
	}
	return fmt.Errorf("near \"%s\": syntax error", command)
}

// copy a module between memory and disk.
func (c *config) copy(m module, from, to string) error {
	for _, t := range m.tables {
		if err := c.inOne("DELETE FROM "+to+t.name, "INSERT INTO "+to+t.name+" SELECT * FROM "+from+t.name); err != nil {
			return err
		}
	}
	return nil
}

// inOne runs statements all or none.
func (c *config) inOne(statements ...string) error {
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	for _, one := range statements {
		if _, err := tx.Exec(one); err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("%s: %w", one, err)
		}
	}
	return tx.Commit()
}

const userColumns = "username,password,active,use_ssl,default_hostgroup,default_schema,schema_locked,transaction_persistent,fast_forward,%s,max_connections,attributes,comment"

// load takes a module over at run time.
func (c *config) load(m module) error {
	var statements []string
	for _, t := range m.tables {
		statements = append(statements, "DELETE FROM runtime_"+t.name)
		if t.name != "mysql_users" {
			statements = append(statements, "INSERT INTO runtime_"+t.name+" SELECT * FROM "+t.name)
			continue
		}
		for side, flags := range map[string]string{"frontend": "0,1", "backend": "1,0"} {
			statements = append(statements, "INSERT INTO runtime_mysql_users SELECT "+fmt.Sprintf(userColumns, flags)+" FROM mysql_users WHERE active=1 AND "+side+"=1")
		}
	}
	if err := c.inOne(statements...); err != nil {
		return err
	}
	return c.sum(m)
}

// save takes a module back from run time.
func (c *config) save(m module) error {
	for _, t := range m.tables {
		from := "SELECT * FROM runtime_" + t.name
		if t.name == "mysql_users" {
			from = "SELECT " + fmt.Sprintf(userColumns, "1,1") + " FROM runtime_mysql_users WHERE frontend=1"
		}
		if err := c.inOne("DELETE FROM "+t.name, "INSERT INTO "+t.name+" "+from); err != nil {
			return err
		}
	}
	return nil
}

// sum notes a LOAD in runtime_checksums_values.
func (c *config) sum(m module) error {
	digest := fnv.New64a()
	rowsThere := false
	for _, t := range m.tables {
		a, err := c.query("SELECT * FROM runtime_" + t.name + " ORDER BY 1,2")
		if err != nil {
			return err
		}
		rowsThere = rowsThere || len(a.rows) > 0
		fmt.Fprintf(digest, "%q", a.rows)
	}
	sum := fmt.Sprintf("0x%016X", digest.Sum64())
	if !rowsThere {
		sum = "0x0000000000000000"
	}
	_, err := c.db.Exec("UPDATE runtime_checksums_values SET version=version+1,epoch=?,checksum=? WHERE name=?", time.Now().Unix(), sum, m.checksum)
	return err
}

var assignment = regexp.MustCompile(`(?is)^SET\s+((?:mysql|admin)-[a-z0-9_]+)\s*=\s*'?([^']*)'?$`)

func (c *config) set(query string) error {
	m := assignment.FindStringSubmatch(query)
	if m == nil {
		return errors.New("unknown global variable")
	}
	_, err := c.db.Exec("INSERT OR REPLACE INTO global_variables VALUES (?,?)", m[1], m[2])
	return err
}

// readOnly does at run time what ProxySQL's monitor does when it finds a server with
// another read_only: it moves it between the hostgroups of a replication hostgroup.
// STANDIN READ_ONLY host port 0|1
func (c *config) readOnly(words []string) error {
	if len(words) != 3 {
		return errors.New("STANDIN READ_ONLY host port 0|1")
	}
	from, to := "reader_hostgroup", "writer_hostgroup"
	if words[2] == "1" {
		from, to = to, from
	}
	_, err := c.db.Exec("UPDATE OR IGNORE runtime_mysql_servers SET hostgroup_id=(SELECT "+to+" FROM runtime_mysql_replication_hostgroups WHERE "+from+"=hostgroup_id)"+
		" WHERE hostname=? AND port=? AND hostgroup_id IN (SELECT "+from+" FROM runtime_mysql_replication_hostgroups)", words[0], words[1])
	if err != nil {
		return err
	}
	return c.sum(modules[0])
}
