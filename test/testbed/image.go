// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imagePrefix starts the names of the testbed's own images.
const imagePrefix = "compose-testbed/"

// imageFile is one file to add to an image.
type imageFile struct {
	path string // inside the image, absolute
	data []byte // when source is empty
	// source is a file or a directory on this machine; its tree is copied.
	source string
	// public lets everybody read a copied tree, whatever its modes are on this machine.
	public bool
	mode   int64  // of a file made from data, or of a directory
	link   string // the target, when it is a symbolic link
	dir    bool   // an empty directory
}

// imageSpec says what an image consists of.
type imageSpec struct {
	ref  string
	base string // a root file system's directory, or empty
	// programs are files in a layer of their own below the others: what seldom changes, so that
	// pushing the image again sends only the rest.
	programs   []imageFile
	files      []imageFile
	entrypoint []string
	command    []string
	env        []string
	labels     map[string]string
	user       string
	workdir    string
	// stopSignal ends the first process in order; empty: SIGTERM.
	stopSignal string
}

// builtImage is an image whose layers are files in a directory of its own.
type builtImage struct {
	ref   name.Tag
	image v1.Image
	dir   string
}

// newImage makes an image; its layers lie below dir until it is closed. Everything in it belongs
// to root except what the base directory says otherwise; times are fixed, so equal content gives
// an equal image.
func newImage(spec imageSpec, dir string) (_ *builtImage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("image %s: %w", spec.ref, err)
		}
	}()
	ref, err := name.NewTag(spec.ref, name.WithDefaultTag("dev"))
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(dir, ".layers-")
	if err != nil {
		return nil, err
	}
	b := &builtImage{ref: ref, dir: tmp}
	if b.image, err = spec.assemble(tmp); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// close removes the image's layers.
func (b *builtImage) close() { _ = os.RemoveAll(b.dir) }

// assemble makes the image, with its layers as files in dir.
func (spec imageSpec) assemble(dir string) (v1.Image, error) {
	var layers []v1.Layer
	add := func(write func(*tar.Writer) error) error {
		layer, err := newLayer(filepath.Join(dir, fmt.Sprintf("%d.tar", len(layers))), write)
		if err != nil {
			return err
		}
		layers = append(layers, layer)
		return nil
	}
	if spec.base != "" {
		err := add(func(tw *tar.Writer) error { return addTree(tw, spec.base, "/", treeOptions{owners: true}) })
		if err != nil {
			return nil, err
		}
	}
	if len(spec.programs) > 0 {
		if err := add(func(tw *tar.Writer) error { return addFiles(tw, spec.programs) }); err != nil {
			return nil, err
		}
	}
	if err := add(func(tw *tar.Writer) error { return addFiles(tw, spec.files) }); err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return nil, err
	}
	image, err = mutate.Config(image, v1.Config{
		Entrypoint: spec.entrypoint, Cmd: spec.command, Env: spec.env, Labels: spec.labels, User: spec.user, WorkingDir: spec.workdir,
		StopSignal: spec.stopSignal,
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", goarch()
	return mutate.ConfigFile(image, config)
}

// write makes an archive that containerd imports.
func (b *builtImage) write(out string) error {
	partial := out + ".tmp"
	defer func() { _ = os.Remove(partial) }()
	if err := tarball.WriteToFile(partial, b.ref, b.image); err != nil {
		return fmt.Errorf("image %s: %w", b.ref, err)
	}
	return os.Rename(partial, out)
}

// buildImage writes an image as an archive.
func buildImage(spec imageSpec, out string) error {
	b, err := newImage(spec, filepath.Dir(out))
	if err != nil {
		return err
	}
	defer b.close()
	return b.write(out)
}

// layer is an uncompressed layer in a file. Images are read once, from the same disk: compressing
// them costs more time than it saves.
type layer struct {
	path string
	hash v1.Hash
	size int64
}

func newLayer(file string, write func(*tar.Writer) error) (_ v1.Layer, err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	tw := tar.NewWriter(io.MultiWriter(f, sum))
	if err := write(tw); err != nil {
		return nil, err
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &layer{
		path: file, size: info.Size(),
		hash: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))},
	}, nil
}

func (l *layer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *layer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *layer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l *layer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }
func (l *layer) Size() (int64, error)                 { return l.size, nil }
func (l *layer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }

// addFiles writes files and the directories above them.
func addFiles(tw *tar.Writer, files []imageFile) error {
	made := map[string]bool{"/": true}
	for _, f := range files {
		if !path.IsAbs(f.path) {
			return fmt.Errorf("%s: a path inside an image starts with /", f.path)
		}
		if err := addParents(tw, made, f.path); err != nil {
			return err
		}
		if f.source != "" {
			if err := addTree(tw, f.source, f.path, treeOptions{public: f.public}); err != nil {
				return err
			}
			continue
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: entryName(f.path), Mode: f.mode, Size: int64(len(f.data)), ModTime: epoch,
		}
		switch {
		case f.link != "":
			header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, f.link, 0o777
		case f.dir:
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if err := tw.WriteHeader(header); err != nil {
			return err
		}
		if _, err := tw.Write(f.data); err != nil {
			return err
		}
	}
	return nil
}

// epoch is the time of every file in an image.
var epoch = time.Unix(0, 0).UTC()

func entryName(p string) string { return strings.TrimPrefix(path.Clean(p), "/") }

func addParents(tw *tar.Writer, made map[string]bool, file string) error {
	dir := path.Dir(path.Clean(file))
	if made[dir] {
		return nil
	}
	if err := addParents(tw, made, dir); err != nil {
		return err
	}
	made[dir] = true
	return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: entryName(dir) + "/", Mode: 0o755, ModTime: epoch})
}

// treeOptions say what becomes of owners and modes. The zero value makes everything root's and
// keeps the modes.
type treeOptions struct {
	owners bool // keep the owners
	public bool // let everybody read
}

// addTree copies a file or a directory's tree to a path in the image.
func addTree(tw *tar.Writer, source, target string, options treeOptions) error {
	return filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		inside := entryName(path.Join(target, filepath.ToSlash(rel)))
		if inside == "" {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var link string
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if link, err = os.Readlink(file); err != nil {
				return err
			}
		case !info.IsDir() && !info.Mode().IsRegular():
			return nil // sockets, devices and pipes belong to a running system
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		header.Name, header.ModTime = inside, epoch
		header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
		header.Uname, header.Gname = "", ""
		if !options.owners {
			header.Uid, header.Gid = 0, 0
		}
		if options.public {
			header.Mode |= 0o444
		}
		if info.IsDir() {
			header.Name += "/"
			if options.public {
				header.Mode |= 0o111
			}
		}
		if err := tw.WriteHeader(header); err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		return copyFile(tw, file)
	})
}

func copyFile(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}
