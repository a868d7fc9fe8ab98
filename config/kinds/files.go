// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

const (
	templateDir    = "templates"
	templateSuffix = ".tmpl"
	// perKind in a template's name: the file is made once for each kind.
	perKind = "KIND"
	// made is in every file that is made of a template.
	made = "from PROJECT by config/kinds"
)

// Files that the kinds make, by path below the root of the repository.
func Files(all []Kind) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := eachTemplate(func(path string, t *template.Template) error {
		if !strings.Contains(path, perKind) {
			return render(files, path, t, all)
		}
		for _, kind := range all {
			if err := render(files, strings.ReplaceAll(path, perKind, kind.Lower()), t, kind); err != nil {
				return err
			}
		}
		return nil
	})
	return files, err
}

// Write the files that the kinds of PROJECT make into the directory root, and remove
// those of kinds that are not there any more.
func Write(root string) error {
	all, err := Read(root)
	if err != nil {
		return err
	}
	files, err := Files(all)
	if err != nil {
		return err
	}
	for path, content := range files {
		name := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
	}
	return removeOthers(root, files)
}

// removeOthers removes what an earlier list has made beside the files of this one.
func removeOthers(root string, files map[string][]byte) error {
	return eachTemplate(func(path string, _ *template.Template) error {
		if !strings.Contains(path, perKind) {
			return nil
		}
		names, err := filepath.Glob(filepath.Join(root, strings.ReplaceAll(path, perKind, "*")))
		if err != nil {
			return fmt.Errorf("look for files like %s: %w", path, err)
		}
		for _, name := range names {
			relative, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if _, wanted := files[filepath.ToSlash(relative)]; wanted || !bytes.Contains(content, []byte(made)) {
				continue
			}
			if err := os.Remove(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachTemplate calls do with every template and the path of the file that it makes.
func eachTemplate(do func(path string, t *template.Template) error) error {
	return fs.WalkDir(templates, templateDir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := templates.ReadFile(name)
		if err != nil {
			return err
		}
		t, err := template.New(name).Option("missingkey=error").Parse(string(content))
		if err != nil {
			return fmt.Errorf("template: %w", err)
		}
		path, is := strings.CutSuffix(strings.TrimPrefix(name, templateDir+"/"), templateSuffix)
		if !is {
			return errors.New(name + " is no template: its name does not end with " + templateSuffix)
		}
		return do(path, t)
	})
}

func render(files map[string][]byte, path string, t *template.Template, data any) error {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if !bytes.Contains(out.Bytes(), []byte(made)) {
		return fmt.Errorf("make %s: the template does not say that the file is made %s", path, made)
	}
	files[path] = out.Bytes()
	return nil
}
